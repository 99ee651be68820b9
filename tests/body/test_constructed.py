"""Responses that no wire brought: as mocks, caches and replaying tools make them."""

from __future__ import annotations

import copy
import gc
import http.client
import io
import json
import logging
import pickle
import socket
import ssl

import pytest

pytest.importorskip("brotli", reason="brotli is not installed")

from tests.support.answers import BODY, encode, gzipped, in_chunks, until_end, zstded
from urllib3 import HTTPHeaderDict, Retry
from urllib3 import response as r
from urllib3.exceptions import (
    BodyNotHttplibCompatible,
    DecodeError,
    HTTPError,
    IncompleteRead,
    InvalidHeader,
    ProtocolError,
    ReadTimeoutError,
    ResponseNotChunked,
    SSLError,
)
from urllib3.response import BaseHTTPResponse, BytesQueueBuffer, HTTPResponse
from urllib3.util.retry import RequestHistory


def unread(body, **kw):
    kw.setdefault("preload_content", False)
    return HTTPResponse(body if hasattr(body, "read") else io.BytesIO(body), **kw)


class Original:
    """The least that stands for an ``http.client`` response."""

    def __init__(self, method="GET", closed=False):
        self._method = method
        self.closed = closed
        self.closings = 0

    def isclosed(self):
        return self.closed

    def close(self):
        self.closed = True
        self.closings += 1


class Connection:
    def __init__(self):
        self.closings = 0

    def close(self):
        self.closings += 1


class Pool:
    def __init__(self):
        self.back = []

    def _put_conn(self, connection):
        self.back.append(connection)


class Chunked:
    """A body object that shows the raw bytes beneath it, as ``http.client`` responses do."""

    def __init__(self, raw, method="GET"):
        self.fp = io.BytesIO(raw)
        self._method = method
        self.asked = []

    def _safe_read(self, amount):
        self.asked.append(amount)
        data = self.fp.read(amount)
        if len(data) < amount:
            raise http.client.IncompleteRead(data, amount - len(data))
        return data

    def read(self, amount=-1):
        raise AssertionError("chunks are read beneath")

    def close(self):
        self.fp = None

    def isclosed(self):
        return self.fp is None


def chunked(raw, original=None, **kw):
    fp = Chunked(raw)
    headers = {"transfer-encoding": "chunked", **kw.pop("headers", {})}
    return fp, unread(fp, headers=headers, original_response=original, **kw)


# ---------------------------------------------------------------- the buffer


def test_a_buffer_refuses_to_give_what_it_never_had():
    buffer = BytesQueueBuffer()
    assert buffer.get(0) == b""
    for n in (1, -1):
        with pytest.raises(RuntimeError, match=r"^buffer is empty$"):
            buffer.get(n)
    buffer.put(b"x")
    with pytest.raises(ValueError, match=r"^n should be > 0$"):
        buffer.get(-1)
    assert buffer.get(0) == b""


def test_a_buffer_gives_what_it_has():
    buffer = BytesQueueBuffer()
    for piece in (b"foo", b"bar", b"baz"):
        buffer.put(piece)
    assert (len(buffer), buffer.get(4), len(buffer)) == (9, b"foob", 5)
    assert (buffer.get(99), len(buffer)) == (b"arbaz", 0)
    buffer.put(b"")
    assert len(buffer) == 0
    assert buffer.get(1) == b""
    with pytest.raises(RuntimeError):
        buffer.get(1)


def test_a_buffer_copies_nothing_it_need_not():
    piece = b"a piece of its own"
    for take in (lambda b: b.get(len(piece)), lambda b: b.get_all()):
        buffer = BytesQueueBuffer()
        buffer.put(piece)
        assert take(buffer) is piece
        assert len(buffer) == 0
    buffer.put(piece)
    assert buffer.get(2) == b"a "
    assert isinstance(buffer.buffer[0], memoryview)
    assert buffer.get_all() == b"piece of its own"
    assert buffer.get_all() == b""


# ---------------------------------------------------------------- the base class


class Closable(BaseHTTPResponse):
    """Since Python 3.13 one hears of a file that cannot be closed when it is collected."""

    def close(self):
        pass


def base(cls=Closable, **kw):
    given = {
        "status": 200,
        "version": 11,
        "version_string": "HTTP/1.1",
        "reason": "OK",
        "decode_content": True,
        "request_url": "/",
    }
    return cls(**{**given, **kw})


def test_headers_are_kept_if_they_are_a_header_dict_and_made_into_one_otherwise():
    headers = HTTPHeaderDict(a="1")
    assert base(headers=headers).headers is headers
    assert dict(base(headers={"a": "1"}).headers) == {"a": "1"}
    assert base(headers=[("a", "1"), ("a", "2")]).headers["a"] == "1, 2"
    assert dict(base().headers) == {}
    message = http.client.HTTPMessage()
    message["header"] = "1"
    with pytest.raises(ValueError, match="too many values to unpack"):
        base(headers=message)


def test_the_base_class_sets_what_describes_a_response():
    response = base()
    assert (response.status, response.version, response.version_string) == (200, 11, "HTTP/1.1")
    assert (response.reason, response.decode_content, response.retries) == ("OK", True, None)
    assert response.chunked is False
    assert (response._has_decoded_content, response._request_url) == (False, "/")
    assert (response._retries, response._decoder, response._decoder_initialized) == (
        None,
        None,
        False,
    )
    assert not hasattr(response, "length_remaining")


@pytest.mark.parametrize(
    ("coding", "expected"),
    [
        ("chunked", True),
        ("Chunked", True),
        ("gzip, chunked", True),
        (" chunked ,gzip", True),
        ("xchunked", False),
        ("", False),
    ],
)
def test_a_body_is_chunked_if_that_is_one_of_its_codings(coding, expected):
    assert base(headers={"Transfer-Encoding": coding}).chunked is expected


