"""One connection: names, sockets, states, hooks, and the answer to a request."""

from __future__ import annotations

import ast
import errno
import functools
import http.client
import inspect
import io
import logging
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import pytest

import urllib3
import urllib3.connection
from tests.support.scripted import Call, Close, Recv, Reset, Send, Stall, serve
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout, _base_connection
from urllib3._base_connection import ProxyConfig, _ResponseOptions
from urllib3._collections import HTTPHeaderDict
from urllib3.connection import (
    HTTPConnection,
    HTTPSConnection,
    _get_default_user_agent,
    _url_from_connection,
)
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)
from urllib3.util import connection as util_connection
from urllib3.util import parse_url
from urllib3.util.connection import create_connection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def connect_to(server, cls=HTTPConnection, **kw):
    return cls(server.host, server.port, **kw)


def exchange(*answer, headers=None, method="GET", **kw):
    """The response to one request that is answered by these steps, and its connection."""
    with serve([Recv(), *(Send(part) for part in answer)]) as server:
        conn = connect_to(server)
        conn.request(method, "/", headers=headers, **kw)
        try:
            return conn.getresponse(), conn
        except BaseException:
            conn.close()
            raise


@pytest.fixture
def resolver(monkeypatch):
    """The name resolver, replaced: a list of addresses for each name, and what was asked of it."""
    names = {}
    asked = []

    stock = socket.getaddrinfo

    def getaddrinfo(*args):
        if args[0] not in names:
            return stock(*args)  # the server's own
        asked.append(args)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in names[args[0]]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    getaddrinfo.names, getaddrinfo.asked = names, asked
    return getaddrinfo


@pytest.fixture
def audited(monkeypatch):
    events = []
    monkeypatch.setattr(sys, "audit", lambda *event: events.append(event))
    return events


@pytest.fixture
def refused_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


class Tape:
    """A socket of our own: keeps what is sent, plays what is received."""

    def __init__(self, answer=b"", fail_at=None):
        self.answer, self.sent, self.timeouts, self.fail_at = answer, [], [], fail_at
        self.closed = False

    def sendall(self, data):
        if self.fail_at is not None and len(self.sent) >= self.fail_at:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        self.sent.append(bytes(data))

    def makefile(self, mode, buffering=-1):
        return io.BytesIO(self.answer)

    def settimeout(self, seconds):
        self.timeouts.append(seconds)

    def close(self):
        self.closed = True


# ---------------------------------------------------------------- the module


