"""TLS inside TLS: what ``ssl.SSLSocket`` is to a plain socket, over one that is secured itself.

OpenSSL reads from one buffer in memory and writes to another; this carries between them and the
outer socket, which is the only thing here that waits.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import typing

from ..exceptions import ProxySchemeUnsupported

if typing.TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from .._typing import _TYPE_PEER_CERT_RET, _TYPE_PEER_CERT_RET_DICT

#: Bytes that fit into one TLS record, and so all that the outer socket gives at a time.
SSL_BLOCKSIZE = 16384

# Bytes gathered before they go to the outer socket: its records need not end where ours do.
_SEND_AT = 4 * SSL_BLOCKSIZE

_T = typing.TypeVar("_T")


class SSLTransport:
    """A secured stream within the secured stream of *socket*.

    :param socket: the outer socket
    :param ssl_context: one that has ``wrap_bio``
    :param server_hostname: name for SNI and for the check of the certificate
    :param suppress_ragged_eofs: take the end of the outer stream for the end of this one; else it
        is an ``ssl.SSLEOFError``

    The handshake is done here.  Raises ``ssl.SSLError`` if it fails, with *socket* left open.
    """

    @staticmethod
    def _validate_ssl_context_for_tls_in_tls(ssl_context: ssl.SSLContext) -> None:
        """Raise ``ProxySchemeUnsupported`` if *ssl_context* can wrap nothing but sockets."""
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
        self.socket = socket
        self.suppress_ragged_eofs = suppress_ragged_eofs
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._decrypted = b""  # by _pending(), and not yet read
        self.sslobj = ssl_context.wrap_bio(
            self.incoming, self.outgoing, server_hostname=server_hostname
        )
        self._ssl_io_loop(self.sslobj.do_handshake)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ carrying

    def _ssl_io_loop(
        self,
        func: Callable[..., _T],
        arg1: bytes | int | None = None,
        arg2: bytearray | memoryview | None = None,
    ) -> _T:
        """Do *func* of the TLS object, and send what it says to the peer.

        :param arg1: for *func*; None = it takes no argument, unless there is *arg2*
        """
        args = () if arg1 is None and arg2 is None else (arg1,) if arg2 is None else (arg1, arg2)
        result = self._advance(func, *args)
        self._flush()
        return result

    def _advance(self, operation: Callable[..., _T], *args: typing.Any) -> _T:
        """Do *operation*, waiting for the peer as often as it wants; what it says stays here."""
        while True:
            try:
                return operation(*args)
            except ssl.SSLWantReadError:  # noqa: PERF203  # each turn waits for the network
                self._flush()
                self._receive()
            except ssl.SSLError:
                # The alert that tells the peer why; what went wrong is more important than that.
                with contextlib.suppress(OSError):
                    self._flush()
                raise

    def _flush(self) -> None:
        if self.outgoing.pending:
            self.socket.sendall(self.outgoing.read())

    def _receive(self) -> None:
        received = self.socket.recv(SSL_BLOCKSIZE)
        if received:
            self.incoming.write(received)
        else:
            self.incoming.write_eof()

    # ------------------------------------------------------------ reading

    # Private: a program can see by a public one that this is no socket.
    def _pending(self) -> int:
        """How many bytes can be read without waiting for the peer; 1 if its end is what comes.

        Several records may have come at once, so what has come is decrypted to see what it is.
        """
        while not (waiting := len(self._decrypted) + self.sslobj.pending()):
            outer = getattr(self.socket, "pending", None)
            if not self.incoming.pending and not (outer and outer()):
                return 0
            try:
                self._decrypted = self.sslobj.read(SSL_BLOCKSIZE)
            except ssl.SSLWantReadError:
                if not (outer and outer()):
                    return 0
                self._receive()
            except ssl.SSLError:
                return 1
            else:
                if not self._decrypted:
                    return 1
        return waiting

    def read(self, len: int = 1024, buffer: bytearray | memoryview | None = None) -> int | bytes:  # noqa: A002
        """Receive at most *len* bytes; with a *buffer*, put them there and return their number."""
        if self._decrypted and len:
            taken, self._decrypted = self._decrypted[:len], self._decrypted[len:]
            if buffer is None:
                return taken
            size = memoryview(taken).nbytes
            memoryview(buffer).cast("B")[:size] = taken
            return size
        try:
            return self._ssl_io_loop(self.sslobj.read, len, buffer)
        except ssl.SSLError as error:
            if error.errno == ssl.SSL_ERROR_EOF and self.suppress_ragged_eofs:
                return 0 if buffer is not None else b""
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> int | bytes:
        """Receive at most *buflen* bytes; none at the end."""
        _forbid(flags, "recv")
        return self.read(buflen)

    def recv_into(
        self, buffer: bytearray | memoryview, nbytes: int | None = None, flags: int = 0
    ) -> int | bytes:
        """Receive at most *nbytes* bytes, by default as many as fit, and return their number."""
        _forbid(flags, "recv_into")
        return self.read(len(buffer) if nbytes is None else nbytes, buffer)

    # ------------------------------------------------------------ writing

    def send(self, data: bytes, flags: int = 0) -> int:
        """Send some of *data* and return how many bytes."""
        _forbid(flags, "send")
        return self._ssl_io_loop(self.sslobj.write, data)

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Send *data*."""
        _forbid(flags, "sendall")
        # Off when somebody has a loop of their own, which then sees each write.
        is_ours = getattr(self._ssl_io_loop, "__func__", None) is _OUR_LOOP
        write: Callable[..., int] = self._advance if is_ours else self._ssl_io_loop
        with memoryview(data) as view, view.cast("B") as octets:
            sent = 0
            while sent < len(octets):
                # One call makes one record, too small a thing to bother the outer socket with.
                sent += write(self.sslobj.write, octets[sent:])
                if self.outgoing.pending >= _SEND_AT:
                    self._flush()
        self._flush()

    # ------------------------------------------------------------ files

    def makefile(
        self,
        mode: str,
        buffering: int | None = None,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> typing.BinaryIO | typing.TextIO | socket.SocketIO:
        """A file over this stream; see ``socket.socket.makefile``.  It keeps the socket open."""
        if set(mode) - {"r", "w", "b"}:
            raise ValueError(f"invalid mode {mode!r} (only r, w, b allowed)")
        writing = "w" in mode
        reading = "r" in mode or not writing
        binary = "b" in mode
        if buffering == 0 and not binary:
            raise ValueError("unbuffered streams must be binary")
        size = io.DEFAULT_BUFFER_SIZE if buffering is None or buffering < 0 else buffering
        stream: typing.Any = self
        raw_mode: typing.Any = "r" * reading + "w" * writing
        raw = socket.SocketIO(stream, raw_mode)
        self.socket._io_refs += 1  # type: ignore[attr-defined]  # counted by socket.close()
        if size == 0:
            return raw
        buffered: typing.Any = _buffered(raw, size)
        if binary:
            return typing.cast("typing.BinaryIO", buffered)
        text = io.TextIOWrapper(buffered, encoding, errors, newline)
        text.mode = mode  # type: ignore[misc]
        return text

    def _decref_socketios(self) -> None:
        # What a file that is closed calls.
        self.socket._decref_socketios()  # type: ignore[attr-defined]

    # ------------------------------------------------------------ as of the outer socket

    def fileno(self) -> int:
        """The outer socket's descriptor."""
        return self.socket.fileno()

    def settimeout(self, value: float | None) -> None:
        """Limit each wait of the outer socket, in seconds; None = no limit."""
        self.socket.settimeout(value)

    def gettimeout(self) -> float | None:
        """That limit."""
        return self.socket.gettimeout()

    def close(self) -> None:
        """Close the outer socket, once the files over this stream are closed."""
        self.socket.close()

    # ------------------------------------------------------------ as of any TLS socket

    def unwrap(self) -> None:
        """End this stream in good order (RFC 8446, 6.1); the outer one goes on."""
        self._ssl_io_loop(self.sslobj.unwrap)

    @typing.overload
    def getpeercert(
        self, binary_form: typing.Literal[False] = ...
    ) -> _TYPE_PEER_CERT_RET_DICT | None: ...

    @typing.overload
    def getpeercert(self, binary_form: typing.Literal[True]) -> bytes | None: ...

    def getpeercert(self, binary_form: bool = False) -> _TYPE_PEER_CERT_RET:
        """The peer's certificate: a dict, empty if it was not verified, or in DER."""
        shown: typing.Any = self.sslobj.getpeercert(binary_form)
        return typing.cast("_TYPE_PEER_CERT_RET", shown)

    def version(self) -> str | None:
        """The protocol spoken, such as ``"TLSv1.3"``."""
        return self.sslobj.version()

    def cipher(self) -> tuple[str, str, int] | None:
        """Name, protocol and secret bits of the cipher in use."""
        return self.sslobj.cipher()

    def selected_alpn_protocol(self) -> str | None:
        """The application protocol agreed on."""
        return self.sslobj.selected_alpn_protocol()

    def shared_ciphers(self) -> list[tuple[str, str, int]] | None:
        """The ciphers both ends have; None on the client's side."""
        return self.sslobj.shared_ciphers()

    def compression(self) -> str | None:
        """The compression in use."""
        return self.sslobj.compression()


_OUR_LOOP = SSLTransport._ssl_io_loop


def _buffered(raw: socket.SocketIO, size: int) -> typing.Any:
    if raw.readable() and raw.writable():
        return io.BufferedRWPair(raw, raw, size)
    return io.BufferedReader(raw, size) if raw.readable() else io.BufferedWriter(raw, size)


def _forbid(flags: int, method: str) -> None:
    if flags:
        raise ValueError(f"non-zero flags not allowed in calls to {method}")
