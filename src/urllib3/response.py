"""A response, and every way to read its body.

Two faces of the wire: ``_fp``, an ``http.client`` response or whatever file-like object somebody
put there, and, for a body in chunks, its ``_fp.fp``.  What is read there goes through the decoder
into a buffer, and from there to the reader.
"""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import socket
import typing
from collections.abc import Callable, Generator, Iterator, Mapping
from http.client import HTTPException, LineTooLong
from http.client import HTTPResponse as _HttplibHTTPResponse

from . import _seams
from ._body import decoders
from ._body.buffer import BytesQueueBuffer, translate
from ._body.decoders import (
    HAS_ZSTD,
    ContentDecoder,
    DeflateDecoder,
    GzipDecoder,
    GzipDecoderState,
    MultiDecoder,
    _get_decoder,
)
from ._collections import HTTPHeaderDict
from ._http1 import chunks, syntax
from ._http1.answer import IncomingResponse
from .exceptions import (
    BodyNotHttplibCompatible,
    DecodeError,
    HTTPError,
    IncompleteRead,
    InvalidChunkLength,
    ProtocolError,
    ResponseNotChunked,
)
from .util import ssl_
from .util.response import is_fp_closed, is_response_to_head

brotli = decoders.brotli
if brotli is not None:
    from ._body.decoders import BrotliDecoder
if HAS_ZSTD:
    from ._body.decoders import ZstdDecoder

    zstd = decoders.zstd

if typing.TYPE_CHECKING:
    from http.client import HTTPMessage as _HttplibHTTPMessage

    from ._base_connection import _TYPE_BODY, BaseHTTPConnection, _Options
    from ._typing import HTTPConnection, HTTPConnectionPool
    from .util.retry import Retry

__all__ = [
    "HAS_ZSTD",
    "BaseHTTPResponse",
    "BytesQueueBuffer",
    "ContentDecoder",
    "DeflateDecoder",
    "GzipDecoder",
    "GzipDecoderState",
    "HTTPResponse",
    "MultiDecoder",
    "_get_decoder",
]
if brotli is not None:
    __all__ += ["BrotliDecoder"]
if HAS_ZSTD:
    __all__ += ["ZstdDecoder", "zstd"]

log = logging.getLogger(__name__)

_READ_CHUNK_SIZE = 65536  # bytes
#: Bytes of a body nobody wants that are read to save a connection; beyond, a new one is cheaper.
_DRAIN_AT_MOST = 1 << 20
_READ1_AT_MOST = 8192  # bytes read at a time while waiting for something decoded
_PYOPENSSL_AT_MOST = 1 << 28  # bytes: its reads fail beyond 2**31


_MIXED = (
    "Calling {0}(decode_content=False) is not supported after {0}(decode_content=True) was called."
)
_NO_CHUNKS = "Response is not chunked. Header 'transfer-encoding: chunked' is missing."
_NO_RAW_CHUNKS = (
    "Body should be http.client.HTTPResponse like. "
    "It should have have an fp attribute which returns raw chunks."
)
_MIXED_WAYS = (
    "Reading by chunks cannot be mixed with other ways: "
    "the body object does not count what is left of a chunk."
)
_LEFT_EARLY = (
    "The rest of the body cannot be read: a stream of its chunks was left before its end, "
    "which closed the connection. Keep the generator to mix it with other ways of reading."
)
_LINE_TOO_LONG = "Response chunk {} line exceeded maximum allowed length"


# Stands for the source of a body that came along with its head, until somebody looks.
_CAME_WHOLE = object()


