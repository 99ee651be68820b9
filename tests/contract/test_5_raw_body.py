"""docker and podman walk down to the socket, CacheControl puts itself in between."""

from __future__ import annotations

import functools
import http.client
import io

import pytest

from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool
from urllib3.response import HTTPResponse

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"


@pytest.fixture(params=[PLAIN, CHUNKED], ids=["plain", "chunked"])
def response(request):
    with serve(handler=lambda _: request.param) as server:
        with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
            response = pool.urlopen("GET", "/", preload_content=False)
            yield response
            response.close()


def test_the_body_object_is_an_http_client_response_over_a_buffered_socket(response):
    fp = response._fp
    assert isinstance(fp, http.client.HTTPResponse)
    assert isinstance(fp.fp, io.BufferedReader)
    assert fp.fp.raw._sock is response.connection.sock
    assert fp.fp.raw.fileno() == response.connection.sock.fileno() == response.fileno()
    assert fp.chunked is response.chunked
    assert fp.chunk_left is None
    assert response.read() == b"abcdef"
    assert fp.fp is None
    assert fp.isclosed()


def test_docker_reads_chunks_by_hand(response):
    fp = response._fp
    if not fp.chunked:
        pytest.skip("it does so with chunked bodies only")
    assert fp.fp.readline() == b"3\r\n"
    assert fp.fp.read(5) == b"abc\r\n"
    assert list(response.stream()) == [b"def"]


class Tee:
    """CacheControl's CallbackFileWrapper, in short."""

    def __init__(self, fp, seen):
        self._tee_fp = fp
        self._tee_seen = seen

    def __getattr__(self, name):
        return getattr(self.__dict__["_tee_fp"], name)

    def read(self, amt=None):
        data = self._tee_fp.read(amt)
        self._tee_seen.append(data)
        return data

    def _safe_read(self, amt):
        data = self._tee_fp._safe_read(amt)
        if amt != 2 or data != b"\r\n":
            self._tee_seen.append(data)
        return data


@pytest.mark.parametrize("way", ["read", "read some", "stream"])
def test_cachecontrol_sees_everything_that_is_read(response, way):
    seen, lengths = [], []
    response._fp = Tee(response._fp, seen)
    if response.chunked:
        original = response.__class__._update_chunk_length

        def update():
            original(response)
            lengths.append(response.chunk_left)

        response._update_chunk_length = functools.partial(update)
    if way == "read":
        body = response.read()
    elif way == "read some":
        body = b"".join(iter(lambda: response.read(4), b""))
    else:
        body = b"".join(response.stream(100))
    assert body == b"abcdef"
    assert b"".join(seen) == b"abcdef"
    if response.chunked and way == "stream":
        assert lengths == [3, 3, 0]


def test_responses_are_made_around_foreign_bodies():
    class Chunks:
        """pook's body: an fp with readline and read, and nothing else."""

        chunked = True

        def __init__(self):
            self.fp = io.BytesIO(b"3\r\nabc\r\n0\r\n\r\n")

        def read(self, amt=None):
            return self.fp.read(amt)

        def _safe_read(self, amt):
            return self.fp.read(amt)

        def close(self):
            self.fp = None

    response = HTTPResponse(
        body=Chunks(), headers=[("Transfer-Encoding", "chunked")], preload_content=False
    )
    assert list(response.stream()) == [b"abc"]
