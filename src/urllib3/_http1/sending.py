"""A body on its way out while nobody looks on: what ``http.client`` sends, in fewer calls.

What a program makes as it goes is sent as soon as it is there.  Only a file in memory or on a disk,
which never keeps its reader waiting, is read ahead.
"""

from __future__ import annotations

import io
import os
import socket
import stat
import sys
import typing

from ..util.request import FileBlocks

if typing.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_AT_ONCE = 1 << 19  # bytes of a file that are read and sent at a time
_WORTH_SENDFILE = 1 << 16  # bytes; below, it costs more than it saves
_WORTH_GATHERING = 1 << 10  # bytes of a piece on average; below, joining them costs less
_MOST_PIECES = 1024  # in one call: IOV_MAX of Linux, macOS and the BSDs
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
    if type(chunks) is FileBlocks and _is_at_hand(chunks.file):
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
        outlet.flush()  # the first piece may take long
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
    """Whether reading *file* never waits for anybody, and nobody has a hand in it."""
    return type(file) is io.BytesIO or (
        type(file) is io.BufferedReader
        and type(file.raw) is io.FileIO
        and stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    )


def _read_ahead(blocks: FileBlocks, chunked: bool) -> Iterator[list[bytes | memoryview]]:
    """The pieces to send of a file at hand, several blocks at a time, each block a chunk."""
    size = blocks.blocksize
    while data := blocks.file.read(max(1, _AT_ONCE // size) * size):
        if chunked:
            view = memoryview(data)
            yield [
                piece for at in range(0, len(data), size) for piece in _framed(view[at : at + size])
            ]
        else:
            yield [data]


class _Outlet:
    """Where the bytes of one request go, its head along with the first of its body."""

    def __init__(self, conn: typing.Any, head: bytes) -> None:
        self._conn = conn
        self._sock = conn.sock
        self._ahead: list[bytes | memoryview] = [head]
        #: TLS, and what stands for sockets, take one piece after the other.
        self._takes_several = type(self._sock) is _Socket and hasattr(self._sock, "sendmsg")

    def send(self, pieces: list[bytes | memoryview]) -> None:
        """Send what the *pieces* are together."""
        for piece in pieces:
            sys.audit("http.client.send", self._conn, piece)
        if self._takes_several:
            pieces, self._ahead = self._ahead + pieces, []
            _send_all(self._sock, pieces)
        else:
            self.flush()
            self._sock.sendall(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def flush(self) -> None:
        """Send the head, if it has not gone."""
        if self._ahead:
            self._sock.sendall(self._ahead.pop())

    def send_from_disk(self, file: io.BufferedReader | io.BytesIO) -> bool:
        """Have the system send the rest of *file*; False if it cannot, or it is not worth it."""
        if type(file) is io.BytesIO or not self._takes_several or not hasattr(os, "sendfile"):
            return False
        start = file.tell()
        # As long as it is now: should it grow meanwhile, what is added belongs to no body.
        size = os.fstat(file.fileno()).st_size - start
        if size < _WORTH_SENDFILE:
            return False
        self.flush()
        sys.audit("http.client.send", self._conn, file)
        self._sock.sendfile(file, start, size)
        return True


def _send_all(sock: socket.socket, pieces: list[bytes | memoryview]) -> None:
    """What ``sendall`` does, of several pieces and, if they are long, without joining them."""
    missing = sum(map(len, pieces))
    if missing < len(pieces) * _WORTH_GATHERING:
        sock.sendall(b"".join(pieces))
        return
    while missing:
        sent = sock.sendmsg(pieces[:_MOST_PIECES])
        missing -= sent
        while missing and sent >= len(pieces[0]):
            sent -= len(pieces.pop(0))
        if missing:
            pieces[0] = memoryview(pieces[0])[sent:]
