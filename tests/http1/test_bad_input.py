"""What a hostile or broken server sends, and what comes of it: an error of ours, and nothing left over.

Each row is what the server sends after reading a request, and what the caller sees.  Whatever it is,
the call ends within its timeout, after an error the connection is closed, the next request on the
pool gets its own answer, no socket stays open, and memory stays small.
"""

from __future__ import annotations

import contextlib
import gc
import tracemalloc
import zlib

import pytest

from tests.support.answers import CODINGS
from tests.support.scripted import Call, Recv, Reset, Send, Stall, serve
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    InvalidHeader,
    ProtocolError,
    ReadTimeoutError,
)

H = b"HTTP/1.1 200 OK\r\n"
CL = H + b"Content-Length: %d\r\n\r\n"
CHUNKED = H + b"Transfer-Encoding: chunked\r\n\r\n"
FINE = H + b"Content-Length: 4\r\n\r\nfine"


def gz(data):
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return squeezer.compress(data) + squeezer.flush()


def coded(coding, body):
    return H + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding, len(body), body)


BOMB = gz(b"\0" * 30_000_000)

# what is sent; the error, or the body that is accepted all the same
ROWS = {
    # status line
    "garbage": (b"garbage\r\n\r\n", ProtocolError),
    "garbage without line end": (b"garbage", ProtocolError),
    "nothing": (b"", ProtocolError),
    "an empty line first": (b"\r\n" + FINE, ProtocolError),
    "a status of two digits": (b"HTTP/1.1 20 OK\r\n\r\n", ProtocolError),
    "a status of letters": (b"HTTP/1.1 abc OK\r\n\r\n", ProtocolError),
    "a status with a sign": (b"HTTP/1.1 +200 OK\r\n\r\n", ProtocolError),
    "HTTP/2 in clear": (b"HTTP/2.0 200 OK\r\n\r\n", ProtocolError),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", ProtocolError),
    "a TLS alert": (b"\x15\x03\x01\x00\x02\x02\x46", ProtocolError),
    "binary noise": (bytes(range(256)) * 40, ProtocolError),
    "an endless status line": (b"HTTP/1.1 200 " + b"x" * 100_000, ProtocolError),
    "a NUL in the reason": (b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n", b""),
    # header section
    "an endless header line": (H + b"A: " + b"x" * 100_000, ProtocolError),
    "an endless header name": (H + b"x" * 100_000, ProtocolError),
    "101 headers": (H + b"A: b\r\n" * 101 + b"\r\n", ProtocolError),
    "100 headers": (H + b"A: b\r\n" * 99 + b"Content-Length: 1\r\n\r\nx", b"x"),
    "a NUL in a value": (H + b"A: b\0c\r\nContent-Length: 0\r\n\r\n", ProtocolError),
    "a bare CR in a value": (H + b"A: b\rContent-Length: 5\r\n\r\n", ProtocolError),
    "line ends without CR": (b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", b"x"),
    "mixed line ends": (H + b"A: b\nContent-Length: 1\r\n\nx", b"x"),
    "a line without colon": (H + b"nonsense\r\nContent-Length: 1\r\n\r\nx", b"x"),
    "a name with a blank": (H + b"A B: c\r\nContent-Length: 1\r\n\r\nx", b"x"),
    "an empty name": (H + b": c\r\nContent-Length: 1\r\n\r\nx", b"x"),
    "a folded value": (H + b"A: b\r\n c\r\nContent-Length: 1\r\n\r\nx", b"x"),
    "a fold before any field": (H + b" A: b\r\nContent-Length: 1\r\n\r\nx", b"x"),
    "the end within the head": (H + b"A: b\r\nC", ProtocolError),
    # framing
    "a blank before the colon of Content-Length": (
        H + b"Content-Length : 1\r\n\r\nx",
        ProtocolError,
    ),
    "a blank before the colon of Transfer-Encoding": (
        H + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
        ProtocolError,
    ),
    "a folded Content-Length": (H + b"Content-Length: 1\r\n 0\r\n\r\nx", ProtocolError),
    "a folded Transfer-Encoding": (H + b"Transfer-Encoding:\r\n chunked\r\n\r\n", ProtocolError),
    "Content-Length +1": (H + b"Content-Length: +1\r\n\r\nx", ProtocolError),
    "Content-Length 1_0": (H + b"Content-Length: 1_0\r\n\r\nx", ProtocolError),
    "Content-Length -1": (H + b"Content-Length: -1\r\n\r\nx", ProtocolError),
    "Content-Length 0x1": (H + b"Content-Length: 0x1\r\n\r\nx", ProtocolError),
    "Content-Length of nothing": (H + b"Content-Length:\r\n\r\nx", ProtocolError),
    "Content-Length of 5000 digits": (
        H + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nx",
        ProtocolError,
    ),
    "Content-Length of 4 EiB": (CL % 2**62 + b"ten bytes!", ProtocolError),
    "two different Content-Lengths": (
        H + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        InvalidHeader,
    ),
    "two equal Content-Lengths": (H + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", b"x"),
    "less than Content-Length": (CL % 10 + b"x", ProtocolError),
    "more than Content-Length": (CL % 1 + b"x" + FINE, b"x"),
    "an unknown transfer coding": (H + b"Transfer-Encoding: xchunked\r\n\r\nx", ProtocolError),
    "chunked, but not last": (H + b"Transfer-Encoding: chunked, gzip\r\n\r\nx", ProtocolError),
    "chunked inside gzip": (
        H + b"Transfer-Encoding: chunked, gzip, chunked\r\n\r\nx",
        ProtocolError,
    ),
    "both framings": (
        H + b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"x",
    ),
    "gzip, chunked": (
        H + b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"x",
    ),
    "a body where none may be": (b"HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nevil", b""),
    # chunks
    "a chunk size 0x1": (CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n", ProtocolError),
    "a chunk size +1": (CHUNKED + b"+1\r\nx\r\n0\r\n\r\n", ProtocolError),
    "a chunk size -1": (CHUNKED + b"-1\r\nx\r\n0\r\n\r\n", ProtocolError),
    "a chunk size behind a blank": (CHUNKED + b" 1\r\nx\r\n0\r\n\r\n", ProtocolError),
    "a chunk size 1_0": (CHUNKED + b"1_0\r\nx\r\n0\r\n\r\n", ProtocolError),
    "a chunk size of 17 digits": (CHUNKED + b"1" * 17 + b"\r\nx\r\n0\r\n\r\n", ProtocolError),
    "a chunk size of 16 EiB": (CHUNKED + b"ffffffffffffffff\r\nx", ProtocolError),
    "a chunk size of letters": (CHUNKED + b"xyz\r\n\r\n", ProtocolError),
    "no chunk size": (CHUNKED + b"\r\n\r\n", ProtocolError),
    "an endless chunk extension": (CHUNKED + b"1;" + b"x" * 100_000, ProtocolError),
    "a chunk without its line end": (CHUNKED + b"1\r\nxXX0\r\n\r\n", ProtocolError),
    "a chunk cut short": (CHUNKED + b"5\r\nxx", ProtocolError),
    "the end instead of a chunk": (CHUNKED + b"1\r\nx\r\n", ProtocolError),
    "chunks announced, none sent": (CHUNKED + b"hello world", ProtocolError),
    "a trailer": (CHUNKED + b"1\r\nx\r\n0\r\nA: b\r\n\r\n", b"x"),
    "101 trailers": (CHUNKED + b"0\r\n" + b"A: b\r\n" * 101 + b"\r\n", ProtocolError),
    "an endless trailer": (CHUNKED + b"0\r\n" + b"x" * 100_000, ProtocolError),
    "more after the last chunk": (CHUNKED + b"1\r\nx\r\n0\r\n\r\n" + FINE, b"x"),
    # interim answers
    "early hints, then the answer": (b"HTTP/1.1 103 Hints\r\nA: b\r\n\r\n" + CL % 1 + b"x", b"x"),
    "sixteen interim answers": (b"HTTP/1.1 102 P\r\n\r\n" * 16 + CL % 1 + b"x", b"x"),
    "seventeen interim answers": (b"HTTP/1.1 100 C\r\n\r\n" * 17 + FINE, ProtocolError),
    "an interim answer with 101 headers": (
        b"HTTP/1.1 100 C\r\n" + b"A: b\r\n" * 101 + b"\r\n" + FINE,
        ProtocolError,
    ),
    "an interim answer and no more": (b"HTTP/1.1 100 C\r\n\r\n", ProtocolError),
    "an upgrade nobody asked for": (b"HTTP/1.1 101 Up\r\n\r\n" + FINE, b""),
    # content codings
    "no gzip": (coded(b"gzip", b"garbage"), DecodeError),
    "no deflate": (coded(b"deflate", b"garbage"), DecodeError),
    "no brotli": (coded(b"br", b"garbage"), DecodeError),
    "no zstd": (coded(b"zstd", b"garbage"), DecodeError),
    "garbage behind gzip": (coded(b"gzip", gz(b"x") + b"garbage"), b"x"),
    "garbage behind deflate": (coded(b"deflate", zlib.compress(b"x") + b"garbage"), b"x"),
    "a wrong checksum": (coded(b"gzip", gz(b"x" * 99)[:-8] + b"12345678"), DecodeError),
    "six codings": (coded(b"gzip, gzip, gzip, gzip, gzip, gzip", b"x"), DecodeError),
    "an unknown coding": (coded(b"rot13", b"x"), b"x"),
    "a redirect to nowhere": (
        b"HTTP/1.1 302 Go\r\nLocation: http://[\r\nContent-Length: 1\r\n\r\nx",
        b"x",
    ),
}


@pytest.fixture(autouse=True)
def no_socket_is_left_open():
    yield
    gc.collect()  # an unclosed socket is a ResourceWarning, and that an error


def connected(pool):
    """The connections in the pool that have a socket."""
    return [conn for conn in pool.pool.queue if conn is not None and conn.sock is not None]


# These are wrong in that they, or a line of theirs, end too early: one has to wait for the end.
UNTIL_THE_END = {
    "garbage without line end",
    "nothing",
    "a TLS alert",
    "the end within the head",
    "binary noise",
    "Content-Length of 4 EiB",
    "less than Content-Length",
    "a chunk size of 16 EiB",
    "a chunk cut short",
    "the end instead of a chunk",
    "chunks announced, none sent",
    "an interim answer and no more",
}


@pytest.mark.parametrize(
    "name", [name for name in ROWS if name not in UNTIL_THE_END and ROWS[name][1] is ProtocolError]
)
def test_what_is_wrong_is_told_at_once_and_ends_the_connection(name):
    """The server neither sends more nor closes: who waited for that would meet the timeout."""
    seen = []

    def wait_for_the_end(sock):
        with contextlib.suppress(ConnectionResetError):  # it is an end, too
            seen.append(sock.recv(1))
        seen.append(b"")

    with serve([Recv(), Send(ROWS[name][0]), Call(wait_for_the_end)]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=20, retries=False) as pool:
            with pytest.raises(ProtocolError):
                pool.urlopen("GET", "/")
            assert connected(pool) == []
    assert seen[0] == b""


@pytest.mark.parametrize("preload", [True, False], ids=["preloaded", "read"])
@pytest.mark.parametrize("name", ROWS)
def test_bad_input_is_an_error_or_harmless(name, preload):
    sent, expected = ROWS[name]
    if name in {"no brotli", "no zstd"} and {"br", "zstd"} - CODINGS.keys():
        pytest.skip("brotli, or a module for zstd, is not installed")
    with serve([Recv(), Send(sent)], handler=lambda request: FINE) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=False) as pool:

            def get():
                response = pool.urlopen("GET", "/", preload_content=preload, redirect=False)
                try:
                    return response.data
                finally:
                    response.close()
                    response.release_conn()

            if isinstance(expected, bytes):
                assert get() == expected
            else:
                with pytest.raises(expected) as caught:
                    get()
                assert isinstance(caught.value, HTTPError)
                # A body that was received in full leaves nothing behind, whatever is in it.
                assert connected(pool) == [] or (expected is DecodeError and not preload)
            # Nothing of it reaches the next request, which may find the connection just closing.
            assert pool.urlopen("GET", "/next", retries=3).data == b"fine"


STREAMED = [name for name in ROWS if "chunk" in name or "trailer" in name]


@pytest.mark.parametrize("name", STREAMED)
def test_bad_chunks_are_an_error_in_a_stream_too(name):
    sent, expected = ROWS[name]
    with serve([Recv(), Send(sent)], handler=lambda request: FINE) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=False) as pool:

            def get():
                response = pool.urlopen("GET", "/", preload_content=False)
                return b"".join(response.stream(decode_content=True))

            if isinstance(expected, bytes):
                assert get() == expected
            else:
                with pytest.raises(expected):
                    get()
            assert pool.urlopen("GET", "/next", retries=3).data == b"fine"


PLACES = {
    "before the answer": b"",
    "within the status line": b"HTTP/1.1 2",
    "within the head": H + b"A: ",
    "after the head": CL % 9,
    "within the body": CL % 9 + b"x",
    "within a chunk size": CHUNKED + b"1",
    "within a chunk": CHUNKED + b"9\r\nx",
    "after a chunk": CHUNKED + b"1\r\nx\r\n",
    "within the trailer": CHUNKED + b"0\r\nA",
    "after an interim answer": b"HTTP/1.1 100 C\r\n\r\n",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_server_that_stalls_is_not_waited_for(place):
    with serve([Recv(), Send(PLACES[place]), Stall()]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=0.05, retries=False) as pool:
            with pytest.raises(ReadTimeoutError):
                pool.urlopen("GET", "/")
            assert connected(pool) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_reset_is_a_protocol_error(place):
    with serve([Recv(), Send(PLACES[place]), Reset()]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=False) as pool:
            with pytest.raises(ProtocolError):
                pool.urlopen("GET", "/")
            assert connected(pool) == []


def test_an_answer_before_the_request_is_not_the_answer_to_it():
    def say_too_much(sock):
        sock.sendall(FINE + H + b"Content-Length: 4\r\n\r\nevil")

    with serve([Recv(), Call(say_too_much)], handler=lambda request: FINE) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=False) as pool:
            assert [pool.urlopen("GET", "/").data for _ in range(2)] == [b"fine", b"fine"]
            assert server.connections == 2


def test_an_early_answer_to_an_upload_is_read():
    early = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"

    def answer_at_once(sock):
        sock.recv(100)
        sock.sendall(early)

    with serve([Call(answer_at_once)]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=False) as pool:
            outcome: object
            try:
                outcome = pool.urlopen("POST", "/", body=b"x" * 20_000_000).data
            except ProtocolError as error:
                outcome = error.args[1]
            # The system may have thrown the answer away with the reset.
            assert outcome == b"no" or isinstance(outcome, OSError)


def test_a_line_that_comes_byte_by_byte_is_read():
    def drip(sock):
        for byte in FINE:
            sock.sendall(bytes([byte]))

    with serve([Recv(), Call(drip)]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=False) as pool:
            assert pool.urlopen("GET", "/").data == b"fine"


def peak_of(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "read",
    [
        lambda r: (r.read(10), r.close()),
        lambda r: (r.read(10), r.read(10), r.drain_conn()),
        lambda r: (r.read1(10), r.close()),
        lambda r: (next(r.stream(10)), r.close()),
        lambda r: r.drain_conn(),
    ],
    ids=["read", "read and drain", "read1", "stream", "drain"],
)
def test_a_bomb_is_inflated_as_far_as_it_is_asked_for(read):
    reply = coded(b"gzip", BOMB)
    with serve([Recv(), Send(reply)]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=False) as pool:
            response = pool.urlopen("GET", "/", preload_content=False)
            assert peak_of(lambda: read(response)) < 2_000_000
            response.release_conn()


def test_a_redirect_with_a_bomb_is_followed_without_inflating_it():
    bomb = (
        b"HTTP/1.1 302 Go\r\nLocation: /next\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(BOMB), BOMB)
    )
    with serve([bomb, FINE]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=3) as pool:

            def get():
                assert pool.urlopen("GET", "/", preload_content=False).data == b"fine"

            assert peak_of(get) < 2_000_000


def test_no_memory_is_set_aside_for_what_is_only_announced():
    with serve([Recv(), Send(CL % 2**40 + b"x")]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=False) as pool:

            def get():
                with pytest.raises(ProtocolError):
                    pool.urlopen("GET", "/")

            assert peak_of(get) < 8_000_000


def test_a_body_nobody_wants_is_not_read_for_ever():
    endless = [Recv(), Send(b"HTTP/1.1 302 Go\r\nLocation: /next\r\n\r\n")]

    def pour(sock):
        try:
            while True:
                sock.sendall(b"x" * 65536)
        except OSError:
            pass

    with serve([*endless, Call(pour)], [FINE]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=5, retries=3) as pool:
            assert pool.urlopen("GET", "/", preload_content=False).data == b"fine"
