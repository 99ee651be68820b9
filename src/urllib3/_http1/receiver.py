"""The receiving end of a connection: what the socket brought and nobody has consumed yet.

A response never makes a file of its own from the socket: it borrows the connection's
:class:`Receiver`, which hands over head and body straight from what ``recv`` brings.  A buffered
file appears only when somebody asks for one, because a program walks ``response._fp.fp.raw._sock``;
from then on everything is read through it.
"""

from __future__ import annotations

import http.client
import io
import socket
import typing

from ..util.wait import readable_now
from . import syntax

try:
    import ssl
except ImportError:
    ssl = None  # type: ignore[assignment]

if typing.TYPE_CHECKING:
    from collections.abc import Callable

_RECEIVE = 65536  # bytes asked of the socket at a time while reading a head
_WORTH_KEEPING = 4096  # bytes of a head
_MAX_EARLY = 1 << 20  # bytes of an answer that are received while the request is being sent
_BIG_PIECE = 1 << 15
_AHEAD = 1 << 18  # bytes asked of the socket at a time while a body is read in small pieces
_RECORD = 1 << 14  # bytes that TLS hands out at a time (RFC 8446, 5.1); room for more is wasted
# Up to here a body is received piece by piece, beyond into memory set aside for it.
_IN_PIECES = 1 << 18

#: What a read raises that would have to wait; pyOpenSSL's and TLS in TLS raise a TimeoutError.
NOTHING_YET: tuple[type[OSError], ...] = (BlockingIOError, TimeoutError)
if ssl is not None:
    NOTHING_YET += (ssl.SSLWantReadError, ssl.SSLWantWriteError)

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
        "_waiting",
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
        self._head: syntax.Head | None = None
        self._block = b""
        self._limit: int | None = 0
        self._file: io.BufferedReader | None = None
        self._held: io.RawIOBase | None = None
        self._most = _AHEAD if type(sock) is _Socket else _RECORD
        self._readable: Callable[[], object] | None = None
        #: How many decrypted bytes wait inside the TLS object; None without TLS.
        self._waiting: Callable[[], int] | None = getattr(
            sock, "pending", getattr(sock, "_pending", None)
        )
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

    def read_head(self, most_fields: int | None = None) -> syntax.Head:
        """The next response head, be it of an interim answer.

        :param most_fields: the number of fields it may have; None = what ``http.client`` allows

        Raises ``http.client.RemoteDisconnected`` if the peer closed before its first byte, other
        ``http.client.HTTPException`` for what is not HTTP/1.x, is cut short or exceeds a bound.
        """
        data = self.pending or self._recv(_RECEIVE)
        if not data:
            raise http.client.RemoteDisconnected("Remote end closed connection without response")
        block, end, rest = data.partition(b"\n\r\n")
        limit = http.client._MAXHEADERS if most_fields is None else most_fields  # type: ignore[attr-defined]
        # Within the second that its Date tells, a server may well say the same again.
        known = self._head
        if known is not None and end and block == self._block and limit == self._limit:
            self.pending = rest
            return known
        if end and len(block) <= http.client._MAXLINE:  # type: ignore[attr-defined]
            head = syntax.plain_head(block.decode("latin-1"), limit)
            if head is not None:
                self.pending = rest
                if len(block) <= _WORTH_KEEPING:
                    self._head, self._block, self._limit = head, block, limit
                return head
        self.pending = data
        return syntax.careful_head(self._head_lines(limit))

    def receive_early(self) -> bool:
        """Take what has come while the request is still being sent; False if no more will come.

        The socket must not block.
        """
        try:
            data = self._recv(_RECEIVE)
        except NOTHING_YET:
            return True  # records that are for TLS alone
        self.pending += data
        return bool(data) and len(self.pending) < _MAX_EARLY

    def has_refusal(self) -> bool:
        """Whether what has come is a final answer that the rest of the request will not change.

        With a status below 300 the peer may go on reading, and even wait for the rest.
        """
        rest = self.pending
        while True:
            block, end, rest = rest.partition(b"\n\r\n")
            if not end:
                return False
            try:
                status = syntax.status_line(block.partition(b"\n")[0].decode("latin-1")).status
            except http.client.HTTPException:
                return True
            if status >= 200 or status == 101:
                return status >= 300

    def receive_exactly(self) -> None:
        """Receive a head byte by byte, so that nothing behind it leaves the socket.

        For the answer to a request to upgrade: the socket is for the program to take, and to poll.
        """
        data = bytearray(self.pending)
        while not data.endswith((b"\n\r\n", b"\n\n")) and len(data) <= syntax.max_line():
            byte = self._recv(1)
            if not byte:
                break
            data += byte
        self.pending = bytes(data)

    def hand_over(self) -> typing.Any:
        """The socket, once the peer has switched protocols, with all that came behind the head."""
        if self.pending and isinstance(self.sock, _Socket):
            self.sock = _SocketAhead(self.sock, self.pending)
            self._recv = self.sock.recv
            self.pending = b""
        return self.sock

    def final_head(
        self, head: syntax.Head, debuglevel: int, most_fields: int | None = None
    ) -> syntax.Head:
        """*head*, which has been read, or the first behind it that is not of an interim answer.

        The doubt about an interim answer is one about the final one, too: another hop may have seen
        other messages.
        """
        interim = 0
        doubtful = False
        while True:
            if debuglevel > 0:
                _print_head(head)
            if not syntax.is_interim(head.status):
                return head.doubted() if doubtful else head
            doubtful = doubtful or not syntax.framing(head, None).persistent
            interim += 1
            if interim > syntax.MAX_INTERIM:
                raise http.client.HTTPException(syntax.TOO_MANY_INTERIM)
            head = self.read_head(most_fields)

    def peek_head(self, most_fields: int | None) -> syntax.Head:
        """Read a head as :meth:`read_head` does, and put what it says back, to be read again.

        For a patched ``http.client.HTTPResponse.begin``, which reads its lines by itself, and does
        not get along with those that are folded, malformed or not ended by CRLF.
        """
        self.end_message()  # a file that has read ahead gives back what it has
        self.pending = self.pending or self._recv(_RECEIVE)
        if not self.pending:
            raise http.client.RemoteDisconnected("Remote end closed connection without response")
        lines = self._head_lines(syntax.max_fields() if most_fields is None else most_fields)
        head = syntax.careful_head(lines)
        plain = [lines[0].rstrip("\r\n"), *(f"{name}: {value}" for name, value in head.fields)]
        self.pending = "\r\n".join([*plain, "", ""]).encode("latin-1") + self.pending
        return head

    def _head_lines(self, limit: int) -> list[str]:
        """The lines of a head, the empty one that ends it included."""
        lines: list[str] = []
        while True:
            line = self._line("header line" if lines else "status line")
            if not lines:
                syntax.status_line(line)  # whoever does not speak HTTP is not listened to further
            if not line.endswith("\n"):
                # What framed the body may be lost, or the status line itself go on.
                raise syntax.MalformedMessage("the stream ended within the head of an answer")
            lines.append(line)
            if len(lines) > 1 and not line.strip("\r\n"):
                return lines
            if len(lines) > limit + 1:
                raise http.client.HTTPException(f"got more than {limit} headers")

    def _line(self, what: str) -> str:
        # A line may arrive byte by byte; each byte is looked at once.
        if b"\n" not in self.pending:
            parts, size = [self.pending], len(self.pending)
            while size <= syntax.max_line():
                part = self._recv(_RECEIVE)
                parts.append(part)
                size += len(part)
                if not part or b"\n" in part:
                    break
            self.pending = b"".join(parts)
        end = self.pending.find(b"\n") + 1 or len(self.pending)
        if end > syntax.max_line():
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

    @property
    def has_file(self) -> bool:
        """Whether everything is read through :attr:`file`, because somebody has asked for it."""
        return self._file is not None

    def put_back(self, data: bytes) -> None:
        """Have *data*, which has just been read, to be read again."""
        self.pending, self.at = data + self._unread(), 0

    def between_chunks(self) -> bytes:
        """What would part a chunk, whose size has just been read, from another of that size."""
        line = self.pending.rfind(b"\n", 0, self.at - 1) + 1
        return b"\r\n" + self.pending[line : self.at]

    def is_fit(self) -> bool:
        """Whether nothing is left, and nothing has come since, of what nobody asked for."""
        waiting = self._waiting
        if self.pending or self.closed or (waiting is not None and waiting()):
            return False
        if self._readable is None:
            try:
                self._readable = readable_now(self.sock)
            except (OSError, ValueError):
                return False  # somebody has closed the socket
        return not self._readable() or self._is_only_tls()

    @property
    def has_left_over(self) -> bool:
        """Whether bytes behind the last message are here, or wait decrypted inside the TLS object.

        The latter show neither here nor to poll().
        """
        return bool(self.pending or self.closed or (self._waiting and self._waiting()))

    def _is_only_tls(self) -> bool:
        """Whether what can be read of the socket is for TLS alone, such as a session ticket."""
        sock = self.sock
        if self._waiting is None or self._file is not None:
            return False
        timeout = sock.gettimeout()
        try:
            sock.settimeout(0)
            sock.recv(1)  # data, or the end: the connection is of no further use
        except NOTHING_YET:
            return not self._waiting()
        except OSError:
            return False
        finally:
            sock.settimeout(timeout)
        return False

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


