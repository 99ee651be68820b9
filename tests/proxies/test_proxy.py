"""Proxies without TLS of their own: what they are sent, what they may answer, and whose fault it is."""

from __future__ import annotations

import http.client
import json
import logging
import pickle
import socket
import warnings
from pathlib import Path

import pytest

import urllib3
from tests.support.scripted import Call, Close, Recv, Send, Stall, serve
from urllib3 import (
    HTTPConnectionPool,
    HTTPHeaderDict,
    HTTPSConnectionPool,
    ProxyManager,
    Retry,
    make_headers,
    proxy_from_url,
)
from urllib3.connection import HTTPConnection, HTTPSConnection, _wrap_proxy_error
from urllib3.exceptions import (
    ConnectTimeoutError,
    HandshakeTimeoutError,
    LocationParseError,
    LocationValueError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ProxySchemeUnknown,
    ReadTimeoutError,
    SSLError,
    URLSchemeUnknown,
)
from urllib3.util import SKIP_HEADER, connection, parse_url
from urllib3.util.proxy import connection_requires_http_tunnel

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
DATA = Path(__file__).parent.parent / "data" / "proxy-forwarding.json"
FORWARDED = json.loads(DATA.read_text("utf-8"))


def answer(request):
    return OK


def redirect(location):
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.fixture
def dead_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


# ---------------------------------------------------------------- the manager


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("socks5://h", "unsupported scheme socks5, should use http:// or https://"),
        ("h:80", "unsupported scheme h, should use http:// or https://"),
        *(
            (url, "no scheme, should start with http:// or https://")
            for url in ("", "//h", "//h:1", "h", "localhost:80", "localhost:3128", None)
        ),
    ],
)
def test_a_proxy_speaks_http_or_https(url, text):
    with pytest.raises(ProxySchemeUnknown) as caught:
        ProxyManager(url)
    assert str(caught.value) == f"Proxy URL had {text}"
    assert isinstance(caught.value, AssertionError)
    assert isinstance(caught.value, URLSchemeUnknown)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("HTTP://H:3128/", "http://h:3128/"),
        ("http://h", "http://h:80"),
        ("https://h", "https://h:443"),
        ("http://h:0", "http://h:0"),
        ("http://u:p@h:1/path", "http://u:p@h:1/path"),
    ],
)
def test_the_url_of_a_proxy_gets_its_port(url, proxy):
    assert ProxyManager(url).proxy.url == proxy
    assert proxy_from_url(url, num_pools=3).proxy == ProxyManager(proxy_url=url).proxy


def test_a_pool_may_stand_for_its_url():
    assert ProxyManager(HTTPConnectionPool("H", 3128)).proxy.url == "http://h:3128"
    with pytest.raises(LocationParseError, match="'h:None' is not a valid host or port"):
        ProxyManager(HTTPSConnectionPool("h"))


@pytest.mark.parametrize("url", ["http://", "https://", "http://:8080", "http:///x", "http://u:p@"])
def test_a_proxy_without_a_host_fails_at_the_first_request(monkeypatch, url):
    """And never is the target taken for the proxy, as 2.8.0 does with https."""
    dialled = []

    def create_connection(address, *args, **kw):
        dialled.append(address[0])
        raise socket.gaierror(-2, "no name")

    monkeypatch.setattr("urllib3.util.connection.create_connection", create_connection)
    manager = ProxyManager(url)
    with pytest.raises(LocationValueError, match="No host specified"):
        manager.request("GET", "http://x.invalid/")
    with pytest.raises(ProxyError, match="Unable to connect to proxy"):
        manager.request("GET", "https://x.invalid/", retries=False)
    assert dialled == [""]
    assert isinstance(HTTPConnectionPool("x.invalid", _proxy=parse_url(url)), HTTPConnectionPool)


def test_what_a_manager_knows_of_its_proxy():
    headers = {"A": "b"}
    manager = ProxyManager(
        "http://h:1",
        proxy_headers=headers,
        proxy_ssl_context="context",
        use_forwarding_for_https=True,
        proxy_assert_hostname="name",
        proxy_assert_fingerprint="print",
    )
    assert manager.proxy_headers is headers
    assert manager.proxy_ssl_context == "context"
    assert manager.proxy_config == ("context", True, "name", "print")
    kw = manager.connection_pool_kw
    assert kw == {
        "_proxy": manager.proxy,
        "_proxy_headers": headers,
        "_proxy_config": manager.proxy_config,
    }
    assert ProxyManager("http://h").proxy_headers == {}
    manager.connection_from_host("x")
    [key] = manager.pools.keys()
    assert key.key__proxy_headers == frozenset({("A", "b")})
    assert (key.key__proxy, key.key__proxy_config) == (manager.proxy, manager.proxy_config)


