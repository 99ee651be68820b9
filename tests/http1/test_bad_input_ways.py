"""Broken answers received in four ways, cut at every byte, through TLS, and as redirects.

Every row of the tables is one answer.  Each is received preloaded and streamed, in large pieces and
byte by byte, for these are four ways through the code.  Always the same holds: what comes out is an
answer or an error of this package, never a hang; the server sees the connection closed, unless the
row says that it is fit for the next request, and then it gets that request; a later request on the
pool gets its own answer and nothing else; no socket stays open.
"""

from __future__ import annotations

import gzip
import http.client
import socket
import tracemalloc
import typing
import zlib

import pytest

from tests.support.answers import CODINGS as CODINGS_HERE
from tests.support.scripted import Call, Recv, Reset, Send, serve
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry, Timeout
from urllib3._http1 import receiver as receiving
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    InvalidHeader,
    LocationParseError,
    LocationValueError,
    MaxRetryError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

pytestmark = pytest.mark.timeout(30)

MIB = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"
#: A read timeout that is long enough for whatever comes, and one for what does not come.
PATIENT, IMPATIENT = 10.0, 0.05


# ---------------------------------------------------------------- what a server may do


def hung_up(sock: socket.socket) -> None:
    """The client closes its side; nothing more is asked of this connection."""
    sock.settimeout(10)
    try:
        while received := sock.recv(65536):
            assert b"/second" not in received, "a connection of unknown state was used again"
    except TimeoutError:
        raise AssertionError("the client did not close the connection") from None
    except ConnectionError:
        pass