def test_without_ssl_there_is_http_and_an_error_for_https():
    code = """
import sys
sys.modules["ssl"] = sys.modules["_ssl"] = None
import urllib3, urllib3.connection as connection
assert connection.ssl is None
assert connection.HTTPSConnection is connection.DummyConnection
assert connection.VerifiedHTTPSConnection is connection.DummyConnection
assert not issubclass(connection.BaseSSLError, Exception)
for cls in (connection.DummyConnection, None):
    pool = urllib3.HTTPSConnectionPool("h")
    pool.ConnectionCls = cls
    try:
        pool.request("GET", "/", retries=False)
    except ImportError as error:
        print(error)
urllib3.HTTPConnectionPool("h")._new_conn()
"""
    env = {**os.environ, "PYTHONPATH": str(Path(urllib3.__file__).parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    line = "Can't connect to HTTPS URL because the SSL module is not available.\n"
    assert done.stdout == line * 2


def test_nothing_is_logged_about_an_ordinary_exchange(caplog):
    caplog.set_level(logging.DEBUG, "urllib3.connection")
    response, conn = exchange(OK)
    conn.close()
    assert response.data == b"ok"
    assert caplog.records == []
    source = inspect.getsource(urllib3.connection)
    assert set(re.findall(r"\blog\.(\w+)\(", source)) == {"warning"}


def test_arguments_that_a_connection_does_not_take():
    with pytest.raises(TypeError):
        HTTPConnection("h", 80, 3)
    with pytest.raises(TypeError):
        HTTPConnection("h", strict=True)
    limit = Timeout(1)
    conn = HTTPConnection("127.0.0.1", 1, timeout=limit)
    assert conn.timeout is limit
    with pytest.raises(TypeError):
        conn.connect()
    assert conn.sock is None


def test_the_default_socket_options_can_be_extended_in_place(monkeypatch):
    option = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    shared = HTTPConnection.default_socket_options
    shared.append(option)
    try:
        assert option in HTTPConnection("h").socket_options
        assert option in HTTPSConnection("h").socket_options
    finally:
        shared.remove(option)
    monkeypatch.setattr(HTTPConnection, "default_socket_options", [option])
    assert HTTPConnection("h").socket_options is shared


def test_a_connection_shows_where_it_leads():
    class Mine(HTTPConnection):
        pass

    conn = Mine("h", 80)
    assert str(conn) == "Mine(host='h', port=80)"
    assert re.fullmatch(r"<Mine\(host='h', port=80\) at 0x[0-9a-f]+>", repr(conn))


def test_a_connection_is_an_http_client_connection_with_these_attributes():
    conn = HTTPConnection("h", timeout=3, source_address=("", 1))
    assert isinstance(conn, http.client.HTTPConnection)
    state = {
        "sock": None,
        "port": 80,
        "timeout": 3,
        "source_address": ("", 1),
        "blocksize": 16384,
        "proxy": None,
        "proxy_config": None,
        "_response_options": None,
        "_tunnel_host": None,
        "_tunnel_headers": {},
        "_buffer": [],
        "_method": None,
        "auto_open": 1,
        "debuglevel": 0,
        "is_verified": False,
        "proxy_is_verified": None,
    }
    assert {name: getattr(conn, name) for name in state} == state
    assert HTTPSConnection("h").port == 443
    assert _get_default_user_agent() == "python-urllib3/2.8.0"
    assert _url_from_connection(HTTPConnection("h", 81), "/p") == "http://h:81/p"
    assert _url_from_connection(HTTPSConnection("h")) == "https://h:443"


# ---------------------------------------------------------------- host and port


def test_the_host_lacks_trailing_dots():
    conn = HTTPConnection("h..")
    assert (conn.host, conn._dns_host) == ("h", "h..")
    conn.host = "x."
    assert (conn.host, conn._dns_host) == ("x", "x.")


def test_the_name_is_resolved_with_its_dot_and_sent_without(resolver):
    with serve([OK]) as server:
        resolver.names["h.example."] = [(server.host, server.port)]
        conn = HTTPConnection("h.example.", server.port)
        conn.request("GET", "/")
        conn.getresponse()
        conn.close()
    family = util_connection.allowed_gai_family()
    assert resolver.asked[0] == ("h.example.", server.port, family, socket.SOCK_STREAM)
    assert server.requests[0].get("Host") == f"h.example:{server.port}"


@pytest.mark.parametrize(
    ("args", "host", "port"),
    [
        (("h",), "h", 80),
        (("h:",), "h", 80),
        (("h:81",), "h", 81),
        (("[::1]:81",), "::1", 81),
        (("[::1]",), "::1", 80),
        (("::1", 80), "::1", 80),
        (("[::1]", 80), "::1", 80),  # the brackets stay in 2.8.0 before Python 3.13
        (("h:81", 82), "h:81", 82),
        (("h", 0), "h", 0),
        (("h", "8080"), "h", "8080"),
        (("",), "", 80),
    ],
)
def test_host_and_port_are_taken_apart(args, host, port):
    conn = HTTPConnection(*args)
    assert (conn.host, conn.port) == (host, port)


def test_impossible_hosts_are_refused():
    with pytest.raises(http.client.InvalidURL, match="nonnumeric port: 'x'"):
        HTTPConnection("h:x")
    for blank in "\x00\x1f \x7f":
        with pytest.raises(http.client.InvalidURL, match="URL can't contain control characters"):
            HTTPConnection(f"a{blank}b")


# ---------------------------------------------------------------- sockets


def test_a_socket_is_made_by_create_connection_as_it_is_at_that_moment(monkeypatch):
    calls = []
    monkeypatch.setattr(
        util_connection, "create_connection", lambda *a, **kw: calls.append((a, kw)) or "sock"
    )
    conn = HTTPConnection("h.", 1, timeout=2, source_address=("a", 3), socket_options=[(1, 2, 3)])
    monkeypatch.setattr(conn, "_create_connection", None)
    assert conn._new_conn() == "sock"
    assert conn.sock is None
    assert calls == [((("h.", 1), 2), {"source_address": ("a", 3), "socket_options": [(1, 2, 3)]})]


def test_audit_events_tell_of_connecting_and_sending(audited):
    with serve([OK]) as server:
        conn = connect_to(server)
        conn.request("POST", "/", b"xyz")
        conn.getresponse()
        conn.close()
    told = [event for event in audited if event[0].startswith("http.client.")]
    head = server.requests[0].raw[:-3]
    assert told == [
        ("http.client.connect", conn, server.host, server.port),
        ("http.client.send", conn, head),
        ("http.client.send", conn, b"xyz"),
    ]


def test_a_failure_to_connect_is_no_audit_event(audited, refused_port):
    conn = HTTPConnection("127.0.0.1", refused_port)
    with pytest.raises(NewConnectionError):
        conn.connect()
    assert not [event for event in audited if event[0] == "http.client.connect"]
    assert conn.sock is None


def test_brackets_around_an_address_are_dropped(resolver):
    with serve([Stall()]) as server:
        resolver.names["::1"] = [(server.host, server.port)]
        create_connection(("[::1]", 5)).close()
    assert resolver.asked[0][0] == "::1"


@pytest.mark.parametrize("host", ["a..b", ".a", "x" * 64 + ".example", "\xfc" * 64])
def test_a_name_with_an_impossible_label_is_refused(host):
    with pytest.raises(LocationParseError) as caught:
        HTTPConnection(host, 80).connect()
    assert str(caught.value) == f"Failed to parse: '{host}', label empty or too long"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert isinstance(caught.value, ValueError)


def test_a_dot_at_the_end_is_no_empty_label(resolver):
    resolver.names["a."] = []
    with pytest.raises(OSError, match="getaddrinfo returns an empty list"):
        create_connection(("a.", 80))


def test_addresses_are_tried_in_their_order(resolver, refused_port):
    with serve([Stall()], [Stall()]) as server:
        resolver.names["h"] = [("127.0.0.1", refused_port), (server.host, server.port)]
        sock = create_connection(("h", 1))
        assert sock.getpeername() == (server.host, server.port)
        sock.close()
        resolver.names["h"].reverse()
        sock = create_connection(("h", 1))
        assert sock.getpeername() == (server.host, server.port)
        sock.close()


def test_of_several_failures_the_last_is_raised(resolver, monkeypatch):
    class Socket(socket.socket):
        def connect(self, address):
            raise OSError(errno.EHOSTUNREACH, f"cannot reach {address[0]}")

    monkeypatch.setattr(socket, "socket", Socket)
    resolver.names["h"] = [("a", 1), ("b", 1)]
    with pytest.raises(OSError, match="cannot reach b"):
        create_connection(("h", 1))


@pytest.mark.parametrize(
    ("timeout", "error"), [(-1, "ValueError"), ("x", "TypeError"), (0, "NewConnectionError")]
)
def test_an_impossible_timeout_leaves_no_socket_open(timeout, error):
    with serve([Stall()]) as server:
        conn = connect_to(server, timeout=timeout)
        with pytest.raises((ValueError, TypeError, NewConnectionError)) as caught:
            conn.connect()
        assert type(caught.value).__name__ == error
        assert conn.sock is None


def test_the_address_family_is_looked_up_at_each_call(monkeypatch, resolver):
    monkeypatch.setattr(util_connection, "HAS_IPV6", True)
    assert util_connection.allowed_gai_family() == socket.AF_UNSPEC
    monkeypatch.setattr(util_connection, "HAS_IPV6", False)
    assert util_connection.allowed_gai_family() == socket.AF_INET
    resolver.names["h"] = []
    monkeypatch.setattr(util_connection, "allowed_gai_family", lambda: 4711)
    with pytest.raises(OSError, match="empty list"):
        create_connection(("h", 1))
    assert resolver.asked[0][2] == 4711


KEEPALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


@pytest.mark.parametrize(
    ("options", "no_delay", "keep_alive"),
    [
        ("default", True, False),
        (None, False, False),
        ([], False, False),
        ([KEEPALIVE], False, True),
        ([*HTTPConnection.default_socket_options, KEEPALIVE], True, True),
    ],
)
def test_socket_options_are_those_given(options, no_delay, keep_alive):
    with serve([Stall()]) as server:
        kw = {} if options == "default" else {"socket_options": options}
        conn = connect_to(server, **kw)
        conn.connect()
        assert bool(conn.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) == no_delay
        assert bool(conn.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) == keep_alive
        conn.close()


def test_a_pool_with_a_proxy_sets_no_socket_options_of_its_own():
    proxy = parse_url("http://p:1")
    assert HTTPConnectionPool("h", _proxy=proxy)._new_conn().socket_options == []
    given = HTTPConnectionPool("h", _proxy=proxy, socket_options=[KEEPALIVE])._new_conn()
    assert given.socket_options == [KEEPALIVE]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_a_connection_comes_from_its_source_address():
    seen = []
    with serve([Call(lambda sock: seen.append(sock.getpeername()[0])), OK]) as server:
        conn = connect_to(server, source_address=("127.0.0.2", 0))
        conn.request("GET", "/")
        conn.getresponse()
        conn.close()
    assert seen == ["127.0.0.2"]


# ---------------------------------------------------------------- errors of connecting


@pytest.mark.parametrize("cls", [HTTPConnection, HTTPSConnection])
def test_an_unknown_name_is_told_without_its_dot(monkeypatch, cls):
    failure = socket.gaierror(-2, "Name or service not known")

    def getaddrinfo(*args):
        raise failure

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    conn = cls("h.", 80)
    with pytest.raises(NameResolutionError) as caught:
        conn.connect()
    assert str(caught.value) == (
        f"{cls.__name__}(host='h', port=80): Failed to resolve 'h' "
        "([Errno -2] Name or service not known)"
    )
    assert caught.value.__cause__ is failure
    assert isinstance(caught.value, NewConnectionError)


@pytest.mark.parametrize("timeout", [0.3, 2, None])
def test_a_timeout_of_connecting_tells_the_limit(monkeypatch, timeout):
    failure = TimeoutError("timed out")

    def never(*args, **kw):
        raise failure

    monkeypatch.setattr(util_connection, "create_connection", never)
    conn = HTTPConnection("h.", 80, timeout=timeout)
    with pytest.raises(ConnectTimeoutError) as caught:
        conn.connect()
    text = f"Connection to h timed out. (connect timeout={timeout})"
    assert caught.value.args == (conn, text)
    assert str(caught.value) == str((conn, text))
    assert caught.value.__cause__ is failure
    assert not isinstance(caught.value, OSError)
    assert isinstance(caught.value, HTTPError)


def test_the_default_timeout_is_told_as_a_number(monkeypatch):
    """In 2.8.0 the text shows a private marker when the connection goes through a tunnel."""

    def never(*args, **kw):
        raise TimeoutError("timed out")

    monkeypatch.setattr(util_connection, "create_connection", never)
    pool = HTTPSConnectionPool("h", _proxy=parse_url("http://p:1"))
    with pytest.raises(urllib3.exceptions.ProxyError, match=r"\(connect timeout=None\)"):
        pool.request("GET", "/", retries=False)


def test_a_refused_connection_names_connection_and_reason(refused_port):
    conn = HTTPConnection("127.0.0.1", refused_port)
    with pytest.raises(NewConnectionError) as caught:
        conn.connect()
    error = caught.value
    text = f"Failed to establish a new connection: {error.__cause__}"
    assert str(error) == f"HTTPConnection(host='127.0.0.1', port={refused_port}): {text}"
    assert isinstance(error.__cause__, ConnectionRefusedError)
    assert error.conn is conn
    with pytest.warns(FutureWarning, match="Use 'conn' instead"):
        assert error.pool is conn
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == f"None: {text}"


@pytest.mark.parametrize(
    "kw", [{"source_address": ("192.0.2.1", 0)}, {"socket_options": [(-1, -1, -1)]}]
)
def test_what_the_system_refuses_is_a_failure_to_connect(kw):
    with serve() as server:
        with pytest.raises(NewConnectionError, match="Failed to establish a new connection"):
            connect_to(server, **kw).connect()


# ---------------------------------------------------------------- connecting and states


def test_states_of_a_plain_connection():
    with serve([Recv(), Send(OK + b"junk"), Stall()]) as server:
        conn = connect_to(server)
        flags = ("is_closed", "is_connected", "has_connected_to_proxy", "is_verified")
        assert [getattr(conn, flag) for flag in flags] == [True, False, False, False]
        assert conn.proxy_is_verified is None
        conn.connect()
        assert [getattr(conn, flag) for flag in flags] == [False, True, False, False]
        conn.request("GET", "/")
        conn.getresponse()
        assert not conn.is_connected, "something is waiting that nobody asked for"
        conn.close()
        assert [getattr(conn, flag) for flag in flags] == [True, False, False, False]
    for flag in (*flags[:3], "proxy_is_forwarding", "proxy_is_tunneling"):
        with pytest.raises(AttributeError):
            setattr(conn, flag, True)


def test_a_closed_peer_is_seen_and_the_check_can_be_replaced(monkeypatch):
    with serve([Close()]) as server:
        conn = connect_to(server)
        conn.connect()
        assert urllib3.util.wait_for_read(conn.sock, 5)
        assert not conn.is_connected
        assert util_connection.is_connection_dropped(conn)
        monkeypatch.setattr(urllib3.connection, "wait_for_read", lambda sock, timeout: False)
        assert conn.is_connected
        conn.close()


def test_states_towards_a_proxy():
    with serve([Stall()], [OK, Stall()]) as server:
        conn = connect_to(server, proxy=parse_url(server.url()))
        assert conn.proxy_is_forwarding
        conn.connect()
        assert conn.has_connected_to_proxy
        assert conn.proxy_is_verified is False
        conn.close()
        assert (conn.has_connected_to_proxy, conn.proxy_is_verified) == (False, None)

        conn = connect_to(server)
        conn.set_tunnel("h", 1)
        assert conn.proxy_is_tunneling
        with pytest.raises(http.client.HTTPException, match="behind its answer"):
            conn.connect()
        conn.close()


def test_a_tunnel_without_a_proxy_leaves_no_proxy_behind():
    established = b"HTTP/1.1 200 Connection established\r\n\r\n"
    with serve([established, OK]) as server:
        conn = connect_to(server)
        conn.set_tunnel("h", 1)
        conn.request("GET", "/")
        assert conn.getresponse().data == b"ok"
        assert (conn.has_connected_to_proxy, conn.proxy_is_verified) == (False, None)
        conn.close()
    assert server.requests[0].line == "CONNECT h:1 HTTP/1.1"


def test_connecting_again_opens_another_socket():
    with serve([Stall()], [Stall()]) as server:
        conn = connect_to(server)
        conn.connect()
        first = conn.sock
        conn.connect()
        assert conn.sock is not first
        assert first.getpeername() == conn.sock.getpeername()
        first.close()
        conn.close()


def test_a_subclass_may_bring_any_socket():
    ours, theirs = socket.socketpair()

    class Paired(HTTPConnection):
        def connect(self):
            self.sock = ours

    conn = Paired("h")
    theirs.sendall(OK)
    conn.request("GET", "/")
    assert conn.getresponse().data == b"ok"
    assert conn.is_connected
    assert theirs.recv(99).startswith(b"GET / HTTP/1.1\r\nHost: h\r\n")
    conn.close()
    theirs.close()


def test_a_socket_may_be_any_object_with_these_methods():
    conn = HTTPConnection("h", timeout=3)
    conn.sock = tape = Tape(OK)
    conn.request("POST", "/", [b"ab", b"c"])
    assert conn.getresponse().data == b"ok"
    assert tape.timeouts == [3, 3]
    conn.close()
    assert tape.closed


def test_closing_resets_what_belongs_to_the_socket():
    with serve([Stall()]) as server:
        conn = connect_to(server, timeout=7)
        conn.set_tunnel("h", 1, {"A": "b"})
        conn.sock = tape = Tape()
        conn.is_verified = conn.proxy_is_verified = True
        conn._response_options = "options"
        conn.close()
        conn.close()
        assert tape.closed
        assert (conn.sock, conn.is_verified, conn.proxy_is_verified) == (None, False, None)
        assert (conn.has_connected_to_proxy, conn._response_options) == (False, None)
        tunnel = (conn._tunnel_host, conn._tunnel_port, conn._tunnel_scheme)
        assert tunnel == (None, None, None)
        assert conn._tunnel_headers == {"A": "b"}
        assert conn.timeout == 7
        conn.connect()
        conn.close()


def test_closing_resets_even_if_the_socket_fails():
    class Failing(Tape):
        def close(self):
            raise OSError("already gone")

    conn = HTTPConnection("h")
    conn.sock = Failing()
    conn.is_verified = True
    with pytest.raises(OSError, match="already gone"):
        conn.close()
    assert (conn.sock, conn.is_verified) == (None, False)


def test_a_closed_connection_opens_again():
    with serve([OK], [OK]) as server:
        conn = connect_to(server)
        for _ in range(2):
            conn.request("GET", "/")
            assert conn.getresponse().data == b"ok"
            conn.close()
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", 11),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", 11),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", 10),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", 11),
    ],
)
def test_the_connection_is_closed_before_the_last_response_is_read(answer, version):
    response, conn = exchange(answer, preload_content=False)
    assert conn.is_closed
    assert response.read() == b"hello"
    assert (response.version, response.version_string) == (version, "HTTP/1.1")