def test_one_context_for_two_purposes_is_deprecated():
    with pytest.warns(FutureWarning) as warned:
        manager = ProxyManager("https://h", use_forwarding_for_https=True, ssl_context="own")
    assert str(warned[0].message) == (
        "Passing ssl_context when use_forwarding_for_https=True is deprecated and will raise an "
        "error in urllib3 v3.0. Use proxy_ssl_context to configure the TLS connection to the proxy."
    )
    assert warned[0].filename == __file__
    assert manager.proxy_ssl_context == "own"
    assert manager.proxy_config.ssl_context is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ProxyManager("http://h", use_forwarding_for_https=True, ssl_context="own")


def test_pools_with_a_proxy():
    proxy = parse_url("http://p:3128")
    pool = HTTPConnectionPool("h", _proxy=proxy, _proxy_config="config")
    assert pool.conn_kw == {"socket_options": [], "proxy": proxy, "proxy_config": "config"}
    assert HTTPConnectionPool("h", _proxy=proxy, socket_options=None).conn_kw == {
        "socket_options": None,
        "proxy": proxy,
        "proxy_config": None,
    }
    assert pool._new_conn().host == "h"
    secure = HTTPSConnectionPool("h", _proxy=proxy)._new_conn()
    assert (secure.host, secure.port) == ("p", 3128)


def test_plain_targets_share_the_pool_of_the_proxy():
    manager = ProxyManager("http://p:3128")
    shared = manager.connection_from_host("a")
    assert (shared.host, shared.port) == ("p", 3128)
    for other in (("b", 81, "http"), (None, None, "ftp"), ("a", 443, "HTTPS"), ("a", 1, None)):
        assert manager.connection_from_host(*other) is shared
    secure = [manager.connection_from_host(host, scheme="https") for host in "ab"]
    assert [pool.host for pool in secure] == ["a", "b"]


def test_headers_for_a_forwarding_proxy():
    """A field of the caller's own replaces the default whatever its case; 2.8.0 sends both."""
    manager = ProxyManager("http://p")
    assert manager._set_proxy_headers("http://h:80/x") == {"Accept": "*/*", "Host": "h:80"}
    own = {"accept": "a", "HOST": "b", "X": "y"}
    assert manager._set_proxy_headers("http://h/", own) == own
    assert own == {"accept": "a", "HOST": "b", "X": "y"}
    assert manager._set_proxy_headers("/x", {"A": "b"}) == {"Accept": "*/*", "A": "b"}
    assert list(manager._set_proxy_headers("http://h/", {"Host": SKIP_HEADER}).values()) == [
        "*/*",
        SKIP_HEADER,
    ]


@pytest.mark.parametrize(
    ("proxy", "forwarding", "tunnels"),
    [
        (None, False, ""),
        (None, True, ""),
        ("http://p", False, "https None HTTP ftp"),
        ("http://p", True, "https None HTTP ftp"),
        ("https://p", False, "https None HTTP ftp"),
        ("https://p", True, ""),
    ],
)
def test_which_targets_need_a_tunnel(proxy, forwarding, tunnels):
    config = urllib3.connection.ProxyConfig(None, forwarding, None, None)
    found = {
        scheme: connection_requires_http_tunnel(proxy and parse_url(proxy), config, scheme)
        for scheme in ("http", "https", None, "HTTP", "ftp")
    }
    assert found == {scheme: str(scheme) in tunnels.split() for scheme in found}
    assert connection_requires_http_tunnel(parse_url("https://p"), None, "https")


