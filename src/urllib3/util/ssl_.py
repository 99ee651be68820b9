"""TLS contexts and handshakes, as far as they are the same for every connection.

Works without ``ssl`` as far as it can: importing never fails, using it says what is missing.
"""

from __future__ import annotations

import binascii
import os
import sys
import typing
import warnings

from .. import _seams
from ..exceptions import ProxySchemeUnsupported, SSLError
from .url import _pattern

if typing.TYPE_CHECKING:
    import hashlib
    import socket
    from collections.abc import Callable

    from .ssltransport import SSLTransport as SSLTransportType

SSLContext: typing.Any = None
SSLTransport: typing.Any = None
HAS_NEVER_CHECK_COMMON_NAME = False
#: Whether ``contrib.pyopenssl`` has taken over.
IS_PYOPENSSL = False
#: Offered in every handshake; ``http2`` replaces the list.
ALPN_PROTOCOLS = ["http/1.1"]

_TYPE_VERSION_INFO = tuple[int, int, int, str, int]
_Name = tuple[tuple[str, str], ...]
#: What ``getpeercert()`` says.  No class: the text of its annotations would be compiled.
_TYPE_PEER_CERT_RET_DICT = typing.TypedDict(  # noqa: UP013
    "_TYPE_PEER_CERT_RET_DICT",
    {"subjectAltName": _Name, "subject": tuple[_Name, ...], "serialNumber": str},
    total=False,
)
_TYPE_PEER_CERT_RET = typing.Union[_TYPE_PEER_CERT_RET_DICT, bytes, None]

_SSL_VERSION_TO_TLS_VERSION: dict[int, int] = {}

# The numbers behind the names, for a Python without ssl.
PROTOCOL_TLS = 2
PROTOCOL_TLS_CLIENT = 16
OP_NO_SSLv2 = 0x1000000
OP_NO_SSLv3 = 0x2000000
OP_NO_COMPRESSION = 0x20000
OP_NO_TICKET = 0x4000
VERIFY_X509_PARTIAL_CHAIN = 0x80000
VERIFY_X509_STRICT = 0x20


def _is_has_never_check_common_name_reliable(openssl_version: str) -> bool:
    # Libraries that pass for OpenSSL have the switch, but it does nothing there.
    return openssl_version.startswith("OpenSSL ")