def test_nothing_of_a_failed_request_is_sent_with_the_next():
    """In 2.8.0 the lines of the failed one are sent first."""
    with serve([OK]) as server:
        conn = connect_to(server)
        with pytest.raises(ValueError, match="Invalid header value"):
            conn.request("GET", "/bad", headers={"A": "b\nc"})
        conn.close()
        conn.request("GET", "/good")
        conn.getresponse()
        conn.close()
    assert [request.line for request in server.requests] == ["GET /good HTTP/1.1"]


# ---------------------------------------------------------------- tunnels


@pytest.mark.parametrize("scheme", ["socks5", "HTTP", ""])
def test_a_tunnel_needs_an_http_proxy_and_a_closed_connection(scheme):
    conn = HTTPConnection("h")
    conn.sock = Tape()
    with pytest.raises(ValueError, match="must be either 'http' or 'https'") as caught:
        conn.set_tunnel("t", scheme=scheme)
    assert str(caught.value).startswith(f"Invalid proxy scheme for tunneling: {scheme!r}")
    with pytest.raises(RuntimeError, match="Can't set up tunnel for established connection"):
        conn.set_tunnel("t")


@pytest.mark.parametrize(
    ("cls", "args", "host", "port"),
    [
        (HTTPConnection, ("t",), "t", 80),
        (HTTPSConnection, ("t",), "t", 443),
        (HTTPConnection, ("t:81",), "t", 81),
        (HTTPConnection, ("t", 82), "t", 82),
        (HTTPConnection, ("[::1]:83",), "::1", 83),
    ],
)
def test_a_tunnel_keeps_copies_of_what_it_is_given(cls, args, host, port):
    """2.8.0 before Python 3.12 keeps, and clears, the caller's own mapping."""
    headers = {"A": "b"}
    conn = cls("p")
    conn.set_tunnel(*args, headers=headers, scheme="https")
    assert (conn._tunnel_host, conn._tunnel_port, conn._tunnel_scheme) == (host, port, "https")
    assert conn._tunnel_headers["A"] == "b"
    conn.set_tunnel(*args)
    assert headers == {"A": "b"}
    assert "A" not in conn._tunnel_headers