# ---------------------------------------------------------------- forwarding


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in FORWARDED])
def test_a_forwarded_request_is_in_absolute_form(row):
    names = {"HTTPHeaderDict": HTTPHeaderDict, "SKIP_HEADER": SKIP_HEADER}
    taken = []

    def keep(sock):
        taken.append(sock.recv(65536))
        sock.sendall(OK)

    with serve([Call(keep), Stall()]) as proxy:
        manager = eval(
            f"ProxyManager(url, {row['manager']})",
            {"ProxyManager": ProxyManager, "url": proxy.url()},
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            response = eval(f"manager.request({row['call']})", {**names, "manager": manager})
        manager.clear()
    assert taken == [row["wire"].encode("latin-1")]
    if "://" in row["call"]:
        assert response.url.startswith("http://")


def test_a_scheme_that_no_proxy_is_asked_for():
    """2.8.0 asks the proxy for a path of its own."""
    with ProxyManager("http://127.0.0.1:1") as manager:
        with pytest.raises(URLSchemeUnknown, match="Not supported URL scheme ftp"):
            manager.request("GET", "ftp://h/x")


def test_two_sites_share_a_connection_to_the_proxy():
    with serve(handler=answer) as proxy:
        with ProxyManager(proxy.url()) as manager:
            for host in "ab":
                assert manager.request("GET", f"http://{host}.test/").data == b"ok"
            assert len(manager.pools) == 1
    assert proxy.connections == 1
    assert [request.get("Host") for request in proxy.requests] == ["a.test", "b.test"]


def test_credentials_in_the_url_go_to_the_proxy_and_nowhere_else(caplog):
    """2.8.0 never sends them."""
    caplog.set_level(logging.DEBUG)
    with serve(handler=answer) as proxy:
        url = f"http://us%40er:p%3Ass@{proxy.host}:{proxy.port}"
        expected = make_headers(proxy_basic_auth="us@er:p:ss")["proxy-authorization"]
        with ProxyManager(url) as manager:
            manager.request("GET", "http://a.test/")
            with pytest.raises(urllib3.exceptions.HTTPError) as caught:
                manager.request("GET", "https://a.test/", retries=False)
        with ProxyManager(url, proxy_headers={"Proxy-Authorization": "mine"}) as manager:
            manager.request("GET", "http://a.test/")
    forwarded, tunnel, own = proxy.requests
    assert forwarded.get("Proxy-Authorization") == expected
    assert (tunnel.line, tunnel.get("Proxy-Authorization")) == (
        "CONNECT a.test:443 HTTP/1.1",
        expected,
    )
    assert own.get("Proxy-Authorization") == "mine"
    told = caplog.text + str(caught.value) + repr(caught.value)
    for secret in ("p%3Ass", "p:ss", expected):
        assert secret not in told


def test_a_forwarded_refusal_is_an_ordinary_answer():
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with serve(handler=lambda request: refusal) as proxy:
        with ProxyManager(proxy.url()) as manager:
            assert manager.request("GET", "http://a.test/").status == 407


@pytest.mark.parametrize("target", ["http://a.test/", "https://a.test/"])
@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"A": "c\r\nd"}, r"Invalid header value b'c\\r\\nd'"),
        ({"A\r\nB": "c"}, r"Invalid header name b'A\\r\\nB'"),
    ],
)
def test_headers_that_would_break_a_request_apart_are_never_sent(target, headers, text):
    with serve([Stall()]) as proxy:
        with ProxyManager(proxy.url(), proxy_headers=headers) as manager:
            with pytest.raises(ValueError, match=text):
                manager.request("GET", target)
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("a b", "Host 'a b' contains invalid character ' '"),
        ("a%0db", "Host 'a%0db' contains invalid percent-encoded control character '%0d'"),
    ],
)
def test_hosts_that_would_break_a_tunnel_are_refused_by_the_pool(host, text):
    with pytest.raises(LocationParseError) as caught:
        HTTPSConnectionPool(host, _proxy=parse_url("http://p:1"))
    assert str(caught.value) == f"Failed to parse: {text}"


# ---------------------------------------------------------------- redirects


@pytest.mark.parametrize(
    ("location", "target", "kept"),
    [
        ("/b", "http://a.test/b", True),
        ("http://a.test/b", "http://a.test/b", True),
        ("http://a.test:80/b", "http://a.test:80/b", True),
        ("http://b.test/b", "http://b.test/b", False),
        ("http://a.test:81/b", "http://a.test:81/b", False),
    ],
)
def test_origins_are_compared_and_not_the_proxy(location, target, kept):
    """2.8.0 takes every redirect for one to another host, and keeps the Host of the first."""

    def handler(request):
        return OK if len(proxy.requests) > 1 else redirect(location)

    secrets = {"Authorization": "secret", "Cookie": "c", "X": "y"}
    with serve(handler=handler) as proxy:
        with ProxyManager(
            proxy.url(), proxy_headers=make_headers(proxy_basic_auth="u:p")
        ) as manager:
            manager.request("GET", "http://a.test/a", headers=secrets)
    second = proxy.requests[1]
    assert second.line == f"GET {target} HTTP/1.1"
    assert second.get("Host") == parse_url(target).netloc
    assert second.get("X") == "y"
    assert (second.get("Authorization"), second.get("Cookie")) == (
        ("secret", "c") if kept else (None, None)
    )
    assert second.get("Proxy-Authorization") == "Basic dTpw"


