"""TLS by pyOpenSSL instead of the ``ssl`` module: contexts and sockets of its shape.

:func:`inject_into_urllib3` puts it behind every context that is made from then on,
:func:`extract_from_urllib3` takes it out again.  Host names are checked by ``ssl_match_hostname``,
for pyOpenSSL checks none.  It trusts nobody by itself (give ``ca_certs``) and cannot do TLS in TLS.
"""

from __future__ import annotations

import logging
import ssl
import typing
from pathlib import Path
from socket import socket as socket_cls

import OpenSSL.SSL
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from OpenSSL.crypto import X509

from .. import util
from ..util import ssl_
from ..util.ssl_match_hostname import match_hostname
from ..util.wait import wait_for_read, wait_for_write

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["extract_from_urllib3", "inject_into_urllib3"]

log = logging.getLogger(__name__)

#: The class that is replaced; botocore asks for it.
orig_util_SSLContext = ssl_.SSLContext

#: Bytes handed to OpenSSL at a time: it must be given the same again if it could not send them.
SSL_WRITE_BLOCKSIZE = 16384

_ANY_VERSION = OpenSSL.SSL.SSLv23_METHOD
_METHODS: dict[int, int] = {
    ssl.PROTOCOL_TLS: _ANY_VERSION,
    ssl.PROTOCOL_TLS_CLIENT: _ANY_VERSION,
} | {
    getattr(ssl, f"PROTOCOL_{name}"): getattr(OpenSSL.SSL, f"{name}_METHOD")
    for name in ("TLSv1", "TLSv1_1", "TLSv1_2")
    if hasattr(ssl, f"PROTOCOL_{name}") and hasattr(OpenSSL.SSL, f"{name}_METHOD")
}

_PEER = OpenSSL.SSL.VERIFY_PEER
_VERIFY_MODES = {
    ssl.CERT_NONE: OpenSSL.SSL.VERIFY_NONE,
    ssl.CERT_OPTIONAL: _PEER,
    ssl.CERT_REQUIRED: _PEER + OpenSSL.SSL.VERIFY_FAIL_IF_NO_PEER_CERT,
}
_VERIFY_MODES_BACK = {theirs: ours for ours, theirs in _VERIFY_MODES.items()}

# ``ssl.TLSVersion`` has OpenSSL's own numbers, but for the two that stand for an end of the scale.
_LOWEST = ssl.TLSVersion.TLSv1
_HIGHEST = 0  # whatever there is

_T = typing.TypeVar("_T")


def inject_into_urllib3() -> None:
    """Make contexts with pyOpenSSL from now on; to do it twice does no harm.

    Raises ImportError if pyOpenSSL or cryptography is too old.
    """
    _validate_dependencies_met()
    util.SSLContext = ssl_.SSLContext = PyOpenSSLContext
    util.IS_PYOPENSSL = ssl_.IS_PYOPENSSL = True


def extract_from_urllib3() -> None:
    """Undo :func:`inject_into_urllib3`, whether it was called or not."""
    util.SSLContext = ssl_.SSLContext = orig_util_SSLContext
    util.IS_PYOPENSSL = ssl_.IS_PYOPENSSL = False


def _validate_dependencies_met() -> None:
    # Looked up at the call: what was there when this module was imported may be gone or replaced.
    from cryptography.x509.extensions import Extensions
    from OpenSSL.crypto import X509

    if getattr(Extensions, "get_extension_for_class", None) is None:
        raise ImportError(
            "'cryptography' module missing required functionality.  "
            "Try upgrading to v1.3.4 or newer."
        )
    if getattr(X509(), "_x509", None) is None:
        raise ImportError(
            "'pyOpenSSL' module missing required functionality. Try upgrading to v0.14 or newer."
        )


# ---------------------------------------------------------------- the names in a certificate