try:
    import ssl as ssl  # botocore takes it from here
    from ssl import (
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
    if not _is_has_never_check_common_name_reliable(OPENSSL_VERSION):
        HAS_NEVER_CHECK_COMMON_NAME = False
    # A later Python may have dropped any of these protocols.
    for attr in ("TLSv1", "TLSv1_1", "TLSv1_2"):
        if hasattr(ssl, f"PROTOCOL_{attr}"):
            _SSL_VERSION_TO_TLS_VERSION[getattr(ssl, f"PROTOCOL_{attr}")] = TLSVersion[attr]

PROTOCOL_SSLv23 = PROTOCOL_TLS


# ---------------------------------------------------------------- fingerprints


def _hash_function(digits: int, algorithm: str) -> Callable[[bytes], hashlib._Hash]:
    def hash_function(data: bytes = b"") -> hashlib._Hash:
        import hashlib  # takes its time, and few programs pin certificates

        # MD5 is missing where OpenSSL is held to FIPS.
        found: Callable[[bytes], hashlib._Hash] | None = getattr(hashlib, algorithm, None)
        if found is None:
            raise _no_hash_function(digits)
        return found(data)

    return hash_function


def _no_hash_function(digits: int) -> SSLError:
    return SSLError(f"Hash function implementation unavailable for fingerprint length: {digits}")


#: Hash functions by the number of hexadecimal digits they make; None = there is none.
HASHFUNC_MAP: dict[int, Callable[[bytes], hashlib._Hash] | None] = {
    digits: _hash_function(digits, algorithm)
    for digits, algorithm in ((32, "md5"), (40, "sha1"), (64, "sha256"))
}


def assert_fingerprint(cert: bytes | None, fingerprint: str) -> None:
    """Check that *cert* is the one with the MD5, SHA-1 or SHA-256 *fingerprint*.

    :param cert: the peer's certificate in DER; None = it showed none
    :param fingerprint: in hexadecimal; colons and case do not matter

    Raises ``SSLError`` if it is another, or if it cannot be said.
    """
    if cert is None:
        raise SSLError("No certificate for the peer.")
    expected = fingerprint.replace(":", "").lower()
    if len(expected) not in HASHFUNC_MAP:
        raise SSLError(f"Fingerprint of invalid length: {expected}")
    hash_function = HASHFUNC_MAP[len(expected)]
    if hash_function is None:
        raise _no_hash_function(len(expected))
    import hmac

    try:
        expected_digest = binascii.unhexlify(expected.encode())
    except binascii.Error as error:
        raise SSLError(error) from error
    digest = hash_function(cert).digest()
    if not hmac.compare_digest(digest, expected_digest):
        raise SSLError(f'Fingerprints did not match. Expected "{expected}", got "{digest.hex()}"')


# ---------------------------------------------------------------- options by name


def _constant(candidate: typing.Any, prefix: str) -> typing.Any:
    """The constant of ``ssl`` that *candidate* names, with or without *prefix*, or is."""
    if not isinstance(candidate, str):
        return candidate
    found = getattr(ssl, candidate, None)
    return getattr(ssl, prefix + candidate) if found is None else found


def resolve_cert_reqs(candidate: int | str | None) -> ssl.VerifyMode:
    """What *candidate* demands of the peer: ``"CERT_REQUIRED"``, ``"REQUIRED"``, the constant ...

    None = the peer must have a valid certificate.  Raises AttributeError for an unknown name.
    """
    if candidate is None:
        return CERT_REQUIRED
    return typing.cast("ssl.VerifyMode", _constant(candidate, "CERT_"))


def resolve_ssl_version(candidate: int | str | None) -> int:
    """The protocol that *candidate* is: ``"TLSv1_2"``, ``"PROTOCOL_TLSv1_2"``, the constant ...

    None = any.  Raises AttributeError for an unknown name.
    """
    if candidate is None:
        return PROTOCOL_TLS
    return typing.cast("int", _constant(candidate, "PROTOCOL_"))


def version_bounds(
    ssl_version: int | None,
    minimum: int | None,
    maximum: int | None,
    stacklevel: int = 1,
) -> tuple[int | None, int | None]:
    """The lowest and highest ``ssl.TLSVersion`` wanted; None = not said.

    Warns of *ssl_version*, which is deprecated, *stacklevel* frames above the caller.  Raises
    ValueError if a bound is given as well.
    """
    if ssl_version in (None, PROTOCOL_TLS, PROTOCOL_TLS_CLIENT):
        return minimum, maximum
    if minimum is not None or maximum is not None:
        raise ValueError(
            "Can't specify both 'ssl_version' and either "
            "'ssl_minimum_version' or 'ssl_maximum_version'"
        )
    warnings.warn(
        "'ssl_version' option is deprecated and will be "
        "removed in urllib3 v3.0. Instead use 'ssl_minimum_version'",
        category=FutureWarning,
        stacklevel=2 + stacklevel,
    )
    every = TLSVersion.MINIMUM_SUPPORTED, TLSVersion.MAXIMUM_SUPPORTED
    only = _SSL_VERSION_TO_TLS_VERSION.get(ssl_version)
    return every if only is None else (only, only)


# ---------------------------------------------------------------- contexts


def create_urllib3_context(
    ssl_version: int | None = None,
    cert_reqs: int | None = None,
    options: int | None = None,
    ciphers: str | None = None,
    ssl_minimum_version: int | None = None,
    ssl_maximum_version: int | None = None,
    verify_flags: int | None = None,
) -> ssl.SSLContext:
    """A context for clients with safe settings, which trusts nobody yet.

    :param ssl_version: deprecated: the one protocol version to speak
    :param cert_reqs: constant of ``ssl``; None = ``CERT_REQUIRED``
    :param options: added to the context's; None = no SSLv2, SSLv3, compression and session tickets
    :param ciphers: list of ciphers as OpenSSL writes it; None = the system's
    :param ssl_minimum_version: ``ssl.TLSVersion``; None = TLS 1.2
    :param ssl_maximum_version: ``ssl.TLSVersion``; None = the highest there is
    :param verify_flags: added to the context's; None = from Python 3.13 on, strict chains that may
        end at any trusted certificate (the default of ``ssl.create_default_context`` there)

    Session keys are logged to the file that ``SSLKEYLOGFILE`` in the environment names.

    Raises TypeError without ``ssl``, ValueError for *ssl_version* together with another bound,
    ``ssl.SSLError`` for ciphers that do not exist, OSError for a log file that cannot be written.
    """
    # truststore and contrib.pyopenssl put a class of their own under this name.
    if SSLContext is None:
        raise TypeError("Can't create an SSLContext object without an ssl module")
    minimum, maximum = version_bounds(ssl_version, ssl_minimum_version, ssl_maximum_version)
    context: ssl.SSLContext = SSLContext(PROTOCOL_TLS_CLIENT)
    # Said aloud: the system's own minimum may be lower.
    context.minimum_version = typing.cast(
        "TLSVersion", TLSVersion.TLSv1_2 if minimum is None else minimum
    )
    if maximum is not None:
        context.maximum_version = typing.cast("TLSVersion", maximum)
    if ciphers:
        context.set_ciphers(ciphers)
    if options is None:
        # CRIME and BEAST are why; tickets would link the connections of one client.
        options = OP_NO_SSLv2 | OP_NO_SSLv3 | OP_NO_COMPRESSION | OP_NO_TICKET
    context.options |= options
    if verify_flags is None:
        modern = sys.version_info >= (3, 13)
        verify_flags = VERIFY_X509_PARTIAL_CHAIN | VERIFY_X509_STRICT if modern else 0
    context.verify_flags |= verify_flags
    if getattr(context, "post_handshake_auth", None) is not None:
        context.post_handshake_auth = True
    _demand(context, CERT_REQUIRED if cert_reqs is None else cert_reqs)
    context.hostname_checks_common_name = False
    _log_keys(context)
    return context


def _log_keys(context: ssl.SSLContext) -> None:
    path = os.path.expandvars(os.environ.get("SSLKEYLOGFILE") or "")
    if path:
        context.keylog_filename = path


def _demand(context: typing.Any, cert_reqs: int) -> None:
    # ssl refuses to check names of unverified certificates at any moment: hence two orders.
    if cert_reqs == CERT_REQUIRED and not IS_PYOPENSSL:
        context.verify_mode = cert_reqs
        context.check_hostname = True
    else:
        context.check_hostname = False
        context.verify_mode = cert_reqs


def load_trust(
    context: ssl.SSLContext,
    ca_certs: str | None,
    ca_cert_dir: str | None,
    ca_cert_data: str | bytes | None,
) -> bool:
    """Let *context* trust these certificates; False if none are named.

    Raises ``SSLError`` if they cannot be loaded.
    """
    if not (ca_certs or ca_cert_dir or ca_cert_data):
        return False
    try:
        context.load_verify_locations(ca_certs, ca_cert_dir, ca_cert_data)
    except OSError as error:
        raise SSLError(error) from error
    return True


def default_trust_paths() -> tuple[str, str]:
    """The system's file of trusted certificates, and its directories; none of them need exist."""
    paths = ssl.get_default_verify_paths()
    return (
        os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile),
        os.environ.get(paths.openssl_capath_env, paths.openssl_capath),
    )