def test_a_host_of_the_callers_own_stays_with_the_first_origin():
    def handler(request):
        return OK if len(proxy.requests) > 1 else redirect("/b")

    with serve(handler=handler) as proxy:
        with ProxyManager(proxy.url()) as manager:
            manager.request("GET", "http://a.test/a", headers={"Host": "mine"})
    assert [request.get("Host") for request in proxy.requests] == ["mine", "mine"]


# ---------------------------------------------------------------- CONNECT


def tunnelled(server, host="t.example", port=443, headers=None, **kw):
    conn = HTTPConnection(server.host, server.port, **kw)
    conn.set_tunnel(host, port, headers)
    return conn


@pytest.mark.parametrize(
    ("host", "port", "authority", "field"),
    [
        ("t.example", 443, "t.example:443", "t.example:443"),
        ("t.example", 80, "t.example:80", "t.example"),
        ("[::1]", 443, "[::1]:443", "[::1]:443"),  # "[[::1]]:443" in 2.8.0 on old Pythons
        ("localhost.", 443, "localhost.:443", "localhost.:443"),
        ("b\xfccher.example", 443, "xn--bcher-kva.example:443", "xn--bcher-kva.example:443"),
    ],
)
def test_a_tunnel_is_asked_for_and_used(host, port, authority, field):
    with serve([ESTABLISHED, OK]) as proxy:
        conn = tunnelled(proxy, host, port, {"Proxy-Authorization": "x"})
        conn.request("GET", "/p", headers={"X-D": "2"})
        assert conn.getresponse().data == b"ok"
        conn.close()
    connect, request = proxy.requests
    assert connect.raw.decode() == (
        f"CONNECT {authority} HTTP/1.1\r\nProxy-Authorization: x\r\nHost: {authority}\r\n\r\n"
    )
    assert request.line == "GET /p HTTP/1.1"
    assert request.get("Host") == field
    assert request.get("Proxy-Authorization") is None


@pytest.mark.parametrize(("proxy", "scheme"), [("http://p:1", "http"), ("https://p:1", "https")])
def test_a_pool_sets_the_tunnel(proxy, scheme):
    calls = []

    class Observed(HTTPSConnection):
        def set_tunnel(self, **kw):
            calls.append(kw)

        def connect(self):
            calls.append("connect")
            raise OSError("enough")

    pool = HTTPSConnectionPool(
        "[FE80::1%25eth0]", 444, _proxy=parse_url(proxy), _proxy_headers={"A": "b"}, retries=False
    )
    pool.ConnectionCls = Observed
    with pytest.raises(ProxyError, match="enough"):
        pool.request("GET", "/")
    tunnel = {"scheme": scheme, "host": "[fe80::1%eth0]", "port": 444, "headers": {"A": "b"}}
    assert calls == [tunnel, "connect"]


def test_fields_of_the_answer_are_kept_and_its_length_means_nothing(capsys):
    established = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nVia: x\r\n\r\n"
    with serve([established, OK]) as proxy:
        conn = tunnelled(proxy)
        conn.set_debuglevel(1)
        conn.request("GET", "/")
        assert conn.getresponse().data == b"ok"
        assert conn._raw_proxy_headers == [b"Content-Length: 5\r\n", b"Via: x\r\n", b"\r\n"]
        conn.close()
    assert "header: Via: x" in capsys.readouterr().out


@pytest.mark.parametrize(
    "interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 X\r\nA: b\r\n\r\n"]
)
def test_interim_answers_come_before_the_answer(interim):
    """In 2.8.0 they are refusals."""
    with serve([Recv(), Send(interim), Send(ESTABLISHED), OK]) as proxy:
        conn = tunnelled(proxy)
        conn.request("GET", "/")
        assert conn.getresponse().data == b"ok"
        conn.close()