def get_subj_alt_name(peer_cert: X509) -> list[tuple[str, str]]:
    """The alternative names, as ``getpeercert()`` of the ``ssl`` module gives them.

    None, with a warning in the log, if they cannot be read.
    """
    try:
        names = (
            peer_cert.to_cryptography()
            .extensions.get_extension_for_class(x509.SubjectAlternativeName)
            .value
        )
    except x509.ExtensionNotFound:
        return []
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError) as error:
        log.warning(
            "A problem was encountered with the certificate that prevented "
            "urllib3 from finding the SubjectAlternativeName field. This can "
            "affect certificate validation. The error was %s",
            error,
        )
        return []
    hosts = [_dnsname_to_stdlib(name) for name in names.get_values_for_type(x509.DNSName)]
    addresses = names.get_values_for_type(x509.IPAddress)
    return [("DNS", host) for host in hosts if host is not None] + [
        ("IP Address", str(address)) for address in addresses
    ]


def _dnsname_to_stdlib(name: str) -> str | None:
    """*name* in the ASCII form that the ``ssl`` module shows; None if it has none."""
    if ":" in name:
        return name  # an address, where none should be
    start = next((prefix for prefix in ("*.", ".") if name.startswith(prefix)), "")
    try:
        import idna

        return start + idna.encode(name[len(start) :]).decode("ascii")
    except (ImportError, UnicodeError):
        return None


def _common_name(certificate: x509.Certificate) -> str | None:
    found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return typing.cast("str", found[0].value) if found else None


# ---------------------------------------------------------------- contexts