def test_the_base_class_leaves_reading_to_its_subclasses():
    response = base(BaseHTTPResponse)
    for name in ("data", "url", "connection"):
        with pytest.raises(NotImplementedError):
            getattr(response, name)
    with pytest.raises(NotImplementedError):
        response.url = "/"
    for name in (
        "stream",
        "read",
        "read1",
        "read_chunked",
        "release_conn",
        "drain_conn",
        "shutdown",
        "close",
    ):
        with pytest.raises(NotImplementedError):
            getattr(response, name)()
    response.__dict__["close"] = lambda: None  # garbage collection closes


@pytest.mark.parametrize(
    "double", [copy.copy, copy.deepcopy, lambda response: pickle.loads(pickle.dumps(response))]
)
def test_a_response_that_has_been_read_can_be_copied(double):
    response = HTTPResponse(b"abc", {"A": "b"}, 201, 11, "HTTP/1.1", "Made", request_url="/a")
    response.note = "of somebody's own"
    twin = double(response)
    assert (twin.status, twin.version, twin.version_string) == (201, 11, "HTTP/1.1")
    assert (twin.reason, twin.url, twin.headers, twin.data) == ("Made", "/a", {"A": "b"}, b"abc")
    assert (twin.note, twin.closed) == ("of somebody's own", True)


def test_headers_are_had_by_every_name_they_ever_had():
    response = base(headers={"a": "1"})
    assert response.getheaders() is response.info() is response.headers
    assert response.getheader("A") == "1"
    assert response.getheader("b") is None
    assert response.getheader("b", "no") == "no"
    response.__dict__["close"] = lambda: None


def test_the_statuses_that_redirect_are_listed():
    assert BaseHTTPResponse.REDIRECT_STATUSES == [301, 302, 303, 307, 308]


def test_a_subclass_may_decode_nothing():
    class Raw(HTTPResponse):
        CONTENT_DECODERS = ()

    body = gzipped(BODY)
    assert Raw(io.BytesIO(body), headers={"content-encoding": "gzip"}).data == body


def test_what_counts_as_an_error_of_a_decoder_is_up_to_the_class():
    class Picky(HTTPResponse):
        DECODER_ERROR_CLASSES = (KeyError,)

    response = Picky(io.BytesIO(b"x"), headers={"content-encoding": "gzip"}, preload_content=False)

    class Failing(r.GzipDecoder):
        def decompress(self, data, max_length=-1):
            raise KeyError("x")

    response._decoder = Failing()
    with pytest.raises(DecodeError, match="Received response with content-encoding: gzip"):
        response.read()


# ---------------------------------------------------------------- which decoder


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        ("gzip", r.GzipDecoder),
        ("GZIP", r.GzipDecoder),
        ("X-GZip", r.GzipDecoder),
        ("deflate", r.DeflateDecoder),
        ("br", r.BrotliDecoder),
        ("zstd", r.ZstdDecoder),
        ("gzip, foo", r.MultiDecoder),
        ("foo , GZIP", r.MultiDecoder),
        ("gzip,", r.MultiDecoder),
        ("gzip ", type(None)),
        ("identity", type(None)),
        ("foo", type(None)),
        ("compress", type(None)),
        ("", type(None)),
        ("foo, bar", type(None)),
        ("a,b,c,d,e,f", type(None)),
    ],
)
def test_the_decoder_is_chosen_by_the_whole_lowered_value_at_the_first_read(encoding, kind):
    response = unread(b"", headers={"content-encoding": encoding})
    assert response._decoder is None
    response.drain_conn()
    assert response._decoder_initialized is False
    response.read(0)
    assert type(response._decoder) is kind


@pytest.mark.parametrize(
    "encoding", ["identity", "foo", "compress", "", "foo, bar", "a,b,c,d,e,f", "gzip "]
)
def test_a_body_in_an_unknown_coding_passes_through(encoding):
    assert HTTPResponse(
        io.BytesIO(b"\x1f\x8bxyz"), headers={"content-encoding": encoding}
    ).data == (b"\x1f\x8bxyz")


def test_codings_in_several_fields_form_one_chain():
    headers = [("Content-Encoding", "gzip"), ("Content-Encoding", "zstd")]
    assert HTTPResponse(io.BytesIO(zstded(gzipped(BODY))), headers=headers).data == BODY


@pytest.mark.parametrize(
    ("encoding", "codings"),
    [
        ("gzip, gzip", ["gzip", "gzip"]),
        ("gzip,deflate,br", ["gzip", "zlib", "br"]),
        ("gzip, zstd", ["gzip", "zstd"]),
        ("foo, gzip", ["zlib", "gzip"]),
        ("gzip,", ["gzip", "zlib"]),
        ("gzip, gzip, gzip, gzip, gzip", ["gzip"] * 5),
    ],
)
def test_a_chain_of_codings_is_undone(encoding, codings):
    body = BODY
    for coding in codings:
        body = encode(coding, body)
    for amount in (None, 7):
        response = unread(body, headers={"content-encoding": encoding})
        assert b"".join(until_end(lambda r=response, n=amount: r.read(n))) == BODY


def test_identity_in_a_chain_is_taken_for_deflate():
    with pytest.raises(DecodeError, match="content-encoding: gzip, identity, but failed"):
        HTTPResponse(io.BytesIO(gzipped(BODY)), headers={"content-encoding": "gzip, identity"})


def test_identity_first_in_a_chain_is_taken_for_deflate_too():
    # 2.8.0 loses a body that is no deflate without an error.
    response = HTTPResponse(
        io.BytesIO(gzipped(b"hi")),
        headers={"content-encoding": "identity, gzip"},
        preload_content=False,
    )
    with pytest.raises(DecodeError, match="incomplete"):
        response.read()


@pytest.mark.parametrize("encoding", [", ".join(["gzip"] * 6), "gzip,,,,,", "a,b,c,d,e,gzip"])
def test_too_long_a_chain_is_refused_by_every_read_and_leaves_the_response_open(encoding):
    headers = {"content-encoding": encoding}
    refused = pytest.raises(DecodeError, match=r"^Too many content encodings in the chain: 6 > 5$")
    with refused:
        HTTPResponse(io.BytesIO(b"x"), headers=headers)
    response = unread(b"x", headers=headers)
    for read in (
        response.read,
        lambda: response.read(5),
        lambda: response.read(0),
        lambda: response.read(decode_content=False),
        response.read1,
        lambda: list(response.stream()),
        lambda: response.data,
    ):
        with refused:
            read()
    assert response.closed is False
    response.drain_conn()
    assert response.tell() == 1


