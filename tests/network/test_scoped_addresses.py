"""Link-local addresses: every way of writing one reaches it, and its zone stays on this machine."""

from __future__ import annotations

import pytest

from tests.support.scripted import serve
from urllib3 import (
    HTTPConnectionPool,
    HTTPSConnectionPool,
    PoolManager,
    ProxyManager,
    connection_from_url,
)
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import LocationParseError, NewConnectionError
from urllib3.util import connection, parse_url

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def dialled(monkeypatch):
    """The addresses that were to be dialled, none of which is."""
    addresses = []

    def create_connection(address, *args, **kw):
        addresses.append(address)
        raise OSError("not dialled")

    monkeypatch.setattr(connection, "create_connection", create_connection)
    return addresses


@pytest.fixture
def dialled_to(monkeypatch):
    """Have whatever address is dialled answered by a server."""
    real = connection.create_connection

    def divert(server):
        there = (server.host, server.port)
        monkeypatch.setattr(
            connection, "create_connection", lambda address, *args, **kw: real(there, *args, **kw)
        )

    return divert


def by_pool(cls):
    return lambda host, port: cls(host, port).urlopen("GET", "/", retries=False)


def by_manager(host, port):
    PoolManager().connection_from_host(host, port).urlopen("GET", "/", retries=False)


def by_connection(cls):
    return lambda host, port: cls(host, port).connect()


WAYS = {
    "pool": by_pool(HTTPConnectionPool),
    "https pool": by_pool(HTTPSConnectionPool),
    "manager": by_manager,
    "connection": by_connection(HTTPConnection),
    "https connection": by_connection(HTTPSConnection),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("port", [80, None])
@pytest.mark.parametrize(
    "host", ["fe80::1%eth0", "fe80::1%Eth0", "fe80::1%253", "fe80::1%12", "fe80::1%br-lan.2", "::1"]
)
def test_without_brackets_a_zone_is_what_it_says(dialled, way, host, port):
    with pytest.raises(NewConnectionError, match="not dialled"):
        way(host, port)
    assert [address[0] for address in dialled] == [host]
    assert dialled[0][1] in (80, 443)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("[fe80::A%25Eth0]", "fe80::a%Eth0"),
        ("[fe80::1%eth0]", "fe80::1%eth0"),
        ("[fe80::1%2553]", "fe80::1%53"),
        ("[fe80::1%25253]", "fe80::1%253"),
        ("[fe80::1%252525]", "fe80::1%2525"),
    ],
)
def test_in_a_url_a_zone_follows_percent_25(dialled, host, address):
    url = f"http://{host}/x"
    for ask in (
        lambda: PoolManager().request("GET", url, retries=False),
        lambda: PoolManager().connection_from_url(url).urlopen("GET", "/", retries=False),
        lambda: connection_from_url(url).urlopen("GET", "/", retries=False),
        lambda: connection_from_url(url).urlopen("GET", url, retries=False),  # of the same host
        lambda: HTTPConnectionPool(host).urlopen("GET", "/", retries=False),
        lambda: ProxyManager(url).request("GET", "http://x.invalid/", retries=False),
        lambda: ProxyManager(url).request("GET", "https://x.invalid/", retries=False),
    ):
        with pytest.raises(Exception, match="not dialled"):
            ask()
    assert {found for found, _ in dialled} == {address}
    assert len(dialled) == 7


def test_zones_that_differ_in_case_are_two():
    with PoolManager() as manager:
        upper, lower, again = (
            manager.connection_from_url(f"http://[fe80::{group}%25{zone}]/")
            for group, zone in (("A", "Eth0"), ("a", "eth0"), ("a", "Eth0"))
        )
    assert upper is not lower
    assert upper is again
    assert not upper.is_same_host("http://[fe80::a%25eth0]/")
    assert upper.is_same_host("http://[FE80::A%25Eth0]:80/")


@pytest.mark.parametrize(
    "host", ["fe80::1%", "fe80::1%a b", "fe80::1%a%b", "fe80::1%a/b", "fe80::1%\xe9"]
)
def test_what_is_no_zone_is_refused(host):
    with pytest.raises(LocationParseError):
        HTTPConnectionPool(host)


@pytest.mark.parametrize("host", ["[fe80::1%25eth0]", "fe80::1%eth0", "[fe80::1%eth0]"])
def test_the_zone_does_not_leave_with_a_request(dialled_to, host):
    with serve(handler=lambda request: OK) as server:
        dialled_to(server)
        with HTTPConnectionPool(host, 8092) as pool:
            pool.urlopen("GET", "/path")
            pool.urlopen("GET", "http://[fe80::1%25eth0]:8092/whole")
        conn = HTTPConnection(host, 8092)
        conn.request("GET", "/")
        conn.request("GET", "http://u:p@[fe80::1%25eth0]:8092/") if conn.getresponse() else None
        conn.close()
    assert {request.get("Host") for request in server.requests} == {"[fe80::1]:8092"}
    assert server.requests[1].line == "GET http://[fe80::1]:8092/whole HTTP/1.1"


def test_the_zone_does_not_reach_a_proxy(dialled_to):
    refusal = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with serve(handler=lambda request: OK if b"GET" in request.head else refusal) as proxy:
        dialled_to(proxy)
        with ProxyManager("http://proxy.invalid:3128", retries=False) as manager:
            manager.request("GET", "http://[fe80::1%25eth0]:8092/x")
            manager.request("GET", "http://[fe80::1%25eth0]", headers={"X": "y"})
            with pytest.raises(Exception, match="403"):
                manager.request("GET", "https://[fe80::1%25eth0]:8092/x")
    assert [request.line for request in proxy.requests] == [
        "GET http://[fe80::1]:8092/x HTTP/1.1",
        "GET http://[fe80::1]/ HTTP/1.1",
        "CONNECT [fe80::1]:8092 HTTP/1.1",
    ]
    assert b"eth0" not in proxy.raw


def test_a_redirect_keeps_the_zone_here(dialled_to):
    answers = [b"HTTP/1.1 302 Found\r\nLocation: two\r\nContent-Length: 0\r\n\r\n"]
    with serve(handler=lambda request: answers.pop() if answers else OK) as server:
        dialled_to(server)
        with PoolManager() as manager:
            manager.request("GET", "http://[fe80::1%25253]/one")
            assert len(manager.pools) == 1
    assert [request.line for request in server.requests] == [
        "GET /one HTTP/1.1",
        "GET /two HTTP/1.1",
    ]


def test_the_url_still_has_its_zone():
    assert parse_url("http://[fe80::1%25Eth0]/").host == "[fe80::1%Eth0]"