# ---------------------------------------------------------------- sending


def test_a_header_needs_a_request():
    with pytest.raises(http.client.CannotSendHeader):
        HTTPConnection("h").putheader("A", "b")


def test_several_values_are_joined_by_folding():
    conn = HTTPConnection("h")
    conn.sock = tape = Tape()
    conn.putrequest("GET", "/", skip_host=True, skip_accept_encoding=True)
    conn.putheader("A", "b", b"c", 3)
    conn.endheaders()
    assert tape.sent == [b"GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\t3\r\n\r\n"]


def test_a_reused_connection_gets_the_present_timeout():
    with serve([Recv(), Send(OK), Recv(), Send(OK), Stall()]) as server:
        conn = connect_to(server, timeout=5)
        conn.request("GET", "/")
        assert conn.sock.gettimeout() == 5
        conn.timeout = 6
        conn.getresponse()
        assert conn.sock.gettimeout() == 6
        conn.timeout = 7
        conn.request("GET", "/")
        assert conn.sock.gettimeout() == 7
        conn.getresponse()
        conn.close()


@pytest.mark.parametrize("body", [b"x" * 100_000, [b"a", b"b"]])
def test_an_early_answer_can_be_read_although_sending_failed(body):
    conn = HTTPConnection("h")
    conn.sock = Tape(b"HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n", fail_at=1)
    with pytest.raises(BrokenPipeError):
        conn.request("POST", "/", body)
    assert conn._response_options == _ResponseOptions("POST", "/", True, True, True)
    assert conn.getresponse().status == 413