def test_a_decoder_put_there_before_the_first_read_is_kept():
    seen = []

    class Watching(r.GzipDecoder):
        def decompress(self, data, max_length=-1):
            seen.append((len(data), max_length))
            return super().decompress(data, max_length)

    response = unread(gzipped(BODY), headers={"content-encoding": "br"})
    decoder = response._decoder = Watching()
    assert response.read(10) == BODY[:10]
    assert seen == [(10, 10), (10, 10), (10, 1)]
    seen.clear()
    assert response.read() == BODY[10:]
    assert seen == [(9, -1), (0, -1)]
    assert response._decoder is decoder


def test_a_decoder_that_knows_no_bound_breaks_reading():
    class Old:
        def decompress(self, data):
            return data

    response = unread(b"x")
    response._decoder = Old()
    with pytest.raises(TypeError, match="unexpected keyword argument 'max_length'"):
        response.read()


# ---------------------------------------------------------------- construction


def test_unknown_parameters_are_refused():
    with pytest.raises(TypeError, match="strict"):
        HTTPResponse(strict=True)


def test_a_response_of_nothing():
    response = HTTPResponse()
    assert response.data is None
    assert response.read() is None
    assert response.read(0) == b""
    assert response.read1() is None
    assert (response.closed, response.tell()) == (True, 0)
    for ask in (lambda: list(response.stream()), lambda: list(response), response.isclosed):
        with pytest.raises(ValueError, match=r"^Unable to determine whether fp is closed\.$"):
            ask()
    with pytest.raises(TypeError, match="NoneType"):
        response.readinto(bytearray(3))
    response.close()
    response.flush()
    response.drain_conn()
    response.release_conn()


def test_a_body_of_text_or_bytes_is_the_data_and_cannot_be_read():
    assert HTTPResponse(b"abc").data == b"abc"
    assert HTTPResponse(b"abc").read() is None
    assert HTTPResponse("abc").data == "abc"
    with pytest.raises(AttributeError):
        HTTPResponse("abc").json()
    assert HTTPResponse(b"").data is None
    assert HTTPResponse([b"a"]).data is None
    assert HTTPResponse(None).data is None
    with pytest.raises(ValueError, match="Unable to determine"):
        list(HTTPResponse(b"x").stream())


def test_a_file_is_read_at_once_and_not_closed():
    file = io.BytesIO(b"abc")
    response = HTTPResponse(file)
    assert (response.data, file.closed) == (b"abc", False)
    assert list(response.stream()) == []
    assert file.closed is True
    assert response.data == b"abc"


def test_what_is_wrong_with_the_body_escapes_from_the_constructor():
    with pytest.raises(DecodeError):
        HTTPResponse(io.BytesIO(b"garbage"), headers={"content-encoding": "gzip"})


def test_sized_reads_close_a_file_at_its_end():
    response = unread(b"abcdef")
    assert [response.read(2), response.closed] == [b"ab", False]
    assert [response.read(10), response.closed] == [b"cdef", True]
    assert response.read(10) == b""


def test_unsized_reads_do_not_close_a_file():
    response = unread(b"abcdef")
    assert [response.read(), response.closed] == [b"abcdef", False]
    assert [response.read(), response.closed] == [b"", False]
    assert [response.read(1), response.closed] == [b"", True]


@pytest.mark.parametrize("amount", [None, -1])
def test_a_stream_without_a_size_ends_with_the_file(amount):
    # In 2.8.0 it never does.
    assert list(unread(b"abc").stream(amount)) == [b"abc"]
    assert list(unread(b"").stream(amount)) == []
    headers = {"content-encoding": "gzip"}
    assert list(unread(gzipped(BODY), headers=headers).stream(amount)) == [BODY]


def test_a_file_shorter_than_announced_is_accepted_whole():
    for preload in (True, False):
        response = unread(b"abc", headers={"content-length": "10"}, preload_content=preload)
        assert (response.data, response.length_remaining) == (b"abc", 7)


def test_a_file_shorter_than_announced_is_an_error_in_pieces_unless_that_is_waived():
    headers = {"content-length": "10"}
    with pytest.raises(ProtocolError) as caught:
        unread(b"abc", headers=headers).read(5)
    short = caught.value.__cause__
    assert caught.value.args == (f"Connection broken: {short!r}", short)
    assert (short.partial, short.expected) == (3, 7)
    assert repr(short) == str(short) == "IncompleteRead(3 bytes read, 7 more expected)"
    assert isinstance(short, http.client.IncompleteRead)
    lax = unread(b"abc", headers=headers, enforce_content_length=False)
    assert until_end(lambda: lax.read(5)) == [b"abc"]


def test_a_file_longer_than_announced_is_read_and_then_complained_about():
    response = unread(b"abcdef", headers={"content-length": "3"})
    assert [response.read(2) for _ in range(3)] == [b"ab", b"cd", b"ef"]
    assert response.length_remaining == -3
    with pytest.raises(ProtocolError, match=r"IncompleteRead\(6 bytes read, -3 more expected\)"):
        response.read(2)


@pytest.mark.parametrize(
    "kw", [{"status": 204}, {"status": 304}, {"status": 150}, {"request_method": "HEAD"}]
)
def test_a_body_where_there_must_be_none_is_read_and_then_complained_about(kw):
    response = unread(b"abcde", **kw)
    assert response.length_remaining == 0
    assert response.read(5) == b"abcde"
    with pytest.raises(ProtocolError) as caught:
        response.read(5)
    message, cause = caught.value.args
    assert message == "Response may not contain content."
    assert (cause.partial, cause.expected) == (5, -5)
    assert caught.value.__cause__ is cause