class PyOpenSSLContext:
    """An ``ssl.SSLContext`` to those who only use what this package uses of it.

    :param protocol: constant of ``ssl``; an unknown one is a KeyError
    """

    def __init__(self, protocol: int) -> None:
        #: Whether the name given to :meth:`wrap_socket` is looked for in the certificate.
        self.check_hostname = False
        self.protocol = _METHODS[protocol]
        self._ctx = OpenSSL.SSL.Context(self.protocol)
        self._last: dict[str, object] = {}
        self._later_mode: int | None = None
        self._options = 0
        self.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST
        self.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        self.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED

    @property
    def options(self) -> int:
        """Bits named ``OP_`` in ``ssl``."""
        return self._options

    @options.setter
    def options(self, value: int) -> None:
        self._options = value
        self._ctx.set_options(value)

    @property
    def verify_flags(self) -> int:
        """Bits named ``VERIFY_`` in ``ssl``."""
        return self._verify_flags

    @verify_flags.setter
    def verify_flags(self, value: int) -> None:
        self._verify_flags = value
        self._store.set_flags(value)

    @property
    def _store(self) -> OpenSSL.crypto.X509Store:
        store = self._ctx.get_cert_store()
        assert store is not None
        return store

    @property
    def verify_mode(self) -> ssl.VerifyMode:
        """One of ``CERT_NONE``, ``CERT_OPTIONAL``, ``CERT_REQUIRED`` of ``ssl``."""
        mode = self._ctx.get_verify_mode() if self._later_mode is None else self._later_mode
        return _VERIFY_MODES_BACK[mode]

    @verify_mode.setter
    def verify_mode(self, value: ssl.VerifyMode) -> None:
        mode = _VERIFY_MODES[value]
        try:
            self._ctx.set_verify(mode, _judge)
        except ValueError:
            # pyOpenSSL refuses to change a context that was used: said of each connection instead.
            self._later_mode = mode
        else:
            self._later_mode = None

    @property
    def minimum_version(self) -> int:
        """``ssl.TLSVersion``."""
        return self._minimum_version

    @minimum_version.setter
    def minimum_version(self, value: int) -> None:
        self._minimum_version = value
        lowest = value == ssl.TLSVersion.MINIMUM_SUPPORTED
        self._ctx.set_min_proto_version(_LOWEST if lowest else value)

    @property
    def maximum_version(self) -> int:
        """``ssl.TLSVersion``."""
        return self._maximum_version

    @maximum_version.setter
    def maximum_version(self, value: int) -> None:
        self._maximum_version = value
        highest = value == ssl.TLSVersion.MAXIMUM_SUPPORTED
        self._ctx.set_max_proto_version(_HIGHEST if highest else value)

    def set_default_verify_paths(self) -> None:
        """Trust whom OpenSSL was built to trust."""
        self._ctx.set_default_verify_paths()

    def set_ciphers(self, ciphers: bytes | str) -> None:
        """Speak these alone; ``OpenSSL.SSL.Error`` if there are none such."""
        self._ctx.set_cipher_list(ciphers.encode() if isinstance(ciphers, str) else ciphers)

    def load_verify_locations(
        self,
        cafile: str | None = None,
        capath: str | None = None,
        cadata: str | bytes | None = None,
    ) -> None:
        """Trust the certificates in a file, a directory, and in PEM text or DER bytes.

        Raises ``ssl.SSLError`` if they cannot be loaded.
        """
        if self._was_last("load_verify_locations", (cafile, capath, cadata)):
            return
        try:
            if cafile or capath or not cadata:
                self._ctx.load_verify_locations(cafile or None, capath or None)
            for certificate in _certificates_in(cadata) if cadata else ():
                self._store.add_cert(X509.from_cryptography(certificate))
        except (OpenSSL.SSL.Error, OpenSSL.crypto.Error, ValueError) as error:
            raise ssl.SSLError(f"unable to load trusted certificates: {error!r}") from error
        self._last["load_verify_locations"] = (cafile, capath, cadata)

    def load_cert_chain(
        self,
        certfile: str,
        keyfile: str | None = None,
        password: str | bytes | None = None,
    ) -> None:
        """Show this certificate; its key is in *keyfile*, or beside it.

        Raises ``ssl.SSLError`` if either cannot be loaded.
        """
        if self._was_last("load_cert_chain", (certfile, keyfile, password)):
            return
        try:
            self._ctx.use_certificate_chain_file(certfile)
            self._ctx.use_privatekey(_private_key(keyfile or certfile, password))
            self._ctx.check_privatekey()
        except (OpenSSL.SSL.Error, OSError, TypeError, ValueError) as error:
            raise ssl.SSLError(f"Unable to load certificate chain: {error!r}") from error
        self._last["load_cert_chain"] = (certfile, keyfile, password)

    def set_alpn_protocols(self, protocols: list[bytes | str]) -> None:
        """Offer these application protocols."""
        names = [name.encode("ascii") if isinstance(name, str) else name for name in protocols]
        if not self._was_last("set_alpn_protocols", names):
            self._ctx.set_alpn_protos(names)
            self._last["set_alpn_protocols"] = names

    def _was_last(self, method: str, arguments: object) -> bool:
        # A context is prepared for each connection; pyOpenSSL refuses all changes after the first.
        return self._last.get(method) == arguments

    def wrap_socket(
        self,
        sock: socket_cls,
        server_side: bool = False,  # noqa: ARG002  # in the place where ssl has it
        do_handshake_on_connect: bool = True,  # noqa: ARG002  # likewise
        suppress_ragged_eofs: bool = True,
        server_hostname: bytes | str | None = None,
    ) -> WrappedSocket:
        """Shake hands over *sock* as a client, with SNI unless *server_hostname* is an address.

        Raises ``ssl.SSLError`` if it fails, ``CertificateError`` if :attr:`check_hostname` is set
        and the certificate is for others, TimeoutError after the socket's timeout.
        """
        connection = OpenSSL.SSL.Connection(self._ctx, sock)
        if self._later_mode is not None:
            connection.set_verify(self._later_mode, _judge)
        if server_hostname and not ssl_.is_ipaddress(server_hostname):
            is_text = isinstance(server_hostname, str)
            connection.set_tlsext_host_name(
                server_hostname.encode() if is_text else server_hostname  # type: ignore[union-attr,arg-type]
            )
        connection.set_connect_state()
        try:
            _waiting(sock, "select timed out", connection.do_handshake)
        except OpenSSL.SSL.Error as error:
            raise ssl.SSLError(f"bad handshake: {error!r}") from error
        secured = WrappedSocket(connection, sock, suppress_ragged_eofs)
        if self.check_hostname and server_hostname:
            is_text = isinstance(server_hostname, str)
            match_hostname(
                secured.getpeercert(),
                server_hostname if is_text else server_hostname.decode(),  # type: ignore[union-attr,arg-type]
            )
        return secured


