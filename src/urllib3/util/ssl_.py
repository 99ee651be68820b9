"""TLS contexts and handshakes, as far as they are the same for every connection."""

from __future__ import annotations

import binascii
import hmac
import os
import socket
import sys
import typing
import warnings

from ..exceptions import ProxySchemeUnsupported, SSLError

SSLContext: typing.Any = None  # truststore and contrib.pyopenssl put their own here
SSLTransport: typing.Any = None
HAS_NEVER_CHECK_COMMON_NAME = False
IS_PYOPENSSL = False
#: Offered in every handshake; http2 replaces the list.
ALPN_PROTOCOLS = ["http/1.1"]

_TYPE_VERSION_INFO = tuple[int, int, int, str, int]
_TYPE_PEER_CERT_RET_DICT = dict[str, typing.Any]
_TYPE_PEER_CERT_RET = typing.Union[_TYPE_PEER_CERT_RET_DICT, bytes, None]

_SSL_VERSION_TO_TLS_VERSION: dict[int, typing.Any] = {}

# What the numbers are, for a Python without ssl.
PROTOCOL_TLS = 2
PROTOCOL_TLS_CLIENT = 16
OP_NO_SSLv2 = 0x1000000
OP_NO_SSLv3 = 0x2000000
OP_NO_COMPRESSION = 0x20000
OP_NO_TICKET = 0x4000
VERIFY_X509_PARTIAL_CHAIN = 0x80000
VERIFY_X509_STRICT = 0x20

try:
    import ssl
    from ssl import (  # type: ignore[assignment]
        CERT_REQUIRED,
        HAS_NEVER_CHECK_COMMON_NAME,
        OP_NO_COMPRESSION,
        OP_NO_TICKET,
        OPENSSL_VERSION,
        PROTOCOL_TLS,
        PROTOCOL_TLS_CLIENT,
        VERIFY_X509_PARTIAL_CHAIN,
        VERIFY_X509_STRICT,
        OP_NO_SSLv2,
        OP_NO_SSLv3,
        SSLContext,
        TLSVersion,
    )

    from .ssltransport import SSLTransport
except ImportError:
    pass
else:
    # Others that pass for OpenSSL have the name and not the behaviour.
    if not OPENSSL_VERSION.startswith("OpenSSL "):
        HAS_NEVER_CHECK_COMMON_NAME = False
    for _name in ("TLSv1", "TLSv1_1", "TLSv1_2"):
        _protocol = getattr(ssl, f"PROTOCOL_{_name}", None)
        if _protocol is not None:
            _SSL_VERSION_TO_TLS_VERSION[_protocol] = getattr(TLSVersion, _name)

PROTOCOL_SSLv23 = PROTOCOL_TLS

if typing.TYPE_CHECKING:
    HASHFUNC_MAP: dict[int, typing.Any]


def __getattr__(name: str) -> typing.Any:
    if name == "HASHFUNC_MAP":
        import hashlib

        # By the number of hexadecimal digits; a missing algorithm is None (FIPS builds lack MD5).
        algorithms = {32: "md5", 40: "sha1", 64: "sha256"}
        functions = {size: getattr(hashlib, algorithm, None) for size, algorithm in algorithms.items()}
        globals()["HASHFUNC_MAP"] = functions
        return functions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def assert_fingerprint(cert: bytes | None, fingerprint: str) -> None:
    """Check that *cert*, in DER, has the MD5, SHA-1 or SHA-256 *fingerprint*, in hex.

    Colons and case do not matter.  Raises ``SSLError`` if it has another, or nothing can be said.
    """
    if cert is None:
        raise SSLError("No certificate for the peer.")
    expected = fingerprint.replace(":", "").lower()
    functions = sys.modules[__name__].HASHFUNC_MAP
    if len(expected) not in functions:
        raise SSLError(f"Fingerprint of invalid length: {expected}")
    function = functions[len(expected)]
    if function is None:
        raise SSLError(
            f"Hash function implementation unavailable for fingerprint length: {len(expected)}"
        )
    try:
        wanted = binascii.unhexlify(expected.encode())
    except binascii.Error as error:
        raise SSLError(error) from error
    found = function(cert).digest()
    if not hmac.compare_digest(found, wanted):
        raise SSLError(f'Fingerprints did not match. Expected "{expected}", got "{found.hex()}"')


