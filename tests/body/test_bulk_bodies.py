"""Bodies that go straight from the wire to the reader read just as those that take the long way."""

from __future__ import annotations

import http.client
import itertools
import socket
import sys
import typing
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from urllib3.connection import HTTPConnection
from urllib3.exceptions import ProtocolError, ReadTimeoutError
from urllib3.response import HTTPResponse

SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Tape(socket.socket):
    """A socket that receives what it is given, cut where it is cut; each request brings more."""

    def __init__(self, *answers: list[bytes]) -> None:
        super().__init__()
        self.answers = list(answers)
        self.pieces: list[bytes] = []
        self.asked: list[int] = []

    def sendall(self, *_: typing.Any) -> None:
        self.pieces += self.answers.pop(0) if self.answers else []

    def recv(self, size: int, *_: int) -> bytes:
        self.asked.append(size)
        if not self.pieces:
            return b""
        piece = self.pieces[0]
        if piece == b"TIMEOUT":
            raise self.pieces.pop(0) and TimeoutError("timed out")
        self.pieces[:1] = [piece[size:]] if piece[size:] else []
        return piece[:size]

    def recv_into(self, view: memoryview, *_: int) -> int:
        data = self.recv(len(view))
        view[: len(data)] = data
        return len(data)


class Wrapper:
    """What CacheControl and others put around the body object."""

    def __init__(self, fp: typing.Any) -> None:
        self._wrapped = fp

    def __getattr__(self, name: str) -> typing.Any:
        return getattr(self._wrapped, name)


def straight(response):
    pass


def wrapped(response):
    response._fp = Wrapper(response._fp)


def as_a_file(response):
    assert response._fp.fp is not None or response._fp.isclosed()


def chunk_by_chunk(response):
    step = response._update_chunk_length
    response._update_chunk_length = lambda: step()


def piece_by_piece(response):
    read = response._fp_read
    response._fp_read = lambda *args, **options: read(*args, **options)


WAYS = [straight, wrapped, as_a_file, chunk_by_chunk, piece_by_piece]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(bounds) if a < b]


def step(response, verb, size):
    if verb == "read":
        return response.read(size)
    if verb == "readinto":
        room = bytearray(size)
        return bytes(room[: response.readinto(room)])
    if verb == "stream":
        return next(response.stream(size), b"")
    return response.read()


def story(way, wire, steps, patch=False):
    """What a reader gets, step by step, and what becomes of the connection."""
    conn = HTTPConnection("h")
    conn.sock = tape = Tape(wire, [SECOND])
    told: list[object] = []
    with tape:
        conn.request("GET", "/", preload_content=False)
        response = conn.getresponse()
        way(response)
        try:
            for verb, size in steps:
                told.append(step(response, verb, size))
            if response.chunked and steps[0][0] == "stream":
                told += response.stream(steps[0][1])
            told.append(response.read())
        except Exception as error:
            told.append((type(error), str(error)))
        told += [response.tell(), response.length_remaining, response.closed, response.chunk_left]
        response.close()
        try:
            conn.request("GET", "/")
            told.append(conn.getresponse().data)
        except Exception as error:
            told.append(type(error))
        conn.close()
    return told


def same_by_all_ways(wire, steps):
    expected = story(straight, wire, steps)
    for way in WAYS[1:]:
        assert story(way, wire, steps) == expected, way.__name__
    read = http.client.HTTPResponse.read

    def traced(self, amt=None):
        return read(self, amt)

    with mock.patch.object(http.client.HTTPResponse, "read", traced):
        assert story(straight, wire, steps) == expected


