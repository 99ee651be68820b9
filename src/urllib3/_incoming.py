"""The receiving end of a connection, and the ``http.client`` response that reads from it.

A response never makes a file of its own from the socket: it borrows the connection's
:class:`Receiver`, which hands over head and body straight from what ``recv`` brings.  A buffered
file appears only when somebody asks for one, because a program walks ``response._fp.fp.raw._sock``;
from then on everything is read through it.
"""

from __future__ import annotations

import http.client
import io
import socket
import types
import typing

from . import _wire
from .util.wait import readable_now

if typing.TYPE_CHECKING:
    from collections.abc import Callable

_RECEIVE = 65536  # bytes asked of the socket at a time while reading a head
_WORTH_KEEPING = 4096  # bytes of a head
# Bytes of an announced body that are read into one piece.  The system sets memory aside as it is
# filled; beyond, a body is collected in pieces that double (CVE-2025-13836).
_AT_ONCE = 1 << 28
_FIRST_PIECE = 1 << 20
_BIG_PIECE = 1 << 15
_AHEAD = 1 << 18  # bytes asked of the socket at a time while a body is read in small pieces
_RECORD = 1 << 14  # bytes that TLS hands out at a time (RFC 8446, 5.1); room for more is wasted
# Up to here a body is received piece by piece, beyond into memory set aside for it.
_IN_PIECES = 1 << 18

# Taken at import: gevent and eventlet patch before it, httpretty and mocket replace the name after.
_Socket = socket.socket