def _judge(
    connection: OpenSSL.SSL.Connection,  # noqa: ARG001  # handed over by OpenSSL
    certificate: X509,  # noqa: ARG001
    error: int,
    depth: int,  # noqa: ARG001
    verdict: int,  # noqa: ARG001
) -> bool:
    return error == 0


def _certificates_in(data: str | bytes) -> Iterator[x509.Certificate]:
    """The certificates in PEM text, or in DER bytes one after the other, as ``ssl`` takes them."""
    if isinstance(data, str):
        yield from x509.load_pem_x509_certificates(data.encode("ascii"))
        return
    while data:
        size = _der_size(data)
        yield x509.load_der_x509_certificate(data[:size])
        data = data[size:]


def _der_size(data: bytes) -> int:
    """Bytes in the first element of *data* (X.690, 8.1.3); all of them if that is malformed."""
    length = data[1] if len(data) > 1 else 0
    if length < 0x80:
        return 2 + length
    octets = length - 0x80
    return 2 + octets + int.from_bytes(data[2 : 2 + octets], "big")


def _private_key(path: str, password: str | bytes | None) -> typing.Any:
    pem = Path(path).read_bytes()
    secret = password.encode() if isinstance(password, str) else password
    try:
        return load_pem_private_key(pem, secret)
    except TypeError:
        if secret is None:
            raise
        return load_pem_private_key(pem, None)  # it is not encrypted, and all the better


def _waiting(
    sock: socket_cls, complaint: str, operation: Callable[..., _T], *args: typing.Any
) -> _T:
    """Do *operation*, waiting up to the timeout of *sock* whenever it has to."""
    while True:
        try:
            return operation(*args)
        except (OpenSSL.SSL.WantReadError, OpenSSL.SSL.WantWriteError) as error:  # noqa: PERF203
            writing = isinstance(error, OpenSSL.SSL.WantWriteError)
            wait = wait_for_write if writing else wait_for_read
            if not wait(sock, sock.gettimeout()):
                raise (TimeoutError(complaint) if complaint else TimeoutError()) from error


# ---------------------------------------------------------------- sockets


