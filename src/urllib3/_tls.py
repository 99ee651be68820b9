"""What TLS is wanted, and the handshake that gets it.

The options are written once, in :class:`TlsPolicy`.  A context made from them is kept and shared
by the connections of one manager, never by the process, and never handed out: reading the trust
store costs twenty times the handshake.
"""

from __future__ import annotations

import os
import threading
import typing
import warnings
from collections import OrderedDict

from .util import ssl_

if typing.TYPE_CHECKING:
    import ssl

    from ._typing import ProxyTlsSettings


class TlsPolicy(typing.NamedTuple):
    """Every option of TLS on a connection; see ``HTTPSConnection`` for what they mean."""

    ssl_context: ssl.SSLContext | None = None
    cert_reqs: int | str | None = None
    ca_certs: str | None = None
    ca_cert_dir: str | None = None
    ca_cert_data: str | bytes | None = None
    ssl_version: int | str | None = None
    ssl_minimum_version: int | None = None
    ssl_maximum_version: int | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password: str | None = None
    assert_hostname: str | typing.Literal[False] | None = None
    assert_fingerprint: str | None = None
    server_hostname: str | None = None

    @classmethod
    def of(cls, owner: object) -> TlsPolicy:
        """The options that *owner*, a connection or pool, has now: programs change them late."""
        return cls(*[getattr(owner, name, None) for name in cls._fields])

    @property
    def names_trust(self) -> bool:
        """Whether it says itself whom to trust, instead of leaving it to the system."""
        return bool(self.ca_certs or self.ca_cert_dir or self.ca_cert_data)

    @property
    def checks_name_itself(self) -> bool:
        """Whether OpenSSL must not check the certificate's name, since it is done here or not at all."""
        return bool(
            self.assert_fingerprint
            or self.assert_hostname
            or self.assert_hostname is False
            or ssl_.IS_PYOPENSSL
            or not ssl_.HAS_NEVER_CHECK_COMMON_NAME
        )


def proxy_policy(own: TlsPolicy, settings: ProxyTlsSettings, forwarding: bool) -> TlsPolicy:
    """The policy towards a proxy, given the connection's *own*, which is the origin's.

    What says who the origin is, and who the client is, never counts for the proxy.  Trust does,
    unless the proxy has a context of its own.
    """
    named = {
        "assert_hostname": settings.assert_hostname,
        "assert_fingerprint": settings.assert_fingerprint,
    }
    if settings.ssl_context is not None:
        return TlsPolicy(
            ssl_context=settings.ssl_context,
            cert_reqs=settings.ssl_context.verify_mode,
            **named,  # type: ignore[arg-type]
        )
    return own._replace(
        ssl_context=own.ssl_context if forwarding else None,
        server_hostname=None,
        cert_file=None,
        key_file=None,
        key_password=None,
        **named,  # type: ignore[arg-type]
    )


class Seams(typing.NamedTuple):
    """Functions that programs rebind in ``urllib3.connection``, as found there at the time."""

    ssl_wrap_socket: typing.Callable[..., typing.Any]
    create_urllib3_context: typing.Callable[..., typing.Any]
    resolve_cert_reqs: typing.Callable[..., typing.Any]
    resolve_ssl_version: typing.Callable[..., typing.Any]
    match_hostname: typing.Callable[..., None]
    #: Told of each certificate that belongs to another name: ``(error, name, certificate)``.
    report_mismatch: typing.Callable[[Exception, str, typing.Any], None]

    @property
    def are_ours(self) -> bool:
        """Whether a context may be kept: nobody waits to be called for each handshake."""
        return (
            self.ssl_wrap_socket is _OUR_WRAP and self.create_urllib3_context is _OUR_CREATE
        )


_OUR_WRAP = ssl_.ssl_wrap_socket
_OUR_CREATE = ssl_.create_urllib3_context


class Secured(typing.NamedTuple):
    """A socket after its handshake."""

    socket: typing.Any
    is_verified: bool


# ---------------------------------------------------------------- contexts


