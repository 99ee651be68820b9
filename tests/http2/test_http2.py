"""HTTP/2, opted into: against a server of the h2 package, and nghttpd where it is installed."""

from __future__ import annotations

import contextlib
import http.client
import importlib.metadata
import io
import socket
import ssl
import threading

import pytest

pytest.importorskip("h2", reason="h2 is not installed")

import h2.errors
import h2.events
import h2.exceptions

import urllib3
import urllib3.connection
import urllib3.connectionpool
from tests.support.h2peer import OK, Peer, answering
from tests.support.programs import need, running
from tests.support.tls import tls_server
from urllib3 import HTTPSConnectionPool, PoolManager, Retry, http2
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError
from urllib3.http2 import probe
from urllib3.http2.connection import (
    HTTP2Connection,
    HTTP2Response,
    StreamFailed,
    _is_illegal_header_value,
    _is_legal_header_name,
)
from urllib3.util import SKIP_HEADER, parse_url, ssl_

UA = ("user-agent", "python-urllib3/2.8.0")
MEGABYTE = 1 << 20


@pytest.fixture
def injected():
    http2.inject_into_urllib3()
    yield
    http2.extract_from_urllib3()
    probe._reset()


@contextlib.contextmanager
def serving(certificates, talk, protocols=("h2", "http/1.1")):
    context = certificates.localhost.server_context()
    context.set_alpn_protocols(list(protocols))
    with tls_server(context, talk) as server:
        yield server


@contextlib.contextmanager
def h2_server(certificates, handler=lambda request: OK):
    """A server that answers each request by the handler, and keeps them."""
    seen = []
    with serving(certificates, answering(handler, seen)) as server:
        server.seen = seen
        server.url = f"https://localhost:{server.port}"
        yield server


@contextlib.contextmanager
def connected(server, certificates, **kw):
    conn = HTTP2Connection("localhost", server.port, timeout=10, ca_certs=certificates.ca, **kw)
    try:
        conn.connect()
        yield conn
    finally:
        conn.close()


@contextlib.contextmanager
def pool_for(server, certificates, **kw):
    kw = {"retries": False, "timeout": 10, "ca_certs": certificates.ca, **kw}
    with HTTPSConnectionPool("localhost", server.port, **kw) as pool:
        yield pool


# ---------------------------------------------------------------- in and out again


def test_h2_must_be_there_in_version_4(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(ImportError, match="No package metadata was found for h2"):
        http2.inject_into_urllib3()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.2.0")
    with pytest.raises(ImportError) as caught:
        http2.inject_into_urllib3()
    assert str(caught.value) == (
        "urllib3 v2 supports h2 version 4.x.x, currently the 'h2' module is compiled with '3.2.0'. "
        "See: https://github.com/urllib3/urllib3/issues/3290"
    )
    assert http2.orig_HTTPSConnection is None
    assert HTTPSConnectionPool.ConnectionCls is HTTPSConnection


def test_injecting_and_extracting_may_be_done_twice():
    """In 2.8.0 the second time breaks https; and http/1.1 is not offered."""

    class Mine(HTTPSConnectionPool):
        ConnectionCls = HTTPSConnection

    existing = HTTPSConnectionPool("h")
    http2.extract_from_urllib3()
    assert HTTPSConnectionPool.ConnectionCls is HTTPSConnection
    for _ in range(2):
        http2.inject_into_urllib3()
        assert http2.orig_HTTPSConnection is HTTPSConnection
        assert HTTPSConnectionPool.ConnectionCls is HTTP2Connection
        assert urllib3.connection.HTTPSConnection is HTTP2Connection
        assert urllib3.util.ALPN_PROTOCOLS == ssl_.ALPN_PROTOCOLS == ["h2", "http/1.1"]
    assert type(existing._new_conn()) is HTTP2Connection
    assert type(Mine("h")._new_conn()) is HTTPSConnection
    assert urllib3.connection.VerifiedHTTPSConnection is HTTPSConnection
    assert urllib3.connectionpool.HTTPSConnection is HTTPSConnection
    for _ in range(2):
        http2.extract_from_urllib3()
        assert http2.orig_HTTPSConnection is None
        assert HTTPSConnectionPool.ConnectionCls is HTTPSConnection
        assert urllib3.connection.HTTPSConnection is HTTPSConnection
        assert urllib3.util.ALPN_PROTOCOLS == ssl_.ALPN_PROTOCOLS == ["http/1.1"]


# ---------------------------------------------------------------- which protocol


@pytest.mark.parametrize("protocols", [["http/1.1"], ["h2", "http/1.1"]])
def test_the_protocol_agreed_on_is_spoken(certificates, injected, protocols):
    """2.8.0 speaks HTTP/2 to everybody."""
    talk = None if protocols == ["http/1.1"] else answering(lambda request: OK, [])
    with serving(certificates, talk, protocols) as server:
        with pool_for(server, certificates) as pool:
            for body in (None, b"abc", [b"a", b"b"]):
                response = pool.request("POST", "/", body=body)
                assert response.data == b"ok"
                assert response.version == (11 if talk is None else 20)
    assert server.protocols == [protocols[0]]
    assert probe._values() == {("localhost", server.port): protocols[0] == "h2"}


def test_a_server_without_alpn_is_spoken_to_in_http_1(certificates, injected):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.localhost.path)
    with tls_server(context) as server, pool_for(server, certificates) as pool:
        assert pool.request("GET", "/").version_string == "HTTP/1.1"
    assert server.protocols == [None]


