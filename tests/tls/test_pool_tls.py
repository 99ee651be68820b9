"""A pool of TLS connections: what is verified, what goes wrong, and whose words say so."""

from __future__ import annotations

import logging
import pickle

import pytest

from tests.support.scripted import Call, Recv, Send, Stall, serve
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HandshakeTimeoutError,
    InsecureRequestWarning,
    MaxRetryError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util.ssl_match_hostname import CertificateError
from urllib3.util.url import Url

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def pool_for(server, **kw):
    kw.setdefault("retries", False)
    kw.setdefault("timeout", 10)
    return HTTPSConnectionPool("localhost", server.port, **kw)


@pytest.fixture
def server(certificates):
    with serve(handler=lambda request: OK, tls=certificates.localhost.server_context()) as server:
        yield server


def test_a_trusted_server_is_verified(certificates, server, caplog):
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    with pool_for(server, ca_certs=certificates.ca) as pool:
        assert pool.request("GET", "/").data == b"ok"
        assert [conn.is_verified for conn in pool.pool.queue] == [True]
    assert caplog.messages == [
        f"Starting new HTTPS connection (1): localhost:{server.port}",
        f'https://localhost:{server.port} "GET / HTTP/1.1" 200 0',
    ]


def test_an_unverified_request_is_warned_of_each_time(server):
    with pool_for(server, cert_reqs="CERT_NONE") as pool:
        for _ in range(2):
            with pytest.warns(InsecureRequestWarning, match="made to host 'localhost'"):
                assert pool.request("GET", "/").data == b"ok"


@pytest.mark.parametrize(("retries", "attempts"), [(None, 4), (Retry(5, other=1), 2)])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_authority_is_tried_again_and_named(server, method, retries, attempts):
    with pool_for(server, retries=retries) as pool:
        with pytest.raises(MaxRetryError) as caught:
            pool.request(method, "/")
        assert pool.num_connections == attempts
    assert isinstance(caught.value.reason, SSLError)
    assert "certificate verify failed" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "Hostname mismatch"),
        ({"assert_hostname": "wrong"}, "hostname 'wrong' doesn't match"),
        ({"assert_fingerprint": "aa" * 32}, "Fingerprints did not match"),
        ({"assert_hostname": "example.com"}, None),
        ({"assert_hostname": False}, None),
        ({"server_hostname": "example.com"}, None),
    ],
)
def test_the_name_that_is_asked_for_is_checked(certificates, options, text):
    context = certificates.example.server_context()
    with serve(handler=lambda request: OK, tls=context) as server:
        with pool_for(server, ca_certs=certificates.ca, **options) as pool:
            if text is None:
                assert pool.request("GET", "/").data == b"ok"
                return
            with pytest.raises(SSLError, match=text) as caught:
                pool.request("GET", "/")
    if "assert_hostname" in options:
        assert isinstance(caught.value.args[0], CertificateError)


@pytest.mark.parametrize("answer", [OK, b""], ids=["plain HTTP", "nothing"])
def test_a_peer_that_speaks_no_tls_is_an_ssl_error(answer):
    def answer_hello(sock):
        sock.recv(100_000)
        sock.sendall(answer)

    with serve([Call(answer_hello)]) as server, pool_for(server) as pool:
        with pytest.raises(SSLError):
            pool.request("GET", "/")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_handshake_that_stalls_is_a_connect_timeout(method):
    retries = Retry(total=5, connect=1, read=0, other=0)
    with serve([Stall()], [Stall()]) as server:
        with pool_for(server, timeout=Timeout(connect=0.05, read=9), retries=retries) as pool:
            with pytest.raises(MaxRetryError) as caught:
                pool.request(method, "/")
            assert pool.num_connections == 2
    assert type(caught.value.reason) is HandshakeTimeoutError


@pytest.mark.parametrize(
    "caught_as", [ConnectTimeoutError, ReadTimeoutError, HandshakeTimeoutError]
)
def test_it_is_caught_as_either_kind_of_timeout_and_says_what_it_always_said(caught_as):
    with serve([Stall()]) as server, pool_for(server, timeout=0.05) as pool:
        with pytest.raises(caught_as) as caught:
            pool.request("GET", "/where", retries=False)
        error = caught.value
        assert str(error) == f"{pool}: Read timed out. (read timeout=0.05)"
        assert (error.pool, error.url) == (pool, "/where")
        assert isinstance(error.__cause__, TimeoutError)
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is HandshakeTimeoutError
    assert (copied.pool, copied.url, str(copied)) == (
        None,
        "/where",
        "None: Read timed out. (read timeout=0.05)",
    )