class ContextMemo:
    """Contexts made from policies, for one pool manager or one pool.  Thread-safe.

    The key has everything a context depends on, down to the state of the files it was read from,
    so that rotated certificates are seen.  At most :attr:`MOST` are kept.
    """

    MOST = 16

    def __init__(self) -> None:
        self._contexts: OrderedDict[typing.Any, ssl.SSLContext] = OrderedDict()
        # Held while a context is built: threads that start together want one, not one each.
        self._lock = threading.Lock()

    def get(
        self, policy: TlsPolicy, build: typing.Callable[[TlsPolicy], ssl.SSLContext]
    ) -> ssl.SSLContext:
        """The context for *policy*, built if it is not here."""
        key = _key_of(policy)
        with self._lock:
            context = self._contexts.get(key)
            if context is None:
                context = self._contexts[key] = build(policy)
                if len(self._contexts) > self.MOST:
                    self._contexts.popitem(last=False)
            else:
                self._contexts.move_to_end(key)
        return context


_ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def _key_of(policy: TlsPolicy) -> tuple[typing.Any, ...]:
    files = [policy.ca_certs, policy.ca_cert_dir, policy.cert_file, policy.key_file]
    if not policy.names_trust:
        paths = ssl_.ssl.get_default_verify_paths()
        files += [paths.cafile, paths.capath]
    return (
        policy[1:],
        tuple([_state_of(file) for file in files]),
        tuple([os.environ.get(name) for name in _ENVIRONMENT]),
        ssl_.SSLContext,
        tuple(ssl_.ALPN_PROTOCOLS),
        ssl_.IS_PYOPENSSL,
    )


def _state_of(file: str | None) -> tuple[int, int, int] | None:
    if not file:
        return None
    try:
        found = os.stat(file)  # noqa: PTH116  # a Path would cost more than the call
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _load_default_trust(context: typing.Any) -> None:
    """Trust whom the system trusts; where it trusts nobody, certifi's list."""
    if not hasattr(context, "load_default_certs"):
        return  # pyOpenSSL's has no way to
    context.load_default_certs()
    if not _system_trusts_somebody(context):
        try:
            import certifi
        except ImportError:
            return  # verification will fail, and say so
        context.load_verify_locations(certifi.where())


def _system_trusts_somebody(context: typing.Any) -> bool:
    stats = getattr(context, "cert_store_stats", None)
    if stats is None or stats().get("x509_ca"):
        return True  # truststore asks the system itself
    # A hashed directory is read when a certificate is looked up, and counts for nothing before.
    directory = ssl_.ssl.get_default_verify_paths().capath
    try:
        return bool(directory and os.listdir(directory))  # noqa: PTH208
    except OSError:
        return False


def _build(policy: TlsPolicy, seams: Seams) -> ssl.SSLContext:
    """A context as :func:`handshake` wants it, complete with certificates and protocols."""
    context = _new_context(policy, seams)
    ssl_.load_certificates(
        context,
        policy.ca_certs,
        policy.ca_cert_dir,
        policy.ca_cert_data,
        policy.key_file,
        policy.cert_file,
        policy.key_password,
    )
    # pyOpenSSL refuses to change them once the context has been used.
    context.set_alpn_protocols(ssl_.ALPN_PROTOCOLS)
    return context


def _new_context(policy: TlsPolicy, seams: Seams) -> ssl.SSLContext:
    context: ssl.SSLContext = seams.create_urllib3_context(
        ssl_version=seams.resolve_ssl_version(policy.ssl_version),
        ssl_minimum_version=policy.ssl_minimum_version,
        ssl_maximum_version=policy.ssl_maximum_version,
        cert_reqs=seams.resolve_cert_reqs(policy.cert_reqs),
    )
    _adjust(context, policy, seams)
    if not policy.names_trust:
        _load_default_trust(context)
    return context


def _adjust(context: ssl.SSLContext, policy: TlsPolicy, seams: Seams) -> None:
    """Change *context* where *policy* demands it, and only there: it may be the caller's."""
    verify_mode = seams.resolve_cert_reqs(policy.cert_reqs)
    if context.verify_mode != verify_mode:
        context.verify_mode = verify_mode
    if context.check_hostname and policy.checks_name_itself:
        context.check_hostname = False


# ---------------------------------------------------------------- the handshake


