"""What TLS is wanted, and the handshake that gets it.

The options are written once, in :class:`TlsPolicy`.  A context made from them is kept and shared by
the connections of one pool or manager, never by the process: reading the trust store anew would
cost twenty times the handshake.  A caller's own context is never kept, and is changed only where
an option demands it.
"""

import os
import threading
import typing
from collections import OrderedDict
from collections.abc import Callable

from ..util import ssl_

if typing.TYPE_CHECKING:
    import ssl

    from .._typing import ProxyTlsSettings


class TlsPolicy(typing.NamedTuple):
    """Every option of TLS on a connection; ``HTTPSConnection`` says what they mean."""

    ssl_context: typing.Any = None  # of ssl, or what stands for it under pyOpenSSL
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
    assert_hostname: str | bool | None = None
    assert_fingerprint: str | None = None
    server_hostname: str | None = None

    @classmethod
    def of(cls, owner: object) -> "TlsPolicy":
        """The options that *owner*, a connection or a pool, has now; what it lacks is None."""
        # requests writes them on pools that are in use: hence now, and not when it was made.
        return cls(*[getattr(owner, name, None) for name in cls._fields])

    @property
    def checks_name_itself(self) -> bool:
        """Whether the certificate's name is checked here or not at all, and not by OpenSSL."""
        return bool(
            self.assert_fingerprint
            or self.asserted_name
            or self.assert_hostname is False
            or ssl_.IS_PYOPENSSL
            or not ssl_.HAS_NEVER_CHECK_COMMON_NAME
        )

    @property
    def asserted_name(self) -> str | None:
        """The name to find in the certificate, if it is another than the host's."""
        asserted = self.assert_hostname
        return asserted if isinstance(asserted, str) and asserted else None


def proxy_policy(own: TlsPolicy, settings: "ProxyTlsSettings", forwarding: bool) -> TlsPolicy:
    """The policy towards a proxy, where *own* is the connection's, which is the origin's.

    Who the origin is, and who the client is to it, is none of the proxy's business.  Trust is the
    same, unless the proxy has a context of its own, which then stands alone.

    :param forwarding: requests go to the proxy in absolute form: no handshake but this will follow
    """
    theirs = TlsPolicy(
        assert_hostname=settings.assert_hostname, assert_fingerprint=settings.assert_fingerprint
    )
    if settings.ssl_context is not None:
        return theirs._replace(
            ssl_context=settings.ssl_context, cert_reqs=settings.ssl_context.verify_mode
        )
    return theirs._replace(
        ssl_context=own.ssl_context if forwarding else None,
        cert_reqs=own.cert_reqs,
        ca_certs=own.ca_certs,
        ca_cert_dir=own.ca_cert_dir,
        ca_cert_data=own.ca_cert_data,
        ssl_version=own.ssl_version,
        ssl_minimum_version=own.ssl_minimum_version,
        ssl_maximum_version=own.ssl_maximum_version,
    )


class Seams(typing.NamedTuple):
    """What programs rebind in ``connection``, as found there for this handshake."""

    ssl_wrap_socket: Callable[..., typing.Any]
    create_urllib3_context: Callable[..., typing.Any]
    resolve_cert_reqs: Callable[..., typing.Any]
    resolve_ssl_version: Callable[..., typing.Any]
    match_hostname: Callable[..., None]
    #: Told of a certificate that was refused: ``(error, name expected, certificate)``.
    report_mismatch: Callable[[Exception, str, typing.Any], None]

    @property
    def are_ours(self) -> bool:
        """Whether a context may be kept: nobody expects a call for each handshake."""
        return self[: len(_OUR_SEAMS)] == _OUR_SEAMS


# In the order of the first fields of Seams; the others are called for each handshake anyhow.
_OUR_SEAMS = (
    ssl_.ssl_wrap_socket,
    ssl_.create_urllib3_context,
    ssl_.resolve_cert_reqs,
    ssl_.resolve_ssl_version,
)


# ---------------------------------------------------------------- contexts


