"""A connection that speaks HTTP/2 if the server selects it, else HTTP/1.1 (RFC 9113).

Knows when to send and when to wait; frames are made and parsed by the ``h2`` package.  The rule:
one request at a time, and its whole response is received before it is handed out.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import re
import struct
import threading
import typing

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from .._base_connection import _TYPE_BODY, _ResponseOptions
from .._collections import HTTPHeaderDict
from .._http1 import syntax
from .._http1.request_head import USER_AGENT
from ..connection import HTTPSConnection, _apply_timeout
from ..exceptions import ProtocolError
from ..response import BaseHTTPResponse, HTTPResponse
from ..util.request import SKIP_HEADER
from ..util.url import parse_url, without_zone
from ..util.util import exact_str

if typing.TYPE_CHECKING:
    import types
    from collections.abc import Iterator, Mapping

    from h2.events import Event

orig_HTTPSConnection = HTTPSConnection

T = typing.TypeVar("T")

log = logging.getLogger(__name__)

# RFC 9113, 8.2.1: field names are tokens in lower case; values contain no line end and no NUL, and
# neither begin nor end with a blank.
RE_IS_LEGAL_HEADER_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+\Z")
RE_IS_ILLEGAL_HEADER_VALUE = re.compile(rb"[\0\x00\x0a\x0d]|^[ \t]|[ \t]\Z")
# RFC 9110, 15: three digits; there is no status below 100.
_STATUS = re.compile(rb"[1-9][0-9]{2}\Z")

_RECEIVE = 65536  # bytes asked of the socket at a time
# Bytes that a peer may send before we have read them, for each stream and in all.  With the 64 KiB
# of RFC 9113 every larger body would wait for one round trip after another.
_WINDOW = 1 << 20
_MAX_FIELDS = 65536  # bytes of a decoded header list

# RFC 9113, 4.1 and 6.8: length (24 bits), type, flags, stream; then the last stream and the reason.
_FRAME_HEAD = 9
_MAX_FRAME = 16384
_GOAWAY = 7
_GOAWAY_FIELDS = struct.Struct("!LL")


def _is_legal_header_name(name: bytes) -> bool:
    return bool(RE_IS_LEGAL_HEADER_NAME.match(name))


def _is_illegal_header_value(value: bytes) -> bool:
    return bool(RE_IS_ILLEGAL_HEADER_VALUE.search(value))


class StreamFailed(http.client.HTTPException):
    """The peer has given up the request, or broken the protocol.

    RST_STREAM, GOAWAY, frames that are not HTTP/2, or a malformed response.
    """


class _LockedObject(typing.Generic[T]):
    """An object that is used only under a lock: ``with locked as object``."""

    __slots__ = ("_obj", "lock")

    def __init__(self, obj: T) -> None:
        self.lock = threading.RLock()
        self._obj = obj

    def __enter__(self) -> T:
        self.lock.acquire()
        return self._obj

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: types.TracebackType | None,
    ) -> None:
        self.lock.release()


class _Answer:
    """What has arrived of the response on one stream."""

    def __init__(self) -> None:
        self.status = 0
        self.headers = HTTPHeaderDict()
        self.body = bytearray()
        self.complete = False
        self.interim = 0  # responses that came before this one


class HTTP2Connection(HTTPSConnection):
    """An https connection that uses HTTP/2 if the handshake has selected it.

    Takes the arguments of ``HTTPSConnection``, except *proxy* and *proxy_config*, for which it
    raises NotImplementedError.
    """

    def __init__(self, host: str, port: int | None = None, **kwargs: typing.Any) -> None:
        if "proxy" in kwargs or "proxy_config" in kwargs:
            raise NotImplementedError("Proxies aren't supported with HTTP/2")
        super().__init__(host, port, **kwargs)
        self._forget_streams()

    def _forget_streams(self) -> None:
        self._h2_conn = _LockedObject(_new_h2_connection())
        self._h2_stream: int | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._answer: _Answer | None = None
        self._h2_spoken: bool | None = None
        self._going_away = False
        self._cut_short = b""  # the beginning of a frame whose end has not arrived
        self._request_url = ""

    @property
    def is_connected(self) -> bool:
        """Whether there is a socket that is fit for a new request."""
        return not self._going_away and super().is_connected

    # ------------------------------------------------------------ connecting

    def connect(self) -> None:
        """Connect; if HTTP/2 was selected, send the connection preface (RFC 9113, 3.4)."""
        super().connect()
        self._h2_spoken = self._speaks_http2
        if self._h2_spoken:
            with self._h2_conn as conn:
                conn.initiate_connection()
                conn.increment_flow_control_window(_WINDOW)
                self._flush(conn)

    def set_tunnel(
        self,
        host: str,
        port: int | None = None,
        headers: Mapping[str, str] | None = None,
        scheme: str = "http",
    ) -> None:
        """Raises NotImplementedError: a proxy cannot be used."""
        raise NotImplementedError("HTTP/2 does not support setting up a tunnel through a proxy")

    def close(self) -> None:
        """Send GOAWAY if that is still possible, and close the socket."""
        if self._h2_spoken and self.sock is not None:
            # The peer may have closed already; GOAWAY is a courtesy.
            with self._h2_conn as conn, contextlib.suppress(Exception):
                conn.close_connection()
                self._flush(conn)
        self._forget_streams()
        super().close()

    # ------------------------------------------------------------ sending

    def putrequest(self, method: str, url: str, **kwargs: typing.Any) -> None:  # type: ignore[override]
        """Start a request (RFC 9113, 8.3.1).

        Raises ValueError for a method that is no token, ``http.client.InvalidURL`` for a target
        with blanks or control characters.
        """
        if self._h2_spoken is False:
            super().putrequest(method, url, **kwargs)
            return
        for option in ("skip_host", "skip_accept_encoding"):
            if option in kwargs:
                raise NotImplementedError(f"`{option}` isn't supported")
        method, url = exact_str(method), exact_str(url) or "/"
        syntax.check_method(method)
        self._validate_path(url)  # type: ignore[attr-defined]  # http.client has it
        self._request_url = url
        host = f"[{without_zone(self.host)}]" if ":" in self.host else self.host
        authority = f"{host}:{self.port}".encode("ascii" if host.isascii() else "idna")
        if _is_illegal_header_value(authority):
            raise ValueError(f"Illegal authority {authority!r}")
        # Nothing of a request that was given up may precede it.
        self._headers = [
            (b":scheme", b"https"),
            (b":method", method.encode("ascii")),
            (b":authority", authority),
            (b":path", _path_of(url).encode("ascii")),
        ]
        self._body_begun = False
        with self._h2_conn as conn:
            self._h2_stream = conn.get_next_available_stream_id()
        self._answer = _Answer()

    def putheader(self, header: str | bytes, *values: str | bytes) -> None:  # type: ignore[override]
        """Add a field; ValueError if HTTP/2 does not allow its name or value."""
        if self._h2_spoken is False:
            super().putheader(*typing.cast("tuple[str, ...]", (header, *values)))
            return
        name = (header.encode() if isinstance(header, str) else header).lower()
        if not _is_legal_header_name(name):
            raise ValueError(f"Illegal header name {name!r}")
        for value in values:
            if value == SKIP_HEADER:
                continue
            raw = value.encode() if isinstance(value, str) else value
            if _is_illegal_header_value(raw):
                raise ValueError(f"Illegal header value {raw!r}")
            self._headers.append((name, raw))

    def endheaders(self, message_body: typing.Any = None, **kwargs: typing.Any) -> None:
        """Send the fields, which end the request unless a *message_body* is to follow."""
        if self._h2_spoken is False:
            super().endheaders(message_body, **kwargs)
            return
        if self._h2_stream is None:
            raise ProtocolError("Must call `putrequest` first.")
        headers, self._headers = self._headers, []
        with self._h2_conn as conn:
            conn.send_headers(self._h2_stream, headers, end_stream=message_body is None)
            self._flush(conn)

    def send(self, data: typing.Any) -> None:
        """Send *data* as the whole body: str, bytes, a file or an iterable of bytes.

        Waits for the peer to make room (RFC 9113, 5.2), each time for at most :attr:`timeout`
        seconds.
        """
        if self._h2_spoken is False:
            super().send(data)
            return
        if self._h2_stream is None:
            raise ProtocolError("Must call `putrequest` first.")
        self._body_begun = True
        with self._h2_conn as conn:
            for block in self._blocks(data):
                if not self._send_block(conn, memoryview(block).cast("B")):
                    # Answered already: the server does not need the rest (RFC 9113, 8.1).
                    with contextlib.suppress(h2.exceptions.StreamClosedError):  # by the peer
                        conn.reset_stream(self._h2_stream, h2.errors.ErrorCodes.CANCEL)
                    self._flush(conn)
                    return
            conn.end_stream(self._h2_stream)
            self._flush(conn)

    def _blocks(self, data: typing.Any) -> Iterator[bytes]:
        if isinstance(data, str):
            yield data.encode()
        elif isinstance(data, (bytes, bytearray, memoryview)):
            yield data  # type: ignore[misc]
        elif hasattr(data, "read"):
            while block := data.read(self.blocksize):
                yield block.encode() if isinstance(block, str) else block
        elif hasattr(data, "__iter__"):
            for block in data:
                yield block.encode() if isinstance(block, str) else block
        else:
            raise TypeError(f"`data` should be str, bytes, iterable, or file. got {type(data)!r}")

    def _send_block(self, conn: h2.connection.H2Connection, block: memoryview) -> bool:
        """Send *block*, waiting for room; False if the peer has answered before its end."""
        stream = typing.cast("int", self._h2_stream)
        while block:
            if typing.cast("_Answer", self._answer).complete:
                return False
            room = min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size)
            if room <= 0:
                self._receive_frames(conn)
                continue
            conn.send_data(stream, bytes(block[:room]))
            self._flush(conn)
            block = block[room:]
        return True

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        body: _TYPE_BODY | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        preload_content: bool = True,
        decode_content: bool = True,
        enforce_content_length: bool = True,
        **kwargs: typing.Any,
    ) -> None:
        """Send a request as ``HTTPConnection.request`` does, never in chunks: frames delimit it."""
        if self.sock is None:
            self.connect()
        options = {
            "preload_content": preload_content,
            "decode_content": decode_content,
            "enforce_content_length": enforce_content_length,
        }
        if self._h2_spoken is False:
            super().request(method, url, body=body, headers=headers, **options, **kwargs)
            return
        _apply_timeout(self.sock, self.timeout)
        self.putrequest(method, url)
        self._response_options = _ResponseOptions(
            method, self._request_url, preload_content, decode_content, enforce_content_length
        )
        headers = headers or {}
        for name, value in headers.items():
            if not _is_chunked_framing(name, value):
                self.putheader(name, value)
        if not any(_text(name) == "user-agent" for name in headers):
            self.putheader(*USER_AGENT)
        if body:
            self.endheaders(body)
            self.send(body)
        else:
            self.endheaders()

    # ------------------------------------------------------------ receiving

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        """The response to the last :meth:`request`, once it has been received completely.

        Raises ``http.client.RemoteDisconnected`` if the peer closes before its end,
        :class:`StreamFailed` if the peer gives up the stream.
        """
        if self._h2_spoken is False:
            return super().getresponse()
        answer, options = self._answer, self._response_options
        if answer is None or self._h2_stream is None:
            raise http.client.ResponseNotReady
        self._response_options = None
        _apply_timeout(self.sock, self.timeout)
        with self._h2_conn as conn:
            while not answer.complete:
                self._receive_frames(conn)
        self._h2_stream = self._answer = None
        return HTTP2Response(
            status=answer.status,
            headers=answer.headers,
            request_url=options.request_url if options else self._request_url,
            data=bytes(answer.body),
        )

    def _receive_frames(self, conn: h2.connection.H2Connection) -> None:
        """Wait for data from the peer, and handle the events in it."""
        data = self.sock.recv(_RECEIVE)
        if not data:
            raise http.client.RemoteDisconnected("Remote end closed connection without response")
        try:
            events = conn.receive_data(self._without_goaway(data))
        except h2.exceptions.ProtocolError as error:
            self._flush(conn)  # GOAWAY with the reason
            raise StreamFailed(str(error)) from error
        for event in events:
            self._act_on(conn, event)
        self._flush(conn)

    def _without_goaway(self, data: bytes) -> bytes:
        """The complete frames that have arrived, without GOAWAY.

        After it, streams up to the last one that it names are still answered (RFC 9113, 6.8), but
        h2 accepts no further frame.
        """
        data = self._cut_short + data
        frames, start = [], 0
        while (end := _end_of_frame(data, start)) <= len(data):
            frame = data[start:end]
            if frame[3] == _GOAWAY and len(frame) >= _FRAME_HEAD + 8:
                self._going_away = True
                last, code = _GOAWAY_FIELDS.unpack_from(frame, _FRAME_HEAD)
                if last & 0x7FFFFFFF < (self._h2_stream or 0):
                    raise StreamFailed(f"GOAWAY from peer: {_name_of(code)}")
            else:
                frames.append(frame)
            start = end
        self._cut_short = data[start:]
        return b"".join(frames)

    def _act_on(self, conn: h2.connection.H2Connection, event: Event) -> None:
        answer = self._answer
        if answer is None or getattr(event, "stream_id", None) != self._h2_stream:
            return
        if isinstance(event, h2.events.ResponseReceived):
            self._keep_head(answer, event)
        elif isinstance(event, h2.events.InformationalResponseReceived):
            self._skip_interim(answer, event)
        elif isinstance(event, h2.events.DataReceived):
            self._keep_data(conn, answer, event)
        elif isinstance(event, h2.events.StreamEnded):
            answer.complete = True
        elif isinstance(event, h2.events.StreamReset) and not answer.complete:
            # After a complete response it only means that the rest of the request is not needed.
            where = "within the body" if answer.status else "from peer"
            raise StreamFailed(f"RST_STREAM {where}: {_name_of(event.error_code)}")

    def _keep_data(
        self, conn: h2.connection.H2Connection, answer: _Answer, event: h2.events.DataReceived
    ) -> None:
        answer.body += event.data or b""
        # Padding counts, too (RFC 9113, 6.1): the peer may send as much again.
        if event.flow_controlled_length and event.stream_id:
            conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def _keep_head(self, answer: _Answer, event: h2.events.ResponseReceived) -> None:
        answer.status, fields = self._checked(event)
        for name, value in fields:
            answer.headers.add(name.decode("latin-1"), value.decode("latin-1"))

    def _skip_interim(
        self, answer: _Answer, event: h2.events.InformationalResponseReceived
    ) -> None:
        answer.interim += 1
        if answer.interim > syntax.MAX_INTERIM:
            self._refuse(syntax.TOO_MANY_INTERIM)
        status, _ = self._checked(event)
        if not syntax.is_interim(status):  # 101 is not for HTTP/2 (RFC 9113, 8.6)
            self._refuse(f"Malformed response: status {status}")

    def _checked(
        self, event: h2.events.ResponseReceived | h2.events.InformationalResponseReceived
    ) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Status and fields of a response head that is well-formed (RFC 9113, 8.1.1)."""
        headers = typing.cast("list[tuple[bytes, bytes]]", event.headers or [])
        statuses = [value for name, value in headers if name == b":status"]
        if len(statuses) != 1 or not _STATUS.match(statuses[0]):
            self._refuse(f"Malformed response: status {statuses!r}")
        fields = [(name, value) for name, value in headers if name != b":status"]
        for name, value in fields:
            if not _is_legal_header_name(name) or _is_illegal_header_value(value):
                self._refuse(f"Malformed response: field {name!r}")
        return int(statuses[0]), fields

    def _refuse(self, reason: str) -> typing.NoReturn:
        self.close()
        raise StreamFailed(reason)

    def _flush(self, conn: h2.connection.H2Connection) -> None:
        data = conn.data_to_send()
        if data:
            self.sock.sendall(data)


