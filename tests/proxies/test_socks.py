"""SOCKS proxies: what is said to them, byte for byte, and what becomes of their refusals."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import socket
import sys
import typing

import pytest

import urllib3
from tests.support.scripted import Call, Recv, Reset, Send, Stall, serve
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    DependencyWarning,
    LocationValueError,
    MaxRetryError,
    NewConnectionError,
)

socks = pytest.importorskip("socks", reason="PySocks is missing")
from urllib3.contrib.socks import (  # noqa: E402 - importing it needs PySocks
    SOCKSConnection,
    SOCKSHTTPConnectionPool,
    SOCKSHTTPSConnection,
    SOCKSHTTPSConnectionPool,
    SOCKSProxyManager,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PORT = 8080
PP = b"\x1f\x90"
GRANTED_4 = b"\x00\x5a" + bytes(6)
GRANTED_5 = b"\x05\x00\x00\x01" + bytes(6)
NO_AUTH = (b"\x05\x01\x00", b"\x05\x00")


def hears(expected, reply=b""):
    """A step: take as many bytes as *expected* has, insist that they are equal, answer."""

    def step(sock):
        heard = b""
        while len(heard) < len(expected):
            more = sock.recv(len(expected) - len(heard))
            assert more, f"the client closed after {heard!r}"
            heard += more
        assert heard == expected
        sock.sendall(reply)

    return Call(step)


def via(server, scheme, auth="", **kw):
    kw.setdefault("retries", False)
    return SOCKSProxyManager(f"{scheme}://{auth}127.0.0.1:{server.port}", **kw)


# ---------------------------------------------------------------- the module


def test_without_pysocks_a_warning_says_what_to_install_and_the_import_fails(monkeypatch):
    class NoSocks(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name == "socks":
                raise ModuleNotFoundError("No module named 'socks'", name="socks")

    monkeypatch.setattr(sys, "meta_path", [NoSocks(), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "socks")
    monkeypatch.delitem(sys.modules, "urllib3.contrib.socks")
    with (
        pytest.warns(DependencyWarning) as warned,
        pytest.raises(ImportError, match=r"^No module named 'socks'$"),
    ):
        importlib.import_module("urllib3.contrib.socks")
    (warning,) = warned
    assert str(warning.message) == (
        "SOCKS support in urllib3 requires the installation of optional dependencies: "
        "specifically, PySocks.  For more information, see "
        "https://urllib3.readthedocs.io/en/latest/advanced-usage.html#socks-proxies"
    )


def test_the_classes_are_related_as_programs_expect():
    assert issubclass(SOCKSConnection, HTTPConnection)
    assert SOCKSHTTPSConnection.__bases__ == (SOCKSConnection, HTTPSConnection)
    assert SOCKSHTTPConnectionPool.__bases__ == (HTTPConnectionPool,)
    assert SOCKSHTTPSConnectionPool.__bases__ == (HTTPSConnectionPool,)
    assert SOCKSHTTPConnectionPool.ConnectionCls is SOCKSConnection
    assert SOCKSHTTPSConnectionPool.ConnectionCls is SOCKSHTTPSConnection
    classes = {"http": SOCKSHTTPConnectionPool, "https": SOCKSHTTPSConnectionPool}
    assert SOCKSProxyManager.pool_classes_by_scheme == classes
    assert SOCKSProxyManager("socks5://h").pool_classes_by_scheme == classes
    assert not issubclass(SOCKSProxyManager, urllib3.ProxyManager)


# ---------------------------------------------------------------- the manager


@pytest.mark.parametrize(
    ("url", "version", "rdns"),
    [
        ("socks4://h", 1, False),
        ("socks4a://h", 1, True),
        ("socks5://h", 2, False),
        ("socks5h://h", 2, True),
        ("SOCKS5H://h", 2, True),
    ],
)
def test_the_scheme_says_which_protocol_and_who_resolves_names(url, version, rdns):
    manager = SOCKSProxyManager(url)
    assert manager.connection_pool_kw["_socks_options"] == {
        "socks_version": version,
        "proxy_host": "h",
        "proxy_port": None,
        "username": None,
        "password": None,
        "rdns": rdns,
    }
    assert manager.proxy_url == url
    assert manager.proxy is None


@pytest.mark.parametrize("url", ["http://h:1", "h:1", "//h", "socks://h", "socks5x://h:1"])
def test_another_scheme_is_refused(url):
    with pytest.raises(ValueError) as caught:
        SOCKSProxyManager(url)
    assert str(caught.value) == f"Unable to determine SOCKS version from {url}"


@pytest.mark.parametrize(
    ("auth", "kw", "expected"),
    [
        ("", {}, (None, None)),
        ("user@", {}, ("user", None)),
        ("user:@", {}, ("user", "")),
        (":pass@", {}, ("", "pass")),
        ("us%40er:p%3Ass@", {}, ("us@er", "p:ss")),
        ("a%3Ab@", {}, ("a:b", None)),
        ("a:b:c@", {}, ("a", "b:c")),
        ("b%C3%BC:%E2%82%AC@", {}, ("b\xfc", "\u20ac")),
        ("u:p@", {"username": "x"}, ("x", None)),
        ("u:p@", {"password": "y"}, (None, "y")),
        ("u:p@", {"username": ""}, ("", None)),
        ("", {"username": "x%40", "password": "y"}, ("x%40", "y")),
    ],
)
def test_credentials_come_from_the_arguments_or_else_from_the_url(auth, kw, expected):
    manager = SOCKSProxyManager(f"socks5://{auth}h:1", **kw)
    options = manager.connection_pool_kw["_socks_options"]
    assert (options["username"], options["password"]) == expected


def test_the_way_to_the_proxy_is_part_of_the_pools_key_and_reaches_the_connection():
    manager = SOCKSProxyManager("socks5://u:p@h:1", num_pools=2, headers={"a": "b"}, maxsize=3)
    pool = manager.connection_from_url("http://target.example/")
    options = manager.connection_pool_kw["_socks_options"]
    assert isinstance(pool, SOCKSHTTPConnectionPool)
    assert manager.headers == {"a": "b"}
    assert pool.pool.maxsize == 3
    (key,) = manager.pools.keys()
    assert key.key__socks_options == frozenset(options.items())
    assert pool._new_conn()._socks_options == options
    secure = manager.connection_from_url("https://target.example/")
    assert isinstance(secure, SOCKSHTTPSConnectionPool)
    conn = secure._new_conn()
    assert isinstance(conn, SOCKSHTTPSConnection)
    assert str(conn) == "SOCKSHTTPSConnection(host='target.example', port=443)"


def test_a_subclass_may_bring_pools_of_its_own():
    class Pool(SOCKSHTTPConnectionPool):
        pass

    class Manager(SOCKSProxyManager):
        pool_classes_by_scheme: typing.ClassVar = {"http": Pool}

    assert type(Manager("socks5://h").connection_from_url("http://x/")) is Pool


# ---------------------------------------------------------------- the bytes


@pytest.mark.parametrize(
    ("scheme", "auth", "target", "dialogue"),
    [
        ("socks4", "", "localhost", [(b"\x04\x01" + PP + b"\x7f\0\0\1\0", GRANTED_4)]),
        ("socks4", "bob:pw@", "localhost", [(b"\x04\x01" + PP + b"\x7f\0\0\1bob\0", GRANTED_4)]),
        ("socks4a", "", "localhost", [(b"\x04\x01" + PP + b"\0\0\0\1\0localhost\0", GRANTED_4)]),
        ("socks4a", "bob@", "x.example", [(b"\x04\x01" + PP + b"\0\0\0\1bob\0x.example\0", GRANTED_4)]),
        ("socks4a", "", "127.0.0.1", [(b"\x04\x01" + PP + b"\x7f\0\0\1\0", GRANTED_4)]),
        ("socks4a", "", "[::1]", [(b"\x04\x01" + PP + b"\0\0\0\1\0::1\0", GRANTED_4)]),
        ("socks5", "", "localhost", [NO_AUTH, (b"\5\1\0\1\x7f\0\0\1" + PP, GRANTED_5)]),
        ("socks5", "", "[::1]", [NO_AUTH, (b"\5\1\0\4" + bytes(15) + b"\1" + PP, GRANTED_5)]),
        ("socks5h", "", "localhost", [NO_AUTH, (b"\5\1\0\3\x09localhost" + PP, GRANTED_5)]),
        ("socks5h", "", "localhost.", [NO_AUTH, (b"\5\1\0\3\x09localhost" + PP, GRANTED_5)]),
        ("socks5h", "", "127.0.0.1", [NO_AUTH, (b"\5\1\0\1\x7f\0\0\1" + PP, GRANTED_5)]),
        ("socks5h", "", "[::1]", [NO_AUTH, (b"\5\1\0\4" + bytes(15) + b"\1" + PP, GRANTED_5)]),
        ("socks5h", "", "b\xfccher.example", [NO_AUTH, (b"\5\1\0\3\x15xn--bcher-kva.example" + PP, GRANTED_5)]),
        ("socks5h", "bob@", "localhost", [NO_AUTH, (b"\5\1\0\3\x09localhost" + PP, GRANTED_5)]),
        ("socks5h", "bob:@", "localhost", [NO_AUTH, (b"\5\1\0\3\x09localhost" + PP, GRANTED_5)]),
        (
            "socks5h", "bob:p%40ss@", "localhost",
            [
                (b"\5\2\0\2", b"\5\2"),
                (b"\1\3bob\4p@ss", b"\1\0"),
                (b"\5\1\0\3\x09localhost" + PP, GRANTED_5),
            ],
        ),
        (
            "socks5h", "bob:pw@", "localhost",
            [(b"\5\2\0\2", b"\5\0"), (b"\5\1\0\3\x09localhost" + PP, GRANTED_5)],
        ),
    ],
)  # fmt: skip
def test_the_proxy_is_asked_in_these_bytes_and_then_http_runs_through(
    monkeypatch, scheme, auth, target, dialogue
):
    resolve = socket.getaddrinfo

    def resolve_localhost_as_ipv4(host, port, family=0, *args):
        # Whether the machine's "localhost" is ::1 or 127.0.0.1 first is its own affair.
        return resolve(host, port, socket.AF_INET if host == "localhost" else family, *args)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_localhost_as_ipv4)
    script = [hears(expected, reply) for expected, reply in dialogue]
    with serve([*script, OK]) as proxy, via(proxy, scheme, auth, timeout=5) as http:
        response = http.request("GET", f"http://{target}:{PORT}/p?q")
        assert response.data == b"ok"
        named = target.encode("idna").decode().rstrip(".")
        user_agent = "python-urllib3/2.8.0"
        assert proxy.requests[0].raw.decode() == (
            f"GET /p?q HTTP/1.1\r\nHost: {named}:{PORT}\r\nAccept-Encoding: identity\r\n"
            f"User-Agent: {user_agent}\r\n\r\n"
        )


def test_a_connection_through_the_proxy_is_kept_and_used_again():
    script = [hears(*NO_AUTH), hears(b"\5\1\0\3\x01h" + PP, GRANTED_5), OK, OK]
    with serve(script) as proxy, via(proxy, "socks5h", timeout=5) as http:
        for _ in range(2):
            assert http.request("GET", f"http://h:{PORT}/").data == b"ok"
        assert proxy.connections == 1


@pytest.fixture
def dialled(monkeypatch):
    """What PySocks is asked for; it is never really asked."""
    calls = []

    def create_connection(destination, **kw):
        calls.append((destination, kw))
        ours, theirs = socket.socketpair()
        theirs.close()
        return ours

    monkeypatch.setattr(socks, "create_connection", create_connection)
    return calls


OPTIONS = {
    "socks_version": 2,
    "proxy_host": "p",
    "proxy_port": 9,
    "username": "u",
    "password": "w",
    "rdns": True,
}


def test_source_address_and_socket_options_are_handed_on_if_there_are_any(dialled):
    common = {
        "proxy_type": 2, "proxy_addr": "p", "proxy_port": 9, "proxy_username": "u",
        "proxy_password": "w", "proxy_rdns": True, "timeout": 3,
    }  # fmt: skip
    nodelay = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    for kw, extra in (
        ({}, {"socket_options": nodelay}),
        ({"socket_options": None}, {}),
        ({"socket_options": []}, {}),
        (
            {"socket_options": [(1, 2, 3)], "source_address": ("127.0.0.1", 0)},
            {"socket_options": [(1, 2, 3)], "source_address": ("127.0.0.1", 0)},
        ),
    ):
        conn = SOCKSConnection(OPTIONS, "target.", 81, timeout=3, **kw)
        conn._new_conn().close()
        assert dialled.pop() == (("target", 81), {**common, **extra})


def test_no_audit_event_tells_of_a_connection_that_the_proxy_makes(dialled, monkeypatch):
    events = []
    monkeypatch.setattr(sys, "audit", lambda name, *args: events.append(name))
    conn = SOCKSConnection(OPTIONS, "target", 81)
    conn.connect()
    conn.close()
    assert dialled
    assert "http.client.connect" not in events


def test_a_subclass_may_dial_in_its_own_way():
    # yt-dlp does: it has a SOCKS client of its own and gives its exceptions the connection.
    class Connection(SOCKSConnection):
        def _new_conn(self):
            if self.host == "bad":
                raise NewConnectionError(self, f"no way to {self.host}:{self.port}")
            options = self._socks_options
            return socket.create_connection((options["proxy_host"], options["proxy_port"]))

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class Manager(urllib3.PoolManager):
        def __init__(self, options, **kw):
            kw["_socks_options"] = options
            super().__init__(**kw)
            self.pool_classes_by_scheme = {"http": Pool}

    with serve([OK]) as server:
        options = {"proxy_host": "127.0.0.1", "proxy_port": server.port}
        with Manager(options, retries=False) as http:
            assert http.request("GET", "http://good/").data == b"ok"
            with pytest.raises(NewConnectionError, match="no way to bad:80"):
                http.request("GET", "http://bad/")


# ---------------------------------------------------------------- refusals

CLOSES = "Connection closed unexpectedly"
WANTS = "No username/password supplied. Server requested username/password authentication"


@pytest.mark.parametrize(
    ("scheme", "auth", "script", "text"),
    [
        ("socks5h", "", [hears(*NO_AUTH), hears(b"\5\1\0\3\x01h" + PP, b"\5\5\0\1" + bytes(6))], "0x05: Connection refused"),
        ("socks4a", "", [hears(b"\4\1" + PP + b"\0\0\0\1\0h\0", b"\0\x5b" + bytes(6))], "0x5b: Request rejected or failed"),
        ("socks5h", "u:p@", [hears(b"\5\2\0\2", b"\5\2"), hears(b"\1\1u\1p", b"\1\1")], "SOCKS5 authentication failed"),
        ("socks5h", "", [hears(b"\5\1\0", b"\5\2")], WANTS),
        ("socks5h", "user@", [hears(b"\5\1\0", b"\5\2")], WANTS),
        ("socks5h", "", [hears(b"\5\1\0", b"\5\xff")], "All offered SOCKS5 authentication methods were rejected"),
        ("socks5h", "", [hears(b"\5\1\0", b"HTTP/1.1 400")], "SOCKS5 proxy server sent invalid data"),
        ("socks4a", "", [hears(b"\4\1" + PP + b"\0\0\0\1\0h\0", b"HTTP/1.1 400 Bad")], "SOCKS4 proxy server sent invalid data"),
        ("socks5h", "", [hears(b"\5\1\0")], CLOSES),
        ("socks5h", "", [hears(b"\5\1\0"), Reset()], "[Errno 104] Connection reset by peer"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_connection_error_about_the_target(scheme, auth, script, text):
    with serve(script, script) as proxy:
        with via(proxy, scheme, auth, timeout=5) as http:
            with pytest.raises(NewConnectionError) as caught:
                http.request("GET", f"http://h:{PORT}/")
            told = f"SOCKSConnection(host='h', port={PORT}): Failed to establish a new connection: "
            assert str(caught.value) == told + text
            with pytest.raises(MaxRetryError) as caught:
                http.request("GET", f"http://h:{PORT}/", retries=0)
            assert isinstance(caught.value.reason, NewConnectionError)


@contextlib.contextmanager
def nobody():
    """A port that refuses connections for as long as this lasts."""
    with socket.socket() as bound_but_not_listening:
        bound_but_not_listening.bind(("127.0.0.1", 0))
        yield bound_but_not_listening.getsockname()[1]


def connection_to(proxy_port, scheme="socks5h", target="h", cls=SOCKSConnection, **kw):
    manager = SOCKSProxyManager(f"{scheme}://127.0.0.1:{proxy_port}")
    return cls(manager.connection_pool_kw["_socks_options"], target, PORT, **kw)


@pytest.mark.parametrize("cls", [SOCKSConnection, SOCKSHTTPSConnection])
def test_a_proxy_that_refuses_the_connection_is_named_by_the_sockets_error(cls):
    with nobody() as port:
        conn = connection_to(port, cls=cls)
        with pytest.raises(NewConnectionError) as caught:
            conn.connect()
        assert str(caught.value) == (
            f"{cls.__name__}(host='h', port={PORT}): Failed to establish a new connection: "
            "[Errno 111] Connection refused"
        )
        # 2.8.0 leaves the wrapping as the context alone.
        assert isinstance(caught.value.__cause__, socks.ProxyError)
        assert isinstance(caught.value.__cause__.socket_err, ConnectionRefusedError)
        assert conn.is_closed
        assert conn.proxy is None
        assert not conn.has_connected_to_proxy
        assert conn.proxy_is_verified is None


def test_socks4_cannot_name_an_ipv6_address():
    with serve([Recv()]) as proxy:
        conn = connection_to(proxy.port, "socks4", "::1")
        with pytest.raises(NewConnectionError, match="Address family for hostname not supported"):
            conn.connect()


@pytest.mark.parametrize("unknown", ["proxy", "target"])
def test_a_name_that_nobody_knows_is_a_connection_error(unknown, monkeypatch):
    def no_such_name(*args):
        raise socket.gaierror(-2, "Name or service not known")

    with serve([hears(*NO_AUTH)] if unknown == "target" else []) as proxy:
        host = "proxy.invalid" if unknown == "proxy" else "127.0.0.1"
        options = {**OPTIONS, "proxy_host": host, "proxy_port": proxy.port, "rdns": False}
        options.update(username=None, password=None)
        conn = SOCKSConnection(options, "target.invalid", PORT, timeout=5)
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *args: (no_such_name if host.endswith("invalid") else real)(host, *args),
        )
        with pytest.raises(NewConnectionError) as caught:
            conn.connect()
        assert str(caught.value).endswith("connection: [Errno -2] Name or service not known")
        assert "target.invalid" in str(caught.value)


@pytest.mark.parametrize("steps", [[], [hears(*NO_AUTH)], [hears(b"\5\1\0"), Send(b"\5")]])
def test_a_silent_proxy_is_a_connect_timeout(steps):
    with serve([*steps, Stall()]) as proxy:
        conn = connection_to(proxy.port, target="localhost", timeout=0.2)
        with pytest.raises(ConnectTimeoutError) as caught:
            conn.connect()
        text = "Connection to localhost timed out. (connect timeout=0.2)"
        assert caught.value.args == (conn, text)
        assert isinstance(caught.value.__cause__, OSError)
        assert not isinstance(caught.value, urllib3.exceptions.ProxyError)


def test_a_bare_timeout_of_the_socket_is_a_connect_timeout_too(monkeypatch):
    def too_late(*args, **kw):
        raise TimeoutError("timed out")

    monkeypatch.setattr(socks, "create_connection", too_late)
    with pytest.raises(ConnectTimeoutError) as caught:
        SOCKSConnection(OPTIONS, "localhost", PORT, timeout=0.3).connect()
    assert caught.value.args[1] == "Connection to localhost timed out. (connect timeout=0.3)"
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_a_failure_is_tried_again_and_a_fresh_connection_asks_afresh():
    request = hears(b"\5\1\0\3\x01h" + PP, b"\5\1\0\1" + bytes(6))
    grant = hears(b"\5\1\0\3\x01h" + PP, GRANTED_5)
    scripts = [hears(*NO_AUTH), request], [hears(*NO_AUTH), grant, OK]
    with serve(*scripts) as proxy, via(proxy, "socks5h", timeout=5, retries=1) as http:
        assert http.request("GET", f"http://h:{PORT}/").data == b"ok"
        assert proxy.connections == 2


# ---------------------------------------------------------------- what PySocks cannot send


@pytest.mark.parametrize(
    ("scheme", "user", "password"),
    [
        ("socks5", "u" * 128, "p"),
        ("socks5h", "u", "p" * 128),
        ("socks5h", "\xfc" * 64, "p"),
        ("socks5", "\udcff", "p"),
        ("socks5", "u", b"bytes"),
        ("socks4", "u\0root", None),
        ("socks4a", "\ud800", None),
        ("socks4a", "u" * 256, None),
    ],
)
def test_credentials_that_cannot_be_sent_are_refused_at_once(scheme, user, password):
    with pytest.raises(LocationValueError, match=r"^SOCKS (user|password) ") as caught:
        SOCKSProxyManager(f"{scheme}://127.0.0.1:1", username=user, password=password)
    assert str(user) not in str(caught.value) or len(user) < 2
    options = {"socks_version": 2, "username": "u" * 128, "password": "p"}
    with pytest.raises(LocationValueError):
        SOCKSConnection(options, "h")


@pytest.mark.parametrize("auth", ["%FF:p", "u:%FF%FE", "u" * 128 + ":p", "%C3%BC" * 64 + ":p"])
def test_so_are_those_of_a_url(auth):
    with pytest.raises(LocationValueError):
        SOCKSProxyManager(f"socks5://{auth}@127.0.0.1:1")


def test_what_is_not_sent_may_be_as_long_as_it_likes():
    """SOCKS 5 offers a user and a password only together, SOCKS 4 has no password."""
    SOCKSProxyManager("socks5://h", username="u" * 999)
    SOCKSProxyManager("socks5://h", username="", password="p" * 999)
    SOCKSProxyManager("socks4://h", username="u", password="p\0" * 999)


def test_127_bytes_are_sent_as_they_are():
    user, name = b"u" * 127, ".".join(["n" * 62, "n" * 60, "nn"])
    assert len(name) == 126
    connect = b"\x05\x01\x00\x03" + bytes([126]) + name.encode() + PP
    script = [
        hears(b"\x05\x02\x00\x02", b"\x05\x02"),
        hears(b"\x01\x7f" + user + b"\x02pw", b"\x01\x00"),
        hears(connect, GRANTED_5),
        OK,
    ]
    with serve(script) as server, via(server, "socks5h", f"{user.decode()}:pw@") as manager:
        assert manager.request("GET", f"http://{name}:{PORT}/").data == b"ok"


@pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
@pytest.mark.parametrize("host", ["a" * 64, "a..b", ".".join(["n" * 50] * 6)])
def test_a_host_that_cannot_be_sent_is_refused_before_the_proxy_is_asked(scheme, host):
    with serve() as server, via(server, scheme) as manager:
        with pytest.raises(NewConnectionError, match=r"cannot be encoded|too long"):
            manager.request("GET", f"http://{host}:{PORT}/")
        pool = manager.connection_from_host(host, PORT)
        assert pool.pool.qsize() == 1
    assert server.connections == 0


def test_a_host_of_128_bytes_is_too_long_only_where_its_length_is_sent():
    host = ".".join(["n" * 60, "n" * 60, "n" * 6])
    assert len(host) == 128
    with serve() as server, via(server, "socks5h") as manager:
        with pytest.raises(NewConnectionError, match="host of 128 bytes is too long"):
            manager.request("GET", f"http://{host}:{PORT}/")
    head = b"\x04\x01" + PP + b"\x00\x00\x00\x01\x00" + host.encode() + b"\x00"
    with serve([hears(head, GRANTED_4), OK]) as server, via(server, "socks4a") as manager:
        assert manager.request("GET", f"http://{host}:{PORT}/").data == b"ok"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_the_zone_of_an_address_does_not_reach_the_proxy(scheme):
    packed = socket.inet_pton(socket.AF_INET6, "fe80::1")
    script = [hears(*NO_AUTH), hears(b"\x05\x01\x00\x04" + packed + PP, GRANTED_5), OK]
    with serve(script) as server, via(server, scheme) as manager:
        assert manager.request("GET", f"http://[fe80::1%25lo]:{PORT}/").data == b"ok"
    assert server.requests[0].get("Host") == f"[fe80::1]:{PORT}"