@pytest.mark.parametrize(
    "status", ["101 Upgrade", "201 Created", "204 No Content", "302 Found", "407 Who", "503 X"]
)
def test_any_other_status_is_a_refusal(status):
    with serve([f"HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nabc".encode()]) as proxy:
        conn = tunnelled(proxy, proxy=parse_url(proxy.url()))
        with pytest.raises(OSError, match=f"^Tunnel connection failed: {status}$"):
            conn.connect()
        assert conn.sock is None
        assert conn.has_connected_to_proxy is False


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        ([Close()], http.client.RemoteDisconnected, "Remote end closed connection"),
        ([Send(b"garbage 200\r\n")], http.client.BadStatusLine, "garbage 200"),
        ([Send(b"HTTP/2.0 200 OK\r\n\r\n")], http.client.UnknownProtocol, "HTTP/2.0"),
        (
            [Send(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000 + b"\r\n\r\n")],
            http.client.LineTooLong,
            "header line",
        ),
        (
            [Send(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n")],
            http.client.HTTPException,
            "more than 100 headers",
        ),
        ([Send(b"HTTP/1.1 100 X\r\n\r\n" * 20)], http.client.HTTPException, "interim responses"),
        ([Send(ESTABLISHED + b"early")], http.client.HTTPException, "5 bytes behind its answer"),
        ([Stall()], TimeoutError, "timed out"),
    ],
)
def test_answers_that_are_none(answer, error, text):
    with serve([Recv(), *answer]) as proxy:
        conn = tunnelled(proxy, timeout=5 if error is not TimeoutError else 0.02)
        with pytest.raises(error, match=text):
            conn.connect()
        assert conn.sock is None


# ---------------------------------------------------------------- whose fault it is


def failure(proxy_url, target="https://a.test/", timeout=5, **kw):
    with ProxyManager(proxy_url, timeout=timeout, **kw) as manager:
        with pytest.raises(urllib3.exceptions.HTTPError) as caught:
            manager.request("GET", target, retries=False)
    return caught.value


@pytest.mark.parametrize(
    ("target", "cls", "path"),
    [
        ("http://a.test/x", "HTTPConnection", "http://a.test/x"),
        ("https://a.test/x", "HTTPSConnection", "/x"),
    ],
)
def test_a_proxy_that_is_not_there(dead_port, target, cls, path):
    url = f"http://127.0.0.1:{dead_port}"
    error = failure(url, target)
    assert type(error) is ProxyError
    assert not isinstance(error, OSError)
    message, original = error.args
    assert message == "Unable to connect to proxy"
    assert error.original_error is error.__cause__ is original
    assert type(original) is NewConnectionError
    assert str(original).startswith(
        f"{cls}(host='127.0.0.1', port={dead_port}): Failed to establish a new connection: "
    )
    with ProxyManager(url) as manager, pytest.raises(MaxRetryError) as caught:
        manager.request("GET", target, retries=0)
    pool = (
        "HTTPSConnectionPool(host='a.test', port=443)"
        if cls == "HTTPSConnection"
        else f"HTTPConnectionPool(host='127.0.0.1', port={dead_port})"
    )
    start = f"{pool}: Max retries exceeded with url: {path} (Caused by ProxyError('Unable"
    assert str(caught.value).startswith(start)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.url == path


def test_a_proxy_that_cannot_be_found_or_reached_in_time(monkeypatch):
    def unknown(*args, **kw):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(connection, "create_connection", unknown)
    error = failure("http://no.such.invalid:1")
    assert type(error.original_error) is NameResolutionError
    assert "Failed to resolve 'no.such.invalid'" in str(error)

    def late(*args, **kw):
        raise TimeoutError("timed out")

    monkeypatch.setattr(connection, "create_connection", late)
    error = failure("http://p:1")
    assert type(error) is ProxyError
    assert type(error.original_error) is ConnectTimeoutError