def _new_h2_connection() -> h2.connection.H2Connection:
    config = h2.config.H2Configuration(client_side=True, header_encoding=False)
    conn = h2.connection.H2Connection(config=config)
    # As initial values: settings made later are not part of the first SETTINGS frame.
    codes = h2.settings.SettingCodes
    conn.local_settings = h2.settings.Settings(
        client=True,
        initial_values={
            codes.ENABLE_PUSH: 0,
            codes.INITIAL_WINDOW_SIZE: _WINDOW,
            codes.MAX_HEADER_LIST_SIZE: _MAX_FIELDS,
        },
    )
    return conn


def _end_of_frame(data: bytes, start: int) -> int:
    """The offset of the end of the frame that begins at *start*; past *data* if incomplete."""
    head = data[start : start + _FRAME_HEAD]
    if len(head) < _FRAME_HEAD:
        return len(data) + 1
    size = int.from_bytes(head[:3], "big")
    # A frame longer than we allow is handed to h2 at once, which refuses it.
    return start + _FRAME_HEAD + size if size <= _MAX_FRAME else len(data)


def _path_of(url: str) -> str:
    """Path and query (RFC 9113, 8.3.1); a pool that was redirected passes an absolute URL."""
    return parse_url(url).request_uri if url.startswith(("http://", "https://")) else url


