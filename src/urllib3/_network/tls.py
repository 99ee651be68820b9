"""What TLS is wanted, and the handshake that gets it.

The options are written once, in :class:`TlsPolicy`.  A context made from them is kept and shared by
the connections of one pool or manager, never by the process: reading the trust store anew would
cost twenty times the handshake.  A caller's own context is never kept, and is changed only where
an option demands it, for the moment in which a TLS object is made with it.
"""

import contextlib
import itertools
import os
import threading
import time
import typing
from collections.abc import Callable

from .. import _seams
from ..util import ssl_
from . import contexts
from .contexts import own_verify_mode
from .files import FilesThen

if typing.TYPE_CHECKING:
    import ssl

    from .._typing import ProxyConfig


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


def proxy_policy(own: TlsPolicy, settings: "ProxyConfig", forwarding: bool) -> TlsPolicy:
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
            ssl_context=settings.ssl_context, cert_reqs=own_verify_mode(settings.ssl_context)
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

    @property
    def are_ours(self) -> bool:
        """Whether a context may be kept: nobody expects a call for each handshake."""
        return not _seams.tls_patched(self)


# ---------------------------------------------------------------- contexts


class ContextMemo:
    """Contexts made from policies, for one pool manager or one pool.  Thread-safe.

    A context is built anew if somebody has changed it, or if a file that it was read from has
    changed, so that certificates may be rotated.  It is not kept if the trust that it should have
    could not be loaded, if its changes could not be noted, or if an option cannot be hashed (a
    ``bytearray``).  At most :attr:`MAX_CONTEXTS` are kept, the latest used.
    """

    MAX_CONTEXTS = 16

    def __init__(self) -> None:
        # Nothing here needs more than that one operation of a dict is whole.
        self._kept: dict[typing.Any, _KeptContext] = {}
        # Decide who builds: threads that start together want one context, and would otherwise read
        # the trust store each.  One for each key, which names the process, so that a child of fork
        # waits for nobody; an RLock, so that a signal handler does not wait for what it has
        # interrupted.
        self._turns: dict[typing.Any, threading.RLock] = {}

    def get(self, policy: TlsPolicy) -> typing.Any:
        """A complete context for *policy*, which is a normalized one.

        Raises what building it raises; then nothing is kept.
        """
        key = _key_of(policy)
        try:
            kept = self._kept.get(key)
        except TypeError:
            return _build(policy).context
        if kept is None or not kept.is_fit():
            kept = self._build_in_turn(key, policy, kept)
        kept.last_use = next(_uses)
        return kept.context

    def _build_in_turn(
        self, key: typing.Any, policy: TlsPolicy, unfit: "_KeptContext | None"
    ) -> "_KeptContext":
        with self._turns.setdefault(key, threading.RLock()):
            kept = self._kept.get(key)
            if kept is not None and kept is not unfit and kept.is_fit():
                return kept
            try:
                kept = _build(policy)
                if kept.has_its_trust and contexts.observe(kept.context):
                    self._kept[key] = kept
                    self._make_room()
                else:
                    self._kept.pop(key, None)
            finally:
                self._turns.pop(key, None)
        return kept

    def _make_room(self) -> None:
        by_last_use = sorted(self._kept.copy().items(), key=lambda item: item[1].last_use)
        for key, _ in by_last_use[: -self.MAX_CONTEXTS]:
            self._kept.pop(key, None)


_uses = itertools.count()


class _KeptContext:
    """A context, and what is needed to say whether it is still the right one.

    :param has_its_trust: whether it trusts whom it should
    :param files: what it was read from
    :param directories: where it looks for more certificates when it is used
    """

    __slots__ = ("certificates", "context", "directories", "files", "has_its_trust", "last_use")

    def __init__(
        self,
        context: typing.Any,
        has_its_trust: bool,
        files: FilesThen,
        directories: FilesThen,
    ) -> None:
        self.context = context
        self.has_its_trust = has_its_trust
        self.files = files
        self.directories = directories
        self.certificates = contexts.count_certificates(context)
        self.last_use = next(_uses)

    def is_fit(self) -> bool:
        """Whether a context that is built now would be the same."""
        return (
            not contexts.is_changed(self.context)
            and self.files.are_unchanged()
            # To count what it has is cheaper than to look at all that it might have found.
            and (self._has_found_nothing() or self.directories.are_unchanged())
        )

    def _has_found_nothing(self) -> bool:
        return contexts.count_certificates(self.context) == self.certificates


