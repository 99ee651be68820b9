"""The body of a request, sent in fewer calls than ``http.client`` makes for the same bytes.

Knows sockets and kinds of bodies; used only where no step of sending is patched or overridden.  The
rule: a piece that a program produces is sent as soon as it is there.  Only a file in memory or on a
disk, which never makes its reader wait, is read ahead.  ``tests/http1/test_bulk_uploads.py``
compares with the steps of ``http.client``.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import stat
import sys
import typing

from .. import _seams
from ..util.request import FileBlocks
from ..util.wait import wait_for_read, wait_for_socket
from .receiver import NOTHING_YET, Receiver

try:
    import ssl

    _TlsSocket: typing.Any = ssl.SSLSocket
except ImportError:
    _TlsSocket = None

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_AT_ONCE = 1 << 19  # bytes of a file that are read and sent at a time
_MIN_SENDFILE = 1 << 16  # bytes; below, it costs more than it saves
_MIN_GATHERED = 1 << 10  # bytes of a piece on average; below, joining them costs less
_MAX_PIECES = 1024  # in one call: IOV_MAX of Linux, macOS and the BSDs
_MAX_SENDFILE = 1 << 30  # bytes at a time
_LAST_CHUNK = b"0\r\n\r\n"

# Taken at import: httpretty and mocket replace the name after, with sockets of their own.
_Socket = socket.socket


def send_body(
    conn: typing.Any, head: bytes, chunks: Iterable[typing.Any] | None, chunked: bool
) -> None:
    """Send the head of a request, audited already, and its body over the open connection *conn*.

    :param chunks: the body in pieces: bytes, buffers, or str to be sent as UTF-8
    :param chunked: each piece becomes a chunk (RFC 9112, 7.1)

    Raises what the socket and the iterable raise.
    """
    outlet = _Outlet(conn, head)
    with outlet.watching():
        _send_pieces(outlet, chunks, chunked)


def _send_pieces(outlet: _Outlet, chunks: Iterable[typing.Any] | None, chunked: bool) -> None:
    if type(chunks) is FileBlocks and _is_at_hand(chunks.file):
        outlet.conn._body_begun = True
        if chunked or not outlet.send_from_disk(chunks.file):
            for pieces in _read_ahead(chunks, chunked):
                outlet.send(pieces)
    else:
        _send_as_made(outlet, chunks or (), chunked)
    if chunked:
        outlet.send([_LAST_CHUNK])
    outlet.flush()


def _send_as_made(outlet: _Outlet, chunks: Iterable[typing.Any], chunked: bool) -> None:
    if type(chunks) is not tuple:
        outlet.flush_before_body()  # the first piece may take long
    for chunk in chunks:
        if chunk:  # an empty chunk would end a chunked body
            data = _as_bytes(chunk)
            outlet.send(_framed(data) if chunked else [data])


def _as_bytes(chunk: typing.Any) -> bytes | memoryview:
    if type(chunk) is bytes:
        return chunk
    if isinstance(chunk, str):
        return chunk.encode("utf-8")
    view = memoryview(chunk)
    return view if view.format == "B" and view.ndim == 1 and view.contiguous else view.tobytes()


def _framed(data: bytes | memoryview) -> list[bytes | memoryview]:
    return [b"%x\r\n" % len(data), data, b"\r\n"]


def _is_at_hand(file: typing.Any) -> bool:
    """Whether reading *file* never blocks, and runs no code of the program."""
    return type(file) is io.BytesIO or (
        type(file) is io.BufferedReader
        and type(file.raw) is io.FileIO
        and stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    )


def _read_ahead(blocks: FileBlocks, chunked: bool) -> Iterator[list[bytes | memoryview]]:
    """The pieces of such a file, several blocks at a time; if *chunked*, each block is a chunk."""
    size = blocks.blocksize
    while data := blocks.file.read(max(1, _AT_ONCE // size) * size):
        if chunked:
            view = memoryview(data)
            yield [
                piece
                for start in range(0, len(data), size)
                for piece in _framed(view[start : start + size])
            ]
        else:
            yield [data]


class _Outlet:
    """Sends the bytes of one request, the head together with the beginning of the body."""

    _watches = True

    def __init__(self, conn: typing.Any, head: bytes) -> None:
        self.conn = conn
        self._sock = conn.sock
        self._ahead: list[bytes | memoryview] = [head]
        kind = type(self._sock)
        #: Whether it is a true socket, on which ``send`` may stand for ``sendall``.
        self._is_known = kind in (_Socket, _TlsSocket) and not _seams.sendall_patched(self._sock)
        #: TLS sockets, and objects that are no true sockets, take one piece at a time.
        self._takes_several = self._is_known and kind is _Socket and hasattr(self._sock, "sendmsg")
        self._timeout: float | None = None
        #: What the answer is received by while the request is being sent; None if nobody watches.
        self._receiver: Receiver | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for an answer whenever sending has to wait: the peer may refuse the rest.

        Then the rest is not sent, and the connection ends with the answer.  TLS in TLS and objects
        that are no true sockets, or whose ``sendall`` is patched, send without looking.
        """
        sock = self._sock
        if not self._is_known:
            yield
            return
        receiver = self.conn._receiver
        if receiver is None or receiver.sock is not sock:
            receiver = self.conn._receiver = Receiver(sock)
        self._receiver = receiver
        self._timeout = sock.gettimeout()
        sock.settimeout(0)
        try:
            yield
        except _Refused:
            self.conn._stopped_sending()
        finally:
            sock.settimeout(self._timeout)

    def _push(self, data: bytes | memoryview) -> None:
        """Send all of *data*."""
        if self._receiver is None:
            self._sock.sendall(data)
            return
        with memoryview(data) as view:
            sent = 0
            while sent < len(view):
                sent += self._some(self._sock.send, view[sent:])

    def _some(self, send: Callable[..., int], *args: typing.Any) -> int:
        """Do *send*, which sends some; 0 if it has to be tried again."""
        try:
            return send(*args)
        except NOTHING_YET:
            self._wait()
            return 0
        except OSError:
            # The peer has closed: what it has said before counts for more than that.
            receiver = typing.cast("Receiver", self._receiver)
            with contextlib.suppress(OSError):
                while wait_for_read(self._sock, 0) and receiver.receive_early():
                    pass
            if receiver.has_refusal():
                raise _Refused from None
            raise

    def _wait(self) -> None:
        receiver = typing.cast("Receiver", self._receiver)
        if not wait_for_socket(self._sock, self._watches, True, self._timeout):
            plain = type(self._sock) is _Socket
            raise TimeoutError("timed out" if plain else "The write operation timed out")
        if self._watches and wait_for_read(self._sock, 0):
            self._watches = receiver.receive_early()
            if receiver.has_refusal():
                raise _Refused

    def send(self, pieces: list[bytes | memoryview]) -> None:
        """Send all *pieces*, in their order."""
        for piece in pieces:
            sys.audit("http.client.send", self.conn, piece)
        if self._takes_several:
            pieces, self._ahead = self._ahead + pieces, []
            self._send_several(pieces)
        else:
            self.flush()
            self._push(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def flush(self) -> None:
        """Send the head, unless it has been sent."""
        if self._ahead:
            self._push(self._ahead.pop())

    def flush_before_body(self) -> None:
        """Send the head, and note that the body is begun: what was taken of it may be gone."""
        self.conn._body_begun = False
        self.flush()
        self.conn._body_begun = True

    def send_from_disk(self, file: io.BufferedReader | io.BytesIO) -> bool:
        """Have the system send the rest of *file*; False if it cannot, or if that costs more."""
        if type(file) is io.BytesIO or not self._takes_several or not hasattr(os, "sendfile"):
            return False
        start = file.tell()
        # Its length now is the length of the body: what is appended meanwhile is not part of it.
        size = os.fstat(file.fileno()).st_size - start
        if size < _MIN_SENDFILE:
            return False
        self.flush()
        sys.audit("http.client.send", self.conn, file)
        end = start + size
        while start < end:
            count = min(end - start, _MAX_SENDFILE)
            sent = self._some(os.sendfile, self._sock.fileno(), file.fileno(), start, count)
            start += sent
            if not sent and os.fstat(file.fileno()).st_size <= start:
                break  # the file has shrunk
        file.seek(start)
        return True

    def _send_several(self, pieces: list[bytes | memoryview]) -> None:
        """``sendall`` for several pieces, which are not joined if they are long."""
        missing = sum(map(len, pieces))
        if missing < len(pieces) * _MIN_GATHERED:
            self._push(b"".join(pieces))
            return
        while missing:
            sent = self._some(self._sock.sendmsg, pieces[:_MAX_PIECES])
            missing -= sent
            while missing and sent >= len(pieces[0]):
                sent -= len(pieces.pop(0))
            if missing:
                pieces[0] = memoryview(pieces[0])[sent:]


class _Refused(Exception):  # noqa: N818  # it is no error: the answer is there
    """The peer has answered, and will not read the rest of the request."""