def _constant(candidate: typing.Any, prefix: str) -> typing.Any:
    """The constant of ``ssl`` that a string names, with or without *prefix*."""
    if not isinstance(candidate, str):
        return candidate
    found = getattr(ssl, candidate, None)
    return getattr(ssl, prefix + candidate) if found is None else found


def resolve_cert_reqs(candidate: None | int | str) -> ssl.VerifyMode:
    """What *candidate* says of the peer's certificate: None = required; AttributeError for nonsense."""
    if candidate is None:
        return CERT_REQUIRED
    return typing.cast("ssl.VerifyMode", _constant(candidate, "CERT_"))


def resolve_ssl_version(candidate: None | int | str) -> int:
    """The protocol constant that *candidate* names: None = any."""
    if candidate is None:
        return PROTOCOL_TLS
    return typing.cast(int, _constant(candidate, "PROTOCOL_"))


def create_urllib3_context(
    ssl_version: int | None = None,
    cert_reqs: int | None = None,
    options: int | None = None,
    ciphers: str | None = None,
    ssl_minimum_version: int | None = None,
    ssl_maximum_version: int | None = None,
    verify_flags: int | None = None,
) -> ssl.SSLContext:
    """A client context with safe settings and no trusted certificates yet.

    :param ssl_version: deprecated: exactly this protocol version
    :param cert_reqs: constant of ``ssl``; None = required
    :param options: added to the context's; None = no SSLv2, SSLv3, compression and tickets
    :param ciphers: cipher list; None = the system's
    :param ssl_minimum_version: ``ssl.TLSVersion``; None = TLS 1.2
    :param verify_flags: added to the context's; None = what this Python's ``ssl`` has by default

    Raises ValueError for *ssl_version* together with a minimum or maximum, TypeError without
    ``ssl``.  ``SSLKEYLOGFILE`` in the environment is obeyed.
    """
    if SSLContext is None:
        raise TypeError("Can't create an SSLContext object without an ssl module")
    if ssl_version not in (None, PROTOCOL_TLS, PROTOCOL_TLS_CLIENT):
        if ssl_minimum_version is not None or ssl_maximum_version is not None:
            raise ValueError(
                "Can't specify both 'ssl_version' and either "
                "'ssl_minimum_version' or 'ssl_maximum_version'"
            )
        ssl_minimum_version = _SSL_VERSION_TO_TLS_VERSION.get(
            typing.cast(int, ssl_version), TLSVersion.MINIMUM_SUPPORTED
        )
        ssl_maximum_version = _SSL_VERSION_TO_TLS_VERSION.get(
            typing.cast(int, ssl_version), TLSVersion.MAXIMUM_SUPPORTED
        )
        warn_ssl_version(stacklevel=3)
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    if ssl_minimum_version is None:
        ssl_minimum_version = TLSVersion.TLSv1_2
    context.minimum_version = ssl_minimum_version
    if ssl_maximum_version is not None:
        context.maximum_version = ssl_maximum_version
    if ciphers:
        context.set_ciphers(ciphers)
    if options is None:
        options = OP_NO_SSLv2 | OP_NO_SSLv3 | OP_NO_COMPRESSION | OP_NO_TICKET
    context.options |= options
    if verify_flags is None:
        verify_flags = 0
        if sys.version_info >= (3, 13):
            verify_flags = VERIFY_X509_PARTIAL_CHAIN | VERIFY_X509_STRICT
    context.verify_flags |= verify_flags
    if getattr(context, "post_handshake_auth", None) is not None:
        context.post_handshake_auth = True
    _set_verification(context, cert_reqs)
    context.hostname_checks_common_name = False
    keylog = os.path.expandvars(os.environ.get("SSLKEYLOGFILE") or "")
    if keylog:
        context.keylog_filename = keylog
    return typing.cast("ssl.SSLContext", context)


def _set_verification(context: typing.Any, cert_reqs: int | None) -> None:
    # ssl refuses check_hostname without verification, so the order is the one that never is.
    if cert_reqs is None:
        cert_reqs = CERT_REQUIRED
    if cert_reqs == CERT_REQUIRED and not IS_PYOPENSSL:
        context.verify_mode = cert_reqs
        context.check_hostname = True
    else:
        context.check_hostname = False
        context.verify_mode = cert_reqs