_ENVIRONMENT = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def _normalized(policy: TlsPolicy, seams: Seams) -> TlsPolicy:
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
    return (
        # In a child of fork a lock inside the parent's context may stay held for ever: by a thread
        # that was in the middle of a handshake, and does not exist there.
        os.getpid(),
        policy,
        tuple([os.environ.get(name) for name in _ENVIRONMENT]),
        ssl_.SSLContext,
        ssl_.IS_PYOPENSSL,
        tuple(ssl_.ALPN_PROTOCOLS),
    )


def _build(policy: TlsPolicy) -> _KeptContext:
    """A context to shake hands with at once: nothing will be loaded into it or set on it later."""
    # Noted before they are read: should one change meanwhile, that will be seen.
    files = FilesThen([policy.ca_certs, policy.cert_file, policy.key_file])
    directories = FilesThen()
    if any(policy[2:5]):
        directories.add_directories(policy.ca_cert_dir)
    else:
        default_file, default_directories = ssl_.default_trust_paths()
        files.add(default_file)
        directories.add_directories(default_directories)
    context = ssl_.create_urllib3_context(
        cert_reqs=typing.cast("int", policy.cert_reqs),
        ssl_minimum_version=policy.ssl_minimum_version,
        ssl_maximum_version=policy.ssl_maximum_version,
    )
    if policy.checks_name_itself and getattr(context, "check_hostname", True):
        context.check_hostname = False
    has_its_trust = ssl_.load_trust(
        context, policy.ca_certs, policy.ca_cert_dir, policy.ca_cert_data
    ) or ssl_.load_default_trust(context, files.add)
    ssl_.load_client_certificate(context, policy.cert_file, policy.key_file, policy.key_password)
    # Here, not for each handshake: pyOpenSSL refuses changes to a context that was used.
    context.set_alpn_protocols(ssl_.ALPN_PROTOCOLS)
    return _KeptContext(context, has_its_trust, files, directories)


def _bare_context(policy: TlsPolicy, seams: Seams) -> "ssl.SSLContext":
    """A context of our own for somebody else's ``ssl_wrap_socket``, which will load the rest."""
    context: ssl.SSLContext = seams.create_urllib3_context(
        ssl_version=seams.resolve_ssl_version(policy.ssl_version),
        ssl_minimum_version=policy.ssl_minimum_version,
        ssl_maximum_version=policy.ssl_maximum_version,
        cert_reqs=seams.resolve_cert_reqs(policy.cert_reqs),
    )
    if not any(policy[2:5]):
        ssl_.load_default_trust(context)
    return context


# ---------------------------------------------------------------- the handshake


# The threads that build contexts or shake hands.  Each comes and goes by one operation of a list.
_inside_openssl: list[int] = []
_MAX_WAIT_BEFORE_FORK = 0.5  # seconds


def _wait_for_other_threads() -> None:
    """Before a fork, give threads that are inside OpenSSL a moment to come out.

    It has locks of its own, for the whole process.  One that is held at that moment stays held in
    the child, whose first handshake would wait for ever.
    """
    own = threading.get_ident()
    end = time.monotonic() + _MAX_WAIT_BEFORE_FORK
    while any(thread != own for thread in _inside_openssl.copy()) and time.monotonic() < end:
        time.sleep(0.001)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait_for_other_threads, after_in_child=_inside_openssl.clear)