def test_a_refused_tunnel_is_the_proxys_fault_and_retried_under_other():
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with serve([refusal], [refusal], [refusal]) as proxy:
        error = failure(proxy.url())
        assert str(error) == (
            "('Unable to connect to proxy', "
            "OSError('Tunnel connection failed: 407 Proxy Authentication Required'))"
        )
        assert type(error) is ProxyError
        with ProxyManager(proxy.url()) as manager, pytest.raises(MaxRetryError) as caught:
            manager.request("GET", "https://a.test/", retries=Retry(5, other=1))
    assert type(caught.value.reason) is ProxyError
    assert proxy.connections == 3


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (
            [Close()],
            ProtocolError,
            "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
        ),
        (
            [Send(b"garbage 200\r\n")],
            ProtocolError,
            "('Connection aborted.', BadStatusLine('garbage 200\\r\\n'))",
        ),
        (
            [Stall()],
            HandshakeTimeoutError,
            "HTTPSConnectionPool(host='a.test', port=443): Read timed out. (read timeout=0.02)",
        ),
    ],
)
def test_a_proxy_that_was_reached_and_falls_silent(answer, error, text):
    with serve([Recv(), *answer]) as proxy:
        found = failure(proxy.url(), timeout=0.02 if error is HandshakeTimeoutError else 5)
    assert type(found) is error
    assert str(found) == text


def test_a_forwarded_request_that_gets_no_answer():
    with serve([Recv(), Stall()]) as proxy:
        found = failure(proxy.url(), "http://a.test/", timeout=0.02)
    assert type(found) is ReadTimeoutError


@pytest.mark.parametrize("target", ["http://a.test/", "https://a.test/"])
def test_a_proxy_without_tls_gets_a_hint(target):
    bad = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
    with serve([Call(lambda sock: sock.recv(65536)), Send(bad)]) as proxy:
        error = failure(f"https://127.0.0.1:{proxy.port}", target)
    assert type(error) is ProxyError
    assert error.args[0] == (
        "Unable to connect to proxy. Your proxy appears to only use HTTP and not HTTPS, try "
        "changing your proxy URL to be HTTP. See: https://urllib3.readthedocs.io/en/latest/"
        "advanced-usage.html#https-proxy-error-http-proxy"
    )
    assert type(error.original_error) is SSLError


@pytest.mark.parametrize(
    ("scheme", "text", "hinted"),
    [
        ("https", "[SSL: WRONG_VERSION_NUMBER] wrong version number", True),
        ("https", "UNKNOWN_PROTOCOL", True),
        ("https", "record-layer_failure", True),
        ("https", "certificate verify failed", False),
        ("http", "wrong version number", False),
        (None, "wrong version number", False),
    ],
)
def test_the_hint_belongs_to_https_proxies_and_certain_errors(scheme, text, hinted):
    error = OSError(text)
    wrapped = _wrap_proxy_error(error, scheme)
    assert ("appears to only use HTTP" in wrapped.args[0]) == hinted
    assert wrapped.args[1] is wrapped.__cause__ is wrapped.original_error is error


def test_a_proxy_that_ignores_the_handshake_gets_no_hint():
    with serve([Stall()]) as proxy:
        error = failure(f"https://127.0.0.1:{proxy.port}", timeout=0.05)
    assert type(error) is ProxyError
    assert error.args[0] == "Unable to connect to proxy"
    assert type(error.original_error) is HandshakeTimeoutError
    assert str(error.original_error).endswith("Read timed out. (read timeout=0.05)")


@pytest.mark.parametrize(
    ("scheme", "script"),
    [
        ("http", [Recv(), Stall()]),  # no answer to CONNECT
        ("http", [Recv(), Send(b"HTTP/1.1 200 OK\r\n\r\n"), Stall()]),  # no TLS behind it
        ("https", [Stall()]),  # no TLS with the proxy
    ],
)
def test_a_way_that_is_not_open_in_time_is_tried_again_whatever_the_method(scheme, script):
    retries = Retry(total=5, connect=1, read=0, other=0)
    with serve(list(script), list(script)) as proxy:
        with ProxyManager(f"{scheme}://127.0.0.1:{proxy.port}", timeout=0.1) as manager:
            with pytest.raises(MaxRetryError) as caught:
                manager.request("POST", "https://a.test/", retries=retries)
        assert proxy.connections == 2
    reason = caught.value.reason
    assert type(getattr(reason, "original_error", reason)) is HandshakeTimeoutError


def test_a_proxy_that_is_not_there_counts_as_a_failure_to_connect(dead_port):
    retries = Retry(connect=1, read=0, other=0)
    with ProxyManager(f"http://127.0.0.1:{dead_port}") as manager:
        with pytest.raises(MaxRetryError) as caught:
            manager.request("GET", "http://a.test/", retries=retries)
    assert type(caught.value.reason) is ProxyError