def test_chunked_beats_content_length_with_a_warning(caplog):
    headers = {"transfer-encoding": "chunked", "content-length": "5"}
    with caplog.at_level(logging.WARNING, "urllib3.response"):
        for kw in ({}, {"request_method": "HEAD"}, {"status": 204}):
            assert unread(b"", headers=headers, **kw).length_remaining is None
    assert {record.getMessage() for record in caplog.records} == {
        (
            "Received response with both Content-Length and Transfer-Encoding set. This is "
            "expressly forbidden by RFC 7230 sec 3.3.2. Ignoring Content-Length and attempting to "
            "process response as Transfer-Encoding: chunked."
        )
    }


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (None, None),
        ("5", 5),
        ("0", 0),
        (" 5", 5),
        ("+5", None),  # 2.8.0: 5
        ("5_0", None),  # 2.8.0: 50
        ("5, 5", 5),
        ("5,5,5", 5),
        ("-5", None),
        ("foo", None),
        ("", None),
        ("5.0", None),
        ("5,foo", None),
    ],
)
def test_what_content_length_announces(value, length):
    headers = {} if value is None else {"content-length": value}
    assert unread(b"", headers=headers).length_remaining == length


def test_contradicting_lengths_are_refused():
    with pytest.raises(InvalidHeader) as caught:
        unread(b"", headers={"content-length": "5, 6"})
    assert caught.value.args == ("Content-Length contained multiple unmatching values (5, 6)",)


def test_the_status_counts_through_int():
    headers = {"content-length": "7"}
    assert unread(b"", status="204", headers=headers).length_remaining == 0
    assert unread(b"", status="_UNKNOWN", headers=headers).length_remaining == 7
    with pytest.raises(TypeError):
        unread(b"", status=None)
    assert unread(b"", request_method="head", headers=headers).length_remaining == 7


# ---------------------------------------------------------------- errors of the wire


class Raising:
    closed = False

    def __init__(self, error):
        self.error = error

    def read(self, amount=-1):
        raise self.error

    read1 = read

    def close(self):
        self.closed = True


FAILURES = [
    (TimeoutError("slow"), ReadTimeoutError, "Read timed out."),
    (TimeoutError("slow"), ReadTimeoutError, "Read timed out."),
    (ssl.SSLError("bad record"), SSLError, "bad record"),
    (OSError(5, "broken"), ProtocolError, r"Connection broken: OSError\(5, 'broken'\)"),
    (
        http.client.IncompleteRead(b"abc", 5),
        ProtocolError,
        r"Connection broken: IncompleteRead\(3 bytes read, 5 more expected\)",
    ),
    (http.client.BadStatusLine("x"), ProtocolError, r"Connection broken: BadStatusLine\('x'\)"),
    (IncompleteRead(3, -3), ProtocolError, "Response may not contain content."),
    (IncompleteRead(3, 2), ProtocolError, r"Connection broken: IncompleteRead\(3 bytes read, 2 "),
    (ValueError("odd"), ValueError, "odd"),
    (EOFError("end"), EOFError, "end"),
    (KeyboardInterrupt("stop"), KeyboardInterrupt, "stop"),
]