def load_default_trust(
    context: ssl.SSLContext, before_reading: Callable[[str], object] | None = None
) -> bool:
    """Let *context* trust whom the system trusts; where it trusts nobody, whom certifi lists.

    A context that knows no default (pyOpenSSL's) is left alone.  False if there is trust that could
    not be loaded: OpenSSL passes over files that it cannot open, for want of descriptors above all.

    :param before_reading: called with the path of each file and directory that counts besides
        :func:`default_trust_paths`
    """
    if not hasattr(context, "load_default_certs"):
        return True
    context.load_default_certs()
    # One that gets its trust elsewhere, like truststore's, looks empty from here and is not.
    loader = getattr(context.load_default_certs, "__module__", None)
    if loader != "ssl" or context.cert_store_stats()["x509"]:
        return True
    paths = ssl.get_default_verify_paths()
    try:
        if paths.cafile and _holds_certificates(paths.cafile):
            return False
        if before_reading is not None and paths.capath:
            before_reading(paths.capath)
        # A directory is read when a certificate is looked up: until then the context holds nothing.
        return _is_trust_named(paths.capath) or _load_fallback_trust(context, before_reading)
    except OSError:
        return False


def _load_fallback_trust(
    context: ssl.SSLContext, before_reading: Callable[[str], object] | None
) -> bool:
    try:
        import certifi
    except ImportError:
        return False  # no certificate will be accepted, and the error will say so
    path = certifi.where()
    if before_reading is not None:
        before_reading(path)
    context.load_verify_locations(path)
    return True