def _text(name: str | bytes) -> str:
    return (name.decode("latin-1") if isinstance(name, bytes) else name).lower()


def _is_chunked_framing(name: str | bytes, value: str | bytes) -> bool:
    return _text(name) == "transfer-encoding" and _text(value) == "chunked"


def _name_of(code: object) -> str:
    return next((known.name for known in h2.errors.ErrorCodes if known == code), str(code))


class _Finished:
    """In place of the ``http.client`` response, for one that has been received completely."""

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class HTTP2Response(HTTPResponse, BaseHTTPResponse):
    """A response received over HTTP/2; its body is in memory, not decoded."""

    def __init__(
        self,
        status: int,
        headers: HTTPHeaderDict,
        request_url: str,
        data: bytes,
        decode_content: bool = False,
    ) -> None:
        super().__init__(
            body=io.BytesIO(data),
            headers=headers,
            status=status,
            version=20,
            version_string="HTTP/2",
            reason=None,
            preload_content=False,
            decode_content=decode_content,
            original_response=typing.cast("typing.Any", _Finished()),
            request_url=request_url,
        )
        self.enforce_content_length = False  # the end of the stream is the end of the body

    @property
    def length_remaining(self) -> int:
        """0: nothing is left to receive."""
        return 0

    @length_remaining.setter
    def length_remaining(self, value: int | None) -> None:
        """Do nothing: the body has been received."""