@pytest.mark.parametrize(
    ("raised", "seen", "text"), FAILURES, ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("read", ["read", "read5", "read1", "stream"])
def test_an_error_of_the_wire_is_translated_and_the_connection_closed_and_given_back(
    raised, seen, text, read
):
    original, pool, connection = Original(), Pool(), Connection()
    response = unread(Raising(raised), original_response=original, pool=pool, connection=connection)
    call = {
        "read": response.read,
        "read5": lambda: response.read(5),
        "read1": response.read1,
        "stream": lambda: list(response.stream()),
    }[read]
    with pytest.raises(seen, match=text) as caught:
        call()
    if seen is type(raised):
        assert caught.value is raised
    else:
        assert caught.value.__cause__ is raised
    assert (original.closings, connection.closings, pool.back) == (1, 1, [connection])
    assert response.connection is None


def test_a_timeout_while_reading_names_the_pool_and_no_url():
    pool = Pool()
    response = unread(Raising(TimeoutError()), pool=pool)
    with pytest.raises(ReadTimeoutError) as caught:
        response.read()
    assert caught.value.pool is pool
    assert caught.value.url is None


@pytest.mark.parametrize(
    ("raised", "seen", "text"), FAILURES, ids=lambda value: type(value).__name__
)
def test_draining_swallows_errors_of_the_wire_alone(raised, seen, text):
    original, pool, connection = Original(), Pool(), Connection()
    response = unread(Raising(raised), original_response=original, pool=pool, connection=connection)
    if issubclass(seen, (HTTPError, OSError)):
        response.drain_conn()
    else:
        with pytest.raises(seen, match=text):
            response.drain_conn()
    assert (connection.closings, pool.back) == (1, [connection])


def test_an_error_of_the_decoder_closes_nothing():
    original, pool, connection = Original(), Pool(), Connection()
    response = unread(
        b"garbage" * 10,
        headers={"content-encoding": "gzip"},
        original_response=original,
        pool=pool,
        connection=connection,
    )
    with pytest.raises(DecodeError) as caught:
        response.read(10)
    message, cause = caught.value.args
    assert message == ("Received response with content-encoding: gzip, but failed to decode it.")
    assert caught.value.__cause__ is cause
    assert (response.closed, connection.closings, pool.back, original.closed) == (
        False,
        0,
        [],
        False,
    )


def test_an_error_at_the_end_of_decoding_is_a_decode_error():
    class Strict(r.GzipDecoder):
        def flush(self):
            raise OSError("not complete")

    response = unread(gzipped(BODY), headers={"content-encoding": "gzip"})
    response._decoder = Strict()
    with pytest.raises(DecodeError, match="not complete"):
        response.read()


# ---------------------------------------------------------------- seams


def test_decode_hands_raw_data_through_and_flushes_without_a_bound():
    response = unread(b"", headers={"content-encoding": "gzip"})
    response._init_decoder()
    assert response._decode(b"raw", False, False) == b"raw"
    assert response._decode(gzipped(BODY), True, True, 5) == BODY


def overriding(name, replacement):
    return type("Overriding", (HTTPResponse,), {name: replacement})


def test_what_a_subclass_puts_in_place_of_a_step_takes_effect():
    calls = []

    def fp_read(self, amt=None, *, read1=False):
        calls.append((amt, read1))
        return HTTPResponse._fp_read(self, amt, read1=read1)

    response = overriding("_fp_read", fp_read)(io.BytesIO(b"abcdef"), preload_content=False)
    assert [response.read(2), response.read1(1), response.read1(), response.read()] == [
        b"ab",
        b"c",
        b"def",
        b"",
    ]
    assert calls == [(2, False), (1, True), (None, True), (None, False)]

    def raw_read(self, amt=None, *, read1=False):
        return b""

    assert overriding("_raw_read", raw_read)(io.BytesIO(b"abc")).data == b""

    def decode(self, data, decode_content, flush_decoder, max_length=None):
        return data[::-1]

    headers = {"content-encoding": "gzip"}
    assert overriding("_decode", decode)(io.BytesIO(b"abc"), headers=headers).data == b"cba"
    plain = overriding("_decode", decode)
    assert plain(io.BytesIO(b"abc")).data == b"cba"
    response = plain(io.BytesIO(b"abc"), preload_content=False)
    assert response.read(3) == b"cba"
    response = plain(Chunked(RAW), headers={"transfer-encoding": "chunked"}, preload_content=False)
    assert list(response.stream()) == [b"olleh", b"oof"]

    def init_length(self, request_method):
        return 99

    assert overriding("_init_length", init_length)(b"x").length_remaining == 99


def test_an_error_catcher_of_a_subclass_sees_what_reading_raises():
    import contextlib

    seen = []

    @contextlib.contextmanager
    def error_catcher(self):
        try:
            yield
        except Exception as error:
            seen.append(error)
            raise LookupError("mine") from error

    raised = OSError("x")
    response = overriding("_error_catcher", error_catcher)(Raising(raised), preload_content=False)
    with pytest.raises(LookupError, match="mine"):
        response.read()
    assert seen == [raised]


def test_with_pyopenssl_a_huge_read_is_split(monkeypatch):
    from urllib3.util import ssl_

    monkeypatch.setattr(ssl_, "IS_PYOPENSSL", True)
    asked = []

    class Endless:
        closed = False

        def read(self, amount=None):
            asked.append(amount)
            return b"x"

        read1 = read

        def close(self):
            pass

    response = unread(Endless())
    response.read(1)
    response.read1(10)
    response.read()
    response.read1(1 << 32)
    assert asked == [1, 10, None, (1 << 31) - 1]
    asked.clear()

    class Parts(Endless):
        parts = iter([b"a", b"b", b""])

        def read(self, amount=None):
            asked.append(amount)
            return next(self.parts)

    announced = {"content-length": str(1 << 32)}
    assert unread(Parts(), headers=announced).read() == b"ab"
    assert asked == [1 << 28] * 3


# ---------------------------------------------------------------- reading


def test_a_negative_amount_is_all_and_none_at_all_reads_nothing():
    response = unread(b"abc")
    assert response.read(0) == b""
    assert response.tell() == 0
    assert response.read(-7) == b"abc"
    assert response.tell() == 3


def test_the_rest_includes_what_sized_reads_left_decoded():
    response = unread(encode("br"), headers={"content-encoding": "br"})
    assert response.read(5) == BODY[:5]
    assert len(response._decoded_buffer) == 995
    assert response.read() == BODY[5:]
    assert response.read() == b""


class Dripping:
    """Gives a byte at a time, whatever is asked."""

    def __init__(self, data):
        self.file = io.BytesIO(data)

    def read(self, amount=-1):
        return self.file.read(1)

    @property
    def closed(self):
        return self.file.closed

    def close(self):
        self.file.close()


def test_a_sized_read_goes_on_until_it_is_full_and_a_raw_one_is_a_single_read():
    response = unread(Dripping(b"abcdef"))
    assert [response.read(4), response.read(4)] == [b"abcd", b"ef"]
    response = unread(Dripping(gzipped(b"abcdef")), headers={"content-encoding": "gzip"})
    assert [response.read(4), response.read(4)] == [b"abcd", b"ef"]
    response = unread(Dripping(b"abcdef"))
    assert [response.read(4, decode_content=False) for _ in range(2)] == [b"a", b"b"]


@pytest.mark.parametrize("coding", ["gzip", "zlib", "raw", "zstd", "multi"])
def test_no_more_is_decoded_than_was_asked_for(coding):
    from tests.support.answers import CODINGS

    data = encode(coding, b"\0" * (5 << 20))
    response = unread(data, headers={"content-encoding": CODINGS[coding][0]})
    for _ in range(3):
        assert response.read(1000) == b"\0" * 1000
        assert len(response._decoded_buffer) == 0


def test_only_a_whole_uncached_read_is_kept_for_data():
    response = unread(b"abcdef")
    response.read(2, cache_content=True)
    assert response._body is None
    assert response.read(cache_content=True) == b"cdef"
    assert response.data == b""
    response = unread(b"abcdef")
    assert response.read(-1, cache_content=True) == b"abcdef"
    assert response.data is response.data
    assert response.data == b"abcdef"


def test_what_a_failed_read_had_decoded_can_still_be_fetched():
    class Breaking:
        closed = False
        pieces = iter([b"abc"])

        def read(self, amount=-1):
            for piece in self.pieces:
                return piece
            raise OSError("broken")

        def close(self):
            pass

    response = unread(Breaking())
    with pytest.raises(ProtocolError):
        response.read(5)
    with pytest.raises(ProtocolError):
        response.read(4)
    assert response.read(2) == b"ab"
    assert response.read(1) == b"c"


def test_read1_needs_a_body_that_has_it():
    response = unread(Dripping(b"abc"))
    assert response.read1(0) == b""
    with pytest.raises(AttributeError, match="read1"):
        response.read1()


@pytest.mark.parametrize("amount", [None, 100])
def test_read1_closes_the_file_with_the_last_announced_byte(amount):
    response = unread(b"abc", headers={"content-length": "3"})
    assert response.read1(amount) == b"abc"
    assert response.closed is True


def test_a_closed_file_is_not_read_anymore():
    class Closed(Raising):
        closed = True

    response = unread(Closed(AssertionError("read")))
    assert (response.read(), response.read(5), response.read1()) == (b"", b"", b"")


def test_a_file_that_has_nothing_yet_says_none():
    class Nothing:
        closed = False

        def read(self, amount=-1):
            return None

        def close(self):
            pass

    assert unread(Nothing()).read() is None
    assert unread(Nothing()).read(5) is None
    with pytest.raises(TypeError):
        unread(io.StringIO("abc"), headers={"content-encoding": "gzip"}).read()


def test_a_file_need_only_be_readable_and_closable():
    class Least:
        def __init__(self):
            self.pieces = [b"abc", b""]

        def read(self, amount=-1):
            return self.pieces.pop(0)

        def close(self):
            pass

    response = unread(Least())
    assert response.closed is True
    assert response.read() == b"abc"
    with pytest.raises(ValueError, match="Unable to determine"):
        list(response.stream())

    class Told(Least):
        fp = None

    assert list(unread(Told()).stream()) == []


def test_chunked_without_raw_bytes_beneath_is_taken_as_undone_already():
    headers = {"transfer-encoding": "chunked"}
    assert list(unread(b"abc", headers=headers).stream()) == [b"abc"]
    assert unread(b"abc", headers=headers).read() == b"abc"
    assert list(unread(b"a\nb", headers=headers)) == [b"a\n", b"b"]
    response = unread(b"abc", headers=headers)
    assert response.supports_chunked_reads() is False
    with pytest.raises(BodyNotHttplibCompatible) as caught:
        next(response.read_chunked())
    assert str(caught.value) == (
        "Body should be http.client.HTTPResponse like. "
        "It should have have an fp attribute which returns raw chunks."
    )
    assert response.read() == b"abc"


def test_reading_chunks_of_what_is_not_chunked_is_refused_at_the_first_step():
    response = unread(b"abc")
    chunks = response.read_chunked()
    with pytest.raises(ResponseNotChunked) as caught:
        next(chunks)
    assert caught.value.args == (
        "Response is not chunked. Header 'transfer-encoding: chunked' is missing.",
    )
    assert response.read() == b"abc"
    assert unread(Chunked(b"")).supports_chunked_reads() is True


RAW = b"5\r\nhello\r\n3\r\nfoo\r\n0\r\nT: x\r\n\r\nnext"


def test_chunks_are_read_whole_or_in_parts_and_nothing_beyond_them():
    fp, response = chunked(RAW)
    assert list(response.read_chunked()) == [b"hello", b"foo"]
    assert fp.asked == [5, 2, 3, 2]
    assert fp.fp.read() == b"next"
    assert response.closed is False
    fp, response = chunked(RAW)
    assert list(response.read_chunked(2)) == [b"he", b"ll", b"o", b"fo", b"o"]
    assert fp.asked == [2, 2, 1, 2, 2, 1, 2]


def test_chunks_of_an_answer_to_head_are_none_and_the_original_is_closed():
    original = Original("head")
    fp, response = chunked(RAW, original)
    assert list(response.read_chunked()) == []
    assert original.closed
    assert fp.asked == []


def test_no_chunks_are_read_of_what_is_consumed_or_of_size_none():
    fp, response = chunked(RAW)
    assert list(response.read_chunked(0)) == []
    assert list(response.stream(0)) == []
    assert fp.asked == []
    assert list(response.read_chunked(-5)) == [b"hello", b"foo"]
    fp.close()
    assert list(response.read_chunked()) == []


def test_the_length_of_a_chunk_is_read_by_what_stands_on_the_instance():
    _, response = chunked(RAW)
    lengths = []
    true = response._update_chunk_length

    def patched():
        true()
        lengths.append(response.chunk_left)

    response._update_chunk_length = patched
    assert b"".join(response.stream()) == b"hellofoo"
    assert lengths == [5, 3, 0]


def test_a_chunk_is_handled_by_what_a_subclass_puts_in_place():
    handled = []

    def handle_chunk(self, amt):
        handled.append((self.chunk_left, amt))
        return HTTPResponse._handle_chunk(self, amt)

    response = overriding("_handle_chunk", handle_chunk)(
        Chunked(RAW), headers={"transfer-encoding": "chunked"}, preload_content=False
    )
    assert list(response.read_chunked(4)) == [b"hell", b"o", b"foo"]
    assert handled == [(5, 4), (1, 4), (3, 4)]


def test_chunks_left_unread_count_as_a_failure():
    original, pool, connection = Original(), Pool(), Connection()
    _, response = chunked(RAW, original, pool=pool, connection=connection)
    chunks = response.read_chunked()
    assert next(chunks) == b"hello"
    chunks.close()
    assert (original.closings, connection.closings, pool.back) == (1, 1, [connection])


def test_a_second_reader_of_chunks_goes_on_where_the_first_stands():
    _, response = chunked(RAW)
    first = response.read_chunked(2)
    assert next(first) == b"he"
    assert response.chunk_left == 3
    assert list(response.read_chunked(2)) == [b"ll", b"o", b"fo", b"o"]


def test_a_bare_http_client_response_can_be_wrapped():
    def bare(framed):
        ours, peer = socket.socketpair()
        with peer:
            peer.sendall(b"HTTP/1.1 200 OK\r\n" + framed)
        with ours:
            reply = http.client.HTTPResponse(ours)
            reply.begin()
        reply._method = "GET"
        return reply

    reply = bare(b"Content-Length: 3\r\n\r\nabc")
    response = unread(reply, headers=reply.getheaders(), original_response=reply)
    assert list(response.stream()) == [b"abc"]
    assert response.closed
    reply = bare(b"Transfer-Encoding: chunked\r\n\r\n" + in_chunks(b"abc", 2))
    response = unread(reply, headers=reply.getheaders())
    assert list(response.stream()) == [b"ab", b"c"]
    assert response.closed is False
    response.close()


def test_an_original_that_is_closed_from_the_start_releases_at_the_first_read():
    pool, connection = Pool(), Connection()
    response = unread(
        b"abc", original_response=Original(closed=True), pool=pool, connection=connection
    )
    assert response.read(1) == b"a"
    assert pool.back == [connection]
    assert unread(b"abc", original_response=Original(closed=True)).read() == b"abc"


def test_a_cache_rebuilds_a_response_and_wraps_its_file():
    class Wrapper:
        def __init__(self, file):
            self.__dict__["file"] = file
            self.__dict__["seen"] = []

        def __getattr__(self, name):
            return getattr(self.file, name)

        def read(self, *amount):
            data = self.file.read(*amount)
            self.seen.append(data)
            return data

        def _safe_read(self, amount):
            data = self.file._safe_read(amount)
            self.seen.append(data)
            return data

    response = unread(
        gzipped(BODY),
        headers={"content-encoding": "gzip"},
        status=200,
        version=11,
        reason="OK",
        decode_content=False,
    )
    wrapper = response._fp = Wrapper(response._fp)
    assert response.read(decode_content=True) == BODY
    assert b"".join(wrapper.seen) == gzipped(BODY)
    response = unread(b"abcdef")
    wrapper = response._fp = Wrapper(response._fp)
    buffer = bytearray(4)
    assert (response.readinto(buffer), bytes(buffer)) == (4, b"abcd")
    assert b"".join(wrapper.seen) == b"abcd"
    fp, response = chunked(RAW)
    wrapper = response._fp = Wrapper(fp)
    assert list(response.stream()) == [b"hello", b"foo"]
    assert wrapper.seen == [b"hello", b"\r\n", b"foo", b"\r\n"]


# ---------------------------------------------------------------- draining


def test_draining_reads_the_rest_without_decoding_it():
    response = unread(gzipped(b"\0" * (5 << 20)), headers={"content-encoding": "gzip"})
    assert response.read(10) == b"\0" * 10
    response.drain_conn()
    assert response._decoder is None
    assert len(response._decoded_buffer) == 0
    assert (response.read(), response.read(5)) == (b"", b"")


def test_draining_leaves_data_that_is_there():
    response = HTTPResponse(io.BytesIO(b"abc"))
    response.drain_conn()
    assert response.data == b"abc"


def test_draining_gives_a_long_rest_up_and_closes_the_connection():
    class Endless:
        closed = False
        given = 0

        def read(self, amount=-1):
            self.given += amount
            return b"x" * amount

        def close(self):
            self.closed = True

    for headers, most in (({}, (1 << 20) + 65536), ({"content-length": str(1 << 30)}, 0)):
        original, pool, connection, body = Original(), Pool(), Connection(), Endless()
        response = unread(
            body, headers=headers, original_response=original, pool=pool, connection=connection
        )
        response.drain_conn()
        assert body.given <= most
        assert (body.closed, connection.closings, pool.back) == (True, 1, [connection])


# ---------------------------------------------------------------- data, JSON, lines


def test_data_is_read_once_and_is_the_same_object_ever_after():
    response = unread(b"abc")
    assert response.data is response.data
    assert response.data == b"abc"
    raw = unread(gzipped(BODY), headers={"content-encoding": "gzip"}, decode_content=False)
    assert raw.data == gzipped(BODY)
    partly = unread(b"abc")
    partly.read(1)
    assert [partly.data, partly.data] == [b"bc", b""]


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        (b'{"a":', json.JSONDecodeError, "Expecting value"),
        (b"\xff{}", UnicodeDecodeError, "invalid start byte"),
        (
            b"\xef\xbb\xbf{}",
            json.JSONDecodeError,
            r"Unexpected UTF-8 BOM \(decode using utf-8-sig\)",
        ),
        (b"", json.JSONDecodeError, r"^Expecting value: line 1 column 1 \(char 0\)$"),
        ('{"a": 1}'.encode("utf-16"), UnicodeDecodeError, "invalid start byte"),
    ],
)
def test_json_is_utf_8_and_its_errors_are_those_of_python(body, error, text):
    with pytest.raises(error, match=text):
        HTTPResponse(io.BytesIO(body), headers={"content-type": "x; charset=utf-16"}).json()


