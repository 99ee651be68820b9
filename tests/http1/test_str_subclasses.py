"""Members of str enumerations and other subclasses of str are sent as the text they hold.

And whatever has been kept for a text that compares equal is not theirs, nor theirs that of others.
"""

from __future__ import annotations

import enum

import pytest

from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, PoolManager, ProxyManager, Retry
from urllib3._http1 import syntax
from urllib3.connection import HTTPConnection
from urllib3.filepost import encode_multipart_formdata
from urllib3.util import parse_url

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Named(str, enum.Enum):
    """As programs write it; formats as its own name."""

    def __new__(cls, text):
        member = str.__new__(cls, text)
        member._value_ = text
        return member


def enumeration(text):
    return Named("Member", {"MEMBER": text}).MEMBER


class Odd(str):
    """Equal to every text that differs from it in case alone, and shown as something else."""

    __slots__ = ()

    def __eq__(self, other):
        return isinstance(other, str) and self.lower() == other.lower()

    def __hash__(self):
        return hash(self.lower())

    def __str__(self):
        return "SHOWN"

    def __format__(self, spec):
        return "FORMATTED"

    __repr__ = __str__


KINDS = [enumeration, Odd]


def sent(server):
    return [
        (request.line, {name: value for name, value in request.headers if name[0] == "X"})
        for request in server.requests
    ]


@pytest.fixture(autouse=True)
def nothing_kept():
    syntax.known_request_line.cache_clear()
    syntax._token_names.clear()


@pytest.fixture
def server():
    with serve(handler=lambda request: OK) as server:
        yield server


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [(0, 1, 0), (1, 0, 1)])
def test_methods_targets_and_fields(server, kind, order):
    with HTTPConnectionPool(server.host, server.port) as pool:
        for special in order:
            text = kind if special else str
            pool.urlopen(text("PURGE"), text("/p?q=1"), headers={text("X-Token"): text("a")})
            pool.request(text("GET"), text("/p?q=1"), headers=HTTPHeaderDict({"X-B": text("b")}))
            conn = HTTPConnection(text(server.host), server.port)
            conn.request(text("GET"), text("/c"), headers={text("X-Token"): "c"})
            conn.getresponse()
            conn.close()
    assert sent(server) == 3 * [
        ("PURGE /p?q=1 HTTP/1.1", {"X-Token": "a"}),
        ("GET /p?q=1 HTTP/1.1", {"X-B": "b"}),
        ("GET /c HTTP/1.1", {"X-Token": "c"}),
    ]
    assert {request.get("Host") for request in server.requests} == {f"127.0.0.1:{server.port}"}


@pytest.mark.parametrize("first", ["x-token", Odd("x-token")])
def test_what_compares_equal_does_not_get_the_bytes_of_the_other(server, first):
    pairs = [(first, "v"), (Odd("X-Token"), "v"), ("X-TOKEN", "v"), ("X-Token", Odd("V"))]
    with HTTPConnectionPool(server.host, server.port) as pool:
        for name, value in pairs:
            pool.request("GET", "/", headers={name: value})
            pool.request("GET", "/", headers={name: value})
    found = [
        (name, value)
        for request in server.requests
        for name, value in request.headers
        if name.lower() == "x-token"
    ]
    wanted = [("x-token", "v"), ("X-Token", "v"), ("X-TOKEN", "v"), ("X-Token", "V")]
    assert found == [pair for pair in wanted for _ in range(2)]


@pytest.mark.parametrize("values", [(1, True, "1"), (True, 1, "True"), ("1", 1, True)])
def test_numbers_that_are_equal_are_sent_as_what_they_are(server, values):
    shown = {int: "1", bool: "True"}
    with HTTPConnectionPool(server.host, server.port) as pool:
        for value in values:
            pool.request("GET", "/", headers={"X-N": value})
    assert [fields["X-N"] for _, fields in sent(server)] == [
        shown.get(type(value), value) for value in values
    ]


def test_a_line_end_does_not_make_one_field_of_two(server):
    with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
        pool.request("GET", "/", headers={"X-A": "b", "X-C": "d"})
        for headers in ({"X-A": "b\nX-C\nd"}, {"X-A": "b", "X-C\nd": ""}, {"X-A\nb": "X-C\nd"}):
            with pytest.raises(ValueError, match="Invalid header"):
                pool.request("GET", "/", headers=headers)
        pool.request("GET", "/", headers={"X-A": "b", "X-C": "d"})
    assert len(server.requests) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_urls_schemes_and_hosts_name_the_same_pool(server, kind):
    with PoolManager() as manager:
        for text in (str, kind, str):
            pool = manager.connection_from_host(text("127.0.0.1"), server.port, text("http"))
            assert (type(pool.host), pool.host) == (str, "127.0.0.1")
            pool.request("GET", "/")
            manager.request("GET", text(server.url("/u")))
            pool.urlopen("GET", text(server.url("/whole")))
        assert len(manager.pools) == 1
    assert server.connections == 1
    place = f"http://127.0.0.1:{server.port}"
    lines = [line for line, _ in sent(server)]
    assert lines == 3 * ["GET / HTTP/1.1", "GET /u HTTP/1.1", f"GET {place}/whole HTTP/1.1"]
    for part in parse_url(kind("HTTP://u@h.invalid/p?q#f"))[:3]:
        assert type(part) is str


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_is_told_the_same(server, kind):
    with ProxyManager(kind(server.url()), proxy_headers={kind("X-P"): kind("p")}) as manager:
        manager.request(kind("get"), kind("http://h.invalid/x"), headers={kind("X-A"): kind("a")})
    assert sent(server) == [("GET http://h.invalid/x HTTP/1.1", {"X-A": "a", "X-P": "p"})]
    refused = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    with serve([refused]) as proxy:
        conn = HTTPConnection(proxy.host, proxy.port)
        conn.set_tunnel(kind("h.invalid"), 8, {kind("X-P"): kind("p")})
        with pytest.raises(OSError, match="403"):
            conn.connect()
    assert proxy.requests[0].raw == (
        b"CONNECT h.invalid:8 HTTP/1.1\r\nX-P: p\r\nHost: h.invalid:8\r\n\r\n"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_a_form(kind):
    fields = {kind("name"): kind("value"), "f": (kind("file"), kind("data"), kind("text/x"))}
    body, content_type = encode_multipart_formdata(fields, boundary=kind("mark"))
    plain = {"name": "value", "f": ("file", "data", "text/x")}
    assert (body, content_type) == encode_multipart_formdata(plain, boundary="mark")
    assert b"Content-Type: text/x\r\n" in body


def test_methods_of_a_policy():
    retry = Retry(allowed_methods=[enumeration("GET")])
    assert retry.is_retry("GET", 503, has_retry_after=True)
    assert retry.is_retry(enumeration("get"), 503, has_retry_after=True)