SIZES = st.integers(1, 300) | st.sampled_from([8192, 32768, 65536, 70000, 300000])
LENGTHS = st.integers(0, 600) | st.sampled_from([70_000, 400_000])
CUTS = st.lists(st.integers(0, 1 << 20), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    length=LENGTHS,
    steps=st.lists(st.tuples(st.sampled_from(["read", "readinto", "stream"]), SIZES), min_size=1),
    missing=st.just(0) | st.integers(1, 50),
    places=CUTS,
)
def test_a_body_of_known_length(length, steps, missing, places):
    body = (b"0123456789" * 40_000)[:length]
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + missing)
    same_by_all_ways(cut(head + body, places), steps)


LINES = st.sampled_from(["%x", "%X", "00%x", "%x;a=b"])


@st.composite
def chunked_bodies(draw):
    size = draw(st.integers(1, 60) | st.sampled_from([700]))
    sizes = draw(st.lists(st.sampled_from([size, size, size, size + 1, 1]), max_size=40))
    line = draw(LINES)
    data = b"".join(
        (line % size).encode() + b"\r\n" + (b"%d\r\n" % at * size)[:size] + b"\r\n"
        for at, size in enumerate(sizes)
    )
    end = draw(st.sampled_from([b"0\r\n\r\n", b"0;x\r\nT: 1\r\n\r\n", b"0\r\n", b"x\r\n", b""]))
    return data + end


@settings(max_examples=150, deadline=None)
@given(
    body=chunked_bodies(),
    verbs=st.sampled_from([["stream"], ["read", "readinto"], ["all"]]),
    sizes=st.lists(SIZES, min_size=1, max_size=5),
    places=CUTS,
    spoilt=st.none() | st.integers(0, 1 << 20),
)
def test_a_body_in_chunks(body, verbs, sizes, places, spoilt):
    if spoilt is not None and body:
        at = spoilt % len(body)
        body = body[:at] + b"!" + body[at + 1 :]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    steps = [(verbs[at % len(verbs)], sizes[0]) for at, _ in enumerate(sizes)]
    if verbs == ["stream"]:
        steps = steps[:1]  # a generator that is dropped gives the connection up
    same_by_all_ways(cut(head + body, places), steps)


def response_to(*pieces):
    conn = HTTPConnection("h")
    conn.sock = Tape(list(pieces))
    conn.request("GET", "/", preload_content=False)
    return conn, conn.getresponse()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_each_chunk_comes_alone_and_whoever_reads_on_meanwhile_loses_nothing():
    wire = b"".join(b"3\r\n%03d\r\n" % number for number in range(6)) + b"0\r\n\r\n"
    conn, response = response_to(CHUNKED + wire)
    first = response.stream()
    assert next(first) == b"000"
    assert response.chunk_left is None
    assert next(first) == b"001"
    second = response.stream(2)
    assert [next(second), next(second)] == [b"00", b"2"]
    assert next(first) == b"003"
    assert next(second) == b"00"
    assert response.chunk_left == 1
    assert list(first) == [b"4", b"005"]
    assert list(second) == []
    conn.close()


def calls_to_stream(body: bytes) -> int:
    """How many Python functions are called, or generators resumed, until *body* is streamed."""
    conn, response = response_to(CHUNKED + body)
    called = []
    sys.setprofile(lambda _frame, event, _of: called.append(event) if event == "call" else None)
    try:
        for _ in response.stream():
            pass
    finally:
        sys.setprofile(None)
    conn.close()
    return len(called)