def test_json_of_an_unread_response_can_be_had_twice():
    response = unread(b'{"a": [1, NaN, "\xc3\xa4"]}')
    assert response.json()["a"][2] == "\u00e4"
    assert response.json()["a"][0] == 1
    with pytest.raises(AttributeError):
        HTTPResponse().json()


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b"line1\nline2\r\n\nlast", [b"line1\n", b"line2\r\n", b"\n", b"last"]),
        (b"", []),
        (b"\n", [b"\n"]),
        (b"a\rb", [b"a\rb"]),
        (b"x" * 200_000 + b"\ny", [b"x" * 200_000 + b"\n", b"y"]),
    ],
)
def test_iterating_yields_lines_decoded(body, lines):
    assert list(unread(body)) == lines
    headers = {"content-encoding": "gzip"}
    assert list(unread(gzipped(body), headers=headers, decode_content=False)) == lines


# ---------------------------------------------------------------- as a file


def test_readinto_fills_what_it_is_given():
    response = unread(BODY)
    seven, rest = bytearray(7), bytearray(5000)
    assert (response.readinto(seven), bytes(seven)) == (7, BODY[:7])
    assert response.readinto(bytearray(0)) == 0
    assert response.readinto(memoryview(rest)) == 993
    assert rest[:993] == BODY[7:]
    assert response.readinto(rest) == 0
    assert response.tell() == 1000
    coded = unread(gzipped(BODY), headers={"content-encoding": "gzip"})
    assert (coded.readinto(seven), bytes(seven)) == (7, BODY[:7])