class Receiver:
    """What has been received on one connection and not yet been consumed, and the way to more.

    :param sock: the connected socket.  What is no true socket is read through its ``makefile``
        alone, for that is what test doubles provide (the ``recv`` of httpretty's goes elsewhere).
    """

    __slots__ = (
        "_block",
        "_file",
        "_head",
        "_held",
        "_limit",
        "_most",
        "_readable",
        "_recv",
        "at",
        "closed",
        "pending",
        "shutdown",
        "sock",
    )

    def __init__(self, sock: typing.Any) -> None:
        self.sock = sock
        #: The socket's own, if it has one: a response keeps it when the socket is gone from here.
        self.shutdown: Callable[[int], None] | None = getattr(sock, "shutdown", None)
        #: Received and not consumed.  After a complete message it must be empty, or the peer sent
        #: what nobody asked for and the connection must not be used again.
        self.pending = b""
        #: How much of :attr:`pending` the reader of the body has had already; else 0.
        self.at = 0
        #: Given up before the end of a message: what comes next on the socket is unknown.
        self.closed = False
        # The last head, as it came, and the number of lines that was allowed then.
        self._head: _wire.Head | None = None
        self._block = b""
        self._limit = 0.0
        self._file: io.BufferedReader | None = None
        self._held: io.RawIOBase | None = None
        self._most = _AHEAD if type(sock) is _Socket else _RECORD
        self._readable: Callable[[], object] | None = None
        self._recv: Callable[[int], bytes]
        if isinstance(sock, _Socket):
            # The recv() of ssl is a detour to its read().
            self._recv = getattr(sock, "read", sock.recv)
        else:
            self._recv = self._line_of_file

    @property
    def file(self) -> io.BufferedReader:
        """Everything still to come, as a buffered file; made when first asked for."""
        file = self._file
        if file is None:
            if isinstance(self.sock, _Socket):
                file = io.BufferedReader(_Rest(self), _RECEIVE)
            else:
                file = typing.cast("io.BufferedReader", self.sock.makefile("rb"))
            self._file = file
        return file

    def _line_of_file(self, most: int) -> bytes:
        return self.file.readline(most)

    def read_head(self) -> _wire.Head:
        """The next response head, be it of an interim answer.

        Raises ``http.client.RemoteDisconnected`` if the peer closed before its first byte, other
        ``http.client.HTTPException`` for what is not HTTP/1.x or exceeds a bound.
        """
        data = self.pending or self._recv(_RECEIVE)
        if not data:
            raise http.client.RemoteDisconnected("Remote end closed connection without response")
        block, end, rest = data.partition(b"\n\r\n")
        limit: float = http.client._MAXHEADERS  # type: ignore[attr-defined]
        # Within the second that its Date tells, a server may well say the same again.
        known = self._head
        if known is not None and end and block == self._block and limit == self._limit:
            self.pending = rest
            return known
        if end and len(block) <= _wire.MAX_LINE:
            head = _wire.plain_head(block.decode("latin-1"))
            if head is not None:
                self.pending = rest
                if len(block) <= _WORTH_KEEPING:
                    self._head, self._block, self._limit = head, block, limit
                return head
        return _wire.careful_head(self._head_lines(data))

    def final_head(self, head: _wire.Head, debuglevel: int) -> _wire.Head:
        """*head*, which has been read, or the first behind it that is not of an interim answer."""
        interim = 0
        while True:
            if debuglevel > 0:
                _print_head(head)
            if head.status >= 200 or head.status == 101:
                return head
            interim += 1
            if interim > _wire.MAX_INTERIM:
                raise http.client.HTTPException(
                    f"got more than {_wire.MAX_INTERIM} interim responses"
                )
            head = self.read_head()

    def _head_lines(self, data: bytes) -> list[str]:
        """The lines of a head up to the empty one, or up to the end of the stream."""
        most = http.client._MAXHEADERS  # type: ignore[attr-defined]
        lines: list[str] = []
        self.pending = data
        while True:
            line = self._line("header line" if lines else "status line")
            if line in ("\r\n", "\n", "") and lines:
                return lines
            if not lines:
                _wire.status_line(line)  # whoever does not speak HTTP is not listened to further
            lines.append(line)
            if len(lines) > most + 1:
                raise http.client.HTTPException(f"got more than {most} headers")

    def _line(self, what: str) -> str:
        # A line may arrive byte by byte; each byte is looked at once.
        if b"\n" not in self.pending:
            parts, size = [self.pending], len(self.pending)
            while size <= _wire.MAX_LINE:
                part = self._recv(_RECEIVE)
                parts.append(part)
                size += len(part)
                if not part or b"\n" in part:
                    break
            self.pending = b"".join(parts)
        end = self.pending.find(b"\n") + 1 or len(self.pending)
        if end > _wire.MAX_LINE:
            raise http.client.LineTooLong(what)
        line, self.pending = self.pending[:end], self.pending[end:]
        return line.decode("latin-1")

    def hold(self) -> None:
        """Keep the descriptor open beyond the connection: the rest of a body is still to come."""
        if not isinstance(self.sock, _Socket):
            _ = self.file
        elif self._held is None:
            self._held = self.sock.makefile("rb", 0)

    def has(self, amount: int) -> bool:
        """Whether the next *amount* bytes are here already."""
        return self._file is None and len(self.pending) - self.at >= amount

    def take(self, amount: int) -> bytes | None:
        """The *amount* bytes behind a head that has just been read; None unless all are here."""
        pending = self.pending
        if len(pending) < amount or self._file is not None:
            return None
        if len(pending) == amount:
            self.pending = b""
            return pending
        self.pending = pending[amount:]
        return pending[:amount]

    def read(self, amount: int) -> bytes:
        """The next *amount* bytes; less only at the end of the stream."""
        if self._file is not None:
            return self._file.read(amount)
        pending, at = self.pending, self.at
        end = at + amount
        if end <= len(pending):
            self.at = end
            return pending[at:end]
        if amount <= _IN_PIECES:
            return self._receive_pieces(amount)
        # A BytesIO gives away its memory uncopied, and memory of zeros costs nothing until used.
        whole = io.BytesIO(bytes(amount))
        with whole.getbuffer() as view:
            received = self.readinto(view)
        return whole.getvalue() if received == amount else whole.getvalue()[:received]

    def _receive_pieces(self, amount: int) -> bytes:
        parts = [self._unread()]
        missing = amount - len(parts[0])
        # More than is wanted now saves calls for small pieces; for big ones it would cost a copy.
        spare = 0 if amount >= _BIG_PIECE else self._most
        try:
            while missing > 0:
                part = self._recv(spare or min(missing, self._most))
                if not part:
                    break
                parts.append(part)
                missing -= len(part)
        except BaseException:
            self.pending = b"".join(parts)
            raise
        if missing < 0:
            self.pending, self.at = part, len(part) + missing
            parts[-1] = part[:missing]
        return parts[1] if len(parts) == 2 and not parts[0] else b"".join(parts)

    def _unread(self) -> bytes:
        """What is in hand, taken out."""
        unread, self.pending, self.at = self.pending[self.at :], b"", 0
        return unread

    def readinto(self, view: memoryview) -> int:
        """Fill *view*; the number of bytes, which is less than its size only at the end."""
        if self._file is not None:
            return self._file.readinto(view)
        size = len(view)
        if size < _RECEIVE:
            data = self.read(size)
            view[: len(data)] = data
            return len(data)
        filled = min(size, len(self.pending) - self.at)
        if filled:
            view[:filled] = self.read(filled)
        recv_into = self.sock.recv_into
        try:
            while filled < size and (received := recv_into(view[filled:])):
                filled += received
        except BaseException:
            self.pending, self.at = bytes(view[:filled]), 0
            raise
        return filled

    def readline(self, most: int) -> bytes:
        """The next line, with its end, or *most* bytes of it, or what there is before the end."""
        if self._file is not None:
            return self._file.readline(most)
        pending, at = self.pending, self.at
        end = pending.find(b"\n", at, at + most) + 1
        if not end:
            self.pending, self.at = self._receive_line(most), 0
            pending, at = self.pending, 0
            end = pending.find(b"\n", 0, most) + 1 or min(most, len(pending))
        self.at = end
        return pending[at:end]

    def _receive_line(self, most: int) -> bytes:
        """What is in hand, and more until it holds a line or *most* bytes."""
        # A line may arrive byte by byte; each byte is looked at once.
        parts = [self._unread()]
        size = len(parts[0])
        try:
            while size < most:
                part = self._recv(self._most)
                parts.append(part)
                size += len(part)
                if not part or b"\n" in part:
                    break
        except BaseException:
            self.pending = b"".join(parts)
            raise
        return b"".join(parts)

    def between_chunks(self) -> bytes:
        """What would part a chunk, whose size has just been read, from another of that size."""
        line = self.pending.rfind(b"\n", 0, self.at - 1) + 1
        return b"\r\n" + self.pending[line : self.at]

    def is_fit(self) -> bool:
        """Whether nothing is left, and nothing has come since, of what nobody asked for."""
        if self.pending or self.closed:
            return False
        if self._readable is None:
            self._readable = readable_now(self.sock)
        return not self._readable()

    def end_message(self) -> None:
        """A message was read to its end: let go of the file, keeping what was received beyond."""
        if self.at:
            self.pending = self._unread()
        file = self._file
        if file is not None:
            self._file = None
            raw = getattr(file, "raw", None)  # a test double's makefile may return any file
            if isinstance(raw, _Rest):
                self.pending = raw.what_is_left(file)
            file.close()

    def close(self) -> None:
        """Let go of the socket; what was received is forgotten."""
        self.closed = True
        self.pending, self.at = b"", 0
        self._head, self._block = None, b""
        for file in (self._file, self._held):
            if file is not None:
                file.close()
        self._file = self._held = None


