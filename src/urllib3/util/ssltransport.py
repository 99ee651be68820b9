"""TLS inside TLS: a secured socket over a socket that is secured itself."""

from __future__ import annotations

import io
import socket
import ssl
import typing

from ..exceptions import ProxySchemeUnsupported

if typing.TYPE_CHECKING:
    from types import TracebackType

    from .ssl_ import _TYPE_PEER_CERT_RET, _TYPE_PEER_CERT_RET_DICT

#: Bytes in one TLS record.
SSL_BLOCKSIZE = 16384

_RECEIVE = 4 * SSL_BLOCKSIZE  # bytes asked of the outer socket at a time

_T = typing.TypeVar("_T")


class SSLTransport:
    """What ``ssl.SSLSocket`` is to a plain socket, to one that cannot be wrapped again.

    :param socket: the outer secured socket
    :param ssl_context: must have ``wrap_bio``
    :param server_hostname: name for SNI and for the check of the certificate
    :param suppress_ragged_eofs: take the end of the outer stream for the end of this one

    The handshake is done at once; a failure leaves the outer socket open.
    """

    @staticmethod
    def _validate_ssl_context_for_tls_in_tls(ssl_context: ssl.SSLContext) -> None:
        """Raise ``ProxySchemeUnsupported`` unless *ssl_context* can do this."""
        if not hasattr(ssl_context, "wrap_bio"):
            raise ProxySchemeUnsupported(
                "TLS in TLS requires SSLContext.wrap_bio() which isn't "
                "available on non-native SSLContext"
            )

    def __init__(
        self,
        socket: socket.socket,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        suppress_ragged_eofs: bool = True,
    ) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.suppress_ragged_eofs = suppress_ragged_eofs
        self.socket = socket
        self.sslobj = ssl_context.wrap_bio(
            self.incoming, self.outgoing, server_hostname=server_hostname
        )
        self._io(self.sslobj.do_handshake)

    def __enter__(self) -> typing.Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------ the outer socket's

    def fileno(self) -> int:
        """Its descriptor."""
        return self.socket.fileno()

    def settimeout(self, value: float | None) -> None:
        """Limit each wait, in seconds."""
        self.socket.settimeout(value)

    def gettimeout(self) -> float | None:
        """The limit, in seconds."""
        return self.socket.gettimeout()

    def close(self) -> None:
        """Close it."""
        self.socket.close()

    def _decref_socketios(self) -> None:
        self.socket._decref_socketios()  # type: ignore[attr-defined]

    # ------------------------------------------------------------ the TLS object's

    @typing.overload
    def getpeercert(
        self, binary_form: typing.Literal[False] = False
    ) -> _TYPE_PEER_CERT_RET_DICT | None: ...

    @typing.overload
    def getpeercert(self, binary_form: typing.Literal[True]) -> bytes | None: ...

    def getpeercert(self, binary_form: bool = False) -> _TYPE_PEER_CERT_RET:
        """The peer's certificate, decoded or in DER."""
        return self.sslobj.getpeercert(binary_form)

    def version(self) -> str | None:
        """The TLS version."""
        return self.sslobj.version()

    def cipher(self) -> tuple[str, str, int] | None:
        """The cipher."""
        return self.sslobj.cipher()

    def selected_alpn_protocol(self) -> str | None:
        """The protocol agreed on."""
        return self.sslobj.selected_alpn_protocol()

    def shared_ciphers(self) -> list[tuple[str, str, int]] | None:
        """The ciphers both sides offer."""
        return self.sslobj.shared_ciphers()

    def compression(self) -> str | None:
        """The compression."""
        return self.sslobj.compression()

    def unwrap(self) -> None:
        """End TLS; the outer stream goes on."""
        self._io(self.sslobj.unwrap)

    # ------------------------------------------------------------ reading and writing

    def read(self, len: int = 1024, buffer: typing.Any = None) -> int | bytes:  # noqa: A002
        """Up to *len* bytes; their number if they go into *buffer*."""
        try:
            if buffer is not None:
                return self._io(self.sslobj.read, len, buffer)
            return self._io(self.sslobj.read, len)
        except ssl.SSLError as error:
            if error.errno == ssl.SSL_ERROR_EOF and self.suppress_ragged_eofs:
                return 0 if buffer is not None else b""
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> int | bytes:
        """Up to *buflen* bytes."""
        _no_flags(flags, "recv")
        return self.read(buflen)

    def recv_into(
        self, buffer: typing.Any, nbytes: int | None = None, flags: int = 0
    ) -> int | bytes:
        """Fill *buffer* as far as there is something; the number of bytes."""
        _no_flags(flags, "recv_into")
        if nbytes is None:
            nbytes = len(buffer)
        return self.read(nbytes, buffer)

    def send(self, data: bytes, flags: int = 0) -> int:
        """Send some of *data*; the number of bytes."""
        _no_flags(flags, "send")
        return self._io(self.sslobj.write, data)

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Send *data*."""
        _no_flags(flags, "sendall")
        with memoryview(data) as view, view.cast("B") as rest:
            sent = 0
            while sent < len(rest):
                sent += self._io(self.sslobj.write, rest[sent:])

    def _io(self, operation: typing.Callable[..., _T], *args: typing.Any) -> _T:
        """Do *operation*, carrying between the TLS object and the outer socket what it calls for."""
        while True:
            wants_more = False
            result: typing.Any = None
            try:
                result = operation(*args)
            except ssl.SSLWantReadError:
                wants_more = True
            finally:
                # Also when it failed: the alert that says why is waiting.
                if self.outgoing.pending:
                    self.socket.sendall(self.outgoing.read())
            if not wants_more:
                return typing.cast(_T, result)
            received = self.socket.recv(_RECEIVE)
            if received:
                self.incoming.write(received)
            else:
                self.incoming.write_eof()

    # ------------------------------------------------------------ files

    def makefile(
        self,
        mode: str,
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> typing.Any:
        """A file over this socket, as ``socket.makefile`` makes it; it keeps the socket open."""
        if not set(mode) <= {"r", "w", "b"}:
            raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
        writing = "w" in mode
        reading = "r" in mode or not writing
        binary = "b" in mode
        raw = socket.SocketIO(
            typing.cast(typing.Any, self),
            typing.cast(typing.Any, "r" * reading + "w" * writing),
        )
        self.socket._io_refs += 1  # type: ignore[attr-defined]
        if buffering is None or buffering < 0:
            buffering = io.DEFAULT_BUFFER_SIZE
        if buffering == 0:
            if not binary:
                raise ValueError("unbuffered streams must be binary")
            return raw
        buffered = _buffered(raw, reading, writing, buffering)
        if binary:
            return buffered
        text = io.TextIOWrapper(buffered, encoding, errors, newline)
        text.mode = mode  # type: ignore[misc]
        return text


def _buffered(raw: socket.SocketIO, reading: bool, writing: bool, size: int) -> typing.Any:
    if reading and writing:
        return io.BufferedRWPair(raw, raw, size)
    return io.BufferedReader(raw, size) if reading else io.BufferedWriter(raw, size)


def _no_flags(flags: int, name: str) -> None:
    if flags != 0:
        raise ValueError(f"non-zero flags not allowed in calls to {name}")
