"""The ``http.client`` response that reads from a connection's receiver, strict in framing."""

from __future__ import annotations

import http.client
import io
import typing

from .. import _seams
from . import syntax
from .chunks import ChunkedBody
from .receiver import Receiver

# Bytes of an announced body that are read into one piece.  The system sets memory aside as it is
# filled; beyond, a body is collected in pieces that double (CVE-2025-13836).
_AT_ONCE = 1 << 28
_FIRST_PIECE = 1 << 20

_Response: typing.Any = http.client.HTTPResponse


class IncomingResponse(ChunkedBody):
    """An ``http.client`` response that borrows its connection's receiver and is strict in framing.

    It is what ``HTTPConnection.response_class`` makes; ``urllib3.HTTPResponse._fp`` is one of these
    unless a program put its own class or object there.

    :param sock: a :class:`Receiver`, or a socket, of which a receiver is made
    """

    #: The head of the answer, once :meth:`begin` has read it.
    head: syntax.Head | None = None
    chunked = False
    length: int | None = None
    will_close = True
    #: Whether the connection now speaks another protocol (RFC 9110, 15.2.2).
    upgraded = False
    _message: http.client.HTTPMessage | None = None
    _open = False
    _most_fields: int | None = None
    _heads: list[syntax.Head]

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
        self._heads = []
        self._open = True  # last: one that was cut off here is collected, and has nothing to close

    # ------------------------------------------------------------ head

    def begin(self, *, _max_headers: int | None = None) -> None:
        """Read the head of the final answer and decide how its body is framed.

        :param _max_headers: the number of fields it may have, as Python 3.15 has it
        """
        self._most_fields = _max_headers
        if _seams.status_patched(type(self)):
            self._begin_patched()
            return
        receiver = self.receiver
        head = receiver.final_head(receiver.read_head(_max_headers), self.debuglevel, _max_headers)
        self.adopt(head, syntax.framing(head, self._method))

    def _begin_patched(self) -> None:
        """Let the patched ``begin`` run, for somebody waits for it, then apply our own framing."""
        options: dict[str, typing.Any] = {}
        if self._most_fields is not None:
            options["_max_headers"] = self._most_fields
        self._heads = []
        while True:
            self._message = None
            super().begin(**options)
            message = typing.cast("http.client.HTTPMessage", self._message)
            if not syntax.is_interim(self.status):
                break
        lines = [f"{name}: {value}\r\n" for name, value in message.items()]
        status_line = f"HTTP/1.{self.version - 10} {self.status} {self.reason}\r\n"
        head = syntax.careful_head([status_line, *lines])
        if self._heads:
            *interim, received = self._heads
            head.exact = received.exact and all(
                syntax.framing(before, None).persistent for before in interim
            )
            head.skipped = received.skipped
        self.adopt(head, syntax.framing(head, self._method))

    def _read_status(self) -> tuple[str, int, str]:
        """What ``http.client`` calls first when a patched ``begin`` runs.

        The head is looked at as it always is, so that the same heads are refused or doubted, before
        ``http.client`` reads its lines.
        """
        head = self.receiver.peek_head(self._most_fields)
        syntax.framing(head, self._method)
        self._heads.append(head)
        if len(self._heads) > syntax.MAX_INTERIM + 1:
            raise http.client.HTTPException(syntax.TOO_MANY_INTERIM)
        return super()._read_status()  # type: ignore[misc,no-any-return]  # http.client has it

    def adopt(self, head: syntax.Head, framing: syntax.Framing) -> None:
        """Be the answer with *head*, which has been read, and with the body that is to come."""
        self.head = head
        self.version, self.status, self.reason = head.version, head.status, head.reason
        self.code = head.status
        self.chunked, self.length, persistent = framing
        self.upgraded = head.status == 101
        self.will_close = not persistent and not self.upgraded
        if self.will_close and not self.in_hand:
            self.receiver.hold()

    @classmethod
    def ended(cls, head: syntax.Head, method: str | None) -> IncomingResponse:
        """The answer with *head* whose body has been read, its connection being elsewhere."""
        response = cls.__new__(cls)
        response.debuglevel = 0
        response._method = method
        response.adopt(head, syntax.Framing(False, 0, True))
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
        return self._open and self.receiver._file is None and not _seams.wire_patched(self)

    def isclosed(self) -> bool:
        return not self._open

    @property
    def closed(self) -> bool:  # type: ignore[override]  # typeshed has an attribute
        """Whether the body has been read or given up: then collection has nothing to close."""
        was_closed = super().closed
        if _Response.close is not _seams.http_client_HTTPResponse_close:
            return was_closed  # collection is to reach it
        return was_closed or not self._open

    def _close_conn(self) -> None:
        """The body has ended, or is given up."""
        if self.upgraded and not self.will_close:
            return  # there is none, and what comes next is for the program that takes the socket
        self._open = False
        if self.will_close:
            self.receiver.close()
        else:
            self.receiver.end_message()

    def close(self) -> None:
        """Give the body up.  Unless it was empty, the connection is of no further use."""
        is_open = self._open
        if is_open:
            self.will_close = self.will_close or self.length != 0 or self.upgraded
        if _Response.close is not _seams.http_client_HTTPResponse_close:
            _Response.close(self)  # sentry-sdk and others wait for it
            return
        if is_open:
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
            or _Response.read is not _seams.http_client_HTTPResponse_read
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
        try:
            return self._safe_read(length)  # by attribute, as http.client does
        except http.client.IncompleteRead:
            self._close_conn()
            raise

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
        if _Response._safe_read is not _seams.http_client_HTTPResponse__safe_read:
            return typing.cast("bytes", _Response._safe_read(self, amt))
        data = self._read_as_it_comes(amt)
        if len(data) < amt:
            raise http.client.IncompleteRead(data, amt - len(data))
        return data

    def read1(self, n: int = -1) -> bytes:
        """Up to *n* bytes of what is there; waits only if there is nothing."""
        # The parent would have memory set aside for as much as the peer has announced.
        return super().read1(n if 0 <= n <= _FIRST_PIECE else _FIRST_PIECE)


_seams.record("._http1.answer.IncomingResponse", IncomingResponse)