class ContextMemo:
    """Contexts made from policies, for one pool manager or one pool.  Thread-safe.

    The key is everything that a context depends on, down to the state of the files that it was read
    from, so that certificates may be rotated.  At most :attr:`MOST` are kept, the latest used.
    """

    MOST = 16

    def __init__(self) -> None:
        self._contexts: OrderedDict[typing.Any, ssl.SSLContext] = OrderedDict()
        # Decides who builds.  Held meanwhile: threads that start together want one context, and
        # would otherwise read the trust store each.
        self._lock = threading.Lock()

    def get(self, policy: TlsPolicy) -> "ssl.SSLContext":
        """A complete context for *policy*, which has been settled.

        Raises what building it raises; then nothing is kept.
        """
        # Taken before building: should a file change meanwhile, the next key will differ.
        key = _key_of(policy)
        with self._lock:
            context = self._contexts.get(key)
            if context is None:
                context = self._contexts[key] = _complete_context(policy)
                if len(self._contexts) > self.MOST:
                    self._contexts.popitem(last=False)
            else:
                self._contexts.move_to_end(key)
        return context


_ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def _settled(policy: TlsPolicy, seams: Seams) -> TlsPolicy:
    """*policy* as far as it shapes a context, with each option in its one plain form.

    Raises AttributeError for unknown names, ValueError for contradictory versions; warns, for each
    connection, of what is deprecated.
    """
    minimum, maximum = ssl_.version_bounds(
        seams.resolve_ssl_version(policy.ssl_version),
        policy.ssl_minimum_version,
        policy.ssl_maximum_version,
    )
    return policy._replace(
        cert_reqs=seams.resolve_cert_reqs(policy.cert_reqs),
        ssl_version=None,
        ssl_minimum_version=minimum,
        ssl_maximum_version=maximum,
        # Two names to look for do not make two contexts: it is all the same to OpenSSL.
        assert_hostname=False if policy.checks_name_itself else None,
        assert_fingerprint=None,
        server_hostname=None,
    )


def _key_of(policy: TlsPolicy) -> tuple[typing.Any, ...]:
    files = [policy.ca_certs, policy.ca_cert_dir, policy.cert_file, policy.key_file]
    if not any(policy[2:5]):
        default = ssl_.ssl.get_default_verify_paths()
        files += [default.cafile, default.capath]
    return (
        policy,
        tuple([_state_of(file) for file in files]),
        tuple([os.environ.get(name) for name in _ENVIRONMENT]),
        ssl_.SSLContext,
        ssl_.IS_PYOPENSSL,
        tuple(ssl_.ALPN_PROTOCOLS),
    )


def _state_of(file: str | None) -> tuple[int, int, int] | None:
    if not file:
        return None
    try:
        found = os.stat(file)  # noqa: PTH116  # a Path costs more than the call
    except OSError:
        return None  # whoever loads it will say what is wrong
    return found.st_mtime_ns, found.st_size, found.st_ino


def _complete_context(policy: TlsPolicy) -> "ssl.SSLContext":
    """A context to shake hands with at once: nothing will be loaded into it or set on it later."""
    context = ssl_.create_urllib3_context(
        cert_reqs=typing.cast("int", policy.cert_reqs),
        ssl_minimum_version=policy.ssl_minimum_version,
        ssl_maximum_version=policy.ssl_maximum_version,
    )
    _adjust(context, policy, context.verify_mode)
    if not ssl_.load_trust(context, policy.ca_certs, policy.ca_cert_dir, policy.ca_cert_data):
        ssl_.load_default_trust(context)
    ssl_.load_client_certificate(context, policy.cert_file, policy.key_file, policy.key_password)
    # Here, not for each handshake: pyOpenSSL refuses changes to a context that was used.
    context.set_alpn_protocols(ssl_.ALPN_PROTOCOLS)
    return context