def handshake(
    sock: typing.Any,
    policy: TlsPolicy,
    hostname: str,
    *,
    memo: ContextMemo,
    seams: Seams,
    tls_in_tls: bool = False,
) -> Secured:
    """Secure *sock*, connected to *hostname*, as *policy* demands.

    Raises ``ssl.SSLError``, ``CertificateError`` for the wrong name, ``exceptions.SSLError`` for
    files that cannot be loaded or the wrong fingerprint.  What was secured is closed then; *sock*
    itself is the caller's.
    """
    own_context = policy.ssl_context is None
    options: dict[str, typing.Any] = {}
    context: typing.Any
    if own_context and seams.are_ours:
        _warn_of_deprecation(policy)
        context = memo.get(policy, lambda wanted: _build_quietly(wanted, seams))
        wrap: typing.Callable[..., typing.Any] = _wrap_complete
    else:
        context = policy.ssl_context
        if context is None:
            context = _new_context(policy, seams)
        else:
            _adjust(context, policy, seams)
        wrap = seams.ssl_wrap_socket
        options = {
            "keyfile": policy.key_file,
            "certfile": policy.cert_file,
            "key_password": policy.key_password,
            "ca_certs": policy.ca_certs,
            "ca_cert_dir": policy.ca_cert_dir,
            "ca_cert_data": policy.ca_cert_data,
        }
    name = _server_name(hostname)
    secured = wrap(
        sock=sock,
        server_hostname=name,
        ssl_context=context,
        tls_in_tls=tls_in_tls,
        **options,
    )
    try:
        _check_peer(secured, policy, context, name, own_context, seams)
    except BaseException:
        secured.close()
        raise
    required = context.verify_mode == ssl_.ssl.CERT_REQUIRED
    return Secured(secured, required or bool(policy.assert_fingerprint))


def _wrap_complete(
    sock: typing.Any, server_hostname: str | None, ssl_context: typing.Any, tls_in_tls: bool
) -> typing.Any:
    return ssl_._ssl_wrap_socket_impl(sock, ssl_context, tls_in_tls, server_hostname)


def _warn_of_deprecation(policy: TlsPolicy) -> None:
    # For every connection, not only for the one whose context is kept.
    if policy.ssl_version is not None:
        version = ssl_.resolve_ssl_version(policy.ssl_version)
        if version not in (ssl_.PROTOCOL_TLS, ssl_.PROTOCOL_TLS_CLIENT):
            ssl_.warn_ssl_version(stacklevel=4)


def _build_quietly(policy: TlsPolicy, seams: Seams) -> ssl.SSLContext:
    if policy.ssl_version is None:
        return _build(policy, seams)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return _build(policy, seams)


def _server_name(hostname: str) -> str:
    """*hostname* as it goes into the handshake: an IP address without brackets and zone."""
    bare = hostname.strip("[]")
    if "%" in bare:
        bare = bare[: bare.rfind("%")]
    return bare if ssl_.is_ipaddress(bare) else hostname


def _check_peer(
    secured: typing.Any,
    policy: TlsPolicy,
    context: typing.Any,
    name: str,
    own_context: bool,
    seams: Seams,
) -> None:
    """Check fingerprint or name, unless OpenSSL has checked the name or nobody wants it checked."""
    if policy.assert_fingerprint:
        ssl_.assert_fingerprint(secured.getpeercert(binary_form=True), policy.assert_fingerprint)
        return
    if (
        context.verify_mode == ssl_.ssl.CERT_NONE
        or context.check_hostname
        or policy.assert_hostname is False
    ):
        return
    common_name = False if own_context else bool(context.hostname_checks_common_name)
    cert = secured.getpeercert()
    expected = policy.assert_hostname or name
    _match_hostname(cert, expected, common_name, seams)


def _match_hostname(
    cert: typing.Any, expected: str, common_name: bool, seams: Seams
) -> None:
    bare = expected.strip("[]")
    if ssl_.is_ipaddress(bare):
        expected = bare
    try:
        seams.match_hostname(cert, expected, common_name)
    except ValueError as error:
        seams.report_mismatch(error, expected, cert)
        raise