class WrappedSocket:
    """A socket secured by pyOpenSSL, with what this package uses of an ``ssl.SSLSocket``.

    :param suppress_ragged_eofs: take the end of the stream without notice for its end
    """

    def __init__(
        self,
        connection: OpenSSL.SSL.Connection,
        socket: socket_cls,
        suppress_ragged_eofs: bool = True,
    ) -> None:
        self.connection = connection
        self.socket = socket
        self.suppress_ragged_eofs = suppress_ragged_eofs
        self._io_refs = 0  # files over this socket, as makefile counts them
        self._closed = False
        self._at_end = False

    makefile = socket_cls.makefile

    def fileno(self) -> int:
        """The descriptor."""
        return self.socket.fileno()

    def settimeout(self, timeout: float | None) -> None:
        """Limit each wait, in seconds; None = no limit."""
        self.socket.settimeout(timeout)

    def gettimeout(self) -> float | None:
        """That limit."""
        return self.socket.gettimeout()

    # ------------------------------------------------------------ reading and writing

    def pending(self) -> int:
        """Bytes that are decrypted already and wait to be received."""
        return self.connection.pending()

    def recv(self, *args: typing.Any, **kwargs: typing.Any) -> bytes:
        """Receive as ``socket.recv``; nothing at the end.

        Raises OSError, ``ssl.SSLError``, and TimeoutError after the timeout.
        """
        return self._read(b"", lambda: self.connection.recv(*args, **kwargs))

    def recv_into(self, *args: typing.Any, **kwargs: typing.Any) -> int:
        """Receive as ``socket.recv_into``; see :meth:`recv`."""
        return self._read(0, lambda: self.connection.recv_into(*args, **kwargs))

    def _read(self, nothing: _T, operation: Callable[[], _T]) -> _T:
        if self._at_end:
            return nothing  # OpenSSL would complain of being asked again
        try:
            return _waiting(self.socket, "The read operation timed out", operation)
        except OpenSSL.SSL.ZeroReturnError:
            pass
        except OpenSSL.SSL.SysCallError as error:
            if not self.suppress_ragged_eofs or error.args != (-1, "Unexpected EOF"):
                raise OSError(error.args[0], str(error)) from error
        except OpenSSL.SSL.Error as error:
            raise ssl.SSLError(f"read error: {error!r}") from error
        self._at_end = True
        return nothing

    def sendall(self, data: bytes) -> None:
        """Send *data*.

        Raises OSError, ``ssl.SSLError``, and TimeoutError after the timeout.
        """
        with memoryview(data) as view, view.cast("B") as octets:
            sent = 0
            while sent < len(octets):
                sent += self._send(octets[sent : sent + SSL_WRITE_BLOCKSIZE])

    def _send(self, block: memoryview) -> int:
        try:
            return _waiting(self.socket, "", self.connection.send, block)
        except OpenSSL.SSL.SysCallError as error:
            raise OSError(error.args[0], str(error)) from error
        except OpenSSL.SSL.Error as error:
            raise ssl.SSLError(f"write error: {error!r}") from error

    # ------------------------------------------------------------ ending

    def shutdown(self, how: int) -> None:  # noqa: ARG002  # TLS ends as a whole
        """Tell the peer that nothing more will come; ``ssl.SSLError`` if that cannot be done."""
        try:
            self.connection.shutdown()
        except OpenSSL.SSL.Error as error:
            raise ssl.SSLError(f"shutdown error: {error!r}") from error

    def close(self) -> None:
        """Close the socket, as soon as all files over it are closed."""
        self._closed = True
        if self._io_refs <= 0:
            self._real_close()

    def _decref_socketios(self) -> None:
        # What a file that is closed calls.
        self._io_refs -= self._io_refs > 0
        if self._closed:
            self.close()

    def _real_close(self) -> None:
        try:
            self.connection.close()
        except OpenSSL.SSL.Error:
            return

    # ------------------------------------------------------------ the peer

    @typing.overload
    def getpeercert(
        self, binary_form: typing.Literal[False] = ...
    ) -> ssl_._TYPE_PEER_CERT_RET_DICT | None: ...

    @typing.overload
    def getpeercert(self, binary_form: typing.Literal[True]) -> bytes | None: ...

    def getpeercert(self, binary_form: bool = False) -> ssl_._TYPE_PEER_CERT_RET:
        """The peer's certificate: its names as ``ssl`` shows them, or in DER; None without one."""
        shown = self.connection.get_peer_certificate()
        if shown is None:
            return None
        certificate = shown.to_cryptography()
        if binary_form:
            return certificate.public_bytes(Encoding.DER)
        names: dict[str, typing.Any] = {
            "subject": ((("commonName", _common_name(certificate)),),),
            "subjectAltName": get_subj_alt_name(shown),
        }
        return typing.cast("ssl_._TYPE_PEER_CERT_RET_DICT", names)

    def version(self) -> str:
        """The protocol spoken, such as ``"TLSv1.3"``."""
        return self.connection.get_protocol_version_name()

    def selected_alpn_protocol(self) -> str | None:
        """The application protocol agreed on, if any."""
        agreed = self.connection.get_alpn_proto_negotiated()
        return agreed.decode() if agreed else None