def _bare_context(policy: TlsPolicy, seams: Seams) -> "ssl.SSLContext":
    """A context of our own for somebody else's ``ssl_wrap_socket``, which will load the rest."""
    verify_mode = seams.resolve_cert_reqs(policy.cert_reqs)
    context: ssl.SSLContext = seams.create_urllib3_context(
        ssl_version=seams.resolve_ssl_version(policy.ssl_version),
        ssl_minimum_version=policy.ssl_minimum_version,
        ssl_maximum_version=policy.ssl_maximum_version,
        cert_reqs=verify_mode,
    )
    _adjust(context, policy, verify_mode)
    if not any(policy[2:5]):
        ssl_.load_default_trust(context)
    return context


def _adjust(context: typing.Any, policy: TlsPolicy, verify_mode: "ssl.VerifyMode") -> None:
    """Change *context* where *policy* demands it, and only there: it may be the caller's."""
    if getattr(context, "verify_mode", None) != verify_mode:
        context.verify_mode = verify_mode
    if policy.checks_name_itself and getattr(context, "check_hostname", True):
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
) -> tuple[typing.Any, bool]:
    """Secure *sock*, and check that the other end is *hostname*, as *policy* demands.

    Returns the secured socket, and whether the peer was proved to be who it should be.

    :param hostname: name or address, the latter with or without brackets and zone
    :param tls_in_tls: *sock* is itself secured

    Raises ``ssl.SSLError`` from the handshake, ``CertificateError`` for another name,
    ``exceptions.SSLError`` for another fingerprint or for certificates that cannot be loaded, and
    for contradictory options what ``ssl`` raises.  What was secured is closed then; *sock* is left
    to the caller.
    """
    name = _server_name(hostname)
    is_own = policy.ssl_context is None
    context: typing.Any
    if is_own and seams.are_ours:
        context = memo.get(_settled(policy, seams))
        secured = ssl_._ssl_wrap_socket_impl(sock, context, tls_in_tls, name)
    else:
        context = policy.ssl_context
        if is_own:
            context = _bare_context(policy, seams)
        else:
            _adjust(context, policy, seams.resolve_cert_reqs(policy.cert_reqs))
        secured = seams.ssl_wrap_socket(
            sock=sock,
            keyfile=policy.key_file,
            certfile=policy.cert_file,
            key_password=policy.key_password,
            ca_certs=policy.ca_certs,
            ca_cert_dir=policy.ca_cert_dir,
            ca_cert_data=policy.ca_cert_data,
            server_hostname=name,
            ssl_context=context,
            tls_in_tls=tls_in_tls,
        )
    try:
        _check_peer(secured, policy, context, name, seams)
    except BaseException:
        secured.close()
        raise
    is_proved = context.verify_mode == ssl_.ssl.CERT_REQUIRED or bool(policy.assert_fingerprint)
    return secured, is_proved


def _server_name(hostname: str) -> str:
    """*hostname* as TLS wants it: an address without brackets and zone, a name as it is."""
    bare = hostname.strip("[]")
    if "%" in bare:
        bare = bare[: bare.rfind("%")]
    return bare if ssl_.is_ipaddress(bare) else hostname


def _check_peer(
    secured: typing.Any, policy: TlsPolicy, context: typing.Any, name: str, seams: Seams
) -> None:
    """Check what OpenSSL was not asked to check: the fingerprint or else the name."""
    if policy.assert_fingerprint:
        ssl_.assert_fingerprint(secured.getpeercert(binary_form=True), policy.assert_fingerprint)
        return
    if context.verify_mode == ssl_.ssl.CERT_NONE or policy.assert_hostname is False:
        return  # nobody wants it checked
    if context.check_hostname:
        return  # OpenSSL has done it
    cert = secured.getpeercert()
    expected = policy.asserted_name or name
    bare = expected.strip("[]")
    if ssl_.is_ipaddress(bare):
        expected = bare
    common_name_counts = policy.ssl_context is not None and getattr(
        context, "hostname_checks_common_name", False
    )
    try:
        seams.match_hostname(cert, expected, common_name_counts)
    except ValueError as error:
        seams.report_mismatch(error, expected, cert)
        raise