def _is_trust_named(directory: str | None) -> bool:
    """Whether somebody has said whom to trust; *directory* is the system's."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return True
    return bool(directory and os.listdir(directory))  # noqa: PTH208  # see load_client_certificate


def _holds_certificates(path: str) -> bool:
    with open(path, "rb") as file:  # noqa: PTH123  # see load_client_certificate
        return b"-----BEGIN " in file.read()


def load_client_certificate(
    context: ssl.SSLContext,
    certfile: str | None,
    keyfile: str | None,
    key_password: str | None,
) -> None:
    """Let *context* show the certificate in *certfile*, with the key in *keyfile* or beside it.

    Raises ``SSLError`` for an encrypted key without a password, for the rest what ``ssl`` and
    ``open`` raise.
    """
    # OpenSSL would ask for the password on the terminal, and wait.
    if key_password is None and keyfile and _is_key_file_encrypted(keyfile):
        raise SSLError("Client private key is encrypted, password is required")
    if certfile:
        password = () if key_password is None else (key_password,)
        context.load_cert_chain(certfile, keyfile, *password)


def _is_key_file_encrypted(key_file: str) -> bool:
    """Whether a private key in PEM says that it is encrypted, in either of the two ways."""
    with open(key_file) as lines:  # noqa: PTH123  # pathlib takes its time to import
        return any("ENCRYPTED" in line for line in lines)


# ---------------------------------------------------------------- handshakes


@typing.overload
def ssl_wrap_socket(
    sock: socket.socket,
    keyfile: str | None = ...,
    certfile: str | None = ...,
    cert_reqs: int | None = ...,
    ca_certs: str | None = ...,
    server_hostname: str | None = ...,
    ssl_version: int | None = ...,
    ciphers: str | None = ...,
    ssl_context: ssl.SSLContext | None = ...,
    ca_cert_dir: str | None = ...,
    key_password: str | None = ...,
    ca_cert_data: str | bytes | None = ...,
    tls_in_tls: typing.Literal[False] = ...,
) -> ssl.SSLSocket: ...


@typing.overload
def ssl_wrap_socket(
    sock: socket.socket,
    keyfile: str | None = ...,
    certfile: str | None = ...,
    cert_reqs: int | None = ...,
    ca_certs: str | None = ...,
    server_hostname: str | None = ...,
    ssl_version: int | None = ...,
    ciphers: str | None = ...,
    ssl_context: ssl.SSLContext | None = ...,
    ca_cert_dir: str | None = ...,
    key_password: str | None = ...,
    ca_cert_data: str | bytes | None = ...,
    tls_in_tls: bool = ...,
) -> ssl.SSLSocket | SSLTransportType: ...


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
    ca_cert_data: str | bytes | None = None,
    tls_in_tls: bool = False,
) -> ssl.SSLSocket | SSLTransportType:
    """Secure *sock* and return the ``SSLSocket``, or ``SSLTransport`` for TLS in TLS.

    :param server_hostname: name for SNI and for the check of the certificate
    :param ssl_context: changed as the other options demand; None = made from *ssl_version*,
        *cert_reqs* and *ciphers*, which count for nothing otherwise
    :param ca_certs: file of trusted certificates; *ca_cert_dir*: directory of such; *ca_cert_data*:
        PEM text or DER bytes.  Without any, a context made here has the system's
    :param certfile: client certificate, with *keyfile* and *key_password*
    :param tls_in_tls: *sock* is itself secured

    Raises ``SSLError`` for certificates that cannot be loaded, ``ssl.SSLError`` from the handshake,
    ``ProxySchemeUnsupported`` if the context is not fit for TLS in TLS.
    """
    context = ssl_context
    if context is None:
        context = create_urllib3_context(ssl_version, cert_reqs, ciphers=ciphers)
    if not load_trust(context, ca_certs, ca_cert_dir, ca_cert_data) and ssl_context is None:
        load_default_trust(context)
    load_client_certificate(context, certfile, keyfile, key_password)
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    return _ssl_wrap_socket_impl(sock, context, tls_in_tls, server_hostname)


def _ssl_wrap_socket_impl(
    sock: socket.socket,
    ssl_context: ssl.SSLContext,
    tls_in_tls: bool,
    server_hostname: str | None = None,
) -> ssl.SSLSocket | SSLTransportType:
    if not tls_in_tls:
        return ssl_context.wrap_socket(sock, server_hostname=server_hostname)
    if SSLTransport is None:
        raise ProxySchemeUnsupported("TLS in TLS requires support for the 'ssl' module")
    SSLTransport._validate_ssl_context_for_tls_in_tls(ssl_context)
    secured: SSLTransportType = SSLTransport(sock, ssl_context, server_hostname)
    return secured


def is_ipaddress(hostname: str | bytes) -> bool:
    """Whether *hostname* is an IP address, in any spelling that resolvers accept, no brackets.

    Raises UnicodeDecodeError for bytes that are not ASCII.
    """
    name = hostname.decode("ascii") if isinstance(hostname, bytes) else hostname
    return bool(
        _pattern("_IPV4_RE").match(name) or _pattern("_BRACELESS_IPV6_ADDRZ_RE").match(name)
    )


_seams.record(".connection", sys.modules[__name__])  # it imports them from here