def warn_ssl_version(stacklevel: int) -> None:
    """Issue the deprecation of *ssl_version*."""
    warnings.warn(
        "'ssl_version' option is deprecated and will be "
        "removed in urllib3 v3.0. Instead use 'ssl_minimum_version'",
        category=FutureWarning,
        stacklevel=stacklevel + 1,
    )


def load_certificates(
    context: typing.Any,
    ca_certs: str | None,
    ca_cert_dir: str | None,
    ca_cert_data: str | bytes | None,
    keyfile: str | None,
    certfile: str | None,
    key_password: str | None,
) -> None:
    """Load what to trust, and what to show, into *context*.

    Raises ``SSLError`` for trusted certificates that cannot be loaded and for an encrypted key
    without password; what ``ssl`` raises for the rest.
    """
    if ca_certs or ca_cert_dir or ca_cert_data:
        try:
            context.load_verify_locations(ca_certs, ca_cert_dir, ca_cert_data)
        except OSError as error:
            raise SSLError(error) from error
    # Without this, OpenSSL would ask for the password on the terminal.
    if keyfile and key_password is None and _is_key_file_encrypted(keyfile):
        raise SSLError("Client private key is encrypted, password is required")
    if certfile:
        if key_password is None:
            context.load_cert_chain(certfile, keyfile)
        else:
            context.load_cert_chain(certfile, keyfile, key_password)


def ssl_wrap_socket(
    sock: socket.socket,
    keyfile: str | None = None,
    certfile: str | None = None,
    cert_reqs: int | None = None,
    ca_certs: str | None = None,
    server_hostname: str | None = None,
    ssl_version: int | None = None,
    ciphers: str | None = None,
    ssl_context: ssl.SSLContext | None = None,
    ca_cert_dir: str | None = None,
    key_password: str | None = None,
    ca_cert_data: None | str | bytes = None,
    tls_in_tls: bool = False,
) -> typing.Any:
    """Do a TLS handshake over *sock* and return the secured socket.

    :param server_hostname: name for SNI and for the check of the certificate
    :param ssl_context: changed as the other options demand; without one, one is made of *ssl_version*,
        *cert_reqs* and *ciphers*
    :param tls_in_tls: *sock* is itself secured

    Raises what :func:`load_certificates` and ``ssl`` raise, and ``ProxySchemeUnsupported`` if the
    context is not fit for TLS in TLS.
    """
    context: typing.Any = ssl_context
    if context is None:
        context = create_urllib3_context(ssl_version, cert_reqs, ciphers=ciphers)
    load_certificates(
        context, ca_certs, ca_cert_dir, ca_cert_data, keyfile, certfile, key_password
    )
    if (
        ssl_context is None
        and not (ca_certs or ca_cert_dir or ca_cert_data)
        and hasattr(context, "load_default_certs")
    ):
        context.load_default_certs()
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    return _ssl_wrap_socket_impl(sock, context, tls_in_tls, server_hostname)


def _ssl_wrap_socket_impl(
    sock: typing.Any,
    ssl_context: typing.Any,
    tls_in_tls: bool,
    server_hostname: str | None = None,
) -> typing.Any:
    if not tls_in_tls:
        return ssl_context.wrap_socket(sock, server_hostname=server_hostname)
    if SSLTransport is None:
        raise ProxySchemeUnsupported("TLS in TLS requires support for the 'ssl' module")
    SSLTransport._validate_ssl_context_for_tls_in_tls(ssl_context)
    return SSLTransport(sock, ssl_context, server_hostname)


def is_ipaddress(hostname: str | bytes) -> bool:
    """Whether *hostname* is an IP address, in any of the spellings that resolvers accept."""
    # Looked up when needed: the patterns are compiled on first use.
    from . import url

    if isinstance(hostname, bytes):
        hostname = hostname.decode("ascii")
    return bool(
        url._pattern("_IPV4_RE").match(hostname)
        or url._pattern("_BRACELESS_IPV6_ADDRZ_RE").match(hostname)
    )


def _is_key_file_encrypted(key_file: str) -> bool:
    """Whether a PEM file of a private key says that it is encrypted."""
    with open(key_file) as lines:
        return any("ENCRYPTED" in line for line in lines)
