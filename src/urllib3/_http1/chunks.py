"""Chunked coding (RFC 9112, 7.1): the one place that knows where a chunk begins and ends.

What is left of the chunk that is being read is counted once, in ``chunk_left``, as ``http.client``
does: None where the line of a size comes next, 0 where the line end behind a chunk does.  ``read``,
``read1``, ``readinto``, ``stream`` and ``read_chunked`` all go by it, so they may follow each other
in any order.
"""

from __future__ import annotations

import http.client
import io
import struct
import typing

from . import syntax

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

    from .receiver import Receiver

_RECORD = 1 << 14  # bytes; a chunk up to here is received together with its end
MIN_RUN = 4  # chunks of one size in hand; fewer are read one by one


class ChunkedBody(http.client.HTTPResponse):
    """What an ``http.client`` response needs to read a body in chunks from a :class:`Receiver`."""

    receiver: Receiver
    will_close: bool
    chunk_left: int | None = None

    def _close_conn(self) -> None:
        raise NotImplementedError

    def _safe_read(self, amt: int) -> bytes:
        raise NotImplementedError

    def run_of_chunks(self, size: int) -> Iterator[bytes]:
        """The chunks that are here in full, each followed by the beginning of one of its size.

        The line of the size of the first has just been read by :meth:`read_size`.  None come if
        there are too few, and nothing has changed then.  Behind each that was yielded others may
        read on; then no more come.  Saves three calls for each chunk (chunked1k in
        docs/benchmarks.md); compared with the steps in tests/body/test_bulk_bodies.py.
        """
        receiver = self.receiver
        block, start = receiver.pending, receiver.at
        if len(block) - start < size * MIN_RUN:
            return
        between = receiver.between_chunks()
        if not block.startswith(between, start + size):
            return
        self.chunk_left = None
        stride = size + len(between)
        at = start - len(between) + 2  # where the line of its size begins
        count = (len(block) - start) // stride
        with memoryview(block)[start : start + count * stride] as alike:
            for data, end in struct.iter_unpack(f"{size}s{len(between)}s", alike):
                if end != between:
                    return
                receiver.at = at = at + stride
                yield data
                if receiver.at != at or receiver.pending is not block:
                    return

    def read_size(self) -> int | None:
        """Read the line that begins a chunk, straight from the receiver: the size, 0 for the last.

        None if a chunk has been begun, or if anything is wrong with the line; then nothing has
        changed but that it has been received.  Saves most calls of the response's own step, which
        reads it again and raises its own errors.  For whoever has found that ``is_bare`` holds;
        compared with the steps in tests/body/test_bulk_bodies.py.
        """
        if self.chunk_left is not None:
            return None
        receiver = self.receiver
        most = syntax.max_line()
        line = receiver.readline(most + 1)
        try:
            size = syntax.chunk_size(line)
        except ValueError:
            size = -1
        if size < 0 or len(line) > most:
            receiver.at -= len(line)
            return None
        self.chunk_left = size or None
        return size

    def read_chunk(self, left: int) -> bytes | None:
        """The *left* bytes of a chunk, past its end, in one go; None if it takes more than that."""
        receiver = self.receiver
        pending, at = receiver.pending, receiver.at
        end = at + left
        if pending.startswith(b"\r\n", end):
            receiver.at = end + 2
        elif left > _RECORD:
            return None  # one copy for the sake of one call does not pay
        else:
            data = receiver.read(left + 2)
            if len(data) < left + 2 or not data.endswith(b"\r\n"):
                receiver.put_back(data)
                return None
            self.chunk_left = None
            return data[:left]
        self.chunk_left = None
        return pending[at:end]

    def _all_chunks(self) -> bytes:
        """The rest of a body in chunks."""
        whole = io.BytesIO()
        try:
            if self.chunk_left:
                whole.write(self._safe_read(self.chunk_left))
                self.chunk_left = 0
            while (left := self._get_chunk_left()) is not None:
                self._copy_chunks(left, whole)
                self.chunk_left = 0
        except http.client.IncompleteRead as error:
            raise http.client.IncompleteRead(whole.getvalue()) from error
        return whole.getvalue()

    def _copy_chunks(self, left: int, whole: io.BytesIO) -> None:
        """Copy a chunk, and those behind it that are here and of its size; the last CRLF is left.

        Saves a copy of each chunk, and the calls that :meth:`run_of_chunks` saves.  For whoever has
        found that ``is_bare`` holds; compared in tests/body/test_bulk_bodies.py.
        """
        receiver = self.receiver
        start, end = receiver.at, receiver.at + left
        if end < len(receiver.pending):
            between = receiver.between_chunks()
            with memoryview(receiver.pending) as block:
                while receiver.pending.startswith(between, end):
                    whole.write(block[start:end])
                    start, end = end + len(between), end + len(between) + left
            receiver.at = start
        whole.write(self._safe_read(left))

    # The parent reads a chunked body by calling these three.  They hold the bounds and the strict
    # syntax, so that its read(), readinto() and read1() obey them, patched or not.

    def _get_chunk_left(self) -> int | None:
        left = self.chunk_left
        if left:
            return left
        if left is not None and not syntax.ends_chunk(self._safe_read(2)):
            self._close_conn()
            raise http.client.IncompleteRead(b"")
        try:
            left = self._read_next_chunk_size()
        except ValueError as error:
            raise syntax.MalformedMessage(str(error)) from None
        if left == 0:
            self._read_and_discard_trailer()
            self._close_conn()
            left = None
        self.chunk_left = left
        return left

    def _read_next_chunk_size(self) -> int:
        most = syntax.max_line()
        line = self.receiver.readline(most + 1)
        if len(line) > most:
            raise http.client.LineTooLong("chunk size")
        try:
            return syntax.chunk_size(line)
        except ValueError:
            self.will_close = True
            self._close_conn()
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(b"") from None  # the stream has ended
            raise

    def _read_and_discard_trailer(self) -> None:
        try:
            discard_trailers(self.receiver.readline)
        except TooManyTrailersError as error:
            raise http.client.HTTPException(str(error)) from None


class TooManyTrailersError(Exception):
    """There are more trailer lines than any server sends."""


def discard_trailers(readline: typing.Callable[[int], bytes]) -> None:
    """Read the lines behind the last chunk, up to the empty one or the end of the stream.

    Raises ``http.client.LineTooLong`` or :class:`TooManyTrailersError`.
    """
    most = syntax.max_line()
    for _ in range(syntax.MAX_TRAILERS + 1):
        line = readline(most + 1)
        if len(line) > most:
            raise http.client.LineTooLong("trailer line")
        if line in (b"\r\n", b"\n", b""):
            return
    raise TooManyTrailersError(f"got more than {syntax.MAX_TRAILERS} trailer lines")