def test_what_a_response_is_as_a_file():
    response = unread(b"abc")
    assert (response.readable(), response.writable(), response.seekable(), response.isatty()) == (
        True,
        False,
        False,
        False,
    )
    for ask in (lambda: response.seek(0), lambda: response.truncate(0)):
        with pytest.raises(io.UnsupportedOperation):
            ask()
    for name in ("peek", "readall", "write", "name", "mode", "__len__"):
        assert not hasattr(response, name)
    assert bool(response) is True


def test_lines_are_read_byte_by_byte_by_the_file_methods():
    response = unread(b"one\ntwo\nthree")
    assert response.readline() == b"one\n"
    assert response.readline(2) == b"tw"
    assert next(response) == b"o\n"
    assert response.readlines() == [b"three"]


def test_leaving_a_with_block_closes():
    file = io.BytesIO(b"abc")
    with unread(file) as response:
        assert response.read(1) == b"a"
    assert file.closed
    with pytest.raises(ValueError, match="I/O operation on closed file"), response:
        raise AssertionError("not entered")


def test_closing_forgets_how_to_shut_down_and_closes_what_is_held():
    pool, connection, calls = Pool(), Connection(), []
    response = unread(b"abc", pool=pool, connection=connection, sock_shutdown=calls.append)
    response.close()
    response.close()
    assert response._sock_shutdown is None
    assert response.connection is connection
    assert (pool.back, calls) == ([], [])
    response.release_conn()
    assert pool.back == [connection]