class _SocketAhead:
    """A socket of which some bytes have been received already: they come first."""

    def __init__(self, sock: typing.Any, ahead: bytes) -> None:
        self._sock = sock
        self._ahead = ahead

    def __getattr__(self, name: str) -> typing.Any:
        return getattr(self._sock, name)

    def recv(self, amount: int, flags: int = 0) -> bytes:
        """As of any socket."""
        if not self._ahead:
            return typing.cast("bytes", self._sock.recv(amount, flags))
        taken = self._ahead[:amount]
        if not flags & getattr(socket, "MSG_PEEK", 0):
            self._ahead = self._ahead[amount:]
        return taken

    def recv_into(self, buffer: typing.Any, nbytes: int = 0, flags: int = 0) -> int:
        """As of any socket."""
        if not self._ahead:
            return typing.cast("int", self._sock.recv_into(buffer, nbytes, flags))
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data)

    def read(self, amount: int = 1024, buffer: typing.Any = None) -> bytes | int:
        """As of a TLS socket."""
        return self.recv(amount) if buffer is None else self.recv_into(buffer, amount)

    def pending(self) -> int:
        """How many bytes can be received without waiting."""
        waiting = getattr(self._sock, "pending", None)
        return len(self._ahead) + (waiting() if waiting else 0)

    def makefile(
        self, mode: str = "r", buffering: int | None = None, **options: typing.Any
    ) -> typing.Any:
        """As of any socket, for reading bytes; other files are the socket's own."""
        if mode != "rb":
            return self._sock.makefile(mode, buffering, **options)
        self._sock._io_refs += 1
        raw = socket.SocketIO(typing.cast("socket.socket", self), "rb")
        return raw if buffering == 0 else io.BufferedReader(raw)


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


def _print_head(head: syntax.Head) -> None:
    # What http.client prints at its debug level.
    print("reply:", repr(f"HTTP/1.{head.version - 10} {head.status} {head.reason}\r\n"))
    for name, value in head.fields:
        print("header:", name + ":", value)