class _Rest(io.RawIOBase):
    """The raw side of :attr:`Receiver.file`: what is in hand first, then the socket.

    It has the attribute ``_sock``, by which docker, podman, botocore and requests-ntlm find the
    socket behind a response.  Like any file of ``socket.makefile`` it keeps the socket's descriptor
    open until it is closed itself.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._sock = receiver.sock
        self._hold = receiver.sock.makefile("rb", 0)
        self._timed_out = False
        self._only_pending = False

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return typing.cast("int", self._sock.fileno())

    def readinto(self, buffer: typing.Any) -> int | None:
        pending = self._receiver._unread()
        if pending:
            count = min(len(pending), len(buffer))
            buffer[:count] = pending[:count]
            self._receiver.pending = pending[count:]
            return count
        if self._only_pending:
            return None
        if self._timed_out:
            # The buffered reader above has lost what it had read when the timeout struck.
            raise OSError("cannot read from timed out object")
        try:
            return typing.cast("int", self._sock.recv_into(buffer))
        except TimeoutError:
            self._timed_out = True
            raise

    def what_is_left(self, file: io.BufferedReader) -> bytes:
        """What *file*, which reads from here, has buffered, without asking the socket for more."""
        self._only_pending = True
        return file.peek() + self._receiver.pending

    def close(self) -> None:
        if not self.closed:
            self._hold.close()
        super().close()


# ---------------------------------------------------------------- the response

_HOME = http.client.parse_headers.__code__.co_filename


def stock(owner: type, name: str) -> object:
    """The function *name* of the ``http.client`` class *owner*, or None if it has been replaced.

    sentry, ddtrace, newrelic, aws-xray and OpenTelemetry wrap these functions, some of them before
    this module is imported; so a function counts as stock by the file it was compiled from.
    """
    function = owner.__dict__.get(name)
    if type(function) is types.FunctionType and function.__code__.co_filename == _HOME:
        return function
    return None


class IncomingResponse(http.client.HTTPResponse):
    """An ``http.client`` response that borrows its connection's receiver and is strict in framing.

    It is what ``HTTPConnection.response_class`` makes; ``urllib3.HTTPResponse._fp`` is one of these
    unless a program put its own class or object there.

    :param sock: a :class:`Receiver`, or a socket, of which a receiver is made
    """

    #: The head of the answer, once :meth:`begin` has read it.
    head: _wire.Head | None = None
    chunked = False
    chunk_left: int | None = None
    length: int | None = None
    will_close = True
    _message: http.client.HTTPMessage | None = None
    _open = True

    # The parent's __init__ would make a file of the socket; everything else it sets is set by
    # begin() or stands above.
    def __init__(
        self,
        sock: typing.Any,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        self.receiver = sock if type(sock) is Receiver else Receiver(sock)
        self.debuglevel = debuglevel
        self._method = method

    # ------------------------------------------------------------ head

    def begin(self) -> None:
        """Read the head of the final answer and settle how its body is framed."""
        if http.client.HTTPResponse.begin is not STOCK_BEGIN:
            self._begin_patched()
            return
        head = self.receiver.final_head(self.receiver.read_head(), self.debuglevel)
        self.adopt(head, _wire.framing(head, self._method))

    def _begin_patched(self) -> None:
        """Let the patched ``begin`` run, for somebody waits for it, then apply our own framing."""
        for _ in range(_wire.MAX_INTERIM + 1):
            self._message = None
            super().begin()
            message = typing.cast("http.client.HTTPMessage", self._message)
            if self.status >= 200 or self.status == 101:
                break
        lines = [f"{name}: {value}\r\n" for name, value in message.items()]
        status_line = f"HTTP/1.{self.version - 10} {self.status} {self.reason}\r\n"
        head = _wire.careful_head([status_line, *lines])
        self.adopt(head, _wire.framing(head, self._method))

    def adopt(self, head: _wire.Head, framing: _wire.Framing) -> None:
        """Be the answer with *head*, which has been read, and with the body that is to come."""
        self.head = head
        self.version, self.status, self.reason = head.version, head.status, head.reason
        self.code = head.status
        self.chunked, self.length, persistent = framing
        self.will_close = not persistent
        if self.will_close and not self.in_hand:
            self.receiver.hold()

    @classmethod
    def ended(cls, head: _wire.Head, method: str | None) -> IncomingResponse:
        """The answer with *head* whose body has been read, its connection being elsewhere."""
        response = cls.__new__(cls)
        response.debuglevel = 0
        response._method = method
        response.adopt(head, _wire.Framing(False, 0, True))
        response._open = False
        return response

    @property
    def in_hand(self) -> bool:
        """Whether the whole body has been received already."""
        return self.length is not None and self.receiver.has(self.length)

    @property
    def headers(self) -> typing.Any:
        """The head as an ``HTTPMessage``, made when somebody looks (requests does, for cookies)."""
        message = self._message
        if message is None and self.head is not None:
            message = self._message = http.client.HTTPMessage()
            for name, value in self.head.fields:
                message.set_raw(name, value)
        return message

    @headers.setter
    def headers(self, message: http.client.HTTPMessage | None) -> None:
        self._message = message

    msg = headers

    # ------------------------------------------------------------ body

    @property
    def fp(self) -> typing.Any:  # type: ignore[override]  # nobody else sets it
        """The file the body is read from; None once the body has been read or given up."""
        return self.receiver.file if self._open else None

    @property
    def wire(self) -> Receiver | None:
        """What :attr:`fp` would read from, without a file being made of it."""
        return self.receiver if self._open else None

    @property
    def is_bare(self) -> bool:
        """Whether the body can be had from :attr:`wire` unseen: nobody looks on.

        sentry and aws-xray wrap ``http.client.HTTPResponse.read``, others ``read`` of one response.
        """
        return (
            self._open
            and self.receiver._file is None
            and http.client.HTTPResponse.read is STOCK_READ
            and _READERS.isdisjoint(self.__dict__)
        )

    def isclosed(self) -> bool:
        return not self._open

    @property
    def closed(self) -> bool:  # type: ignore[override]  # typeshed has an attribute
        """Whether the body has been read or given up: then collection has nothing to close."""
        return not self._open or super().closed

    def _close_conn(self) -> None:
        """The body has ended, or is given up."""
        self._open = False
        if self.will_close:
            self.receiver.close()
        else:
            self.receiver.end_message()

    def close(self) -> None:
        """Give the body up.  Unless it was empty, the connection is of no further use."""
        if self._open:
            self.will_close = self.will_close or self.length != 0
            self._close_conn()
        io.IOBase.close(self)

    def read(self, amt: int | None = None) -> bytes:
        """The rest of the body, or up to *amt* bytes of it.

        Raises ``http.client.IncompleteRead`` if the whole rest was asked for and is cut short.
        """
        length = self.length
        if self.chunked and (amt is None or amt < 0) and self.is_bare:
            return self._all_chunks()
        if (
            length is None  # chunked, or until the peer closes
            or not self._open
            or http.client.HTTPResponse.read is not STOCK_READ
        ):
            return super().read(amt)
        if amt is not None and amt >= 0:
            return self._read_some(min(amt, length), length)
        data = self._collect(length)
        self.length = 0
        self._close_conn()
        return data

    def _read_some(self, amt: int, length: int) -> bytes:
        receiver = self.receiver
        data = receiver.read(amt)
        self.length = length - len(data)
        if not self.length or (amt and not data):
            self._close_conn()
        return data

    def _collect(self, length: int) -> bytes:
        data = self._read_as_it_comes(length)
        if len(data) < length:
            self._close_conn()
            raise http.client.IncompleteRead(data, length - len(data))
        return data

    def _read_as_it_comes(self, length: int) -> bytes:
        """Up to *length* bytes; less only at the end of the stream."""
        receiver = self.receiver
        if length <= _AT_ONCE:
            return receiver.read(length)
        parts, missing = [], length
        while missing:
            part = receiver.read(min(missing, max(_FIRST_PIECE, length - missing)))
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _safe_read(self, amt: int) -> bytes:
        data = self._read_as_it_comes(amt)
        if len(data) < amt:
            raise http.client.IncompleteRead(data, amt - len(data))
        return data

    def read_chunk(self, left: int) -> bytes | None:
        """The *left* bytes of a chunk, past its end, in one go; None if it takes more than that."""
        receiver = self.receiver
        pending, at = receiver.pending, receiver.at
        end = at + left
        if pending.startswith(b"\r\n", end):
            receiver.at = end + 2
            return pending[at:end]
        if left > _RECORD:
            return None  # one copy for the sake of one call does not pay
        data = receiver.read(left + 2)
        if len(data) == left + 2 and data.endswith(b"\r\n"):
            return data[:left]
        receiver.pending, receiver.at = data + receiver._unread(), 0
        return None

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
        """Copy a chunk, and those that are here and alike; the last CRLF is left."""
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

    def read1(self, n: int = -1) -> bytes:
        """Up to *n* bytes of what is there; waits only if there is nothing."""
        # The parent would have memory set aside for as much as the peer has announced.
        return super().read1(n if 0 <= n <= _FIRST_PIECE else _FIRST_PIECE)

    # The parent reads a chunked body by calling these three.  They hold the bounds and the strict
    # syntax, so that its read(), readinto() and read1() obey them, patched or not.

    def _get_chunk_left(self) -> int | None:
        left = self.chunk_left
        if left:
            return left
        if left is not None and not _wire.ends_chunk(self._safe_read(2)):
            self._close_conn()
            raise http.client.IncompleteRead(b"")
        try:
            left = self._read_next_chunk_size()
        except ValueError as error:
            raise _wire.MalformedMessage(str(error)) from None
        if left == 0:
            self._read_and_discard_trailer()
            self._close_conn()
            left = None
        self.chunk_left = left
        return left

    def _read_next_chunk_size(self) -> int:
        line = self.receiver.readline(_wire.MAX_LINE + 1)
        if len(line) > _wire.MAX_LINE:
            raise http.client.LineTooLong("chunk size")
        try:
            return _wire.chunk_size(line)
        except ValueError:
            self.will_close = True
            self._close_conn()
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(b"") from None  # the stream has ended
            raise

    def _read_and_discard_trailer(self) -> None:
        for _ in range(_wire.MAX_TRAILERS + 1):
            line = self.receiver.readline(_wire.MAX_LINE + 1)
            if len(line) > _wire.MAX_LINE:
                raise http.client.LineTooLong("trailer line")
            if line in (b"\r\n", b"\n", b""):
                return
        raise http.client.HTTPException(f"got more than {_wire.MAX_TRAILERS} trailer lines")


STOCK_BEGIN = stock(http.client.HTTPResponse, "begin")
STOCK_READ = stock(http.client.HTTPResponse, "read")
_READERS = frozenset(["read", "read1", "readinto", "_safe_read"])


def _print_head(head: _wire.Head) -> None:
    # What http.client prints at its debug level.
    print("reply:", repr(f"HTTP/1.{head.version - 10} {head.status} {head.reason}\r\n"))
    for name, value in head.fields:
        print("header:", name + ":", value)
