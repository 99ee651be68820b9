"""A body in chunks read in several ways, one after the other: what is left of a chunk is counted once.

The connection is kept alive and the next request on it must get its own answer.
"""

from __future__ import annotations

import gzip

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.answers import Pool, answer, head, in_chunks
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"
#: Content that looks like chunks, their ends, and an answer.
TRICKY = b"3\r\nXYZ\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nFORGED"


class Wrapper:
    """What CacheControl puts around the body object."""

    def __init__(self, fp):
        self._wrapped = fp

    def __getattr__(self, name):
        return getattr(self._wrapped, name)


class Mixed(RuleBasedStateMachine):
    """Any reader at any time; together they give the body."""

    @initialize(
        pieces=st.lists(
            st.binary(min_size=1, max_size=40) | st.sampled_from([TRICKY, b"\r\n", b"0" * 700]),
            max_size=12,
        ),
        equal=st.integers(0, 30),
        coded=st.booleans(),
        wrapped=st.booleans(),
        trailer=st.booleans(),
    )
    def request(self, pieces, equal, coded, wrapped, trailer):
        pieces = [*pieces, *[b"equal %06d" % number for number in range(equal)]]
        self.body = b"".join(pieces)
        if coded:
            whole = gzip.compress(self.body, mtime=0)
            pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
        lines = ["Transfer-Encoding: chunked", *(["Content-Encoding: gzip"] if coded else [])]
        sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        end = b"0\r\nX: y\r\n\r\n" if trailer else b"0\r\n\r\n"
        self.pool = Pool(head(*lines) + sent + end + b"", ends=False)
        self.response = self.pool.urlopen("GET", "/", preload_content=False)
        if wrapped:
            self.response._fp = Wrapper(self.response._fp)
        self.conn = self.response.connection
        self.generators = []
        self.got = b""

    def add(self, data):
        self.got += data
        assert self.body.startswith(self.got)

    @rule(amount=st.integers(1, 50) | st.just(1000))
    def read(self, amount):
        data = self.response.read(amount)
        assert len(data) == amount or self.got + data == self.body
        self.add(data)

    @rule(amount=st.integers(1, 50) | st.none())
    def read1(self, amount):
        data = self.response.read1(amount)
        self.add(data)

    @rule(amount=st.integers(1, 50))
    def readinto(self, amount):
        room = bytearray(amount)
        self.add(bytes(room[: self.response.readinto(room)]))

    @rule(amount=st.integers(1, 50) | st.none() | st.just(1000))
    def begin_stream(self, amount):
        self.generators.append(self.response.stream(amount, decode_content=True))

    @rule(amount=st.integers(1, 50) | st.none())
    def begin_chunks(self, amount):
        self.generators.append(self.response.read_chunked(amount, decode_content=True))

    @rule(which=st.integers(0, 5))
    def take(self, which):
        if self.generators:
            self.add(next(self.generators[which % len(self.generators)], b""))

    @rule()
    def read_the_rest(self):
        self.add(self.response.read())
        assert self.got == self.body

    @rule()
    def data(self):
        data = self.response.data or b""
        if self.got == self.body and data == self.body:
            return  # kept from an earlier look
        self.add(data)
        assert self.got == self.body

    @invariant()
    def no_more_than_the_body(self):
        assert len(getattr(self, "got", b"")) <= len(getattr(self, "body", b""))

    def teardown(self):
        if not hasattr(self, "pool"):
            return
        try:
            if self.got != self.body:
                self.add(self.response.read())
            for generator in self.generators:
                self.add(b"".join(generator))
            assert self.got == self.body
            self.response.drain_conn()
            self.response.release_conn()
            [peer] = self.pool.peers
            peer.sendall(SECOND)
            sock = self.conn.sock
            if sock is not None:
                self.conn.request("GET", "/")
                assert self.conn.getresponse().data == b"second"
        finally:
            self.pool.shut()


TestMixed = Mixed.TestCase
TestMixed.settings = settings(
    max_examples=150,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("cut", [4, 10, 30])
def test_content_that_looks_like_chunks_is_content(cut):
    body = head("Transfer-Encoding: chunked") + in_chunks(TRICKY, len(TRICKY))
    with answer(body, ends=False) as (response, pool):
        assert response.read(cut) + b"".join(response.stream(1000)) == TRICKY
        pool.peers[0].sendall(SECOND)
        assert pool.kept[0].sock is not None


def test_two_generators_share_the_body():
    with answer(head("Transfer-Encoding: chunked") + in_chunks(b"0123456789", 3)) as (response, _):
        one, other = response.stream(2), response.stream(100)
        assert [next(one), next(other), next(one), next(other)] == [b"01", b"2", b"34", b"5"]
        assert response.read() == b"6789"
        assert list(one) == list(other) == []


class Uncounted:
    """A body object with raw bytes beneath it that does not count what is left of a chunk."""

    def __init__(self, data):
        import io

        self.fp = io.BytesIO(data)

    def read(self, amt=None):
        return self.fp.read(amt)

    _safe_read = read

    def close(self):
        self.fp.close()

    @property
    def closed(self):
        return self.fp.closed


def uncounted():
    return HTTPResponse(
        Uncounted(in_chunks(b"abcdef", 3)),
        headers={"Transfer-Encoding": "chunked"},
        preload_content=False,
    )


def test_a_body_object_that_does_not_count_is_read_in_one_way():
    assert list(uncounted().stream(2)) == [b"ab", b"c", b"de", b"f"]
    response = uncounted()
    stream = response.stream(2)
    assert next(stream) == b"ab"
    with pytest.raises(ProtocolError, match="cannot be mixed"):
        response.read()
    response = uncounted()
    assert response.read(1) == b"3"
    with pytest.raises(ProtocolError, match="cannot be mixed"):
        next(response.stream(2))


def test_what_is_left_of_a_chunk_is_seen_in_both_places():
    with answer(head("Transfer-Encoding: chunked") + in_chunks(b"abcdef", 4)) as (response, _):
        assert response.chunk_left is None
        assert response.read(1) == b"a"
        assert (response.chunk_left, response._fp.chunk_left) == (3, 3)
        stream = response.stream(1)
        assert next(stream) == b"b"
        assert (response.chunk_left, response._fp.chunk_left) == (2, 2)
        assert response.read(2) == b"cd"
        assert response.chunk_left is None
        assert list(stream) == [b"e", b"f"]