def test_a_pool_with_an_error_of_its_own_for_timeouts_raises_that():
    class Slow(ReadTimeoutError):
        pass

    class Own(HTTPSConnectionPool):
        def _raise_timeout(self, err, url, timeout_value):
            raise Slow(self, url, f"slow: {timeout_value}") from err

    with serve([Stall()]) as server, Own(server.host, server.port, timeout=0.05) as pool:
        with pytest.raises(Slow, match=r"slow: 0\.05"):
            pool.request("GET", "/", retries=False)


def test_a_policy_that_knows_connect_errors_in_its_own_way_is_asked():
    class Own(Retry):
        def _is_connection_error(self, err):
            return False

    with serve([Stall()]) as server, pool_for(server, timeout=0.05) as pool:
        with pytest.raises(ReadTimeoutError):
            pool.request("POST", "/", retries=Own(3))
        assert pool.num_connections == 1


@pytest.mark.parametrize("error", [SSLError("late"), CertificateError("late")])
def test_tls_that_fails_late_is_an_ssl_error(error):
    with serve([Recv(), Send(OK)]) as server:
        with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
            conn = pool._get_conn()

            def fail():
                raise error

            conn.getresponse = fail
            pool._put_conn(conn)
            with pytest.raises(SSLError):
                pool.urlopen("GET", "/")


def test_a_lost_connection_costs_an_attempt_and_a_count(caplog):
    with serve([Recv()], [OK]) as server:
        with HTTPConnectionPool(server.host, server.port, retries=1) as pool:
            assert pool.urlopen("GET", "/").data == b"ok"
            assert (pool.num_requests, pool.num_connections) == (2, 2)
    assert len(caplog.records) == 1


def test_a_pool_that_does_not_block_makes_as_many_connections_as_are_asked_for(caplog):
    with serve(handler=lambda request: OK) as server:
        with HTTPConnectionPool(server.host, server.port, maxsize=2) as pool:
            streams = [pool.urlopen("GET", "/", preload_content=False) for _ in range(6)]
            for stream in streams:
                stream.read()
            assert pool.num_connections == 6
            assert pool.pool.qsize() == 2
    assert len(caplog.records) == 4


def test_a_pool_behind_a_proxy_dials_the_proxy_and_names_the_target():
    proxy = Url("http", host="proxy.test", port=3128)
    pool = HTTPSConnectionPool("h", 443, _proxy=proxy, _proxy_headers={"A": "b"})
    conn = pool._new_conn()
    assert (conn.host, conn.port, conn.proxy) == ("proxy.test", 3128, proxy)
    assert conn.socket_options == []
    assert str(pool) == "HTTPSConnectionPool(host='h', port=443)"
    told = {}
    conn.set_tunnel = lambda **kw: told.update(kw)
    conn.connect = lambda: told.update(connected=True)
    pool._prepare_proxy(conn)
    assert told == {
        "scheme": "http",
        "host": "h",
        "port": 443,
        "headers": {"A": "b"},
        "connected": True,
    }


def test_backoff_grows_and_wrappers_find_their_arguments(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    waits, seen = [], []
    monkeypatch.setattr("time.sleep", waits.append)
    original = HTTPConnectionPool.urlopen

    def wrapped(pool, method, url, *args, **kw):
        seen.append((method, url, pool.scheme, pool.host, pool.port))
        return original(pool, method, url, *args, **kw)

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", wrapped)
    redirect = b"HTTP/1.1 302 Go\r\nLocation: /two\r\nbad line\r\nContent-Length: 0\r\n\r\n"
    with serve([Recv()], [Recv()], [Recv()], [redirect, OK]) as server:
        policy = Retry(9, backoff_factor=0.1)
        with HTTPConnectionPool(server.host, server.port, retries=policy) as pool:
            assert pool.urlopen("GET", "/one").data == b"ok"
        place = ("http", server.host, server.port)
    assert waits == [0.2, 0.4]
    assert seen == [("GET", "/one", *place), ("GET", "/two", *place)]
    assert "Redirecting /one -> /two" in caplog.messages
    assert any(
        message.startswith(f"Failed to parse headers (url=http://{server.host}:")
        for message in caplog.messages
    )


def test_a_number_of_retries_is_logged_as_the_policy_it_becomes(caplog):
    caplog.set_level(logging.DEBUG, "urllib3.util.retry")
    with serve([Recv(), Send(b"")]) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            with pytest.raises(ProtocolError):
                pool.urlopen("POST", "/", retries=1)
    assert caplog.messages[0].startswith("Converted retries value: 1 -> Retry(total=1, ")