@pytest.mark.parametrize(
    ("attributes", "closed"),
    [
        ({"isclosed": lambda self: False, "closed": True}, False),
        ({"closed": False}, False),
        ({"closed": True}, True),
        ({}, True),
    ],
)
def test_a_response_is_closed_when_its_file_says_so(attributes, closed):
    methods = {"read": lambda self, n=-1: b"", "close": lambda self: None}
    file = type("File", (), {**methods, **attributes})()
    assert unread(file).closed is closed
    assert HTTPResponse().closed is True


def test_without_auto_close_only_closing_closes():
    response = unread(b"abc", auto_close=False)
    assert list(response.stream()) == [b"abc"]
    assert (response.closed, response.isclosed()) == (False, True)
    response.close()
    assert (response.closed, response.isclosed()) == (True, True)


def test_after_closing_there_is_nothing_more():
    headers = {"content-length": "3"}
    response = unread(b"abc", headers=headers)
    response.close()
    assert (response.read(), response.data, list(response.stream())) == (b"", b"", [])
    with pytest.raises(ProtocolError, match=r"IncompleteRead\(0 bytes read, 3 more expected\)"):
        response.read(1)


def test_shutting_down_needs_a_way_and_a_connection():
    calls = []
    response = unread(b"abc", connection=Connection(), sock_shutdown=calls.append)
    response.shutdown()
    assert calls == [socket.SHUT_RD]
    response._connection = None
    with pytest.raises(
        RuntimeError, match=r"^Cannot shutdown as connection has already been relea"
    ):
        response.shutdown()
    response.close()
    unset = r"^Cannot shutdown socket as self\._sock_shutdown is not set$"
    for each in (response, unread(b"abc")):
        with pytest.raises(ValueError, match=unset):
            each.shutdown()


def test_a_descriptor_is_had_of_a_file_that_has_one(tmp_path):
    with pytest.raises(OSError, match=r"^HTTPResponse has no file to get a fileno from$"):
        HTTPResponse().fileno()
    with pytest.raises(
        OSError, match=r"^The file-like object this HTTPResponse is wrapped around ha"
    ):
        unread(Raising(OSError())).fileno()
    path = tmp_path / "body"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        assert unread(file).fileno() == file.fileno()


def test_flushing_is_for_files_that_can_and_are_open():
    class Flushing(io.BytesIO):
        flushed = 0

        def flush(self):
            super().flush()
            self.flushed += 1

    file = Flushing(b"abc")
    response = unread(file)
    response.flush()
    assert file.flushed >= 1
    file.close()
    count = file.flushed
    response.flush()
    assert file.flushed == count
    unread(Raising(OSError())).flush()
    HTTPResponse().flush()


def test_tell_counts_bytes_of_the_wire():
    response = unread(gzipped(BODY), headers={"content-encoding": "gzip"})
    assert response.tell() == 0
    response.read()
    assert response.tell() == len(gzipped(BODY))


def test_a_response_that_is_dropped_closes_its_file():
    file = io.BytesIO(b"abc")
    unread(file)
    gc.collect()
    assert file.closed


# ---------------------------------------------------------------- connection, URL, retries


def test_a_connection_is_given_back_once():
    pool, connection = Pool(), Connection()
    response = unread(b"abc", pool=pool, connection=connection)
    assert response.connection is connection
    response.release_conn()
    response.release_conn()
    assert (response.connection, pool.back, connection.closings) == (None, [connection], 0)
    alone = unread(b"abc", connection=connection)
    alone.release_conn()
    assert alone.connection is connection
    alone._connection = None


def test_the_url_is_what_was_asked_for_until_it_is_set():
    response = unread(b"", request_url="/a")
    assert response.url == response.geturl() == response._request_url == "/a"
    response.url = "/b"
    assert response.geturl() == "/b"


@pytest.mark.parametrize(("status", "location", "url"), [(302, "/b", "/b"), (503, None, None)])
def test_retries_with_a_history_set_the_url(status, location, url):
    history = (RequestHistory("GET", "/a", None, status, location),)
    retries = Retry(3, history=history)
    assert unread(b"", request_url="/a", retries=retries).url == url
    response = unread(b"", request_url="/a", retries=Retry(3))
    assert response.url == "/a"
    response.retries = retries
    assert (response.url, response.retries) == (url, retries)
    response.retries = None
    assert response.url == url


def test_a_base_response_without_a_url_takes_no_retries_with_a_history():
    retries = Retry(3, history=(RequestHistory("GET", "/a", None, 302, "/b"),))

    with pytest.raises(NotImplementedError):
        base(retries=retries)


@pytest.mark.parametrize(
    ("status", "location", "expected"),
    [
        (302, "/b", "/b"),
        (302, "", ""),
        (302, None, None),
        (200, "/b", False),
        (304, "/b", False),
        (300, "/b", False),
    ],
)
def test_a_redirect_has_a_location_or_none(status, location, expected):
    headers = {} if location is None else {"location": location}
    assert HTTPResponse(status=status, headers=headers).get_redirect_location() == expected