class _Secured(typing.NamedTuple):
    sock: typing.Any
    context: typing.Any
    #: What the context asked of the peer.  It may ask something else by now.
    demand: contexts.Demand


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
    thread = threading.get_ident()
    _inside_openssl.append(thread)
    try:
        if policy.ssl_context is None and seams.are_ours:
            secured = _secure(sock, _normalized(policy, seams), name, memo, tls_in_tls)
        else:
            secured = _secure_as_told(sock, policy, name, seams, tls_in_tls)
    finally:
        with contextlib.suppress(ValueError):  # in a child of fork, which has cleared the list
            _inside_openssl.remove(thread)
    try:
        if contexts.is_trust_changed(secured.context):
            raise ssl_.ssl.SSLError("whom the context trusts was changed during the handshake")
        _check_peer(secured, policy, name, seams)
    except BaseException:
        secured.sock.close()
        raise
    verify_mode = secured.demand.verify_mode
    is_proved = verify_mode == ssl_.ssl.CERT_REQUIRED or bool(policy.assert_fingerprint)
    return secured.sock, is_proved


def _secure(
    sock: typing.Any, policy: TlsPolicy, name: str, memo: ContextMemo, tls_in_tls: bool
) -> _Secured:
    """Shake hands with a context of our own for *policy*, a normalized one."""
    context = memo.get(policy)
    if not isinstance(context, contexts.Observed):  # it is for this connection alone
        secured = ssl_._ssl_wrap_socket_impl(sock, context, tls_in_tls, name)
        return _Secured(secured, context, contexts.Demand.of(context))
    kept = contexts.Kept(context, lambda: memo.get(policy))
    stand_in = typing.cast("ssl.SSLContext", kept)
    secured = ssl_._ssl_wrap_socket_impl(sock, stand_in, tls_in_tls, name)
    return _Secured(secured, kept.context, kept.demand)


def _secure_as_told(
    sock: typing.Any, policy: TlsPolicy, name: str, seams: Seams, tls_in_tls: bool
) -> _Secured:
    """Shake hands with a caller's context, or by a function that somebody has put in our place."""
    context: typing.Any = policy.ssl_context
    if context is None:
        context = _bare_context(policy, seams)

    def wrap(its_context: typing.Any) -> typing.Any:
        return seams.ssl_wrap_socket(
            sock=sock,
            keyfile=policy.key_file,
            certfile=policy.cert_file,
            key_password=policy.key_password,
            ca_certs=policy.ca_certs,
            ca_cert_dir=policy.ca_cert_dir,
            ca_cert_data=policy.ca_cert_data,
            server_hostname=name,
            ssl_context=its_context,
            tls_in_tls=tls_in_tls,
        )

    verify_mode = seams.resolve_cert_reqs(policy.cert_reqs)
    ignores_name = policy.checks_name_itself
    if seams.ssl_wrap_socket is ssl_.ssl_wrap_socket and contexts.is_native(context):
        borrowed = contexts.Borrowed(context, verify_mode, ignores_name, sock)
        return _Secured(wrap(borrowed), context, borrowed.demand)
    secured, demand = contexts.asking(
        context, verify_mode, ignores_name, lambda: wrap(context), sock
    )
    return _Secured(secured, context, demand)


def _server_name(hostname: str) -> str:
    """*hostname* as TLS wants it: an address without brackets and zone, a name as it is."""
    bare = hostname.strip("[]")
    if "%" in bare:
        bare = bare[: bare.rfind("%")]
    return bare if ssl_.is_ipaddress(bare) else hostname


def _check_peer(secured: _Secured, policy: TlsPolicy, name: str, seams: Seams) -> None:
    """Check what OpenSSL was not asked to check: the fingerprint or else the name."""
    sock, context, demand = secured
    if policy.assert_fingerprint:
        ssl_.assert_fingerprint(sock.getpeercert(binary_form=True), policy.assert_fingerprint)
        return
    if demand.verify_mode == ssl_.ssl.CERT_NONE or policy.assert_hostname is False:
        return  # nobody wants it checked
    if demand.check_hostname:
        return  # OpenSSL has done it
    cert = sock.getpeercert()
    if not cert:
        # ssl shows it only while the context asks for one.
        cert, _ = contexts.asking(context, demand.verify_mode, True, sock.getpeercert)
    common_name_counts = policy.ssl_context is not None and getattr(
        context, "hostname_checks_common_name", False
    )
    seams.match_hostname(cert, policy.asserted_name or name, common_name_counts)
