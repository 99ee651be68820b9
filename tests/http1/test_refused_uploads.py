"""A server that answers before it has read the request: the answer is read, and soon."""

from __future__ import annotations

import io
import threading

import pytest

from tests.support.scripted import Call, serve
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

SIZE = 24_000_000  # bytes; more than any system buffers
REFUSAL = b"HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\n\r\ntoo large"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def read_head(sock):
    got = b""
    while b"\r\n\r\n" not in got:
        got += sock.recv(4096)
    return len(got.partition(b"\r\n\r\n")[2])


def on_disk(folder):
    path = folder / "body"
    path.write_bytes(bytes(SIZE))
    return path.open("rb")


BODIES = {
    "bytes": lambda folder: bytes(SIZE),
    "a file in memory": lambda folder: io.BytesIO(bytes(SIZE)),
    "a file on a disk": on_disk,
    "pieces": lambda folder: (bytes(100_000) for _ in range(SIZE // 100_000)),
    "small pieces": lambda folder: (bytes(500) for _ in range(SIZE // 500)),
}


def pool_for(server, certificates, tls):
    options = {"timeout": 20, "retries": False}
    if tls:
        return HTTPSConnectionPool("localhost", server.port, ca_certs=certificates.ca, **options)
    return HTTPConnectionPool(server.host, server.port, **options)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("closes", [True, False], ids=["closed", "kept open"])
@pytest.mark.parametrize("body", BODIES)
def test_a_refusal_is_read_while_the_body_is_being_sent(
    body, closes, framing, tls, certificates, tmp_path
):
    answered = threading.Event()

    def refuse(sock):
        read_head(sock)
        sock.sendall(REFUSAL)
        if not closes:
            answered.wait(20)  # and reads nothing

    context = certificates.localhost.server_context() if tls else None
    with serve([Call(refuse)], [OK], tls=context) as server:
        with pool_for(server, certificates, tls) as pool:
            given = BODIES[body](tmp_path)
            headers = {"Content-Length": str(SIZE)} if framing == "length" else None
            response = pool.urlopen(
                "PUT", "/", body=given, headers=headers, chunked=framing == "chunks"
            )
            assert (response.status, response.data) == (413, b"too large")
            assert [conn.sock for conn in pool.pool.queue if conn] == [None]
            assert not answered.is_set()  # it came while the server was still waiting
            answered.set()
            assert pool.urlopen("GET", "/").data == b"ok"
            if hasattr(given, "close"):
                given.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("early", [OK[:20], OK[:-1], b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"])
@pytest.mark.parametrize("body", BODIES)
def test_any_other_early_answer_lets_the_body_go_on(body, early, tls, certificates, tmp_path):
    received = []

    def answer_early(sock):
        count = read_head(sock)
        sock.sendall(early)
        while count < SIZE:
            count += len(sock.recv(1 << 20))
        received.append(count)
        sock.sendall(OK if early not in OK else OK[len(early) :])

    context = certificates.localhost.server_context() if tls else None
    with serve([Call(answer_early)], tls=context) as server:
        with pool_for(server, certificates, tls) as pool:
            given = BODIES[body](tmp_path)
            response = pool.urlopen("PUT", "/", body=given, headers={"Content-Length": str(SIZE)})
            assert (response.status, response.data) == (200, b"ok")
            assert received == [SIZE]
            if hasattr(given, "close"):
                given.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_server_that_neither_reads_nor_answers_is_waited_for_as_long_as_allowed(
    tls, certificates
):
    over = threading.Event()

    def ignore(sock):
        read_head(sock)
        over.wait(20)

    context = certificates.localhost.server_context() if tls else None
    with serve([Call(ignore)], tls=context) as server:
        with pool_for(server, certificates, tls) as pool:
            with pytest.raises(Exception, match="timed out"):
                pool.urlopen("PUT", "/", body=bytes(SIZE), timeout=0.2)
            over.set()
