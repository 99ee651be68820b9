"""Decoded bytes on their way to the reader, and the errors of reading as the reader sees them."""

from __future__ import annotations

import collections
import typing
from http.client import HTTPException

from .._optional import BaseSSLError
from ..exceptions import IncompleteRead, ProtocolError, ReadTimeoutError, SSLError

if typing.TYPE_CHECKING:
    from .._typing import ConnectionPool


def translate(error: BaseException, pool: ConnectionPool | None) -> BaseException:
    """What the reader of a response sees of *error*, struck while its body was read."""
    seen: BaseException
    if isinstance(error, TimeoutError):
        seen = ReadTimeoutError(typing.cast("ConnectionPool", pool), None, "Read timed out.")
    elif isinstance(error, BaseSSLError):
        seen = SSLError(error)
    elif isinstance(error, IncompleteRead) and error.expected == -error.partial:
        seen = ProtocolError("Response may not contain content.", error)
    elif isinstance(error, (HTTPException, OSError)):
        seen = ProtocolError(f"Connection broken: {error!r}", error)
    else:
        return error
    seen.__cause__ = error
    return seen


class BytesQueueBuffer:
    """Bytes in the order they came, taken out in whatever sizes, and hardly ever copied."""

    def __init__(self) -> None:
        self.buffer: collections.deque[bytes | memoryview] = collections.deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, data: bytes) -> None:
        """Add *data* at the end."""
        self.buffer.append(data)
        self._size += len(data)

    def get(self, n: int) -> bytes:
        """Take up to *n* bytes; RuntimeError if there are none, ValueError for a negative *n*."""
        if n == 0:
            return b""
        if not self.buffer:
            raise RuntimeError("buffer is empty")
        if n < 0:
            raise ValueError("n should be > 0")
        first = self.buffer[0]
        if len(first) == n and isinstance(first, bytes):
            self._size -= n
            self.buffer.popleft()
            return first
        pieces: list[bytes | memoryview] = []
        missing = n
        while missing and self.buffer:
            piece = self.buffer.popleft()
            if len(piece) > missing:
                # Kept as a view: the rest is not copied for each bit that is taken.
                view = memoryview(piece)
                self.buffer.appendleft(view[missing:])
                piece = view[:missing]
            pieces.append(piece)
            missing -= len(piece)
        self._size -= n - missing
        return b"".join(pieces)

    def get_all(self) -> bytes:
        """Take everything."""
        pieces, self.buffer, self._size = self.buffer, collections.deque(), 0
        if len(pieces) == 1 and isinstance(pieces[0], bytes):
            return pieces[0]
        return b"".join(pieces)