def test_without_injection_nobody_probes(certificates):
    heard = []

    class Observed(HTTPSConnection):
        _connect_callback = staticmethod(lambda *args, **kw: heard.append(kw))

    with serving(certificates, None) as server:
        conn = Observed("localhost", server.port, timeout=10, ca_certs=certificates.ca)
        conn.connect()
        conn.close()
    assert server.protocols == ["http/1.1"]
    assert [kw["target_supports_http2"] for kw in heard] == [False]
    assert probe._values() == {}


def test_a_failure_to_connect_leaves_support_unknown(certificates, injected):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        conn = HTTP2Connection("localhost", sock.getsockname()[1], timeout=10)
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            conn.connect()
        assert probe._values() == {("localhost", conn.port): None}
        assert probe.acquire_and_get("localhost", conn.port) is None
        probe.set_and_release("localhost", conn.port, None)


# ---------------------------------------------------------------- the probe


@pytest.fixture
def cache():
    return probe._HTTP2ProbeCache()


def elsewhere(function, *args):
    """What a call gives in another thread; the thread is started, not waited for."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function(*args)), daemon=True)
    thread.start()
    return thread, found


def test_one_thread_probes_and_others_wait(cache):
    assert cache.acquire_and_get("h", 1) is None
    thread, found = elsewhere(cache.acquire_and_get, "h", 1)
    thread.join(0.02)
    assert found == []
    cache.set_and_release("h", 1, True)
    thread.join(10)
    assert found == [True]
    assert cache.acquire_and_get("h", 1) is True
    assert cache._values() == {("h", 1): True}
    cache._reset()
    assert cache._values() == {}


def test_a_probe_given_up_is_taken_over(cache):
    assert cache.acquire_and_get("h", 1) is None

    def probe_again():
        known = cache.acquire_and_get("h", 1)
        cache.set_and_release("h", 1, False)
        return known

    thread, found = elsewhere(probe_again)
    cache.set_and_release("h", 1, None)
    thread.join(10)
    assert found == [None]
    assert cache.acquire_and_get("h", 1) is False


def test_misuse_of_the_probe(cache):
    with pytest.raises(KeyError) as caught:
        cache.set_and_release("h", 1, True)
    assert caught.value.args == (("h", 1),)
    cache.acquire_and_get("h", 1)
    cache.set_and_release("h", 1, True)
    with pytest.raises(ValueError, match="Cannot reset HTTP/2 support for origin after value"):
        cache.set_and_release("h", 1, None)
    with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
        cache.set_and_release("h", 1, True)


def test_each_acquire_needs_its_release(cache):
    assert cache.acquire_and_get("h", 1) is None
    assert cache.acquire_and_get("h", 1) is None
    cache.set_and_release("h", 1, None)
    thread, found = elsewhere(cache.acquire_and_get, "h", 1)
    thread.join(0.02)
    assert found == []
    cache.set_and_release("h", 1, False)
    thread.join(10)
    assert found == [False]
    assert probe.__all__ == ["acquire_and_get", "set_and_release"]


# ---------------------------------------------------------------- requests


def asked(fields):
    """The fields of a request without those that all have."""
    return [field for field in fields if field[0] not in (":scheme", ":authority") and field != UA]


def test_requests_follow_each_other_on_one_connection(certificates, injected, caplog):
    caplog.set_level("DEBUG", "urllib3.connectionpool")
    with h2_server(certificates) as server, pool_for(server, certificates) as pool:
        for path in ("/p?q", "/2"):
            assert pool.request("GET", path).data == b"ok"
    first, second = server.seen
    assert (first.stream, second.stream) == (1, 3)
    assert first.fields == [
        (":scheme", "https"),
        (":method", "GET"),
        (":authority", f"localhost:{server.port}"),
        (":path", "/p?q"),
        UA,
    ]
    assert second[":path"] == "/2"
    assert '"GET /2 HTTP/2" 200 0' in caplog.text


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b"abc", b"abc"),
        ("h\xe9", b"h\xc3\xa9"),
        (bytearray(b"abc"), b"abc"),
        ([b"ab", b"c"], b"abc"),
        (["\xe9"], b"\xc3\xa9"),
        (b"", b""),
        (None, b""),
        (lambda: io.BytesIO(b"x" * 50_000), b"x" * 50_000),
        (lambda: io.StringIO("h\xe9"), b"h\xc3\xa9"),
        (lambda: iter([b"ab", b"c"]), b"abc"),
    ],
)
def test_bodies_of_every_kind_one_after_the_other(certificates, injected, body, sent):
    """In 2.8.0 the second file or iterable on a connection hangs."""
    with h2_server(certificates) as server, pool_for(server, certificates) as pool:
        for _ in range(2):
            given = body() if callable(body) else body
            assert pool.request("POST", "/", body=given).data == b"ok"
        assert pool.num_connections == 1
    assert [bytes(request.body) for request in server.seen] == [sent, sent]


def test_headers_of_a_request(certificates, injected):
    headers = {"A": "b", b"C": b"d", "Transfer-Encoding": "chunked", "Content-Length": "1"}
    with h2_server(certificates) as server, connected(server, certificates) as conn:
        conn.request("POST", "", body=b"x", headers=headers, chunked=True)
        conn.getresponse()
        conn.request("GET", "/", headers={"User-Agent": "me", "Connection": "close"})
        conn.getresponse()
        conn.request("GET", "/", headers={"User-Agent": SKIP_HEADER, "Accept": SKIP_HEADER})
        conn.getresponse()
        with pytest.raises(h2.exceptions.ProtocolError, match="mismatched :authority and Host"):
            conn.request("GET", "/", headers={"Host": "another"})
    first, second, third = (asked(request.fields) for request in server.seen[:3])
    assert first == [
        (":method", "POST"),
        (":path", "/"),  # an error in 2.8.0 for an empty target
        ("a", "b"),
        ("c", "d"),
        ("content-length", "1"),
    ]
    assert second == [(":method", "GET"), (":path", "/"), ("user-agent", "me")]
    assert third == [(":method", "GET"), (":path", "/")]


def test_proxies_are_not_supported():
    text = "Proxies aren't supported with HTTP/2"
    for option in ("proxy", "proxy_config"):
        with pytest.raises(NotImplementedError, match=text):
            HTTP2Connection("h", **{option: None})
    with pytest.raises(NotImplementedError, match="does not support setting up a tunnel"):
        HTTP2Connection("h").set_tunnel("t")


def test_a_pool_with_a_proxy_fails_at_its_first_connection(injected):
    pool = HTTPSConnectionPool("h", _proxy=parse_url("http://p:1"))
    with pytest.raises(NotImplementedError, match="Proxies aren't supported with HTTP/2"):
        pool.request("GET", "/")


def test_the_steps_of_a_request_by_hand(certificates, injected):
    with h2_server(certificates) as server, connected(server, certificates) as conn:
        for step in (lambda: conn.endheaders(), lambda: conn.send(b"x")):
            with pytest.raises(ProtocolError, match=r"Must call `putrequest` first\."):
                step()
        for option in ("skip_host", "skip_accept_encoding"):
            with pytest.raises(NotImplementedError, match=f"`{option}` isn't supported"):
                conn.putrequest("GET", "/", **{option: True})
        with pytest.raises(http.client.InvalidURL):
            conn.putrequest("GET", "/a b")
        conn.putrequest("post", "/")
        assert conn._h2_stream == 1
        with pytest.raises(ValueError, match="Illegal header name b'x y'"):
            conn.putheader("X Y", "1")
        with pytest.raises(ValueError, match=r"Illegal header value b'a\\nb'"):
            conn.putheader("X", "a\nb")
        with pytest.raises(TypeError):
            conn.putheader("X", 1)
        conn.putheader("X", "1", b"2")
        with pytest.raises(
            TypeError, match=r"should be str, bytes, iterable, or file\. got <class 'int'>"
        ):
            conn.send(5)
        conn.endheaders(b"body")
        conn.send(b"body")
        assert conn.getresponse().status == 200
    [request] = server.seen
    assert asked(request.fields) == [
        (":method", "post"),
        (":path", "/"),
        ("x", "1"),
        ("x", "2"),
    ]
    assert request.body == b"body"


@pytest.mark.parametrize(
    ("args", "authority"),
    [
        (("h.example.", 443), b"h.example:443"),
        (("h", None), b"h:443"),
        (("h", 0), b"h:0"),
        (("::1", 8443), b"[::1]:8443"),
    ],
)
def test_the_authority_has_its_port_always(args, authority):
    conn = HTTP2Connection(*args)
    conn.putrequest("GET", "/")
    assert (b":authority", authority) in conn._headers


def test_a_connection_opens_itself(certificates, injected):
    """An AttributeError in 2.8.0."""
    with h2_server(certificates) as server:
        conn = HTTP2Connection("localhost", server.port, timeout=10, ca_certs=certificates.ca)
        for _ in range(2):
            conn.request("GET", "/")
            assert conn.getresponse().data == b"ok"
            conn.close()
    assert [request.stream for request in server.seen] == [1, 1]


def test_closing_says_goodbye_and_forgets(certificates, injected):
    farewell = []
    over = threading.Event()

    def talk(sock):
        peer = Peer(sock)
        for event in peer.events():
            if isinstance(event, h2.events.RequestReceived):
                peer.head(event.stream_id, (":status", "200"), end=True)
            if isinstance(event, h2.events.ConnectionTerminated):
                farewell.append(event)
        over.set()

    with serving(certificates, talk) as server, connected(server, certificates) as conn:
        conn.request("GET", "/")
        conn.getresponse()
        conn.putrequest("GET", "/")
        before = conn._h2_conn
        conn.close()
        conn.close()
        assert (conn._h2_stream, conn._headers, conn.sock) == (None, [], None)
        assert conn._h2_conn is not before
        assert over.wait(10)
    [goodbye] = farewell
    assert goodbye.error_code == h2.errors.ErrorCodes.NO_ERROR


def test_what_may_stand_in_a_field():
    names = {b"a": 1, b"a-b_": 1, b"A": 0, b"": 0, b"a:": 0, b"a b": 0, b":path": 0, b"a\n": 0}
    assert {name: _is_legal_header_name(name) for name in names} == names
    values = {b"": 0, b"a": 0, b"a\tb": 0, b"\xe9": 0}
    values |= {b" a": 1, b"a ": 1, b"\ta": 1, b"a\0": 1, b"a\r": 1, b"a\n": 1, b"a\r\nb": 1}
    assert {value: _is_illegal_header_value(value) for value in values} == values


# ---------------------------------------------------------------- answers


def test_an_answer_in_pieces(certificates, injected):
    def talk(sock):
        peer = Peer(sock)
        for request in peer.requests():
            peer.head(request.stream, (":status", "103"), ("link", "x"))
            fields = [("x-a", "1"), ("x-a", "2"), ("content-encoding", "gzip")]
            peer.head(request.stream, (":status", "200"), *fields)
            peer.data(request.stream, b"[1,", end=False)
            peer.data(request.stream, b"2]", end=False)
            peer.head(request.stream, ("trailer", "x"), end=True)

    with serving(certificates, talk) as server, pool_for(server, certificates) as pool:
        response = pool.request("GET", "/x")
        assert isinstance(response, HTTP2Response)
        assert (response.status, response.version, response.reason) == (200, 20, None)
        assert response.version_string == "HTTP/2"
        assert response.headers.getlist("X-A") == ["1", "2"]
        assert "link" not in response.headers
        assert response.data == b"[1,2]"
        assert response.json() == [1, 2]
        assert (response.length_remaining, response.url) == (0, "/x")
        assert response.retries is not None
        response.close()


def test_an_answer_can_be_streamed_and_gives_its_connection_back(certificates, injected):
    """NotImplementedError in 2.8.0, and the connection is lost."""

    def handler(request):
        return OK[0], b"" if request[":method"] == "HEAD" else b"0123456789"

    with (
        h2_server(certificates, handler) as server,
        pool_for(server, certificates) as pool,
    ):
        response = pool.request("GET", "/", preload_content=False)
        assert list(response.stream(4)) == [b"0123", b"4567", b"89"]
        response = pool.request("GET", "/", preload_content=False)
        assert response.read(3) == b"012"
        response.drain_conn()
        response.release_conn()
        assert pool.request("HEAD", "/").status == 200
        assert pool.num_connections == 1


def test_redirects_are_followed(certificates, injected):
    """Never, in 2.8.0."""

    def handler(request):
        if request[":path"] == "/a":
            return [(":status", "303"), ("location", "/b")], b"moved"
        return OK

    with h2_server(certificates, handler) as server:
        with PoolManager(ca_certs=certificates.ca, timeout=10) as manager:
            response = manager.request("POST", f"{server.url}/a", body=b"x")
            assert (response.status, response.url) == (200, "/b")
    assert [(each[":method"], each[":path"]) for each in server.seen] == [
        ("POST", "/a"),
        ("GET", "/b"),
    ]
    assert len(server.protocols) == 1


def test_a_redirect_to_a_whole_url_asks_for_its_path(certificates, injected):
    """HTTP/1.1 may send the URL as it is, HTTP/2 has another place for each of its parts."""

    def handler(request):
        if request[":path"] == "/a":
            return [(":status", "303"), ("location", f"{server.url}/b?c#d")], b""
        return OK

    with h2_server(certificates, handler) as server:
        with pool_for(server, certificates, retries=2) as pool:
            assert pool.request("GET", "/a").data == b"ok"
    assert [each[":path"] for each in server.seen] == ["/a", "/b?c"]


def test_a_status_is_retried(certificates, injected):
    def handler(request):
        return OK if len(server.seen) > 1 else ([(":status", "503")], b"")

    retries = Retry(2, status_forcelist=[503])
    with h2_server(certificates, handler) as server:
        with pool_for(server, certificates, retries=retries) as pool:
            assert pool.request("GET", "/").status == 200
            assert pool.num_connections == 1


def test_fifty_megabytes_there_and_back(certificates, injected):
    """2.8.0 fails beyond 64 KiB of a request."""
    body = bytes(range(256)) * (50 * MEGABYTE // 256)
    received = []

    def handler(request):
        received.append(len(request.body))
        return [(":status", "200")], bytes(request.body)

    with h2_server(certificates, handler) as server:
        with pool_for(server, certificates, timeout=30) as pool:
            assert pool.request("POST", "/", body=body).data == body
            assert pool.request("POST", "/", body=io.BytesIO(body[:MEGABYTE])).status == 200
            assert pool.num_connections == 1
    assert received == [len(body), MEGABYTE]


def test_a_server_may_answer_before_it_has_read_the_body(certificates, injected):
    resets = []
    cancelled = threading.Event()

    def talk(sock):
        peer = Peer(sock)
        for event in peer.events(acknowledge=False):
            if isinstance(event, h2.events.RequestReceived):
                peer.head(event.stream_id, (":status", "413"), end=True)
            if isinstance(event, h2.events.StreamReset):
                resets.append(event.error_code)
                cancelled.set()

    with serving(certificates, talk) as server, pool_for(server, certificates) as pool:
        assert pool.request("POST", "/", body=b"x" * MEGABYTE).status == 413
        assert cancelled.wait(10)
        assert pool.request("GET", "/").status == 413
    assert resets == [h2.errors.ErrorCodes.CANCEL]


def test_a_server_may_take_back_the_stream_it_has_answered(certificates, injected):
    def talk(sock):
        peer = Peer(sock)
        for event in peer.events():
            if isinstance(event, h2.events.RequestReceived):
                peer.conn.send_headers(event.stream_id, [(":status", "413")], end_stream=True)
                if not event.stream_ended:
                    peer.conn.reset_stream(event.stream_id, h2.errors.ErrorCodes.NO_ERROR)
                peer.flush()

    with serving(certificates, talk) as server, pool_for(server, certificates) as pool:
        for body in (b"x" * MEGABYTE, b"small", None):
            assert pool.request("POST", "/", body=body).status == 413


# ---------------------------------------------------------------- peers that give up


def after_request(action):
    """A server that does this once a request has arrived."""

    def talk(sock):
        peer = Peer(sock)
        for request in peer.requests():
            action(peer, request.stream)
            peer.flush()
            if action.__name__.startswith("close"):
                # A close with anything unread is a reset, which may overtake what was sent.
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
                return

    return talk


def close_at_once(peer, stream):
    pass


def close_within_the_body(peer, stream):
    peer.head(stream, (":status", "200"))
    peer.data(stream, b"half", end=False)


def close_with_goaway(peer, stream):
    peer.conn.close_connection(last_stream_id=0)


def reset(peer, stream):
    peer.conn.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)


def reset_within_the_body(peer, stream):
    peer.head(stream, (":status", "200"))
    peer.conn.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)


def reset_within_the_body_without_a_reason(peer, stream):
    peer.head(stream, (":status", "200"))
    peer.data(stream, b"half", end=False)
    peer.conn.reset_stream(stream, h2.errors.ErrorCodes.NO_ERROR)


def talk_nonsense(peer, stream):
    peer.sock.sendall(b"\0\0\1\0\0\0\0\0\0x")  # DATA on stream 0


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (close_at_once, "Remote end closed connection without response"),
        (close_within_the_body, "Remote end closed connection"),
        (close_with_goaway, "GOAWAY from peer: NO_ERROR"),
        (reset, "RST_STREAM from peer: REFUSED_STREAM"),
        (reset_within_the_body, "RST_STREAM within the body: INTERNAL_ERROR"),
        (reset_within_the_body_without_a_reason, "RST_STREAM within the body: NO_ERROR"),
        (talk_nonsense, "Connection aborted"),
    ],
)
@pytest.mark.parametrize("body", [None, b"x" * 200_000])
def test_a_peer_that_gives_up_is_an_error(certificates, injected, action, text, body):
    """An endless loop, or a wait, in 2.8.0."""
    with serving(certificates, after_request(action)) as server:
        with pool_for(server, certificates) as pool:
            with pytest.raises(ProtocolError, match=text) as caught:
                pool.request("POST", "/", body=body)
    assert isinstance(caught.value.args[1], http.client.HTTPException)


def test_a_stream_that_was_refused_is_tried_again(certificates, injected):
    seen = []

    def talk(sock):
        peer = Peer(sock)
        for request in peer.requests():
            seen.append(request.stream)
            if len(seen) < 3:
                reset(peer, request.stream)
                peer.flush()
            else:
                peer.head(request.stream, (":status", "200"), end=True)

    with serving(certificates, talk) as server:
        with pool_for(server, certificates, retries=2) as pool:
            assert pool.request("GET", "/").status == 200
        seen.clear()
        with pool_for(server, certificates, retries=Retry(1)) as pool:
            with pytest.raises(MaxRetryError) as caught:
                pool.request("GET", "/")
    assert isinstance(caught.value.reason.args[1], StreamFailed)


def test_a_server_that_goes_away_still_answers_what_it_has_accepted(certificates, injected):
    connections = []

    def talk(sock):
        connections.append(sock)
        peer = Peer(sock)
        for request in peer.requests():
            peer.head(request.stream, (":status", "200"))
            # By hand, for h2 would send nothing behind it: GOAWAY, stream 1, NO_ERROR.
            peer.sock.sendall(b"\0\0\x08\x07\0\0\0\0\0" + b"\0\0\0\x01" + b"\0\0\0\0")
            peer.data(request.stream, b"last words")

    with serving(certificates, talk) as server, pool_for(server, certificates) as pool:
        for _ in range(2):
            assert pool.request("GET", "/").data == b"last words"
    assert len(connections) == 2


def test_a_silent_server_is_a_timeout(certificates, injected):
    with serving(certificates, after_request(lambda peer, stream: None)) as server:
        timeout = urllib3.Timeout(connect=10, read=0.05)
        with pool_for(server, certificates, timeout=timeout) as pool:
            with pytest.raises(ReadTimeoutError, match=r"\(read timeout=0.05\)"):
                pool.request("GET", "/")


def test_errors_of_h2_itself_leave_as_they_are(certificates, injected):
    with h2_server(certificates) as server, pool_for(server, certificates) as pool:
        with pytest.raises(h2.exceptions.ProtocolError):
            pool.request("GET", "/", headers={"Host": "another"})
        assert pool.request("GET", "/").data == b"ok"


def test_unread_frames_make_a_connection_unfit(certificates, injected):
    def talk(sock):
        peer = Peer(sock)
        for request in peer.requests():
            peer.head(request.stream, (":status", "200"), end=True)
            peer.conn.ping(b"12345678")
            peer.flush()

    with serving(certificates, talk) as server, pool_for(server, certificates) as pool:
        pool.request("GET", "/")
        [conn] = [each for each in pool.pool.queue if each]
        assert urllib3.util.wait_for_read(conn.sock, 10)
        assert not conn.is_connected
        assert pool.request("GET", "/").status == 200
    assert len(server.protocols) == 2


# ---------------------------------------------------------------- a server as people run it


@pytest.fixture(scope="module")
def nghttpd(tmp_path_factory, certificates):
    program = need("nghttpd")
    folder = tmp_path_factory.mktemp("nghttpd")
    (folder / "index.html").write_bytes(b"index")
    (folder / "large").write_bytes(b"0123456789abcdef" * (MEGABYTE // 4))
    identity = certificates.localhost

    def command(port):
        place = ["--address=127.0.0.1", f"--htdocs={folder}"]
        return [program, *place, "--echo-upload", str(port), identity.key, identity.certificate]

    with running(command, folder) as port:
        yield port


@pytest.mark.external("nghttpd")
def test_nghttpd_is_spoken_to(nghttpd, certificates, injected):
    with PoolManager(ca_certs=certificates.ca, timeout=30) as manager:
        url = f"https://localhost:{nghttpd}"
        for _ in range(3):
            response = manager.request("GET", f"{url}/")
            assert (response.version, response.data) == (20, b"index")
        assert manager.request("GET", f"{url}/missing").status == 404
        large = manager.request("GET", f"{url}/large").data
        assert large == b"0123456789abcdef" * (MEGABYTE // 4)
        for body in (b"small", large, io.BytesIO(large)):
            response = manager.request("POST", f"{url}/", body=body)
            assert response.data == (body if isinstance(body, bytes) else large)
        assert manager.connection_from_url(url).num_connections <= 3