@pytest.mark.parametrize(
    ("chunk", "calls"),
    [
        pytest.param(b"64\r\n%s\r\n" % (b"x" * 100), 4, id="of one size: four generators"),
        pytest.param(b"3\r\nabc\r\n5\r\nabcde\r\n", 2 * 16, id="of many sizes: their lines, too"),
    ],
)
def test_a_chunk_costs_few_calls(chunk, calls):
    calls_to_stream(chunk * 50 + b"0\r\n\r\n")  # some questions are written when first asked
    few, many = (calls_to_stream(chunk * count + b"0\r\n\r\n") for count in (20, 70))
    assert many - few <= 50 * calls


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    "line", [b"x\r\n", b"-1\r\n", b"5", b"5;\r5\r\n", b"1" * 17 + b"\r\n", b";" * 70_000, b""]
)
def test_a_wrong_line_between_chunks_is_the_same_error_straight_and_step_by_step(line, at_once):
    outcomes = []
    for way in (straight, chunk_by_chunk):
        wire = CHUNKED + b"3\r\nabc\r\n4\r\nabcd\r\n" + line
        conn, response = response_to(
            *([wire] if at_once else [wire[i : i + 1] for i in range(200)])
        )
        way(response)
        pieces = response.stream()
        assert [next(pieces), next(pieces)] == [b"abc", b"abcd"]
        with pytest.raises(ProtocolError) as caught:
            next(pieces)
        assert response.closed
        outcomes.append((type(caught.value), str(caught.value).replace(str(id(response)), "")))
        conn.close()
    assert outcomes[0] == outcomes[1]


def test_a_chunk_that_is_here_does_not_wait_for_the_next():
    conn, response = response_to(CHUNKED, b"3\r\nabc\r\n3\r\nd", b"TIMEOUT")
    pieces = response.stream()
    assert next(pieces) == b"abc"
    with pytest.raises(ReadTimeoutError):
        next(pieces)
    conn.close()


@pytest.mark.parametrize("verb", ["read", "readinto", "stream"])
@pytest.mark.parametrize("size", [4, 100_000])
def test_a_timeout_in_the_middle_ends_the_body(verb, size):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"
    conn, response = response_to(head + b"ab", b"TIMEOUT", b"c" * 299998)
    response._connection = conn
    with pytest.raises(ReadTimeoutError):
        step(response, verb, size)
    assert response.closed
    assert conn.is_closed
    conn.close()


@pytest.mark.parametrize("size", [3, 100_000, None])
def test_what_was_received_before_a_timeout_is_not_lost_to_readers_of_the_body_object(size):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"
    conn, response = response_to(head + b"ab", b"TIMEOUT", b"c" * 299998)
    with pytest.raises(TimeoutError):
        response._fp.read(size)
    assert response._fp.read() == b"ab" + b"c" * 299998
    conn.close()


def test_a_line_of_chunks_may_time_out_and_be_read_on():
    conn, response = response_to(CHUNKED + b"3", b"TIMEOUT", b"\r\nabc\r\n0\r\n\r\n")
    with pytest.raises(TimeoutError):
        response._fp.read()
    assert response._fp.read() == b"abc"
    conn.close()


def test_an_announced_length_sets_no_memory_aside_before_it_comes():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 50)
    conn, response = response_to(head + b"a")
    with pytest.raises(http.client.IncompleteRead):
        response._fp.read()
    assert max(conn.sock.asked if conn.sock else [0]) <= 1 << 28
    conn.close()


@pytest.mark.parametrize("room", [bytearray(0), memoryview(bytearray(12))[::2]])
def test_readinto_takes_what_memory_it_gets(room):
    conn, response = response_to(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcdefghi")
    assert response.readinto(room) == len(room)
    assert bytes(room) == b"abcdefghi"[: len(room)]
    assert response.read() == b"abcdefghi"[len(room) :]
    conn.close()


@pytest.mark.parametrize("name", ["read", "_raw_read", "_fp_read", "_decode"])
def test_an_overridden_step_sees_every_byte(name):
    seen = []

    class Mine(HTTPResponse):
        pass

    def spy(self, *args, **options):
        data = getattr(HTTPResponse, name)(self, *args, **options)
        seen.append(data)
        return data

    setattr(Mine, name, spy)
    conn, response = response_to(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcdefghi")
    response.__class__ = Mine
    room = bytearray(3)
    assert response.readinto(room) == 3
    assert b"".join([room, *response.stream(2)]) == b"abcdefghi"
    assert b"".join(seen) == b"abcdefghi"
    conn.close()