def test_the_steps_are_those_of_http_client_in_its_order():
    steps = []

    class Observed(HTTPConnection):
        def connect(self):
            steps.append(("connect",))
            self.sock = Tape()

    def observe(name):
        inherited = getattr(HTTPConnection, name)

        def step(self, *args, **kw):
            steps.append((name, *args, *([kw] if kw else [])))
            return inherited(self, *args, **kw)

        setattr(Observed, name, step)

    hooks = "putrequest putheader endheaders _send_output send _validate_method _validate_path"
    for name in (*hooks.split(), "_encode_request"):
        observe(name)
    Observed("h").request("POST", "/h", body=b"xyz", headers={"A": "b"})
    head = (
        b"POST /h HTTP/1.1\r\nHost: h\r\nAccept-Encoding: identity\r\nContent-Length: 3\r\n"
        b"User-Agent: python-urllib3/2.8.0\r\nA: b\r\n\r\n"
    )
    assert steps == [
        ("putrequest", "POST", "/h", {"skip_accept_encoding": False, "skip_host": False}),
        ("_validate_method", "POST"),
        ("_validate_path", "/h"),
        ("_encode_request", "POST /h HTTP/1.1"),
        ("putheader", "Host", "h"),
        ("putheader", "Accept-Encoding", "identity"),
        ("putheader", "Content-Length", "3"),
        ("putheader", "User-Agent", "python-urllib3/2.8.0"),
        ("putheader", "A", "b"),
        ("endheaders",),
        ("_send_output", None, {"encode_chunked": False}),
        ("send", head),
        ("connect",),
        ("send", b"xyz"),
    ]


def test_each_chunk_of_a_body_is_sent_at_once_and_empty_ones_not_at_all():
    conn = HTTPConnection("h")
    conn.sock = tape = Tape()
    conn.request("POST", "/", [b"ab", b"", "\xe9"])
    assert tape.sent[1:] == [b"2\r\nab\r\n", b"2\r\n\xc3\xa9\r\n", b"0\r\n\r\n"]


def test_a_small_body_leaves_with_the_head():
    sends = []

    def note(frame, event, function):
        if event == "c_call" and function.__name__ in ("send", "sendall", "sendmsg"):
            sends.append(function.__name__)

    with serve([OK]) as server:
        conn = connect_to(server)
        conn.connect()
        sys.setprofile(note)
        try:
            conn.request("POST", "/", b"small")
        finally:
            sys.setprofile(None)
        assert conn.getresponse().data == b"ok"
        conn.close()
    assert sends == ["sendall"]
    assert server.requests[0].body == b"small"


