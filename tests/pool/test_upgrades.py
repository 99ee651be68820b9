"""Answers after which the connection speaks another protocol: programs take the socket.

docker-py takes ``_fp.fp.raw`` or its ``_sock``, podman-py ``connection.sock``, others ``_connection``.
The bytes of the other protocol may come along with the head of the answer.
"""

from __future__ import annotations

import http.client
import select

import pytest

from tests.support.scripted import Call, Recv, Send, serve
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection

SWITCHED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ASKED = {"Connection": "Upgrade", "Upgrade": "tcp"}

WAYS = {
    "_fp.fp.raw._sock": lambda response: response._fp.fp.raw._sock.recv,
    "_fp.fp.raw": lambda response: response._fp.fp.raw.read,
    "_fp.fp": lambda response: response._fp.fp.read,
    "connection.sock": lambda response: response.connection.sock.recv,
    "_connection.sock": lambda response: response._connection.sock.recv,
    "connection.sock.makefile": lambda response: response.connection.sock.makefile("rb").read,
}


def received(read):
    got = b""
    while len(got) < 5:
        data = read(5 - len(got))
        assert data
        got += data
    return got


def echo(sock):
    sock.sendall(b">" + sock.recv(10))


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "not asked for"])
@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
@pytest.mark.parametrize("way", WAYS)
def test_the_first_bytes_come_first_by_every_way(way, together, asked, tls, certificates):
    first = [Send(SWITCHED + b"first")] if together else [Send(SWITCHED), Send(b"first")]
    context = certificates.localhost.server_context() if tls else None
    with serve([Recv(), *first, Call(echo)], tls=context) as server:
        if tls:
            pool = HTTPSConnectionPool("localhost", server.port, ca_certs=certificates.ca)
        else:
            pool = HTTPConnectionPool(server.host, server.port)
        with pool:
            response = pool.urlopen(
                "POST", "/", body=b"{}", headers=ASKED if asked else {}, preload_content=False,
                timeout=10, retries=False,
            )  # fmt: skip
            assert response.status == 101
            assert received(WAYS[way](response)) == b"first"
            sock = response.connection.sock
            sock.sendall(b"hi")
            assert sock.recv(10) == b">hi"
            response.close()


def test_what_came_with_the_head_can_be_polled_for():
    with serve([Recv(), Send(SWITCHED + b"first"), Call(echo)]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=10) as pool:
            response = pool.urlopen("GET", "/", headers=ASKED, preload_content=False)
            sock = response.connection.sock
            assert select.select([sock], [], [], 10)[0]
            assert sock.recv(5) == b"first"
            sock.sendall(b"hi")
            response.close()


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("preload", [True, False])
def test_it_has_no_body_and_its_connection_goes_back_to_no_pool(asked, preload):
    with serve(
        [Recv(), Send(SWITCHED + b"noise"), Call(lambda sock: sock.recv(1))], [OK]
    ) as server:
        pool = HTTPConnectionPool(server.host, server.port, timeout=10, block=True, retries=False)
        with pool:
            headers = ASKED if asked else {}
            response = pool.urlopen("GET", "/", headers=headers, preload_content=preload)
            assert (response.status, response.headers["Upgrade"]) == (101, "tcp")
            assert (response.data, response.read(5), list(response.stream(5))) == (b"", b"", [])
            if not preload:
                assert response.connection.sock is not None
                assert not response.connection.is_connected
                response.release_conn()
            assert pool.urlopen("GET", "/").data == b"ok"
            assert server.connections == 2


def test_nothing_more_is_sent_in_http():
    with serve([Recv(), Send(SWITCHED), Call(echo)]) as server:
        conn = HTTPConnection(server.host, server.port, timeout=10)
        conn.request("GET", "/", headers=ASKED)
        assert conn.getresponse().status == 101
        conn.sock.sendall(b"hi")
        assert conn.sock.recv(10) == b">hi"
        with pytest.raises(http.client.CannotSendRequest):
            conn.request("GET", "/")
        conn.close()


def test_another_answer_to_a_request_to_upgrade_is_an_ordinary_one():
    with serve([OK, OK]) as server:
        with HTTPConnectionPool(server.host, server.port, timeout=10) as pool:
            for _ in range(2):
                assert pool.urlopen("GET", "/", headers=ASKED).data == b"ok"
            assert server.connections == 1