class BaseHTTPResponse(io.IOBase):
    """What every response offers, however it came.

    :param headers: a header dict, or what one can be made of
    :param version: 10, 11 or 20
    :param version_string: the same for people
    :param decode_content: whether reading undoes the Content-Encoding unless told otherwise
    :param request_url: what was asked for
    :param retries: the policy after the request, with its history
    """

    CONTENT_DECODERS: typing.ClassVar[list[str]] = list(decoders.CODINGS)
    REDIRECT_STATUSES: typing.ClassVar[list[int]] = [301, 302, 303, 307, 308]
    DECODER_ERROR_CLASSES: tuple[type[Exception], ...] = decoders.ERRORS

    # What each response has.  IOBase keeps attributes in a dict that CPython reads slowly.
    __slots__ = {
        "_request_url": "What url gives.",
        "_retries": "What retries gives.",
        "decode_content": "Whether reading undoes the Content-Encoding unless told otherwise.",
        "reason": "The reason phrase.",
        "status": "The status code.",
        "version": "10, 11 or 20.",
        "version_string": "The same for people.",
    }

    status: int
    version: int
    version_string: str
    reason: str | None
    decode_content: bool
    length_remaining: int | None
    _request_url: str | None
    _retries: Retry | None

    # Where nearly every response stays; an instance has its own only when it differs.
    chunked: bool = False
    _has_decoded_content: bool = False
    _decoder: ContentDecoder | None = None
    _decoder_initialized: bool = False
    #: Nothing more is expected of the decoder: it has said so, or the body was given up.
    _decoder_done: bool = False

    def __init__(
        self,
        *,
        headers: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
        status: int,
        version: int,
        version_string: str,
        reason: str | None,
        decode_content: bool,
        request_url: str | None,
        retries: Retry | None = None,
    ) -> None:
        given: typing.Any = headers  # fields in bytes are decoded
        self.headers: HTTPHeaderDict = (
            given if isinstance(given, HTTPHeaderDict) else HTTPHeaderDict(given)
        )
        self.status = status
        self.version = version
        self.version_string = version_string
        self.reason = reason
        self.decode_content = decode_content
        self._request_url = request_url
        self.retries = retries
        coding = self.headers.get("transfer-encoding")
        if coding is not None:
            self.chunked = syntax.names_chunked(coding)

    # ------------------------------------------------------------ what subclasses provide

    @property
    def data(self) -> bytes:
        """The whole body."""
        raise NotImplementedError

    @property
    def url(self) -> str | None:
        """What was asked for, after redirects."""
        raise NotImplementedError

    @url.setter
    def url(self, url: str | None) -> None:
        raise NotImplementedError

    @property
    def connection(self) -> BaseHTTPConnection | None:
        """The connection, as long as the response holds it."""
        raise NotImplementedError

    def stream(
        self, amt: int | None = _READ_CHUNK_SIZE, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        """The body in pieces."""
        raise NotImplementedError

    def read(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,
        cache_content: bool = False,
    ) -> bytes:
        """The body, or up to *amt* bytes of it."""
        raise NotImplementedError

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """What is there of the body."""
        raise NotImplementedError

    def read_chunked(
        self, amt: int | None = None, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        """The body chunk by chunk."""
        raise NotImplementedError

    def release_conn(self) -> None:
        """Give the connection back."""
        raise NotImplementedError

    def drain_conn(self) -> None:
        """Read the rest and forget it."""
        raise NotImplementedError

    def shutdown(self) -> None:
        """Let a blocked reader in another thread see the end."""
        raise NotImplementedError

    def close(self) -> None:
        """Give the body up."""
        raise NotImplementedError

    # ------------------------------------------------------------ what they all have

    def get_redirect_location(self) -> str | typing.Literal[False] | None:
        """Where the response redirects to; False if its status is of no redirect."""
        if self.status in self.REDIRECT_STATUSES:
            return self.headers.get("location")
        return False

    def json(self) -> typing.Any:
        """The body, taken for JSON in UTF-8; raises what ``json.loads`` and decoding raise."""
        import json

        return json.loads(self.data.decode("utf-8"))

    @property
    def retries(self) -> Retry | None:
        """The policy after the request; its history tells what came before this response."""
        return self._retries

    @retries.setter
    def retries(self, retries: Retry | None) -> None:
        if retries is not None and retries.history:
            self.url = retries.history[-1].redirect_location
        self._retries = retries

    def _init_decoder(self) -> None:
        """Settle what undoes the Content-Encoding.  One that was put here before is kept."""
        if self._decoder_initialized:
            return
        encoding = self.headers.get("content-encoding")
        if encoding is not None and self._decoder is None:
            self._decoder = decoders.decoder_for(encoding.lower(), self.CONTENT_DECODERS)
        self._decoder_initialized = True

    def _decode(
        self,
        data: bytes,
        decode_content: bool | None,
        flush_decoder: bool,
        max_length: int | None = None,
    ) -> bytes:
        """*data* decoded; at the end of the body the decoder is flushed, and no bound holds."""
        if self._has_decoded_content and not decode_content:
            raise RuntimeError(_MIXED.format("read"))
        if self._decoder is None or not decode_content:
            return data
        bound = -1 if flush_decoder or max_length is None else max_length
        try:
            if flush_decoder and type(self._decoder) is GzipDecoder:
                data = self._decoder.decompress_whole(data)
            else:
                data = self._decoder.decompress(data, max_length=bound)
        except self.DECODER_ERROR_CLASSES as error:
            raise self._undecodable(error) from error
        self._has_decoded_content = True
        return data + self._flush_decoder() if flush_decoder else data

    def _flush_decoder(self) -> bytes:
        """What the decoder still has at the end of the body; DecodeError if it ends too early."""
        if self._decoder is None or self._decoder_done:
            return b""
        try:
            data = self._decoder.decompress(b"", max_length=-1) + self._decoder.flush()
        except self.DECODER_ERROR_CLASSES as error:
            raise self._undecodable(error) from error
        self._decoder_done = True
        return data

    def _end_decoding(self, max_length: int | None) -> bytes:
        """What still comes out when the wire has ended; then DecodeError if the end is missing."""
        data = self._decode(b"", True, False, max_length)
        if not data:
            data = self._flush_decoder()
            self._decoder_done = True  # a subclass may have a way of its own to flush it
        return data

    @property
    def _decodes_nothing(self) -> bool:
        """Whether bytes may go past :meth:`_decode`, because there is nothing for it to do."""
        return (
            self._decoder is None
            and type(self)._decode is _seams.response_HTTPResponse__decode
            and "_decode" not in self.__dict__
        )

    def _undecodable(self, error: Exception) -> DecodeError:
        encoding = self.headers.get("content-encoding", "").lower()
        return DecodeError(
            f"Received response with content-encoding: {encoding}, but failed to decode it.", error
        )

    def readinto(self, b: bytearray | memoryview[int]) -> int:
        """Read into *b*; the number of bytes, 0 at the end."""
        data = self.read(len(b))
        b[: len(data)] = data
        return len(data)

    def getheaders(self) -> HTTPHeaderDict:
        """The headers."""
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """One header, or *default*."""
        return typing.cast("str | None", self.headers.get(name, default))

    def info(self) -> HTTPHeaderDict:
        """The headers, as ``http.cookiejar`` asks for them."""
        return self.headers

    def geturl(self) -> str | None:
        """The URL, as ``http.cookiejar`` asks for it."""
        return self.url


class HTTPResponse(BaseHTTPResponse):
    """A response with a body that is read from the wire, or from anything that can be read.

    :param body: str or bytes, or an object with ``read``
    :param preload_content: read everything now; whatever is wrong with the body is raised now
    :param original_response: the ``http.client`` response, or what stands for it
    :param pool: where the connection goes back to
    :param connection: to give back
    :param enforce_content_length: a body shorter than announced is an error
    :param request_method: what was asked with: an answer to HEAD has no body
    :param auto_close: be closed as soon as the body has been read
    :param sock_shutdown: called by :meth:`shutdown` with a ``socket.SHUT_*`` value

    Raises ``InvalidHeader`` for contradicting Content-Lengths.
    """

    __slots__ = {
        "_body": "The body, if it has been read whole, or was given.",
        "_connection": "What connection gives.",
        "_fp_bytes_read": "What tell() gives.",
        "_head": "The head, if it came from the wire.",
        "_pool": "Where the connection goes back to.",
        "_request_method": "What was asked with.",
        "_sock_shutdown": "What shutdown() calls.",
        "_source": "What the body is read from, or _CAME_WHOLE.",
        "_uncached_read_occurred": "Whether something has been read that data cannot give.",
        "auto_close": "Whether it is closed as soon as the body has been read.",
        "enforce_content_length": "Whether a body shorter than announced is an error.",
        "length_remaining": "Bytes still to come on the wire; None if only their end will tell.",
    }

    _body: typing.Any
    _source: typing.Any
    _head: syntax.Head | None
    _request_method: str | None
    _pool: HTTPConnectionPool | None
    _connection: HTTPConnection | None
    _sock_shutdown: Callable[[int], None] | None
    _fp_bytes_read: int
    _uncached_read_occurred: bool
    auto_close: bool
    enforce_content_length: bool

    msg: _HttplibHTTPMessage | None = None
    _headers: HTTPHeaderDict | None = None
    #: Whether the line of the last chunk, whose size is 0, has been read by chunks.
    _chunks_ended: bool = False
    #: What is left of a chunk, where the body object does not count that itself.
    _own_chunk_left: int | None = None
    _counts_chunks: bool = False
    #: Why the rest of the body cannot be read, or not in another way than by chunks.
    _refusal: str | None = None

    def __init__(
        self,
        body: _TYPE_BODY = "",
        headers: Mapping[str, str] | Mapping[bytes, bytes] | None = None,
        status: int = 0,
        version: int = 0,
        version_string: str = "HTTP/?",
        reason: str | None = None,
        preload_content: bool = True,
        decode_content: bool = True,
        original_response: _HttplibHTTPResponse | None = None,
        pool: HTTPConnectionPool | None = None,
        connection: HTTPConnection | None = None,
        msg: _HttplibHTTPMessage | None = None,
        retries: Retry | None = None,
        enforce_content_length: bool = True,
        request_method: str | None = None,
        request_url: str | None = None,
        auto_close: bool = True,
        sock_shutdown: Callable[[int], None] | None = None,
    ) -> None:
        # What close() looks at comes first: whatever fails below is collected.
        self.auto_close = auto_close
        self._source = body if hasattr(body, "read") else None
        self._pool = pool
        self._connection = connection
        self._sock_shutdown = sock_shutdown
        self._head = None
        super().__init__(
            headers=headers,
            status=status,
            version=version,
            version_string=version_string,
            reason=reason,
            decode_content=decode_content,
            request_url=request_url,
            retries=retries,
        )
        self.enforce_content_length = enforce_content_length
        self._request_method = request_method
        self._uncached_read_occurred = False
        self.msg = msg
        self._body = body if body and isinstance(body, (str, bytes)) else None
        self._original_response = original_response
        self._fp_bytes_read = 0
        self.length_remaining = self._init_length(request_method)
        if preload_content and self._body is None:
            self._body = self.read(decode_content=decode_content)

    def __setstate__(self, state: object) -> None:
        """Take the state of a pickle, of one that urllib3 2.8.0 has made, too: there, one dict."""
        foreign = {"_head": None, "_request_method": None, "_source": None}
        parts: typing.Any = state if isinstance(state, tuple) else (foreign, state)
        for part in parts:
            for name, value in (part or {}).items():
                setattr(self, name, value)

    @classmethod
    def _from_wire(
        cls,
        head: syntax.Head,
        source: IncomingResponse | bytes,
        options: _Options,
        version_string: str,
        sock_shutdown: Callable[[int], None] | None,
    ) -> HTTPResponse:
        """What the constructor makes of an answer whose head has been read and checked already.

        :param source: what the body is read from, or the body, if it came along with the head and
            needs no decoding
        """
        self = cls.__new__(cls)
        method, url, preload_content, decode_content, enforce_content_length = options
        self.auto_close = True
        self._head = head
        self._request_method = method
        self._request_url = url
        self.status = head.status
        self.version = head.version
        self.version_string = version_string
        self.reason = head.reason
        self.decode_content = decode_content
        self.enforce_content_length = enforce_content_length
        self._sock_shutdown = sock_shutdown
        self._pool = self._connection = self._retries = None
        if type(source) is bytes:
            self._source = _CAME_WHOLE
            self._body = source
            self._fp_bytes_read = len(source)
            self.length_remaining = 0
            self._uncached_read_occurred = True
        else:
            self._read_from(typing.cast("IncomingResponse", source), preload_content)
        return self

    def _read_from(self, incoming: IncomingResponse, preload_content: bool) -> None:
        # Whoever wraps getresponse may have changed them.
        self.status, self.version = incoming.status, incoming.version
        self.reason = incoming.reason
        self._source = self._original_response = incoming
        self._body = None
        self._fp_bytes_read = 0
        self._uncached_read_occurred = False
        about = typing.cast("syntax.Head", self._head).about
        if incoming.chunked:
            self.chunked = True
            self.length_remaining = self._init_length(self._request_method)
        else:
            self.length_remaining = incoming.length
            if self._request_method == "HEAD":
                # It has no body, and says how that of GET would be framed.
                self.chunked = syntax.names_chunked(about.get("transfer-encoding", ""))
        if preload_content:
            self._decoder_initialized = "content-encoding" not in about
            self._body = self.read(None, self.decode_content)

    # Of an answer that came whole these two are made when somebody looks.

    @functools.cached_property
    def _original_response(self) -> typing.Any:
        """The ``http.client`` response, or what stands for it."""
        head = self._head  # None if __init__ failed: collecting the rest looks at it, too
        return None if head is None else IncomingResponse.ended(head, self._request_method)

    @property
    def _fp(self) -> typing.Any:
        """What the body is read from."""
        if self._source is _CAME_WHOLE:
            self._source = self._original_response
        return self._source

    @_fp.setter
    def _fp(self, source: typing.Any) -> None:
        self._source = source

    @functools.cached_property
    def _decoded_buffer(self) -> BytesQueueBuffer:
        """Decoded bytes that nobody has taken yet.  Most responses are read at once, without it."""
        return BytesQueueBuffer()

    @property
    def headers(self) -> HTTPHeaderDict:
        """The header fields; taken out of the head when first looked at."""
        if self._headers is None:
            fields = typing.cast("syntax.Head", self._head).fields
            self._headers = HTTPHeaderDict._from_pairs(fields)
        return self._headers

    @headers.setter
    def headers(self, headers: HTTPHeaderDict) -> None:
        self._headers = headers

    # ------------------------------------------------------------ connection

    @property
    def connection(self) -> HTTPConnection | None:
        """The connection, as long as the response holds it."""
        return self._connection

    def release_conn(self) -> None:
        """Give the connection back to its pool, whatever is left unread on it."""
        conn = self._connection
        if self._pool and conn:
            # First of all: from the moment when the pool has it, it may be somebody else's.
            self._connection = None
            self._pool._put_conn(conn)

    def drain_conn(self) -> None:
        """Read the rest without decoding it, so that the connection can be used again.

        A long rest is not worth it: after a megabyte the connection is closed instead.
        """
        drained = 0
        with contextlib.suppress(HTTPError, OSError, HTTPException):
            while drained + (self.length_remaining or 0) <= _DRAIN_AT_MOST:
                data = self._raw_read(_READ_CHUNK_SIZE)
                if not data:
                    break
                drained += len(data)
            else:
                self._abandon()
                self._fp.close()
                self._settle()
        if self._has_decoded_content:
            # What the decoder holds is nobody's now, and must not be inflated.
            self._decoded_buffer.get_all()
            self._decoder = None
            self._decoder_done = True

    def shutdown(self) -> None:
        """Shut the socket down for reading: a blocked reader in another thread sees the end.

        Raises ValueError if that is not possible, RuntimeError once the connection is given back.
        """
        if not self._sock_shutdown:
            raise ValueError("Cannot shutdown socket as self._sock_shutdown is not set")
        if self._connection is None:
            raise RuntimeError(
                "Cannot shutdown as connection has already been released to the pool"
            )
        self._sock_shutdown(socket.SHUT_RD)

    # ------------------------------------------------------------ length

    def _init_length(self, request_method: str | None) -> int | None:
        """The number of bytes to come on the wire, or None if only their end will tell."""
        length: int | None = None
        announced = self.headers.get("content-length")
        if announced is not None:
            if self.chunked:
                log.warning(
                    "Received response with both Content-Length and "
                    "Transfer-Encoding set. This is expressly forbidden "
                    "by RFC 7230 sec 3.3.2. Ignoring Content-Length and "
                    "attempting to process response as Transfer-Encoding: "
                    "chunked."
                )
                return None
            length = syntax.announced_length(announced)
        if syntax.is_bodiless(_status_number(self.status), request_method):
            return 0
        return length

    def tell(self) -> int:
        """Bytes obtained from the wire so far."""
        return self._fp_bytes_read

    # ------------------------------------------------------------ the wire

    def _abandon(self) -> None:
        """Reading failed or was given up: nothing more can be had from the connection."""
        if self._decoder is not None:
            self._decoder_done = True
        if self._original_response is not None:
            self._original_response.close()
        if self._connection is not None:
            self._connection.close()

    def _settle(self) -> None:
        """Give the connection back if the body has been read to its end, or given up."""
        if self._original_response is not None and self._original_response.isclosed():
            self.release_conn()

    @contextlib.contextmanager
    def _error_catcher(self) -> Generator[None]:
        """Around whatever touches the wire: errors are translated, the connection is settled."""
        try:
            yield
        except BaseException as error:
            self._abandon()
            _raise_translated(error, self._pool)
        finally:
            self._settle()

    def _fp_read(self, amt: int | None = None, *, read1: bool = False) -> bytes:
        """Read from the body object."""
        fp = self._fp
        if ssl_.IS_PYOPENSSL:
            return self._fp_read_in_parts(amt, read1)
        if read1:
            return fp.read1() if amt is None else fp.read1(amt)  # type: ignore[no-any-return]
        return fp.read() if amt is None else fp.read(amt)  # type: ignore[no-any-return]

    def _fp_read_in_parts(self, amt: int | None, read1: bool) -> bytes:
        # pyOpenSSL takes the size of a read for a C int.
        wanted = amt if amt is not None else self.length_remaining
        if wanted is None or wanted < 1 << 31:
            read = self._fp.read1 if read1 else self._fp.read
            return read() if amt is None else read(amt)  # type: ignore[no-any-return]
        if read1:
            return self._fp.read1((1 << 31) - 1)  # type: ignore[no-any-return]
        parts = []
        while wanted and (part := self._fp.read(min(wanted, _PYOPENSSL_AT_MOST))):
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def _raw_read(self, amt: int | None = None, *, read1: bool = False) -> bytes | None:
        """Read from the wire, keep count, and see to the connection.

        Raises what :func:`translate` makes of errors; a sized read of nothing before the announced
        end is one.
        """
        fp = self._fp
        if fp is None:
            return None
        if self._refusal is not None and not self._chunks_ended:
            raise ProtocolError(self._refusal)
        catcher_is_ours = (
            type(self)._error_catcher is _seams.response_HTTPResponse__error_catcher
            and "_error_catcher" not in self.__dict__
        )
        # A context manager around each read would cost more than a small read does.
        if not catcher_is_ours:
            with self._error_catcher():
                data = self._read_once(fp, amt, read1)
        else:
            try:
                data = self._read_once(fp, amt, read1)
            except BaseException:
                with self._error_catcher():
                    raise
        if data:
            count = len(data)
            self._fp_bytes_read += count
            left = self.length_remaining
            self.length_remaining = None if left is None else left - count
        self._settle()
        return data

    def _read_once(self, fp: typing.Any, amt: int | None, read1: bool) -> bytes:
        closed = getattr(fp, "closed", False)
        data = b"" if closed else self._fp_read(amt, read1=read1)
        if not data:
            self._end_of_wire(amt, read1, closed)
        elif read1 and len(data) == self.length_remaining:
            fp.close()
        return data

    def _end_of_wire(self, amt: int | None, read1: bool, closed: bool) -> None:
        if amt is None:
            if closed or not read1:
                return
        elif amt == 0 or getattr(self._fp, "upgraded", False):
            return
        self._fp.close()
        if self.enforce_content_length and self.length_remaining:
            raise IncompleteRead(self._fp_bytes_read, self.length_remaining)

    def _straight(self) -> IncomingResponse | None:
        """The body object, if readers get just what it receives and nobody stands in between.

        Then bytes may go straight from the wire to the reader: the same as by :meth:`read`, and
        what is rare is left to it.
        """
        fp = self._fp
        if (
            type(fp) is IncomingResponse
            and fp.is_bare
            and not _seams.reading_patched(self)
            and not ssl_.IS_PYOPENSSL
            and self._decodes_nothing
            and not self.__dict__.get("_decoded_buffer")
        ):
            return fp
        return None

    def _receive(self, fp: IncomingResponse, wanted: int) -> bytes:
        """Read *wanted* bytes of what is left straight from the wire; less only at its end."""
        try:
            data = fp.receiver.read(wanted)
        except BaseException:
            with self._error_catcher():
                raise
        self._count(fp, len(data))
        return data

    def _count(self, fp: IncomingResponse, received: int) -> None:
        """Keep count of what came straight from the wire; see to the connection at the end."""
        self._fp_bytes_read += received
        if self.length_remaining is not None:
            self.length_remaining -= received
        fp.length = left = typing.cast("int", fp.length) - received
        if not left:
            fp._close_conn()
            self._settle()

    # ------------------------------------------------------------ reading

    @property
    def data(self) -> bytes:
        """The whole body; read now if it was not preloaded, and kept."""
        body: bytes = self._body
        if body:
            return body
        if self._fp is not None:
            return self.read(cache_content=True)
        return None  # type: ignore[return-value]  # there is none and never was

    def read(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,
        cache_content: bool = False,
    ) -> bytes:
        """Read the body.

        :param amt: exactly so many bytes unless it ends; None = all the rest
        :param decode_content: None = as the response was made
        :param cache_content: keep the result for :attr:`data`; only for the whole

        Raises ``ReadTimeoutError``, ``ProtocolError`` for a broken connection or a short body,
        ``DecodeError``, and RuntimeError for mixing decoded and raw reads.
        """
        self._init_decoder()
        if decode_content is None:
            decode_content = self.decode_content
        if amt is None or amt < 0:
            return self._read_rest(decode_content, cache_content)
        if amt == 0:
            return b""
        self._uncached_read_occurred = True
        if not decode_content:
            return self._read_undecoded(amt)
        if self._decodes_nothing and not self._decoded_buffer:
            data = self._raw_read(amt)
            if not data or len(data) >= amt:
                return typing.cast("bytes", data)
            self._decoded_buffer.put(data)
        self._fill(amt)
        return self._decoded_buffer.get(amt) if self._decoded_buffer else b""

    def _read_rest(self, decode_content: bool, cache_content: bool) -> bytes:
        if not decode_content and self._has_decoded_content and self._holds_decoded():
            self._decode(b"", False, False)  # refuses, before anything of the wire is lost
        data = self._raw_read()
        if data or self._owes_decoded(decode_content):
            if self._has_decoded_content or not self._decodes_nothing:
                data = self._decode(data or b"", decode_content, True)
            if self._decoded_buffer:
                self._decoded_buffer.put(data or b"")
                data = self._decoded_buffer.get_all()
        if not cache_content:
            self._uncached_read_occurred = True
        elif not self._uncached_read_occurred and not self._body:
            self._body = data
        return typing.cast("bytes", data)  # None where the body object has nothing else

    def _read_undecoded(self, amt: int) -> bytes:
        buffer = self._decoded_buffer
        if len(buffer) >= amt:
            return buffer.get(amt)
        if self._holds_decoded():
            # Nothing of the wire is lost by a call that is refused.
            self._decode(b"", False, False)
            return buffer.get(amt)
        data = self._raw_read(amt)
        return self._decode(data, False, False) if data else typing.cast("bytes", data)

    def _fill(self, amt: int) -> None:
        """Have *amt* decoded bytes in the buffer, or all there are."""
        buffer = self._decoded_buffer
        while len(buffer) < amt:
            missing = amt - len(buffer)
            if self._decoder is not None and self._decoder.has_unconsumed_tail:
                decoded = self._decode(b"", True, False, missing)
                if decoded:
                    buffer.put(decoded)
                    continue
            data = self._raw_read(amt)
            if data:
                decoded = self._decode(data, True, False, missing)
            elif not buffer and self._owes_decoded(True):
                decoded = self._end_decoding(missing)
            else:
                return
            if decoded:
                buffer.put(decoded)
            elif not data:
                return

    def _owes_decoded(self, decode_content: bool | None) -> bool:
        """Whether there is more than the wire has: decoded bytes, or the end of a coding to see."""
        if self._holds_decoded():
            return True
        if decode_content is None:
            decode_content = self.decode_content
        return self._has_decoded_content and decode_content and not self._decoder_done

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """Read what is there: at least a byte before the end, at most *amt*, and wait for no more.

        Raises what :meth:`read` raises.
        """
        decode = self.decode_content if decode_content is None else decode_content
        amt = None if amt is None or amt < 0 else amt
        if self._has_decoded_content:
            if not decode:
                raise RuntimeError(_MIXED.format("read1"))
            held = self._held(amt)
            if held:
                return held
        if amt == 0:
            return b""
        self._uncached_read_occurred = True
        if self._decoded_buffer:
            return self._held(amt)
        self._init_decoder()
        data = self._raw_read(amt, read1=True)
        if not decode or self._decoder is None or data is None:
            return typing.cast("bytes", data)
        return self._read1_decoded(data, amt)

    def _held(self, amt: int | None) -> bytes:
        """What has been decoded already, or can be without the wire; at most *amt* bytes."""
        buffer = self._decoded_buffer
        if not buffer and amt != 0 and self._decoder and self._decoder.has_unconsumed_tail:
            decoded = self._decode(b"", True, False, amt)
            if decoded:
                buffer.put(decoded)
        if not buffer or amt == 0:
            return b""
        return buffer.get_all() if amt is None else buffer.get(amt)

    def _read1_decoded(self, data: bytes | None, amt: int | None) -> bytes:
        while True:
            decoded = self._decode(data, True, False, amt) if data else self._end_decoding(amt)
            if decoded:
                self._decoded_buffer.put(decoded)
                return self._held(amt)
            if not data:
                return b""
            data = self._raw_read(_READ1_AT_MOST, read1=True)

    def stream(
        self, amt: int | None = _READ_CHUNK_SIZE, decode_content: bool | None = None
    ) -> Generator[bytes]:
        """The body in pieces.

        :param amt: bytes of each piece but the last; of a body in chunks each piece is a chunk, or
            a part of one no longer than this, and comes as soon as it is there
        :param decode_content: None = as the response was made; for a body in chunks, not

        Raises what :meth:`read` and :meth:`read_chunked` raise.
        """
        if amt == 0:
            return
        if self.chunked and self.supports_chunked_reads():
            yield from self.read_chunked(amt, decode_content=decode_content)
            return
        whole = amt is None or amt < 0
        if not whole:
            yield from self._straight_pieces(typing.cast("int", amt), decode_content)
        while not is_fp_closed(self._fp) or self._owes_decoded(decode_content):
            data = self.read(amt=amt, decode_content=decode_content)
            if data:
                yield data
            elif whole or getattr(self._fp, "upgraded", False):
                return  # a body object may never say that it is closed

    def _ready_for_pieces(self, decode_content: bool | None) -> IncomingResponse | None:
        fp = self._fp
        if type(fp) is not IncomingResponse or not fp.length:
            return None
        self._init_decoder()
        if not (self.decode_content if decode_content is None else decode_content):
            return None
        return self._straight()

    def _straight_pieces(self, amt: int, decode_content: bool | None) -> Generator[bytes]:
        """Pieces of *amt* bytes, straight from the wire as long as that is possible."""
        fp = self._ready_for_pieces(decode_content)
        if fp is None:
            return
        self._uncached_read_occurred = True
        # What stands in between may change while the reader is busy with a piece.  A method set on
        # one of the two objects shows in the number of its attributes.
        own, theirs = self.__dict__, fp.__dict__
        attributes = len(own) + len(theirs)
        while self._source is fp and fp.wire and (left := fp.length):
            if len(own) + len(theirs) != attributes or _seams.pieces_patched(self):
                return
            wanted = min(left, amt)
            data = self._receive(fp, wanted)
            if len(data) < wanted:
                self._decoded_buffer.put(data)
                return
            yield data

    def readinto(self, b: bytearray | memoryview[int]) -> int:
        """Read into *b*; the number of bytes, 0 at the end.

        Raises what :meth:`read` raises.
        """
        fp = self._fp
        if type(fp) is IncomingResponse and fp.length and self.decode_content and _is_flat(b):
            self._init_decoder()
            if self._straight():
                self._uncached_read_occurred = True
                with memoryview(b)[: fp.length] as view:
                    try:
                        received = fp.receiver.readinto(view)
                    except BaseException:
                        with self._error_catcher():
                            raise
                    self._count(fp, received)
                    if received == len(view):
                        return received
                    self._decoded_buffer.put(bytes(view[:received]))
        return super().readinto(b)

    def _holds_decoded(self) -> bool:
        return bool(self._decoded_buffer) or bool(
            self._decoder and self._decoder.has_unconsumed_tail
        )

    def __iter__(self) -> Iterator[bytes]:
        """The lines of the body, decoded."""
        pending: list[bytes] = []
        for piece in self.stream(decode_content=True):
            if b"\n" not in piece:
                pending.append(piece)
                continue
            *lines, rest = (b"".join(pending) + piece).split(b"\n")
            pending = [rest] if rest else []
            for line in lines:
                yield line + b"\n"
        if pending:
            yield b"".join(pending)

    # ------------------------------------------------------------ chunks

    def supports_chunked_reads(self) -> bool:
        """Whether chunks can be read: the body object shows the raw bytes beneath it."""
        return type(self._fp) is IncomingResponse or hasattr(self._fp, "fp")

    @property
    def _chunk_source(self) -> typing.Any:
        """Where chunks are read from; None once they have been read."""
        fp = self._fp
        return fp.wire if type(fp) is IncomingResponse else fp.fp

    @property
    def _chunk_count(self) -> typing.Any:
        """The ``http.client`` response that counts what is left of a chunk; None if none does.

        It is the body object, or what stands behind it: that of CacheControl wraps one.
        """
        fp = self._fp
        # An instance check of a class that is not exactly the one asked for is slow.
        if type(fp) is IncomingResponse or isinstance(fp, _HttplibHTTPResponse):
            return fp
        original = self._original_response
        if isinstance(original, _HttplibHTTPResponse) and hasattr(fp, "fp"):
            return original if original.fp is fp.fp else None
        return None

    @property
    def chunk_left(self) -> int | None:
        """Bytes left of the chunk that is being read; None between chunks, 0 at the last one."""
        if self._chunks_ended:
            return 0
        return self._counted_left() or None

    @chunk_left.setter
    def chunk_left(self, left: int | None) -> None:
        fp = self._fp
        count = fp if type(fp) is IncomingResponse else self._chunk_count
        if left == 0:
            self._chunks_ended = True
            left = None
        if count is None:
            self._own_chunk_left = left
        else:
            count.chunk_left = left

    def _counted_left(self) -> int | None:
        """The same as ``http.client`` counts it: 0 where the line end behind a chunk comes next."""
        fp = self._fp
        count = fp if type(fp) is IncomingResponse else self._chunk_count
        left = self._own_chunk_left if count is None else count.chunk_left
        return left if type(left) is int else None

    def _update_chunk_length(self) -> None:
        """Read the line that begins a chunk, if one is due.

        CacheControl puts its own in this method's place: looked up on the instance for each chunk.
        """
        left = self._counted_left()
        if left or self._chunks_ended:
            return
        source = self._chunk_source
        if source is None:  # another reader of the same chunks has come to the end
            self._chunks_ended = True
            return
        if left == 0:
            self._end_chunk()
        most = syntax.max_line()
        line = source.readline(most + 1)
        wrong: Exception
        if not line:
            wrong = ProtocolError("Response ended prematurely")
        elif len(line) > most:
            wrong = ProtocolError(_LINE_TOO_LONG.format("size"))
        else:
            try:
                self.chunk_left = syntax.chunk_size(line)
                return
            except ValueError:
                wrong = InvalidChunkLength(self, line)
        self.close()
        raise wrong

    def _end_chunk(self) -> None:
        """Read the line end behind a chunk."""
        end = self._fp._safe_read(2)
        if not syntax.ends_chunk(end):
            self.close()
            raise InvalidChunkLength(self, end)
        self.chunk_left = None

    def _handle_chunk(self, amt: int | None) -> bytes:
        """The rest of the chunk, or *amt* bytes of it."""
        fp, left = self._fp, self.chunk_left
        assert left is not None
        if (amt is None or left <= amt) and type(fp) is IncomingResponse and fp.is_bare:
            whole = fp.read_chunk(left)
            if whole is not None:
                return whole
        if amt is not None and amt < left:
            part: bytes = fp._safe_read(amt)
            self.chunk_left = left - amt
            return part
        return self._last_of_chunk(left)

    def _last_of_chunk(self, left: int) -> bytes:
        data: bytes = self._fp._safe_read(left)
        self._end_chunk()
        return data

    def read_chunked(
        self, amt: int | None = None, decode_content: bool | None = None
    ) -> Generator[bytes]:
        """The body chunk by chunk, each as soon as it has come in full.

        :param amt: bytes of a piece at most; a longer chunk comes in several

        Raises ``ResponseNotChunked`` and ``BodyNotHttplibCompatible``, ``ProtocolError`` for a
        broken connection or framing, ``ReadTimeoutError``, ``DecodeError``.
        """
        self._init_decoder()
        if not self.chunked:
            raise ResponseNotChunked(_NO_CHUNKS)
        if not self.supports_chunked_reads():
            raise BodyNotHttplibCompatible(_NO_RAW_CHUNKS)
        with self._error_catcher():
            self._uncached_read_occurred = True
            original: typing.Any = self._original_response
            if original is not None and is_response_to_head(original):
                original.close()
                return
            if amt == 0:
                return
            try:
                yield from self._pieces_of_chunks(amt, decode_content)
            except GeneratorExit:
                self._leave_early()
                raise
            if self._chunk_source is not None:
                self._leave_chunks(original)
            elif not self._owes_decoded(bool(decode_content)):
                return  # the end came to another reader of the same body
            while decode_content and (rest := self._end_decoding(amt)):
                yield rest

    def _leave_chunks(self, original: typing.Any) -> None:
        """Read what is behind the last chunk: the connection is fit for the next request."""
        self._discard_trailers()
        if original is None:
            return
        if type(original) is IncomingResponse:
            if original.wire is not None:
                original._close_conn()
        elif isinstance(original, _HttplibHTTPResponse) and not original.isclosed():
            original._close_conn()  # type: ignore[attr-defined]  # http.client has it
        original.close()

    def _pieces_of_chunks(self, amt: int | None, decode_content: bool | None) -> Generator[bytes]:
        """What yields the body up to the line of the last chunk."""
        if self._refusal is _LEFT_EARLY:
            raise ProtocolError(_LEFT_EARLY)
        if self._chunk_source is None:
            self._chunks_ended = True  # read to their end, or given up
        if self._chunk_count is None:
            self._count_chunks_here()
        most = None if amt is None or amt < 0 else amt
        if self._decodes_nothing and not self._has_decoded_content:
            return self._plain_chunks(most)
        return self._decoded_chunks(most, decode_content)

    def _leave_early(self) -> None:
        if self._chunk_source is not None:
            self._refusal = _LEFT_EARLY

    def _count_chunks_here(self) -> None:
        """Begin to count what is left of a chunk, since the body object does not."""
        if self._fp_bytes_read and not self._counts_chunks:
            raise ProtocolError(_MIXED_WAYS)
        self._counts_chunks = True
        self._refusal = _MIXED_WAYS

    def _decoded_chunks(self, amt: int | None, decode_content: bool | None) -> Generator[bytes]:
        while True:
            if self._holds_decoded() and (decode_content or self._has_decoded_content):
                # Raw bytes behind decoded ones are refused, before anything of the wire is lost.
                data = self._held(amt) if decode_content else self._decode(b"", False, False)
                if data:
                    yield data
                    continue
            self._update_chunk_length()
            if self.chunk_left == 0:
                return
            data = self._decode(self._handle_chunk(amt), decode_content, False, amt)
            if data:
                yield data

    def _plain_chunks(self, amt: int | None) -> Generator[bytes]:
        while True:
            if self.__dict__.get("_decoded_buffer"):  # another reader had more than it wanted
                yield self._held(amt)
                continue
            fp, size = self._source, self._begin_straight(amt)
            if not size:
                self._update_chunk_length()
                if self.chunk_left == 0:
                    return
                yield self._handle_chunk(amt)
                continue
            if len(fp.receiver.pending) >= size * chunks.MIN_RUN:
                yield from fp.run_of_chunks(size)
                if fp.chunk_left != size or fp.receiver.has_file:
                    continue  # they came, and another reader may have begun a chunk behind them
            yield fp.read_chunk(size) or self._last_of_chunk(size)

    def _begin_straight(self, amt: int | None) -> int:
        """The size of a chunk whose line has just been read and that may be had from the receiver.

        0 leaves it to the steps: they are patched, the chunk has been begun or is longer than
        *amt*, it is the last one, or something is wrong with it.
        """
        if self._chunks_ended or not self._straight_chunks():
            return 0
        size: int | None = self._source.read_size()
        if size == 0:
            self._chunks_ended = True
        return 0 if size is None or (amt is not None and size > amt) else size

    def _straight_chunks(self) -> bool:
        """Whether no step of reading chunks is overridden, patched or set on the instance."""
        fp = self._fp
        return type(fp) is IncomingResponse and fp.is_bare and not _seams.chunks_patched(self)

    def _discard_trailers(self) -> None:
        try:
            chunks.discard_trailers(self._chunk_source.readline)
        except LineTooLong:
            raise ProtocolError(_LINE_TOO_LONG.format("trailer")) from None
        except chunks.TooManyTrailersError:
            raise ProtocolError(
                f"Response has more than {syntax.MAX_TRAILERS} trailer lines"
            ) from None

    # ------------------------------------------------------------ as a file

    def readable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """The socket's descriptor; OSError if there is none."""
        if self._fp is None:
            raise OSError("HTTPResponse has no file to get a fileno from")
        ask = getattr(self._fp, "fileno", None)
        if ask is None:
            raise OSError(
                "The file-like object this HTTPResponse is wrapped around has no file descriptor"
            )
        return ask()  # type: ignore[no-any-return]

    def flush(self) -> None:
        """Flush the body object, if that means anything to it."""
        if (
            self._fp is not None
            and hasattr(self._fp, "flush")
            and not getattr(self._fp, "closed", False)
        ):
            self._fp.flush()

    def close(self) -> None:
        """Give the body up, and the connection with it if it is still held."""
        self._sock_shutdown = None
        if self._decoder is not None:
            self._decoder_done = True
        if not self.closed and self._fp is not None:
            self._fp.close()
        if self._connection:
            self._connection.close()
            # Set by IOBase when it closes what is being collected: nobody else will release it.
            if "_finalizing" in self.__dict__:
                _free_slot(self._pool, self._connection)
        if not self.auto_close:
            io.IOBase.close(self)

    @property
    def closed(self) -> bool:
        """Whether the body has been read, or given up; see *auto_close*."""
        if not self.auto_close:
            return super().closed
        fp = self._source
        if fp is _CAME_WHOLE or fp is None:
            return True
        if hasattr(fp, "isclosed"):
            return fp.isclosed()  # type: ignore[no-any-return]
        return getattr(fp, "closed", True)

    def isclosed(self) -> bool:
        """Whether the body object is closed; ValueError if nobody can tell."""
        return is_fp_closed(self._fp)

    @property
    def url(self) -> str | None:
        """What was asked for; after a redirect, its Location as it came."""
        return self._request_url

    @url.setter
    def url(self, url: str | None) -> None:
        self._request_url = url


_seams.record(".response.BaseHTTPResponse", BaseHTTPResponse)
_seams.record(".response.HTTPResponse", HTTPResponse)


def _raise_translated(error: BaseException, pool: typing.Any) -> typing.NoReturn:
    seen = translate(error, pool)
    try:
        if seen is error:
            raise error
        raise seen from error
    finally:
        del seen, error  # their tracebacks hold this frame


def _free_slot(pool: typing.Any, conn: BaseHTTPConnection) -> None:
    """Free the slot of *conn*, which is closed, whoever refers to it, if *pool* has slots."""
    free = getattr(getattr(pool, "pool", None), "free", None)
    if free is not None:
        free(conn)


def _is_flat(b: object) -> bool:
    """Whether *b* is writable memory of single bytes in a row, and not of length 0."""
    if type(b) is bytearray:
        return bool(b)
    return (
        type(b) is memoryview
        and b.format == "B"
        and b.c_contiguous
        and not b.readonly
        and len(b) > 0
    )


def _status_number(status: typing.Any) -> int:
    try:
        return int(status)
    except ValueError:
        return 0


_Headers = typing.Union[Mapping[str, str], Mapping[bytes, bytes]]