def test_the_length_is_that_of_each_body_whatever_the_fields_before():
    conn = HTTPConnection("h")
    heads = []
    for body in (b"abc", b"", None, "\xe9" * 50, b"abc", iter([b"x"]), bytearray(7)):
        conn.sock = tape = Tape()
        conn.request("POST", "/", body, {"A": "b"})
        conn.close()
        head = tape.sent[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
        assert head[:3] == ["POST / HTTP/1.1", "Host: h", "Accept-Encoding: identity"]
        assert head[4:] == [f"User-Agent: {_get_default_user_agent()}", "A: b"]
        heads.append(head[3])
    assert heads == [
        "Content-Length: 3",
        "Content-Length: 0",
        "Content-Length: 0",
        "Content-Length: 100",
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
        "Content-Length: 7",
    ]


def test_an_error_of_a_body_leaves_the_connection_half_way():
    def broken():
        yield b"a"
        raise KeyError("mine")

    for body, error in ((broken(), KeyError), ([b"a", 5], TypeError)):
        conn = HTTPConnection("h")
        conn.sock = tape = Tape()
        with pytest.raises(error):
            conn.request("POST", "/", body)
        assert tape.sent[-1] == b"1\r\na\r\n"
        assert not conn.is_closed


def test_one_request_at_a_time():
    conn = HTTPConnection("h")
    conn.sock = Tape()
    conn.request("GET", "/")
    with pytest.raises(http.client.CannotSendRequest, match="Request-sent"):
        conn.request("GET", "/")
    conn = HTTPConnection("h")
    conn.sock = Tape()
    with pytest.raises(ValueError, match="Invalid header value"):
        conn.request("GET", "/", headers={"A": "\n"})
    with pytest.raises(http.client.CannotSendRequest, match="Request-started"):
        conn.request("GET", "/")


def test_a_body_of_no_known_kind_spoils_nothing():
    conn = HTTPConnection("h")
    conn.sock = tape = Tape()
    with pytest.raises(TypeError, match="Instead was 5"):
        conn.request("POST", "/", 5)
    assert tape.sent == []
    conn.request("GET", "/")
    assert tape.sent[0].startswith(b"GET / ")


def test_request_chunked_is_deprecated_and_works():
    conn = HTTPConnection("h")
    conn.sock = tape = Tape()
    with pytest.warns(
        FutureWarning, match=r"Instead use HTTPConnection.request\(.*chunked=True"
    ) as warned:
        conn.request_chunked("POST", "/", body=b"abc", headers={"A": "b"})
    assert warned[0].filename == __file__
    assert tape.sent[-2:] == [b"3\r\nabc\r\n", b"0\r\n\r\n"]


# ---------------------------------------------------------------- receiving


def test_an_answer_needs_a_request():
    conn = HTTPConnection("h")
    with pytest.raises(http.client.ResponseNotReady):
        conn.getresponse()
    conn.sock = Tape()
    conn.putrequest("GET", "/")
    conn.endheaders()
    with pytest.raises(http.client.ResponseNotReady):
        conn.getresponse()

    conn = HTTPConnection("h")
    conn.sock = Tape()
    conn.request("GET", "/")
    conn.sock = None  # an AttributeError in 2.8.0
    with pytest.raises(http.client.ResponseNotReady):
        conn.getresponse()


def test_the_options_are_gone_after_one_answer_or_failure():
    with serve([Recv(), Send(b"hello")]) as server:
        conn = connect_to(server)
        conn.request("GET", "/")
        with pytest.raises(http.client.BadStatusLine):
            conn.getresponse()
        with pytest.raises(http.client.ResponseNotReady):
            conn.getresponse()
        conn.close()


def test_a_request_made_by_hand_is_answered_through_http_client():
    with serve([Recv(), Send(OK), Stall()]) as server:
        conn = connect_to(server)
        conn.putrequest("GET", "/")
        conn.endheaders()
        response = http.client.HTTPConnection.getresponse(conn)
        assert response.read() == b"ok"
        conn.close()


def test_the_response_keeps_the_shutdown_of_its_socket():
    class Without(Tape):
        pass

    for tape, expected in ((Tape, None), (Without, None)):
        conn = HTTPConnection("h")
        conn.sock = tape(OK)
        conn.request("GET", "/")
        assert conn.getresponse()._sock_shutdown is expected
    response, conn = exchange(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", preload_content=False
    )
    assert conn.is_closed
    assert callable(response._sock_shutdown)
    response.close()


@pytest.mark.parametrize("level", [0, 1])
def test_the_class_of_the_response_may_be_any_callable(level, capsys):
    made = []

    class Mine(http.client.HTTPResponse):
        def __init__(self, *args, **kw):
            made.append((args[1:], kw))
            super().__init__(*args, **kw)

    with serve([Recv(), Send(OK), Stall()]) as server:
        conn = connect_to(server)
        conn.set_debuglevel(level)
        conn.response_class = functools.partial(Mine)
        conn.request("PUT", "/")
        response = conn.getresponse()
        assert response.data == b"ok"
        assert type(response._original_response) is Mine
        conn.close()
    assert made == [((level,) if level else (), {"method": "PUT"})]


def test_an_unread_answer_stands_in_the_way_of_the_next():
    with serve([Recv(), Send(OK), Recv(), Stall()]) as server:
        conn = connect_to(server)
        conn.request("GET", "/", preload_content=False)
        unread = conn.getresponse()
        conn.request("GET", "/")
        with pytest.raises(http.client.ResponseNotReady, match="Request-sent"):
            conn.getresponse()
        unread.close()
        conn.close()


@pytest.mark.parametrize(
    ("answer", "error", "closed"),
    [
        ([Close()], "Remote end closed connection without response", True),
        ([Send(b"hello")], "hello", False),
        ([Send(b"HTTP/2.0 200 OK\r\n\r\n")], "HTTP/2.0", False),
        (
            [Send(b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000 + b"\r\n\r\n")],
            "got more than 65536 bytes when reading header line",
            False,
        ),
        ([Send(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n")], "more than 100", False),
    ],
)
def test_what_is_no_answer_is_an_error_of_http_client(answer, error, closed):
    with serve([Recv(), *answer]) as server:
        conn = connect_to(server)
        conn.request("GET", "/")
        with pytest.raises(http.client.HTTPException, match=re.escape(error)):
            conn.getresponse()
        assert conn.is_closed == closed
        conn.close()


def test_a_reset_closes_and_a_timeout_does_not():
    with serve([Recv(), Reset()], [Recv(), Stall()]) as server:
        conn = connect_to(server)
        conn.request("GET", "/")
        with pytest.raises(ConnectionResetError):
            conn.getresponse()
        assert conn.is_closed
        conn.request("GET", "/")
        conn.timeout = 0.02
        with pytest.raises(TimeoutError, match="timed out"):
            conn.getresponse()
        assert not conn.is_closed
        conn.close()


def test_interim_answers_are_skipped():
    """2.8.0 skips 100 alone and takes any other for the answer."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    response, conn = exchange(interim, OK)
    assert (response.status, response.data) == (200, b"ok")
    assert "Link" not in response.headers
    conn.close()


def test_the_response_knows_its_request():
    response, conn = exchange(OK, method="PUT", preload_content=False)
    assert (response.status, response.reason) == (200, "OK")
    assert (response.version, response.version_string) == (11, "HTTP/1.1")
    assert response.url == "/"
    assert isinstance(response.headers, HTTPHeaderDict)
    assert isinstance(response._original_response, http.client.HTTPResponse)
    assert (response.retries, response._connection, response._pool) == (None, None, None)
    assert response.read() == b"ok"
    conn.close()


def test_a_body_that_breaks_while_it_is_preloaded_fails_the_answer():
    with pytest.raises(ProtocolError) as caught:
        exchange(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    text = "IncompleteRead(3 bytes read, 7 more expected)"
    assert str(caught.value).startswith(f"('Connection broken: {text}'")


def test_the_version_string_is_the_connections(monkeypatch):
    with serve([Recv(), Send(OK), Stall()]) as server:
        conn = connect_to(server)
        conn.request("GET", "/")
        monkeypatch.delattr(http.client.HTTPConnection, "_http_vsn_str")
        assert conn.getresponse().version_string == "HTTP/?"
        conn.close()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"no colon here", "[MissingHeaderBodySeparatorDefect()], unparsed data: 'no colon here'"),
        (b": empty", "[InvalidHeaderDefect('Missing header name.')], unparsed data: ': empty'"),
    ],
)
def test_a_malformed_line_is_logged_and_loses_nothing_else(caplog, line, problem):
    """In 2.8.0 the fields behind it are lost."""
    answer = b"HTTP/1.1 200 OK\r\nA: 1\r\n%b\r\nContent-Length: 2\r\n\r\nok" % line
    response, conn = exchange(answer)
    conn.close()
    assert response.headers == {"A": "1", "Content-Length": "2"}
    [record] = caplog.records
    assert (record.name, record.levelno) == ("urllib3.connection", logging.WARNING)
    assert record.msg == "Failed to parse headers (url=%s): %s"
    assert record.getMessage() == (
        f"Failed to parse headers (url=http://{conn.host}:{conn.port}/): {problem}"
    )


def test_headers_read_by_another_class_are_checked_and_unfolded_in_place(caplog):
    with serve(
        [Recv(), Send(b"HTTP/1.1 200 OK\r\nS: a=1; \r\n\t path=/\r\nS: b\r\n:x\r\n\r\n")]
    ) as server:
        conn = connect_to(server)
        conn.response_class = http.client.HTTPResponse
        conn.request("GET", "/")
        response = conn.getresponse()
        conn.close()
    assert response.headers.getlist("S") == ["a=1; path=/", "b"]
    assert response._original_response.msg.get_all("S") == ["a=1; path=/", "b"]
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (b"X: a=1; \r\n\t path=/", "a=1; path=/"),
        (b"X: a\r\n b\r\n\t c", "a b c"),
        (b"X:\r\n y", "y"),
    ],
)
def test_folded_values_are_unfolded(lines, value):
    response, conn = exchange(b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: 0\r\n\r\n" % lines)
    conn.close()
    assert response.headers["X"] == value
    assert response._original_response.msg["X"] == value


def test_repeated_fields_stay_apart():
    response, conn = exchange(
        b"HTTP/1.1 200\r\nSet-Cookie: a=\xe9\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n"
    )
    conn.close()
    assert response.reason == ""
    assert response.headers.getlist("Set-Cookie") == ["a=\xe9", "b"]


# ---------------------------------------------------------------- hooks


@pytest.mark.parametrize(
    "hook",
    [
        "connect",
        "_new_conn",
        "close",
        "putrequest",
        "putheader",
        "endheaders",
        "_send_output",
        "send",
        "_output",
        "_validate_method",
        "_validate_path",
        "_validate_host",
        "_encode_request",
        "_get_hostport",
        "response_class",
        "set_debuglevel",
        "_tunnel",
        "set_tunnel",
    ],
)
def test_an_overridden_hook_is_called(hook):
    called = []
    inherited = getattr(HTTPConnection, hook)

    def override(self, *args, **kw):
        called.append(hook)
        return inherited(self, *args, **kw)

    if hook == "response_class":
        override = staticmethod(functools.partial(override, None))

        def inherited(_, *args, **kw):
            return HTTPConnection.response_class(*args, **kw)

    mine = type("Mine", (HTTPConnection,), {hook: override})
    with serve([b"HTTP/1.1 200 OK\r\n\r\n", OK]) as server:
        conn = connect_to(server, mine)
        conn.set_debuglevel(0)
        conn.set_tunnel("t", 1)
        conn.request("GET", "/")
        assert conn.getresponse().data == b"ok"
        conn.close()
    assert hook in called


def test_a_subclass_may_send_the_head_itself():
    class Mine(HTTPConnection):
        def _send_output(self, message_body=None, *args, **kw):
            assert message_body is None
            lines, self._buffer[:] = [*self._buffer, b"Mine: yes", b"", b""], []
            self.send(b"\r\n".join(line for line in lines if line or line is lines[-1]) + b"\r\n")

    conn = Mine("h")
    conn.sock = tape = Tape()
    conn.request("PUT", "/", b"body")
    assert tape.sent[0].startswith(b"PUT / HTTP/1.1\r\nHost: h\r\n")
    assert b"\r\nMine: yes\r\n" in tape.sent[0]
    assert tape.sent[1:] == [b"body"]


def test_send_opens_the_connection_unless_it_must_not():
    conn = HTTPConnection("h")
    conn.auto_open = 0
    with pytest.raises(http.client.NotConnected):
        conn.send(b"x")
    with pytest.raises(http.client.NotConnected):
        conn.request("GET", "/")
    conn = HTTPConnection("h", blocksize=2)
    conn.sock = tape = Tape()
    conn.send(io.BytesIO(b"abc"))
    assert tape.sent == [b"ab", b"c"]


def test_debug_output_is_that_of_http_client(capsys):
    with serve([Recv(), Send(OK), Stall()]) as server:
        conn = connect_to(server)
        conn.set_debuglevel(1)
        conn.request("GET", "/")
        conn.getresponse()
        conn.close()
    out = capsys.readouterr().out
    assert "send: b'GET / HTTP/1.1\\r\\n" in out
    assert "reply: 'HTTP/1.1 200 OK\\r\\n'\n" in out
    assert "header: Content-Length: 2\n" in out


# ---------------------------------------------------------------- TLS


def test_every_option_of_tls_is_an_attribute():
    parameters = list(inspect.signature(HTTPSConnection).parameters)
    options = parameters[parameters.index("proxy_config") + 1 :]
    assert options == [
        "cert_reqs",
        "assert_hostname",
        "assert_fingerprint",
        "server_hostname",
        "ssl_context",
        "ca_certs",
        "ca_cert_dir",
        "ca_cert_data",
        "ssl_minimum_version",
        "ssl_maximum_version",
        "ssl_version",
        "cert_file",
        "key_file",
        "key_password",
    ]
    given = {name: f"~/{name}" for name in options}
    del given["ssl_context"]
    conn = HTTPSConnection("h", **given)
    kept = {name: getattr(conn, name) for name in given}
    expanded = {name: os.path.expanduser(given[name]) for name in ("ca_certs", "ca_cert_dir")}
    assert kept == {**given, **expanded}


def test_a_callback_hears_of_connecting_and_of_failure(refused_port):
    heard = []

    class Observed(HTTPSConnection):
        _connect_callback = staticmethod(lambda *args, **kw: heard.append((args, kw)))

    with pytest.raises(NewConnectionError):
        Observed("127.0.0.1", refused_port).connect()
    details = {"thread_id": threading.get_ident(), "target_supports_http2": False}
    assert heard == [(("before connect",), details), (("after connect failure",), details)]


def test_set_cert_is_deprecated_and_overwrites_all_it_takes():
    conn = HTTPSConnection("h", ca_certs="a", assert_hostname="b", ssl_minimum_version=771)
    with pytest.warns(FutureWarning, match=r"HTTPSConnection.set_cert\(\) is deprecated") as warned:
        conn.set_cert(cert_file="c", ca_cert_dir="~/d")
    assert warned[0].filename == __file__
    assert (conn.ca_certs, conn.assert_hostname, conn.cert_file) == (None, None, "c")
    assert conn.ca_cert_dir == os.path.expanduser("~/d")
    assert conn.ssl_minimum_version == 771
    assert conn.cert_reqs == 2


# ---------------------------------------------------------------- what a pool does


class Recorded(HTTPConnection):
    """A connection that tells what a pool does to it."""

    made: ClassVar[list[dict]] = []
    log: ClassVar[list[tuple]] = []

    def __init__(self, **kw):
        self.made.append(kw)
        super().__init__(**kw)

    def request(self, *args, **kw):
        self.log.append(("request", args, kw, self.timeout))
        super().request(*args, **kw)

    def getresponse(self):
        self.log.append(("getresponse", self.timeout))
        return super().getresponse()


@pytest.fixture
def recorded(monkeypatch):
    monkeypatch.setattr(Recorded, "made", [])
    monkeypatch.setattr(Recorded, "log", [])
    return Recorded


def test_a_pool_passes_everything_by_keyword(recorded):
    with serve(handler=lambda request: OK) as server:
        with HTTPConnectionPool(
            server.host, server.port, timeout=Timeout(connect=3, read=4), blocksize=9
        ) as pool:
            pool.ConnectionCls = recorded
            response = pool.urlopen(
                "POST", "/p", body=b"b", headers={"A": "b"}, preload_content=False
            )
            assert response._pool is pool
            assert isinstance(response._connection, recorded)
            assert response.retries is urllib3.Retry.DEFAULT or response.retries.total == 3
            response.read()
            assert pool.urlopen("GET", "/")._connection is None
    assert recorded.made == [
        {"host": server.host, "port": server.port, "timeout": 3, "blocksize": 9}
    ]
    kind, args, kw, timeout = recorded.log[0]
    assert (kind, args, timeout) == ("request", ("POST", "/p"), 3)
    assert kw == {
        "body": b"b",
        "headers": {"A": "b"},
        "chunked": False,
        "preload_content": False,
        "decode_content": True,
        "enforce_content_length": True,
    }
    assert recorded.log[1] == ("getresponse", 4)


def test_an_https_pool_passes_its_attributes_as_they_are_then():
    pool = HTTPSConnectionPool("h", ca_cert_data="x", server_hostname="s")
    options = {
        "cert_file": "cert",
        "key_file": "key",
        "key_password": "pw",
        "cert_reqs": "CERT_NONE",
        "ca_certs": "ca",
        "ca_cert_dir": "dir",
        "assert_hostname": "name",
        "assert_fingerprint": "print",
        "ssl_version": 1,
        "ssl_minimum_version": 2,
        "ssl_maximum_version": 3,
    }
    for name, value in options.items():
        setattr(pool, name, value)
    conn = pool._new_conn()
    assert {name: getattr(conn, name) for name in options} == options
    assert (conn.ca_cert_data, conn.server_hostname) == ("x", "s")
    through = HTTPSConnectionPool("h", _proxy=parse_url("http://p:3128"))._new_conn()
    assert (through.host, through.port) == ("p", 3128)


def test_a_pool_opens_an_https_connection_before_the_request():
    order = []

    class Observed(HTTPSConnection):
        def set_tunnel(self, **kw):
            order.append(("set_tunnel", kw))
            super().set_tunnel(**kw)

        def connect(self):
            order.append(("connect", self.timeout))
            self.sock, self.is_verified = Tape(OK), True

        def request(self, *args, **kw):
            order.append(("request", self.timeout))
            super().request(*args, **kw)

    pool = HTTPSConnectionPool("h", 444, timeout=3)
    pool.ConnectionCls = Observed
    pool.request("GET", "/")
    assert order == [("connect", 3), ("request", 3)]
    order.clear()
    pool = HTTPSConnectionPool(
        "h", 444, timeout=3, _proxy=parse_url("https://p:1"), _proxy_headers={"A": "b"}
    )
    pool.ConnectionCls = Observed
    pool.request("GET", "/")
    tunnel = {"scheme": "https", "host": "h", "port": 444, "headers": {"A": "b"}}
    assert order == [("set_tunnel", tunnel), ("connect", 3), ("request", 3)]


@pytest.mark.parametrize(
    ("number", "read"),
    [
        (errno.EPIPE, True),
        (errno.ECONNRESET, True),
        (errno.EPROTOTYPE, True),
        (errno.EHOSTUNREACH, False),
    ],
)
def test_a_pool_reads_the_answer_although_sending_failed(number, read):
    class Failing(HTTPConnection):
        def request(self, *args, **kw):
            super().request(*args, **kw)
            raise OSError(number, "sending failed")

    with serve([Recv(), Send(OK)]) as server:
        with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
            pool.ConnectionCls = Failing
            if read:
                assert pool.request("GET", "/").data == b"ok"
            else:
                with pytest.raises(ProtocolError, match="sending failed"):
                    pool.request("GET", "/")


def test_no_time_left_to_read_is_a_timeout_at_once(monkeypatch):
    monkeypatch.setattr(Timeout, "read_timeout", property(lambda self: 0))
    with serve([Recv(), Stall()]) as server:
        with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
            with pytest.raises(ReadTimeoutError, match=r"Read timed out. \(read timeout=0\)"):
                pool.request("GET", "/", timeout=Timeout(total=5))


def test_a_pool_closes_what_it_discards(recorded):
    closed = []

    class Closing(recorded):
        def close(self):
            closed.append(self.sock is not None)
            super().close()

    with serve([Recv(), Close()]) as server:
        with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
            pool.ConnectionCls = Closing
            with pytest.raises(ProtocolError, match="Remote end closed"):
                pool.request("GET", "/")
    assert closed[0] is True


# ---------------------------------------------------------------- _base_connection


def test_the_vocabulary_of_connections():
    assert ProxyConfig._fields == (
        "ssl_context",
        "use_forwarding_for_https",
        "assert_hostname",
        "assert_fingerprint",
    )
    assert _ResponseOptions._fields == (
        "request_method",
        "request_url",
        "preload_content",
        "decode_content",
        "enforce_content_length",
    )
    assert not ProxyConfig._field_defaults
    assert not _ResponseOptions._field_defaults
    assert hasattr(_base_connection, "_TYPE_BODY")
    assert not hasattr(_base_connection, "BaseHTTPConnection")

    tree = ast.parse(inspect.getsource(_base_connection))
    members = {
        node.name: {
            getattr(item, "name", None) or getattr(getattr(item, "target", None), "id", None)
            for item in node.body
        }
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    plain, secure = members["BaseHTTPConnection"], members["BaseHTTPSConnection"]
    assert plain >= set(inspect.signature(HTTPConnection).parameters)
    assert plain >= {"default_port", "default_socket_options", "is_verified", "proxy_is_verified"}
    assert plain >= {"set_tunnel", "connect", "request", "getresponse", "close"}
    assert plain >= {"is_closed", "is_connected", "has_connected_to_proxy"}
    options = set(inspect.signature(HTTPSConnection).parameters) - plain
    assert secure >= options - {"server_hostname"}