def endless(data: bytes, most: int = 64 * MIB) -> Call:
    """Send *data* again and again, until the client hangs up."""
    piece = data * max(1, 65536 // len(data))

    def pour(sock: socket.socket) -> None:
        for _ in range(most // len(piece)):
            sock.sendall(piece)
        raise AssertionError(f"the client took {most} bytes")

    return Call(pour)


FIN = Call(lambda sock: sock.shutdown(socket.SHUT_WR))
CLOSED = Call(hung_up)


class Row(typing.NamedTuple):
    """An answer and what becomes of it.

    ``result`` is the body of an accepted answer, or the class of the error; ``text`` must occur in
    the error's text.  ``real`` is what urllib3 2.8.0 makes of it where that differs.
    """

    id: str
    answer: typing.Any  # bytes sent after the request, or a list of steps
    result: bytes | type[BaseException]
    text: str = ""
    kept: bool = False  # the connection is fit for the next request
    real: str = ""

    def steps(self) -> list[typing.Any]:
        steps = [self.answer] if isinstance(self.answer, bytes) else list(self.answer)
        return [*steps, SECOND] if self.kept else [*steps, FIN, CLOSED]


def length(*lines: bytes, body: bytes = b"hello", head: bytes = OK) -> bytes:
    return head + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


STATUS_LINES = [
    Row("no HTTP at all", b"garbage\r\n", ProtocolError, "BadStatusLine"),
    Row("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n", ProtocolError, "BadStatusLine"),
    Row("binary noise", bytes(range(256)) * 4, ProtocolError, "Connection aborted."),
    Row("HTTP/2 preface", b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0d", ProtocolError, "BadStatusLine"),
    Row("HTTP/2.0 by name", b"HTTP/2.0 200 OK\r\n\r\n", ProtocolError, "UnknownProtocol"),
    Row("no version", b"200 OK\r\n\r\n", ProtocolError, "BadStatusLine"),
    Row("no status", b"HTTP/1.1\r\n\r\n", ProtocolError, "BadStatusLine"),
    Row("status 99", b"HTTP/1.1 99 Low\r\n\r\n", ProtocolError, "BadStatusLine"),
    Row("status 1000", b"HTTP/1.1 1000 High\r\n\r\n", ProtocolError, "BadStatusLine"),
    Row("negative status", b"HTTP/1.1 -200 OK\r\n\r\n", ProtocolError, "BadStatusLine"),
    Row("status with a sign", b"HTTP/1.1 +20 OK\r\n\r\n", ProtocolError, "BadStatusLine"),
    Row("status in words", b"HTTP/1.1 OK 200\r\n\r\n", ProtocolError, "BadStatusLine"),
    Row("status in other digits", "HTTP/1.1 ²⁰⁰ OK\r\n\r\n".encode(), ProtocolError),
    Row("a TLS alert", b"\x15\x03\x01\0\2\2\x46", ProtocolError, "BadStatusLine"),
    Row("cut short behind the status", b"HTTP/1.1 204", ProtocolError, "within the head"),
    Row("cut short before the fields", b"HTTP/1.1 204 No Content\r\n", ProtocolError, "within the head"),
    Row("a bare CR in it", length(b"Content-Length: 5", head=b"HTTP/1.1 200 OK\rX: y\r\n"), b"hello"),
    Row("two CRs at its end", length(b"Content-Length: 5", head=b"HTTP/1.1 200 OK\r\r\n"), b"hello"),
    Row("a bare LF at its end", length(b"Content-Length: 5", head=b"HTTP/1.1 200 OK\n"), b"hello"),
    Row("a NUL in it", length(b"Content-Length: 5", head=b"HTTP/1.1 200 O\0K\r\n"), b"hello"),
    Row("a tab before the status", length(b"Content-Length: 5", head=b"HTTP/1.1\t200 OK\r\n"), b"hello"),
    Row("two blanks before the status", length(b"Content-Length: 5", head=b"HTTP/1.1  200 OK\r\n"), b"hello"),
    Row("HTTP/0.9 that is kept alive", length(b"Connection: keep-alive", b"Content-Length: 5", head=b"HTTP/0.9 200 OK\r\n"), b"hello"),
    Row("no reason", length(b"Content-Length: 5", head=b"HTTP/1.1 200 \r\n"), b"hello", kept=True),
    Row("no reason and no blank", length(b"Content-Length: 5", head=b"HTTP/1.1 200\r\n"), b"hello", kept=True),
    Row("an empty line first", b"\r\n" + length(b"Content-Length: 5"), ProtocolError),
    Row("a line of 70 000 bytes", OK[:-2] + b"x" * 70_000 + b"\r\n\r\n", ProtocolError, "LineTooLong"),
    Row("an endless line", [Recv(), endless(b"x")], ProtocolError, "Connection aborted."),
    Row("an endless line of HTTP", [Recv(), Send(OK[:-2]), endless(b"x")], ProtocolError, "LineTooLong"),
]  # fmt: skip

FIELD_LINES = [
    Row(
        "101 fields",
        length(*[b"X-%d: y" % n for n in range(101)]),
        ProtocolError,
        "got more than 100 headers",
    ),
    Row("100 fields", length(*[b"X-%d: y" % n for n in range(99)], b"Content-Length: 5"), b"hello", kept=True),
    Row("endless fields", [Recv(), Send(OK), endless(b"X: y\r\n")], ProtocolError, "got more than 100"),
    Row("a field of 70 000 bytes", length(b"X: " + b"y" * 70_000), ProtocolError, "LineTooLong"),
    Row("an endless field", [Recv(), Send(OK + b"X: "), endless(b"y")], ProtocolError, "LineTooLong"),
    Row("NUL in a value", length(b"X: a\0b", b"Content-Length: 5"), ProtocolError, "NUL", real="answer"),
    Row("NUL in a name", length(b"X\0Y: a", b"Content-Length: 5"), ProtocolError, "NUL"),
    Row("bare CR in a value", length(b"X: a\rb: c", b"Content-Length: 5"), ProtocolError, "bare CR"),
    Row("bare CR before a framing field", length(b"X: a\rContent-Length: 5"), ProtocolError, "bare CR"),
    Row("bare LF as line end", OK.replace(b"\r", b"") + b"Content-Length: 5\n\nhello", b"hello"),
    Row("a folded Content-Length", length(b"Content-Length: 5", b" 6"), ProtocolError, "folded"),
    Row("a folded empty Content-Length", length(b"Content-Length:", b" 5"), ProtocolError, "folded"),
    Row("a folded Transfer-Encoding", length(b"Transfer-Encoding:", b"\tchunked"), ProtocolError, "folded"),
    Row("another folded field", length(b"X: a", b"  b", b"Content-Length: 5"), b"hello", kept=True),
    Row("a fold with nothing before it", length(b" X: a", b"Content-Length: 5"), b"hello", kept=True),
    Row("a blank before the colon of Content-Length", length(b"Content-Length : 5"), ProtocolError, "blank"),
    Row("a tab before the colon of Transfer-Encoding", length(b"Transfer-Encoding\t: chunked"), ProtocolError, "blank"),
    Row("a blank before another colon", length(b"X : a", b"Content-Length: 5"), b"hello", kept=True),
    Row("a line without colon", length(b"nonsense", b"Content-Length: 5"), b"hello", kept=True),
    Row("a line with an empty name", length(b": a", b"Content-Length: 5"), b"hello", kept=True),
    Row("a blank in a name", length(b"X Y: a", b"Content-Length: 5"), b"hello", kept=True),
    Row("a vertical tab before Transfer-Encoding", length(b"Content-Length: 5", b"\x0bTransfer-Encoding: chunked"), b"hello"),
    Row("a no-break space in Content-Length", length(b"Content-\xa0Length: 9", b"Content-Length: 5"), b"hello"),
    Row("Transfer-Encoding without colon", length(b"Content-Length: 5", b"Transfer-Encoding chunked"), b"hello"),
    Row("Transfer-Encoding folded into another field", length(b"Content-Length: 5", b"X: a", b" Transfer-Encoding: chunked"), b"hello"),
    Row("two CRs behind a value", length(b"Content-Length: 5\r", b"X: y"), b"hello"),
    Row("two CRs at the end of the head", OK + b"Content-Length: 5\r\r\n\r\r\nhello", b"hello"),
    Row("one bare LF", OK + b"X: y\nContent-Length: 5\r\n\r\nhello", b"hello"),
    Row("blanks around a length", length(b"Content-Length: \t5\t "), b"hello", kept=True),
    Row("a head cut short at a line end", OK + b"Content-Length: 5\r\n", ProtocolError, "within the head"),
    Row("a head cut short within a line", OK + b"Content-Type: text/plain\r\nContent-Le", ProtocolError, "within the head"),
    Row("bytes beyond ASCII", length(b"X: \xff\xfe\x80", b"Content-Length: 5"), b"hello", kept=True),
]  # fmt: skip

LENGTHS = [
    Row("two equal lengths", length(b"Content-Length: 5", b"Content-Length: 5"), b"hello", kept=True),
    Row("a list of equal lengths", length(b"Content-Length: 5, 5"), b"hello", kept=True),
    Row("two lengths that differ", length(b"Content-Length: 5", b"Content-Length: 6"), InvalidHeader, "unmatching"),
    Row("a list of lengths that differ", length(b"Content-Length: 5,6"), InvalidHeader, "unmatching"),
    Row("a length with a sign", length(b"Content-Length: +5"), ProtocolError, "invalid Content-Length"),
    Row("a negative length", length(b"Content-Length: -5"), ProtocolError, "invalid Content-Length"),
    Row("a length with an underscore", length(b"Content-Length: 5_0"), ProtocolError, "invalid Content-Length"),
    Row("a length in hexadecimal", length(b"Content-Length: 0x5"), ProtocolError, "invalid Content-Length"),
    Row("a length with a fraction", length(b"Content-Length: 5.0"), ProtocolError, "invalid Content-Length"),
    Row("a length with a blank inside", length(b"Content-Length: 5 0"), ProtocolError, "invalid Content-Length"),
    Row("a length in words", length(b"Content-Length: five"), ProtocolError, "invalid Content-Length"),
    Row("an empty length", length(b"Content-Length:"), ProtocolError, "invalid Content-Length"),
    Row("half a list of lengths", length(b"Content-Length: 5,"), ProtocolError, "invalid Content-Length"),
    Row("a length in other digits", length(b"Content-Length: \xb2"), ProtocolError, "invalid Content-Length"),
    Row("a length of 2**62", length(b"Content-Length: %d" % 2**62), ProtocolError, "5 bytes read"),
    Row("a length of 5000 digits", length(b"Content-Length: " + b"9" * 5000), ProtocolError, "5000 digits"),
    Row("a length with leading zeros", length(b"Content-Length: 0000005"), b"hello", kept=True),
    Row("less than announced", length(b"Content-Length: 6"), ProtocolError, "1 more expected"),
    Row("more than announced", length(b"Content-Length: 4"), b"hell"),
]  # fmt: skip

FIVE = b"5\r\nhello\r\n0\r\n\r\n"

CODINGS = [
    Row("chunked in capitals", length(b"Transfer-Encoding: CHUNKED", body=FIVE), b"hello", kept=True),
    Row("chunked and a length", length(b"Transfer-Encoding: chunked", b"Content-Length: 3", body=FIVE), b"hello"),
    Row("a length and chunked", length(b"Content-Length: 300", b"Transfer-Encoding: chunked", body=FIVE), b"hello"),
    Row("something before chunked", length(b"Transfer-Encoding: gzip, chunked", body=FIVE), b"hello", kept=True, real="the chunks themselves"),
    Row("something after chunked", length(b"Transfer-Encoding: chunked, gzip", body=FIVE), ProtocolError, "unsupported Transfer-Encoding"),
    Row("chunked twice", length(b"Transfer-Encoding: chunked, chunked", body=FIVE), b"hello", real="the chunks themselves"),
    Row("chunked twice in two fields", length(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=FIVE), b"hello"),
    Row("chunked twice around another", length(b"Transfer-Encoding: chunked, gzip, chunked", body=FIVE), ProtocolError, "unsupported Transfer-Encoding"),
    Row("chunked from HTTP/1.0", length(b"Connection: keep-alive", b"Transfer-Encoding: chunked", head=b"HTTP/1.0 200 OK\r\n", body=FIVE), b"hello"),
    Row("chunked and an empty field", length(b"Transfer-Encoding:", b"Transfer-Encoding: chunked", body=FIVE), b"hello"),
    Row("no coding by the name of none", length(b"Transfer-Encoding: None", b"Content-Length: 5"), b"hello"),
    Row("no coding by the name of binary", length(b"Transfer-Encoding: binary", b"Content-Length: 5"), b"hello"),
    Row("gzip and chunked in two fields", length(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", body=FIVE), b"hello", kept=True),
    Row("an unknown coding", length(b"Transfer-Encoding: xchunked", body=FIVE), ProtocolError, "unsupported Transfer-Encoding"),
    Row("chunked with a vertical tab", length(b"Transfer-Encoding: \x0bchunked", body=FIVE), ProtocolError, "unsupported Transfer-Encoding"),
    Row("chunked in quotes", length(b'Transfer-Encoding: "chunked"', body=FIVE), ProtocolError, "unsupported Transfer-Encoding"),
    Row("chunked with a parameter", length(b"Transfer-Encoding: chunked;q=1", body=FIVE), ProtocolError, "unsupported Transfer-Encoding"),
    Row("identity and a length", length(b"Transfer-Encoding: identity", b"Content-Length: 5"), b"hello"),
    Row("an empty coding and a length", length(b"Transfer-Encoding:", b"Content-Length: 5"), b"hello"),
]  # fmt: skip

CHUNKS = [
    Row("a size with 0x", CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", ProtocolError),
    Row("a size with a sign", CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n", ProtocolError),
    Row("a negative size", CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", ProtocolError, real="ValueError"),
    Row("a size with an underscore", CHUNKED + b"3_0\r\n" + b"x" * 48 + b"\r\n0\r\n\r\n", ProtocolError),
    Row("a size after a blank", CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n", ProtocolError),
    Row("a size before a blank", CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", b"abc", kept=True),
    Row("no size", CHUNKED + b"\r\nabc\r\n0\r\n\r\n", ProtocolError),
    Row("a size in words", CHUNKED + b"three\r\nabc\r\n0\r\n\r\n", ProtocolError),
    Row("a size of 17 digits", CHUNKED + b"0" * 16 + b"3\r\nabc\r\n0\r\n\r\n", ProtocolError),
    Row("a size of 16 digits", CHUNKED + b"f" * 16 + b"\r\nabc", ProtocolError),
    Row("a bare CR after a size", CHUNKED + b"3\rX\r\nabc\r\n0\r\n\r\n", ProtocolError),
    Row("a NUL after a size", CHUNKED + b"3\0\r\nabc\r\n0\r\n\r\n", ProtocolError),
    Row("an endless size", [Recv(), Send(CHUNKED), endless(b"1")], ProtocolError),
    Row("a chunk cut short", CHUNKED + b"5\r\nhe", ProtocolError),
    Row("the end instead of a chunk", CHUNKED + b"3\r\nabc\r\n", ProtocolError),
    Row("no chunk at all", CHUNKED, ProtocolError),
    Row("an extension", CHUNKED + b'3;a="b;c"\r\nabc\r\n0\r\n\r\n', b"abc", kept=True),
    Row("a huge extension", CHUNKED + b"3;" + b"x" * 70_000 + b"\r\nabc\r\n0\r\n\r\n", ProtocolError),
    Row("an endless extension", [Recv(), Send(CHUNKED + b"3;"), endless(b"x")], ProtocolError),
    Row("no line end after a chunk", CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n", ProtocolError, real="answer"),
    Row("another line end after a chunk", CHUNKED + b"3\r\nabc\n\n0\r\n\r\n", ProtocolError, real="answer"),
    Row("101 trailer lines", CHUNKED + b"0\r\n" + b"X: y\r\n" * 101 + b"\r\n", ProtocolError, real="answer"),
    Row("endless trailer lines", [Recv(), Send(CHUNKED + b"0\r\n"), endless(b"X: y\r\n")], ProtocolError, real="endless"),
    Row("an endless trailer line", [Recv(), Send(CHUNKED + b"0\r\nX: "), endless(b"y")], ProtocolError),
    Row("some trailer lines", CHUNKED + b"3\r\nabc\r\n0\r\nX: y\r\nTransfer-Encoding: gzip\r\n\r\n", b"abc", kept=True),
    Row("only zeros", CHUNKED + b"000\r\n\r\n", b"", kept=True),
]  # fmt: skip

INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

INTERIM_ANSWERS = [
    Row("100 first", b"HTTP/1.1 100 Continue\r\n\r\n" + length(b"Content-Length: 5"), b"hello", kept=True),
    Row("103 first", INTERIM + length(b"Content-Length: 5"), b"hello", kept=True, real="103 as the answer"),
    Row("102 with a length", b"HTTP/1.1 102 Wait\r\nContent-Length: 9\r\n\r\n" + length(b"Content-Length: 5"), b"hello", kept=True),
    Row("100 that closes", b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n" + length(b"Content-Length: 5"), b"hello"),
    Row("100 of HTTP/1.0", b"HTTP/1.0 100 Continue\r\n\r\n" + length(b"Content-Length: 5"), b"hello"),
    Row("103 with bare LF", b"HTTP/1.1 103 Early Hints\nLink: x\n\n" + length(b"Content-Length: 5"), b"hello", real="103 as the answer"),
    Row("100 with CR CR LF, another behind it", b"HTTP/1.1 100 Continue\r\nX: y\r\r\n\r\n" + INTERIM + length(b"Content-Length: 5"), b"hello", real="103 as the answer"),
    Row("102 with two blanks", b"HTTP/1.1  102 Wait\r\n\r\n" + length(b"Content-Length: 5"), b"hello", real="102 as the answer"),
    Row("sixteen interim answers", INTERIM * 16 + length(b"Content-Length: 5"), b"hello", kept=True),
    Row("seventeen interim answers", INTERIM * 17 + length(b"Content-Length: 5"), ProtocolError, "interim"),
    Row("endless interim answers", [Recv(), endless(INTERIM)], ProtocolError, "interim", real="endless for 100"),
    Row("an interim answer without end", [Recv(), Send(INTERIM[:-2]), endless(b"X: y\r\n")], ProtocolError),
    Row("an interim answer cut short", INTERIM[:-2], ProtocolError, "within the head"),
    Row("an answer cut short behind an interim one", INTERIM + OK, ProtocolError, "within the head"),
    Row("an interim answer and no other", INTERIM, ProtocolError, "RemoteDisconnected"),
    Row("101 that nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nnoise", b""),
]  # fmt: skip

BEYOND = [
    Row("a second answer behind the first", length(b"Content-Length: 5") * 2, b"hello"),
    Row("a poisoned answer behind 204", b"HTTP/1.1 204 No Content\r\n\r\n" + length(b"Content-Length: 5"), b""),
    Row("a body with 304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", b""),
    Row("line ends behind a body", length(b"Content-Length: 5") + b"\r\n\r\n", b"hello"),
    Row("an answer before the request", [Send(length(b"Content-Length: 5")), Recv()], b"hello", kept=True),
    Row("nothing", b"", ProtocolError, "RemoteDisconnected"),
    Row("nothing, by a reset", [Recv(), Reset()], ProtocolError, "ConnectionResetError"),
]  # fmt: skip

GZIPPED = gzip.compress(b"hello" * 100, mtime=0)


def coded(coding: bytes, body: bytes) -> bytes:
    return length(b"Content-Encoding: " + coding, b"Content-Length: %d" % len(body), body=body)


CONTENT_CODINGS = [
    Row("garbage for gzip", coded(b"gzip", b"hello hello hello"), DecodeError, "gzip"),
    Row("garbage for deflate", coded(b"deflate", b"\xff" * 30), DecodeError, "deflate"),
    Row("garbage for br", coded(b"br", b"\xff" * 30), DecodeError, "br"),
    Row("garbage for zstd", coded(b"zstd", b"\xff" * 30), DecodeError, "zstd"),
    Row("garbage behind gzip", coded(b"gzip", GZIPPED + b"garbage"), b"hello" * 100, kept=True),
    Row("zeros behind gzip", coded(b"gzip", GZIPPED + b"\0" * 50), b"hello" * 100, kept=True),
    Row("garbage behind deflate", coded(b"deflate", zlib.compress(b"hello") + b"garbage"), b"hello", kept=True),
    Row("a wrong checksum", coded(b"gzip", GZIPPED[:-8] + b"\0" * 8), DecodeError, "gzip"),
    Row("six codings", coded(b"gzip, gzip, gzip, gzip, gzip, gzip", b"hello"), DecodeError, "Too many content encodings"),
    Row("an unknown coding of content", coded(b"rot13", b"hello"), b"hello", kept=True),
]  # fmt: skip

TABLE = [
    *STATUS_LINES,
    *FIELD_LINES,
    *LENGTHS,
    *CODINGS,
    *CHUNKS,
    *INTERIM_ANSWERS,
    *BEYOND,
    *CONTENT_CODINGS,
]


# ---------------------------------------------------------------- the one runner


def pool_for(server, read=PATIENT, **kw):
    timeout = Timeout(connect=PATIENT, read=read)
    kw.setdefault("retries", False)
    return HTTPConnectionPool(server.host, server.port, timeout=timeout, block=True, **kw)


def get(pool, preload: bool) -> bytes:
    """One request, and its body."""
    response = pool.urlopen("GET", "/first", preload_content=preload)
    if preload:
        return response.data
    try:
        return b"".join(response.stream(7))
    except DecodeError:
        # The transfer itself did not fail, so it is for the caller to give it up.
        response.close()
        response.release_conn()
        raise


def check(pool, server, row: Row, preload: bool) -> None:
    if isinstance(row.result, bytes):
        assert get(pool, preload) == row.result
    else:
        with pytest.raises(row.result) as caught:
            get(pool, preload)
        assert isinstance(caught.value, HTTPError)
        assert row.text in repr(caught.value) + repr(caught.value.__cause__)
    later = pool.urlopen("GET", "/second", pool_timeout=PATIENT)
    assert later.data == b"second"
    assert server.connections == (1 if row.kept else 2)


@pytest.mark.parametrize("row", TABLE, ids=[row.id for row in TABLE])
def test_a_broken_answer_is_read_or_refused_and_never_spoils_the_next(row, monkeypatch):
    if row.id in {"garbage for br", "garbage for zstd"} and {"br", "zstd"} - CODINGS_HERE.keys():
        pytest.skip("brotli, or a module for zstd, is not installed")
    for receive in (65536, 1):
        # As if the network had cut the answer into pieces of this size.
        monkeypatch.setattr(receiving, "_RECEIVE", receive)
        for preload in (True, False):
            scripts = [row.steps()] if row.kept else [row.steps(), [SECOND]]
            with serve(*scripts) as server, pool_for(server) as pool:
                check(pool, server, row, preload)


ENDLESS = [row for row in TABLE if "endless" in row.id or "without end" in row.id]


@pytest.mark.parametrize("row", ENDLESS, ids=[row.id for row in ENDLESS])
def test_memory_stays_bounded_while_a_server_sends_without_end(row):
    with serve(row.steps(), [SECOND]) as server, pool_for(server) as pool:
        tracemalloc.start()
        try:
            check(pool, server, row, preload=True)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4 * MIB


# ---------------------------------------------------------------- cut at every byte

CUT = {
    "length": length(b"X: y", b"Content-Length: 5"),
    "chunks": length(
        b"Transfer-Encoding: chunked", body=b"3\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n"
    ),
    "interim": INTERIM + length(b"Content-Length: 5"),
}


def outcomes(answer: bytes, last: list[typing.Any], preload: bool) -> list[typing.Any]:
    """What comes of the first 0, 1, 2... bytes of *answer*, each followed by *last*."""
    scripts = [[Recv(), Send(answer[:cut]), *last] for cut in range(len(answer))]
    found: list[typing.Any] = []
    with serve(*scripts) as server, pool_for(server) as pool:
        for _ in scripts:
            try:
                found.append(get(pool, preload))
            except HTTPError as error:
                found.append(error)
    return found


@pytest.mark.parametrize("preload", [True, False], ids=["preloaded", "streamed"])
@pytest.mark.parametrize("answer", CUT.values(), ids=CUT)
def test_half_a_body_is_never_taken_for_a_whole_one_wherever_the_server_stops(answer, preload):
    # The end within a trailer is the end of it.
    whole = answer.find(b"\r\n0\r\n") + 5 if b"\r\n0\r\n" in answer else len(answer)
    for cut, outcome in enumerate(outcomes(answer, [FIN, CLOSED], preload)):
        if isinstance(outcome, bytes):
            assert (outcome, cut >= whole) == (b"hello", True), cut
        else:
            assert type(outcome) is ProtocolError, cut


@pytest.mark.parametrize("preload", [True, False], ids=["preloaded", "streamed"])
@pytest.mark.parametrize("answer", CUT.values(), ids=CUT)
def test_a_reset_is_an_error_wherever_it_strikes(answer, preload):
    for cut, outcome in enumerate(outcomes(answer, [Reset()], preload)):
        assert type(outcome) is ProtocolError, cut


@pytest.mark.parametrize("answer", CUT.values(), ids=CUT)
def test_a_server_that_falls_silent_is_waited_for_no_longer_than_the_read_timeout(answer):
    for cut in range(0, len(answer), 9):
        with serve([Recv(), Send(answer[:cut]), CLOSED]) as server:
            with pool_for(server, read=IMPATIENT) as pool:
                with pytest.raises(ReadTimeoutError):
                    pool.urlopen("GET", "/first")


# ---------------------------------------------------------------- through TLS


@pytest.mark.parametrize(
    "noise", [b"HTTP/1.1 200 OK\r\n\r\n", b"\0" * 100, b"\x16\3\1\0\4junk", b""]
)
def test_noise_instead_of_a_handshake_is_a_tls_error(noise, certificates):
    def hello(sock):
        sock.recv(65536)

    with serve([Call(hello), Send(noise), FIN, CLOSED]) as server:
        with HTTPSConnectionPool(
            "localhost", server.port, ca_certs=certificates.ca, retries=False, timeout=PATIENT
        ) as pool:
            with pytest.raises(SSLError):
                pool.urlopen("GET", "/")


@pytest.mark.parametrize("preload", [True, False], ids=["preloaded", "streamed"])
@pytest.mark.parametrize("answer", [length(b"Content-Length: 6"), CHUNKED + b"5\r\nhel"])
def test_a_body_that_ends_without_a_goodbye_of_tls_is_not_whole(answer, preload, certificates):
    def cut_the_wire(sock):
        sock.unwrap = None
        socket.socket.shutdown(sock, socket.SHUT_RDWR)

    tls = certificates.localhost.server_context()
    with serve([Recv(), Send(answer), Call(cut_the_wire)], tls=tls) as server:
        with HTTPSConnectionPool(
            "localhost", server.port, ca_certs=certificates.ca, retries=False, timeout=PATIENT
        ) as pool:
            with pytest.raises(ProtocolError):
                get(pool, preload)


# ---------------------------------------------------------------- redirects


def redirect_to(location: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"


@pytest.mark.parametrize("length_of_path", [1, 5000])
def test_a_server_that_redirects_for_ever_is_followed_a_few_times(length_of_path):
    def lead_on(request):
        return redirect_to(b"/" + b"x" * (length_of_path * len(server.requests)))

    with serve(handler=lead_on) as server, PoolManager(timeout=PATIENT) as manager:
        with pytest.raises(MaxRetryError, match="too many redirects"):
            manager.request("GET", server.url(), retries=Retry(redirect=5))
        assert (len(server.requests), server.connections) == (6, 1)


@pytest.mark.parametrize(
    ("location", "error"),
    [
        (b"file:///etc/passwd", LocationValueError),
        (b"javascript:alert(1)", LocationValueError),
        (b"gopher://127.0.0.1:70/_x", LocationValueError),
        (b"http://[::1", LocationParseError),
        (b"//[", LocationParseError),
        (b"http://a:b:c/", LocationParseError),
        (b"http://127.0.0.1:99999/", LocationParseError),
    ],
)
def test_a_redirect_to_nowhere_is_an_error_and_the_connection_is_kept(location, error):
    with serve([redirect_to(location), SECOND]) as server:
        with PoolManager(timeout=PATIENT) as manager:
            with pytest.raises(error):
                manager.request("GET", server.url("/first"))
            assert manager.request("GET", server.url("/second")).data == b"second"


@pytest.mark.parametrize("location", [b"/a b", b"/\xc3\xbc", b"/\x01", b"/a\tX: y"])
def test_odd_characters_of_a_location_are_encoded_before_they_are_sent(location):
    with serve([redirect_to(location), SECOND]) as server:
        with PoolManager(timeout=PATIENT) as manager:
            assert manager.request("GET", server.url("/first")).data == b"second"
    assert server.requests[1].line.isascii()
    assert server.requests[1].line.count(" ") == 2


# ---------------------------------------------------------------- http.client's begin patched


@pytest.mark.parametrize(
    "row",
    [*STATUS_LINES, *FIELD_LINES, *LENGTHS, *CODINGS, *INTERIM_ANSWERS],
    ids=lambda row: row.id,
)
def test_the_same_heads_are_refused_or_doubted_while_begin_is_patched(row, monkeypatch):
    if "101" in row.id or row.id == "100 fields":
        pytest.skip("http.client counts the empty line as a field, and knows no upgrade")
    begin = http.client.HTTPResponse.begin
    monkeypatch.setattr(
        http.client.HTTPResponse, "begin", lambda self, *args, **kw: begin(self, *args, **kw)
    )
    kept = row._replace(text="", result=row.result if type(row.result) is bytes else HTTPError)
    scripts = [row.steps()] if row.kept else [row.steps(), [SECOND]]
    with serve(*scripts) as server, pool_for(server) as pool:
        check(pool, server, kept if row.result is not InvalidHeader else row, preload=True)
