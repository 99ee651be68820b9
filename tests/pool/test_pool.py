"""The pool: leasing, expiry, closing, and what becomes of a request that fails."""

from __future__ import annotations

import gc
import io
import logging
import queue
import socket
import threading
import weakref

import pytest

import urllib3
from tests.support.scripted import Recv, Reset, Send, Stall, serve
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry, Timeout, connection_from_url
from urllib3.connectionpool import ConnectionPool, _normalize_host, _url_from_pool
from urllib3.exceptions import (
    ClosedPoolError,
    ConnectTimeoutError,
    EmptyPoolError,
    FullPoolError,
    HostChangedError,
    LocationParseError,
    LocationValueError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    UnrewindableBodyError,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def answer(request):
    return OK


def pool_for(server, **kw):
    kw.setdefault("retries", False)
    return HTTPConnectionPool(server.host, server.port, **kw)


def slots(pool):
    """What the pool keeps: the number of connections, and of empty slots."""
    kept = [conn is not None for conn in pool.pool.queue]
    return sum(kept), len(kept) - sum(kept)


@pytest.fixture
def refused_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


# ---------------------------------------------------------------- construction


@pytest.mark.parametrize(
    ("kw", "error", "text"),
    [
        ({"host": ""}, LocationValueError, "No host specified."),
        ({"host": None}, LocationValueError, "No host specified."),
        ({"host": "exa mple.com"}, LocationParseError, "contains invalid character ' '"),
        ({"host": "h", "timeout": 0}, ValueError, "Attempted to set connect timeout to 0"),
        ({"host": "h", "timeout": "x"}, ValueError, "Timeout value connect was x"),
        ({"host": "h", "timeout": True}, ValueError, "Timeout cannot be a boolean value"),
    ],
)
def test_an_impossible_pool_is_refused_at_once(kw, error, text):
    with pytest.raises(error, match=text):
        HTTPConnectionPool(**kw)


@pytest.mark.parametrize(
    ("given", "host", "tunnel"),
    [
        ("Example.COM", "example.com", "example.com"),
        ("example.com.", "example.com.", "example.com."),
        ("[FE80::1%25eth0]", "fe80::1%eth0", "[fe80::1%eth0]"),
        ("[::1]", "::1", "[::1]"),
        ("b\xfccher.example", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("ex%61mple", "example", "example"),
    ],
)
def test_a_host_is_normalised(given, host, tunnel):
    pool = HTTPConnectionPool(given)
    assert (pool.host, pool._tunnel_host) == (host, tunnel)
    assert _normalize_host(given, scheme="http") == host


def test_a_pool_says_what_it_is_and_closes_itself():
    assert str(ConnectionPool("h", 80)) == "ConnectionPool(host='h', port=80)"
    with HTTPSConnectionPool("h") as pool:
        assert str(pool) == "HTTPSConnectionPool(host='h', port=None)"
    assert pool.pool is None


def test_the_queue_class_is_looked_up_late(monkeypatch):
    class Other(queue.LifoQueue):
        pass

    assert isinstance(HTTPConnectionPool("h").pool, queue.LifoQueue)
    monkeypatch.setattr(queue, "LifoQueue", Other)
    assert type(HTTPConnectionPool("h").pool) is Other
    monkeypatch.setattr(ConnectionPool, "QueueCls", queue.Queue)
    assert type(HTTPConnectionPool("h").pool) is queue.Queue


def test_the_queue_is_filled_with_empty_slots():
    assert slots(HTTPConnectionPool("h", maxsize=2)) == (0, 2)
    unbounded = HTTPConnectionPool("h", maxsize=0)
    unbounded._put_conn(unbounded._new_conn())
    unbounded._put_conn(unbounded._new_conn())
    assert slots(unbounded) == (2, 0)
    with pytest.raises(EmptyPoolError):
        HTTPConnectionPool("h", maxsize=0, block=True)._get_conn(0.001)


def test_attributes_are_those_given():
    retries, timeout = Retry(2), Timeout(1)
    pool = HTTPConnectionPool("h", 1, timeout, 3, True, {"A": "b"}, retries, blocksize=9)
    assert pool.timeout is timeout
    assert pool.retries is retries
    assert (pool.block, pool.headers, pool.conn_kw) == (True, {"A": "b"}, {"blocksize": 9})
    assert (pool.num_connections, pool.num_requests, pool.proxy) == (0, 0, None)
    assert HTTPConnectionPool("h").retries is Retry.DEFAULT
    assert HTTPConnectionPool("h", retries=5).retries == 5
    assert not hasattr(pool, "ResponseCls")
    assert not hasattr(urllib3.connectionpool, "VerifiedHTTPSConnection")


# ---------------------------------------------------------------- lease


def test_one_connection_serves_one_request_after_the_other(caplog):
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    with serve(handler=answer) as server, pool_for(server) as pool:
        assert pool.urlopen("GET", "/x").data == b"ok"
        assert pool.urlopen("POST", "/y", body=b"z").data == b"ok"
        assert (server.connections, pool.num_connections, pool.num_requests) == (1, 1, 2)
        lines = [record.getMessage() for record in caplog.records]
        place = f"{server.host}:{server.port}"
    assert lines == [
        f"Starting new HTTP connection (1): {place}",
        f'http://{place} "GET /x HTTP/1.1" 200 0',
        f'http://{place} "POST /y HTTP/1.1" 200 0',
    ]


def test_what_finds_no_room_is_closed(caplog):
    pool = HTTPConnectionPool("h", maxsize=1)
    first, second = pool._get_conn(), pool._get_conn()
    pool._put_conn(first)
    pool._put_conn(second)
    pool._put_conn(None)
    assert slots(pool) == (1, 0)
    text = "Connection pool is full, discarding connection: h. Connection pool size: 1"
    assert [record.getMessage() for record in caplog.records] == [text, text]


@pytest.mark.parametrize("extra", [True, False])
def test_a_blocking_pool_refuses_what_it_did_not_lease(extra):
    pool = HTTPConnectionPool("h", 1, maxsize=1, block=True)
    conn = pool._new_conn() if extra else None
    with pytest.raises(FullPoolError) as caught:
        pool._put_conn(conn)
    assert str(caught.value) == (
        "HTTPConnectionPool(host='h', port=1): "
        "Pool reached maximum size and no more connections are allowed."
    )
    assert caught.value.pool is pool


@pytest.mark.parametrize("pool_timeout", [0, 0.01])
def test_an_exhausted_blocking_pool_says_so(pool_timeout):
    with serve(handler=answer) as server, pool_for(server, maxsize=1, block=True) as pool:
        held = pool.urlopen("GET", "/", preload_content=False)
        with pytest.raises(EmptyPoolError) as caught:
            pool.urlopen("GET", "/", pool_timeout=pool_timeout)
        assert pool.num_connections == 1
        held.read()
    assert str(caught.value).endswith(
        "Pool is empty and a new connection can't be opened due to blocking mode."
    )


def test_a_waiting_request_goes_on_when_a_connection_comes_back():
    with serve(handler=answer) as server, pool_for(server, maxsize=1, block=True) as pool:
        held = pool.urlopen("GET", "/", preload_content=False)
        got = []
        thread = threading.Thread(target=lambda: got.append(pool.urlopen("GET", "/").data))
        thread.start()
        held.read()
        thread.join()
        assert got == [b"ok"]
        assert server.connections == 1


@pytest.mark.parametrize("free", [True, False])
def test_a_negative_pool_timeout_is_a_value_error_and_changes_nothing(free):
    pool = HTTPConnectionPool("h", maxsize=1, block=True)
    leased = None if free else pool._get_conn()
    before = slots(pool)
    with pytest.raises(ValueError, match="'timeout' must be a non-negative number"):
        pool.urlopen("GET", "/", pool_timeout=-1)
    assert slots(pool) == before
    assert (leased is None) == free


def test_a_pool_that_does_not_block_ignores_the_pool_timeout():
    pool = HTTPConnectionPool("h", maxsize=1)
    assert pool._get_conn(-1) is not pool._get_conn(-1)


def test_more_streams_than_room_leave_one_connection(caplog):
    caplog.set_level(logging.WARNING)
    with serve(handler=answer) as server, pool_for(server, maxsize=1) as pool:
        streams = [pool.urlopen("GET", "/", preload_content=False) for _ in range(3)]
        assert [r.read() for r in streams] == [b"ok"] * 3
        assert (pool.num_connections, slots(pool), len(caplog.records)) == (3, (1, 0), 2)


def test_threads_share_a_blocking_pool():
    with serve(handler=answer) as server, pool_for(server, maxsize=2, block=True) as pool:
        results = []

        def work():
            results.append(pool.urlopen("GET", "/").status)

        threads = [threading.Thread(target=work) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [200] * 12
        assert pool.num_connections <= 2
        assert pool.pool.qsize() == 2


@pytest.mark.parametrize(
    ("kw", "error"),
    [
        ({"timeout": "x"}, ValueError),
        ({"body": 5}, TypeError),
        ({"headers": {"A": "b\nc"}}, ValueError),
        ({"headers": {"A": None}}, TypeError),
        ({"method": "GE T"}, ValueError),
        ({"unknown": 1}, TypeError),
    ],
)
def test_a_request_that_cannot_be_made_leaves_its_slot(kw, error):
    with serve(handler=answer) as server, pool_for(server, maxsize=1, block=True) as pool:
        with pytest.raises(error):
            pool.urlopen(**{"method": "GET", "url": "/", **kw})
        assert slots(pool) == (0, 1)
        assert pool.urlopen("GET", "/").data == b"ok"


def test_an_unknown_setting_shows_when_a_connection_is_made():
    pool = HTTPConnectionPool("h", foo=1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'foo'"):
        pool.urlopen("GET", "/", retries=False)


# ---------------------------------------------------------------- closing


def test_a_closed_pool_lets_streams_end_and_nothing_begin():
    with serve(handler=answer) as server:
        pool = pool_for(server)
        held = pool.urlopen("GET", "/", preload_content=False)
        conn = held.connection
        pool.close()
        assert held.read() == b"ok"
        assert conn.is_closed
        with pytest.raises(ClosedPoolError, match="Pool is closed"):
            pool.urlopen("GET", "/")
        assert pool.is_same_host("/x")


def test_closing_twice_and_returning_to_a_closed_pool_do_nothing():
    pool = HTTPConnectionPool("h")
    pool.close()
    pool.close()
    pool._put_conn(None)
    pool._put_conn(pool._new_conn())
    assert pool.pool is None


def test_idle_sockets_close_with_a_collected_pool():
    with serve(handler=answer) as server:
        pool = pool_for(server)
        pool.urlopen("GET", "/")
        (sock,) = [conn.sock for conn in pool.pool.queue]
        del pool
        gc.collect()
        assert sock.fileno() == -1


def test_a_stream_keeps_its_pool():
    with serve(handler=answer) as server:
        pool = pool_for(server)
        kept = weakref.ref(pool)
        response = pool.urlopen("GET", "/", preload_content=False)
        del pool
        gc.collect()
        assert kept() is not None
        assert response.read() == b"ok"
        kept().close()


def test_a_thread_that_waits_for_a_closed_pool_times_out():
    pool = HTTPConnectionPool("h", maxsize=1, block=True)
    leased = pool._get_conn()
    waiting = threading.Event()
    caught = []

    def wait():
        waiting.set()
        with pytest.raises(EmptyPoolError) as error:
            pool._get_conn(0.05)
        caught.append(error.value)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    pool.close()
    thread.join()
    assert len(caught) == 1
    pool._put_conn(leased)
    assert pool.pool is None


# ---------------------------------------------------------------- dropped and expired connections


def test_a_connection_the_server_closed_is_opened_again_unseen(caplog):
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    with serve([OK], [OK]) as server, pool_for(server) as pool:
        pool.urlopen("GET", "/")
        (conn,) = pool.pool.queue
        conn.sock.settimeout(10)
        assert conn.sock.recv(1, socket.MSG_PEEK) == b""
        pool.urlopen("GET", "/")
        assert (server.connections, pool.num_connections) == (2, 1)
    assert f"Resetting dropped connection: {server.host}" in caplog.messages


def test_a_connection_the_server_asked_to_close_is_opened_again():
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    with serve([closing], [OK]) as server, pool_for(server) as pool:
        assert pool.urlopen("GET", "/").data == b"ok"
        assert pool.urlopen("GET", "/").data == b"ok"
        assert (server.connections, pool.num_connections) == (2, 1)


@pytest.mark.parametrize("preload", [True, False])
def test_a_connection_that_was_upgraded_is_not_used_for_http_again(preload):
    switched = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\n\r\n"
    with serve([Recv(), Send(switched), Stall()], [Recv(), Send(OK), Stall()]) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            wanted = {"Upgrade": "tcp", "Connection": "Upgrade"}
            response = pool.urlopen("GET", "/", headers=wanted, preload_content=preload)
            assert response.status == 101
            response.close()
            response.release_conn()
            assert pool.urlopen("GET", "/").data == b"ok"
            assert server.connections == 2


def test_bytes_nobody_asked_for_end_a_connection():
    with serve([OK + b"HTTP/1.1 200 OK\r\n\r\nevil"], [OK]) as server, pool_for(server) as pool:
        assert pool.urlopen("GET", "/").data == b"ok"
        assert pool.urlopen("GET", "/").data == b"ok"
        assert server.connections == 2


def test_a_get_whose_connection_died_is_sent_again(caplog):
    with serve([OK, Recv()], [OK]) as server, pool_for(server, retries=1) as pool:
        pool.urlopen("GET", "/")
        response = pool.urlopen("GET", "/x")
        assert (response.data, server.connections) == (b"ok", 2)
    (record,) = caplog.records
    assert record.getMessage().startswith("Retrying (Retry(total=0, ")
    assert record.getMessage().endswith(
        "after connection broken by 'RemoteDisconnected("
        "'Remote end closed connection without response')': /x"
    )
    assert record.__dict__["__urllib3-retry-warning"] == {"host": server.host}


def test_a_post_whose_connection_died_is_not():
    with serve([OK, Recv()]) as server, pool_for(server, retries=3, block=True) as pool:
        pool.urlopen("GET", "/")
        with pytest.raises(ProtocolError) as caught:
            pool.urlopen("POST", "/", body=b"x")
        assert slots(pool) == (0, 1)
    assert caught.value.args[0] == "Connection aborted."
    assert type(caught.value.args[1]).__name__ == "RemoteDisconnected"


def test_answers_without_a_body_leave_the_connection_fit():
    answers = [
        b"HTTP/1.1 204 No\r\n\r\n",
        b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        OK,
    ]
    with serve(answers) as server, pool_for(server) as pool:
        assert [pool.urlopen(m, "/").data for m in ("GET", "GET", "HEAD", "GET")] == [
            b"",
            b"",
            b"",
            b"ok",
        ]
        assert server.connections == 1


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr("urllib3.connectionpool.time.monotonic", lambda: self.now)


@pytest.mark.parametrize(
    ("settings", "header", "wait", "connections"),
    [
        ({}, "", 89, 1),
        ({}, "", 90, 2),
        ({"idle_timeout": 5}, "", 4.9, 1),
        ({"idle_timeout": 5}, "", 5, 2),
        ({"idle_timeout": None}, "", 1e9, 1),
        ({}, "Keep-Alive: timeout=10, max=5\r\n", 8.9, 1),
        ({}, "Keep-Alive: timeout=10\r\n", 9, 2),
        ({"idle_timeout": None}, "Keep-Alive: timeout=10\r\n", 9, 2),
        ({"idle_timeout": 5}, "Keep-Alive: timeout=10\r\n", 5, 2),
        ({}, "Keep-Alive: timeout=0\r\n", 0, 2),
        ({"idle_timeout": None, "max_age": 7}, "", 6.9, 1),
        ({"idle_timeout": None, "max_age": 7}, "", 7, 2),
    ],
)
def test_a_connection_expires(monkeypatch, settings, header, wait, connections):
    clock = Clock(monkeypatch)
    reply = f"HTTP/1.1 200 OK\r\n{header}Content-Length: 2\r\n\r\nok".encode()
    with serve(handler=lambda request: reply) as server, pool_for(server, **settings) as pool:
        pool.urlopen("GET", "/")
        clock.now += wait
        pool.urlopen("GET", "/")
        assert server.connections == connections


def test_a_connection_grows_old_even_if_it_is_always_busy(monkeypatch):
    clock = Clock(monkeypatch)
    with serve(handler=answer) as server, pool_for(server, max_age=7) as pool:
        for _ in range(4):
            pool.urlopen("GET", "/")
            clock.now += 3
        assert server.connections == 2


def test_all_that_expired_are_closed_in_one_pass(monkeypatch):
    clock = Clock(monkeypatch)
    with serve(handler=answer) as server, pool_for(server, maxsize=3) as pool:
        streams = [pool.urlopen("GET", "/", preload_content=False) for _ in range(3)]
        for stream in streams:
            stream.read()
        idle = list(pool.pool.queue)
        clock.now += 100
        pool.urlopen("GET", "/")
        assert [conn.is_closed for conn in idle] == [True, True, False]
        assert slots(pool) == (1, 2)


# ---------------------------------------------------------------- errors and retries


def test_a_refused_connection_is_tried_four_times(refused_port, caplog):
    pool = HTTPConnectionPool("127.0.0.1", refused_port)
    with pytest.raises(MaxRetryError) as caught:
        pool.urlopen("GET", "/")
    place = f"(host='127.0.0.1', port={refused_port})"
    assert str(caught.value) == (
        f"HTTPConnectionPool{place}: Max retries exceeded with url: / "
        f'(Caused by NewConnectionError("HTTPConnection{place}: '
        'Failed to establish a new connection: [Errno 111] Connection refused"))'
    )
    assert isinstance(caught.value.__cause__, NewConnectionError)
    assert caught.value.reason is caught.value.__cause__
    assert isinstance(caught.value.reason.__cause__, ConnectionRefusedError)
    assert len(caplog.records) == 3


@pytest.mark.parametrize(
    ("retries", "error", "attempts"),
    [
        (False, NewConnectionError, 1),
        (Retry(connect=False), NewConnectionError, 1),
        (Retry(connect=0), MaxRetryError, 1),
        (1, MaxRetryError, 2),
    ],
)
def test_connecting_is_retried_for_any_method(refused_port, retries, error, attempts):
    pool = HTTPConnectionPool("127.0.0.1", refused_port)
    with pytest.raises(error):
        pool.urlopen("POST", "/", body=b"x", retries=retries)
    assert pool.num_connections == attempts


def test_a_name_nobody_knows_is_a_failed_connection(monkeypatch):
    def unknown(*args):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NameResolutionError) as caught:
        HTTPConnectionPool("nowhere.test", 80).urlopen("GET", "/", retries=False)
    assert str(caught.value) == (
        "HTTPConnection(host='nowhere.test', port=80): "
        "Failed to resolve 'nowhere.test' ([Errno -2] Name or service not known)"
    )
    assert isinstance(caught.value, (NewConnectionError, ConnectTimeoutError))


@pytest.mark.parametrize("host", ["a..b", ".a", "x" * 64])
def test_an_impossible_label_is_not_retried(host):
    with pytest.raises(
        LocationParseError, match=f"Failed to parse: '{host}', label empty or too long"
    ):
        HTTPConnectionPool(host).urlopen("GET", "/")


@pytest.mark.parametrize(
    ("kw", "shown"),
    [
        ({"timeout": Timeout(connect=0.3)}, "0.3"),
        ({"timeout": 0.2}, "0.2"),
        ({"timeout": Timeout(total=0.2)}, "0.2"),
        ({}, "0.1"),
    ],
)
def test_connecting_takes_no_longer_than_allowed(monkeypatch, kw, shown):
    def slow(address, timeout, **options):
        assert str(timeout) == shown
        raise TimeoutError("timed out")

    monkeypatch.setattr("urllib3.util.connection.create_connection", slow)
    pool = HTTPConnectionPool("h", 80, timeout=0.1)
    with pytest.raises(ConnectTimeoutError) as caught:
        pool.urlopen("GET", "/", retries=False, **kw)
    assert caught.value.args[1] == f"Connection to h timed out. (connect timeout={shown})"


@pytest.mark.parametrize("timeout", [Timeout(read=0.05), 0.05, Timeout(total=9, read=0.05)])
def test_a_silent_server_is_not_waited_for_longer_than_allowed(timeout):
    with serve([Recv(), Stall()]) as server, pool_for(server) as pool:
        with pytest.raises(
            ReadTimeoutError, match=r"Read timed out. \(read timeout=0.05\)"
        ) as caught:
            pool.urlopen("GET", "/", timeout=timeout)
    assert (caught.value.url, caught.value.pool) == ("/", pool)
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_reading_is_retried_for_idempotent_methods_only():
    silent = [Recv(), Stall()]
    with serve(silent, silent, silent) as server, pool_for(server, timeout=0.05) as pool:
        with pytest.raises(MaxRetryError):
            pool.urlopen("GET", "/", retries=1)
        with pytest.raises(ReadTimeoutError):
            pool.urlopen("POST", "/", retries=1)
        assert len(server.requests) == 3


def test_no_time_left_means_no_waiting():
    class Spent(Timeout):
        def clone(self):
            return Spent(total=self.total)

        @property
        def read_timeout(self):
            return 0

    with serve([Recv(), Stall()]) as server, pool_for(server) as pool:
        with pytest.raises(ReadTimeoutError, match=r"\(read timeout=0\)"):
            pool.urlopen("GET", "/", timeout=Spent(total=5))


def test_each_request_has_its_own_time():
    with serve(handler=answer) as server, pool_for(server, timeout=0.5) as pool:
        limits = []
        for timeout in (5, None, 0.25, Timeout(connect=1, read=2)):
            response = pool.urlopen("GET", "/", timeout=timeout, preload_content=False)
            limits.append(response.connection.sock.gettimeout())
            response.read()
        assert limits == [5, None, 0.25, 2]


def test_a_stream_that_stalls_ends_in_a_read_timeout():
    steps = [Recv(), Send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"), Stall()]
    with serve(steps) as server, pool_for(server, timeout=0.05) as pool:
        response = pool.urlopen("GET", "/", preload_content=False)
        assert response.read(3) == b"abc"
        with pytest.raises(ReadTimeoutError, match=r"Read timed out\.$"):
            response.read(3)
        assert slots(pool) == (1, 0)


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (b"garbage\r\n", r"BadStatusLine('garbage\r\n')"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "UnknownProtocol('HTTP/2.0')"),
        (b"HTTP/1.1 99 OK\r\n\r\n", r"BadStatusLine('HTTP/1.1 99 OK\r\n')"),
        (b"x" * 70000, "LineTooLong('got more than 65536 bytes when reading status line')"),
        (
            b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000,
            "LineTooLong('got more than 65536 bytes when reading header line')",
        ),
        (
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n",
            "HTTPException('got more than 100 headers')",
        ),
    ],
)
def test_what_is_not_http_is_a_protocol_error(reply, shown):
    with serve([Recv(), Send(reply), Stall()]) as server, pool_for(server, timeout=5) as pool:
        with pytest.raises(ProtocolError) as caught:
            pool.urlopen("GET", "/")
        assert slots(pool) == (0, 1)
    assert str(caught.value) == f"('Connection aborted.', {shown})"


def test_an_early_answer_is_read_though_sending_failed():
    with serve(handler=answer) as server, pool_for(server) as pool:
        pool.urlopen("GET", "/")
        (conn,) = pool.pool.queue
        send = conn.request

        def broken(*args, **kw):
            send(*args, **kw)
            raise BrokenPipeError(32, "Broken pipe")

        conn.request = broken
        assert pool.urlopen("POST", "/", body=b"x").data == b"ok"


@pytest.mark.parametrize(
    ("error", "raised"), [(OSError("disk"), ProtocolError), (ValueError("v"), ValueError)]
)
def test_a_body_that_cannot_be_read_fails_as_it_says(error, raised):
    class Broken:
        def read(self, size):
            raise error

    with serve(handler=answer) as server, pool_for(server) as pool:
        with pytest.raises(raised):
            pool.urlopen("PUT", "/", body=Broken())


def test_the_callers_retries_are_not_changed():
    class Own(Retry):
        pass

    own = Own(3)
    with serve([Recv()], [OK]) as server, pool_for(server) as pool:
        response = pool.urlopen("GET", "/", retries=own)
    assert type(response.retries) is Own
    assert (response.retries.total, own.total, own.history) == (2, 3, ())


def test_an_error_kept_in_the_history_holds_no_frames():
    with serve([Recv()], [OK]) as server, pool_for(server) as pool:
        response = pool.urlopen("GET", "/", retries=3)
    (entry,) = response.retries.history
    assert entry.error.__traceback__ is None
    assert entry.error.args[1].__traceback__ is None


def test_a_failed_request_leaves_nothing_for_the_collector(refused_port):
    pool = HTTPConnectionPool("127.0.0.1", refused_port)
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(MaxRetryError) as caught:
            pool.urlopen("GET", "/", retries=1)
        reason = weakref.ref(caught.value.reason)
        del caught
        assert reason() is None
    finally:
        gc.enable()


def test_the_slot_goes_back_before_the_backoff_sleep(monkeypatch):
    seen = []
    with serve([Recv()], [Recv()], [OK]) as server:
        pool = pool_for(server, maxsize=1, block=True, retries=Retry(3, backoff_factor=1))
        monkeypatch.setattr("time.sleep", lambda seconds: seen.append((seconds, slots(pool))))
        assert pool.urlopen("GET", "/").data == b"ok"
        pool.close()
    assert seen == [(2.0, (0, 1))]


# ---------------------------------------------------------------- redirects and status retries


def redirecting(location, status=302, extra=b""):
    def reply(request):
        if request.line.split()[1] == "/one":
            head = f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 4\r\n"
            return head.encode("latin-1") + extra + b"\r\ngone"
        return OK

    return reply


def test_a_redirect_is_followed_within_the_pool():
    with serve(handler=redirecting("/two#frag")) as server, pool_for(server, retries=3) as pool:
        response = pool.urlopen("GET", "/one")
        assert [r.line for r in server.requests] == ["GET /one HTTP/1.1", "GET /two HTTP/1.1"]
    assert response.url == "/two#frag"
    (entry,) = response.retries.history
    assert tuple(entry) == ("GET", "/one", None, 302, "/two#frag")
    assert response.retries.total == 2


@pytest.mark.parametrize("location", ["http://elsewhere.test/x", "http:///x", "http://?q"])
def test_a_redirect_elsewhere_is_refused(location):
    with serve(handler=redirecting(location)) as server, pool_for(server, retries=3) as pool:
        with pytest.raises(
            HostChangedError, match="Tried to open a foreign host with url: "
        ) as caught:
            pool.urlopen("GET", "/one")
        assert slots(pool) == (1, 0)
    assert (caught.value.url, caught.value.retries.total) == (location, 2)


def test_an_absolute_url_of_this_host_is_sent_whole():
    with serve(handler=answer) as server, pool_for(server) as pool:
        pool.urlopen("GET", server.url("/a/../b?x#f"))
        assert server.requests[0].line == f"GET http://{server.host}:{server.port}/b?x HTTP/1.1"


@pytest.mark.parametrize(
    "kw", [{"redirect": False}, {"retries": False}, {"retries": Retry(redirect=False)}]
)
def test_a_redirect_may_be_the_answer(kw):
    with serve(handler=redirecting("/two")) as server, pool_for(server) as pool:
        assert pool.urlopen("GET", "/one", **kw).status == 302


@pytest.mark.parametrize("retries", [0, Retry(redirect=0)])
def test_a_redirect_too_many_is_an_error(retries):
    with serve(handler=redirecting("/two")) as server, pool_for(server) as pool:
        with pytest.raises(MaxRetryError, match="too many redirects") as caught:
            pool.urlopen("GET", "/one", retries=retries)
        assert slots(pool) == (1, 0)
    assert caught.value.url == "/one"


def test_a_redirect_too_many_may_be_the_answer():
    with serve(handler=redirecting("/one")) as server, pool_for(server) as pool:
        response = pool.urlopen("GET", "/one", retries=Retry(redirect=1, raise_on_redirect=False))
        assert (response.status, response.data, len(server.requests)) == (302, b"gone", 2)
        with pytest.raises(MaxRetryError):
            pool.urlopen("GET", "/one", retries=3)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_other_redirects_keep_method_and_body(status, method):
    with serve(handler=redirecting("/two", status)) as server, pool_for(server, retries=3) as pool:
        pool.urlopen(method, "/one", body=b"abc", headers={"Content-Type": "x/y"})
        _, second = server.requests
    assert second.line == f"{method} /two HTTP/1.1"
    assert (second.body, dict(second.headers)["Content-Type"]) == (b"abc", "x/y")


@pytest.mark.parametrize("body", [b"abc", io.BytesIO(b"abc")])
def test_see_other_asks_for_a_bare_get(body):
    headers = {"Content-Type": "x/y", "X": "1", "content-encoding": "z"}
    with serve(handler=redirecting("/two", 303)) as server, pool_for(server, retries=3) as pool:
        response = pool.urlopen("POST", "/one", body=body, headers=headers, chunked=True)
        second = server.requests[1]
    assert second.line == "GET /two HTTP/1.1"
    assert [n for n, _ in second.headers] == ["Host", "Accept-Encoding", "User-Agent", "X"]
    assert second.body == b""
    assert response.retries.history[0].method == "GET"


@pytest.mark.parametrize(
    ("status", "location"), [(300, "/two"), (304, "/two"), (302, ""), (200, "/two")]
)
def test_what_is_no_redirect_is_the_answer(status, location):
    with serve(handler=redirecting(location, status)) as server, pool_for(server) as pool:
        assert pool.urlopen("GET", "/one", retries=3).status == status


@pytest.mark.parametrize(
    ("retries", "seen"),
    [
        (Retry(3), ["X"]),
        (Retry(3, remove_headers_on_redirect=["X"]), ["Authorization", "cookie"]),
        (Retry(3, remove_headers_on_redirect=[]), ["Authorization", "cookie", "X"]),
    ],
)
def test_secrets_do_not_follow_to_another_host(retries, seen):
    headers = {"Authorization": "s", "cookie": "t", "X": "1"}
    location = "http://example.com/two"
    with serve(handler=redirecting(location)) as server, pool_for(server) as pool:
        pool.urlopen("GET", "/one", headers=headers, retries=retries, assert_same_host=False)
        second = server.requests[1]
    assert second.line == "GET http://example.com/two HTTP/1.1"
    assert [n for n, _ in second.headers if n in headers] == seen
    assert ("Host", "example.com") in second.headers
    assert headers == {"Authorization": "s", "cookie": "t", "X": "1"}


def test_a_secret_named_in_bytes_does_not_follow_either():
    headers = {b"Authorization": "s"}
    with serve(handler=redirecting("http://example.com/two")) as server, pool_for(server) as pool:
        pool.urlopen("GET", "/one", headers=headers, retries=3, assert_same_host=False)
        assert "Authorization" not in dict(server.requests[1].headers)


def test_a_redirect_is_followed_after_the_time_it_asks_for(monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    reply = redirecting("/two", extra=b"Retry-After: 1\r\n")
    with serve(handler=reply) as server, pool_for(server) as pool:
        pool.urlopen("GET", "/one", retries=Retry(3, respect_retry_after_header=False))
        assert slept == [1]
    reply = redirecting("/two", extra=b"Retry-After: junk\r\n")
    with serve(handler=reply) as server, pool_for(server) as pool:
        pool.urlopen("GET", "/one", retries=3)
        assert slept == [1]


def test_a_redirect_whose_body_is_cut_short_is_followed_on_a_new_connection():
    cut = b"HTTP/1.1 302 Go\r\nLocation: /two\r\nContent-Length: 99\r\n\r\ncut"
    with serve([cut], [OK]) as server, pool_for(server) as pool:
        response = pool.urlopen("GET", "/one", retries=3, preload_content=False)
        assert (response.read(), server.connections) == (b"ok", 2)


def failing(status, extra=b"", times=99):
    count = iter(range(99))

    def reply(request):
        if next(count) < times:
            return b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n%b\r\nno" % (status, extra)
        return OK

    return reply


def test_a_status_on_the_list_is_tried_again(caplog):
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    with serve(handler=failing(500, times=1)) as server, pool_for(server) as pool:
        assert pool.urlopen("GET", "/", retries=3).status == 500
        assert pool.urlopen("GET", "/", retries=Retry(3, status_forcelist=[500])).status == 200
    with serve(handler=failing(500, times=1)) as server, pool_for(server) as pool:
        response = pool.urlopen("GET", "/x", retries=Retry(3, status_forcelist=[500]))
    assert response.url is None
    assert "Retry: /x" in caplog.messages


def test_a_status_too_often_is_an_error_or_the_answer():
    with serve(handler=failing(500)) as server, pool_for(server) as pool:
        with pytest.raises(MaxRetryError, match="too many 500 error responses"):
            pool.urlopen("GET", "/", retries=Retry(2, status_forcelist=[500]))
        quiet = Retry(1, status_forcelist=[500], raise_on_status=False)
        assert pool.urlopen("GET", "/", retries=quiet).data == b"no"
        assert pool.urlopen("POST", "/", retries=Retry(2, status_forcelist=[500])).status == 500
        with pytest.raises(MaxRetryError):
            pool.urlopen(
                "POST", "/", retries=Retry(1, status_forcelist=[500], allowed_methods=None)
            )


@pytest.mark.parametrize(
    ("status", "after", "retries", "requests", "slept"),
    [
        (503, b"1", 3, 4, [1, 1, 1]),
        (413, b"1", 1, 2, [1]),
        (429, b"1", 1, 2, [1]),
        (500, b"1", 3, 1, []),
        (503, b"1", 0, 1, []),
        (503, b"1", False, 1, []),
        (503, b"0", 3, 4, []),
        (503, b"", 3, 1, []),
        (503, b"Wed, 21 Oct 2015 07:28:00 GMT", 1, 2, []),
    ],
)
def test_a_server_may_ask_for_a_later_try(monkeypatch, status, after, retries, requests, slept):
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    reply = failing(status, b"Retry-After: %b\r\n" % after)
    with serve(handler=reply) as server, pool_for(server) as pool:
        assert pool.urlopen("GET", "/", retries=retries).status == status
        assert (len(server.requests), waits) == (requests, slept)


def test_whoever_patches_the_decision_of_all_retries_is_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(Retry, "is_retry", lambda self, *about: asked.append(about))
    with serve(handler=answer) as server, pool_for(server) as pool:
        pool.urlopen("GET", "/")
    assert asked == [("GET", 200, False)]


# ---------------------------------------------------------------- bodies, headers, URLs


@pytest.mark.parametrize(("kw", "sent"), [({}, b"456789"), ({"body_pos": 6}, b"6789")])
def test_a_file_is_sent_again_from_where_it_was(kw, sent):
    body = io.BytesIO(b"0123456789")
    body.seek(4)
    with serve(handler=failing(503, times=1)) as server, pool_for(server) as pool:
        pool.urlopen("PUT", "/", body=body, retries=Retry(3, status_forcelist=[503]), **kw)
        assert [r.body for r in server.requests] == [sent, sent]


def test_a_file_is_sent_again_whole_after_a_lost_connection():
    with serve([Recv()], [OK]) as server, pool_for(server) as pool:
        pool.urlopen("PUT", "/", body=io.BytesIO(b"abc"), retries=1)
        assert [r.body for r in server.requests] == [b"abc", b"abc"]


def test_a_body_that_cannot_be_wound_back_says_so():
    class NoSeek(io.BytesIO):
        seek = None

    class NoTell(io.BytesIO):
        def tell(self):
            raise OSError("no tell")

    class BadSeek(io.BytesIO):
        def seek(self, *args):
            raise OSError("no seek")

    with serve(handler=redirecting("/two", 307)) as server, pool_for(server) as pool:
        for body in (NoTell(b"x"), BadSeek(b"x")):
            with pytest.raises(UnrewindableBodyError):
                pool.urlopen("PUT", "/one", body=body, retries=3)
        assert pool.urlopen("PUT", "/", body=NoTell(b"x")).data == b"ok"
        with pytest.raises(ValueError, match="body_pos must be of type integer"):
            pool.urlopen("PUT", "/", body=io.BytesIO(b"x"), body_pos="x")


def test_a_requests_headers_replace_the_pools():
    with serve(handler=answer) as server:
        pool = pool_for(server, headers={"A": "1"}, _proxy_headers={"P": "2"})
        own = {"B": "2", "P": "mine"}
        for headers in (None, own, {}, urllib3.HTTPHeaderDict([("X", "1"), ("x", "2")])):
            pool.urlopen("GET", "/", headers=headers)
        pool.close()
        seen = [[h for h in r.headers if h[0] in ("A", "B", "X", "P")] for r in server.requests]
    assert seen == [
        [("A", "1"), ("P", "2")],
        [("B", "2"), ("P", "2")],
        [("P", "2")],
        [("X", "1"), ("X", "2"), ("P", "2")],
    ]
    assert own == {"B": "2", "P": "mine"}


def test_headers_are_a_mapping():
    with serve(handler=answer) as server, pool_for(server) as pool:
        with pytest.raises(AttributeError):
            pool.urlopen("GET", "/", headers=[("a", "b")])


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("/a b?c d#e", "/a%20b?c%20d"),
        ("/\xfc?\xfc", "/%C3%BC?%C3%BC"),
        ("/%zz", "/%25zz"),
        ("/%41", "/%41"),
        ("//double//slash", "//double//slash"),
        ("/a/../b", "/a/../b"),
        ("/a\r\nX: 1", "/a%0D%0AX:%201"),
    ],
)
def test_a_target_is_encoded_and_nothing_more(url, target):
    with serve(handler=answer) as server, pool_for(server) as pool:
        pool.urlopen("get", url)
        pool.request("get", url)
        assert [r.line for r in server.requests] == [
            f"get {target} HTTP/1.1",
            f"GET {target} HTTP/1.1",
        ]


def test_options_for_the_server_as_a_whole():
    with serve(handler=answer) as server, pool_for(server) as pool:
        pool.urlopen("OPTIONS", "*", assert_same_host=False)
        assert server.requests[0].line == "OPTIONS * HTTP/1.1"


def test_a_url_is_text():
    with pytest.raises(TypeError):
        HTTPConnectionPool("h").urlopen("GET", b"/")


@pytest.mark.parametrize(
    ("pool", "url", "same"),
    [
        (("h", None), "/x", True),
        (("h", None), "//other/x", True),
        (("h", None), "http://h/x", True),
        (("h", None), "http://H:80/x", True),
        (("h", 80), "http://h", True),
        (("h", 81), "http://h:81", True),
        (("h", 81), "http://h", False),
        (("h", None), "https://h", False),
        (("h", 0), "http://h:0", True),
        (("h", 80), "http://h:0", False),
        (("localhost", 80), "localhost:80", False),
        (("h", 80), "http://u:p@h/x", True),
        (("h", 80), "http://h./", False),
        (("::1", 80), "http://[::1]/", True),
        (("h", None), "h/x", True),
    ],
)
def test_same_host_is_scheme_host_and_port(pool, url, same):
    assert HTTPConnectionPool(*pool).is_same_host(url) is same


def test_a_pool_from_a_url():
    pool = connection_from_url("https://Host:8443/x", maxsize=2)
    assert (type(pool), pool.host, pool.port) == (HTTPSConnectionPool, "host", 8443)
    assert connection_from_url("h/x").port == 80
    assert connection_from_url("http://h:0").port == 0
    assert _url_from_pool(connection_from_url("http://h"), "/x?y") == "http://h:80/x?y"
    for nowhere in ("", "/path", "h:81"):
        with pytest.raises(LocationValueError, match="No host specified"):
            connection_from_url(nowhere)
    with pytest.raises(LocationParseError):
        connection_from_url("http://h:99999/")


@pytest.mark.parametrize("cls", [None, urllib3.connection.DummyConnection])
def test_https_without_ssl_says_so(cls):
    pool = HTTPSConnectionPool("h")
    pool.ConnectionCls = cls
    with pytest.raises(ImportError, match="Can't connect to HTTPS URL because the SSL module"):
        pool._new_conn()


def test_an_https_pool_hands_its_present_settings_to_connections():
    pool = HTTPSConnectionPool("h", ca_certs="/ca", server_hostname="sni")
    pool.cert_reqs = "CERT_NONE"
    conn = pool._new_conn()
    assert (conn.ca_certs, conn.cert_reqs, conn.server_hostname) == ("/ca", "CERT_NONE", "sni")


def test_urlopen_encodes_fields_and_json_as_request_does():
    with serve(handler=answer) as server, pool_for(server) as pool:
        pool.urlopen("GET", "/", fields={"a": "1"})
        pool.urlopen("POST", "/", fields={"a": "1"})
        pool.urlopen("POST", "/", json={"a": 1})
        get, form, json = server.requests
    assert get.line == "GET /?a=1 HTTP/1.1"
    assert dict(form.headers)["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="a"' in form.body
    assert (dict(json.headers)["Content-Type"], json.body) == ("application/json", b'{"a":1}')
    for wrong in ({"body": b"x", "json": 1}, {"body": b"x", "fields": {"a": "1"}}):
        with pytest.raises(TypeError):
            pool.urlopen("POST", "/", **wrong)


def test_subclasses_see_every_step():
    calls = []

    class Seen(HTTPConnectionPool):
        def urlopen(self, method, url, *args, **kw):
            calls.append("urlopen")
            return super().urlopen(method, url, *args, **kw)

        def _get_timeout(self, timeout):
            calls.append("_get_timeout")
            return super()._get_timeout(timeout)

        def _get_conn(self, timeout=None):
            calls.append("_get_conn")
            return super()._get_conn(timeout)

        def _new_conn(self):
            calls.append("_new_conn")
            return super()._new_conn()

        def _make_request(self, conn, method, url, **kw):
            calls.append("_make_request")
            return super()._make_request(conn, method, url, **kw)

        def _validate_conn(self, conn):
            calls.append("_validate_conn")
            return super()._validate_conn(conn)

        def _put_conn(self, conn):
            calls.append("_put_conn")
            return super()._put_conn(conn)

    with serve(handler=redirecting("/two")) as server:
        pool = Seen(server.host, server.port)
        pool.urlopen("GET", "/one")
        pool.close()
    attempt = [
        "_get_conn",
        "_new_conn",
        "_make_request",
        "_get_timeout",
        "_validate_conn",
        "_put_conn",
    ]
    again = [call for call in attempt if call != "_new_conn"]
    assert calls == ["urlopen", *attempt, "urlopen", *again]


def test_a_reset_connection_is_a_protocol_error():
    with serve([Recv(), Reset()]) as server, pool_for(server) as pool:
        with pytest.raises(ProtocolError) as caught:
            pool.urlopen("GET", "/")
    assert isinstance(caught.value.args[1], ConnectionResetError)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\n"]
)
@pytest.mark.parametrize("preload", [True, False])
def test_a_body_outlives_the_connection_that_the_server_closes(head, preload):
    with (
        serve([Recv(), Send(head), Send(b"abc"), Send(b"def")]) as server,
        pool_for(server) as pool,
    ):
        response = pool.urlopen("GET", "/", preload_content=preload)
        assert response.data == b"abcdef"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n"


@pytest.mark.parametrize(
    "read",
    [
        lambda r: r.read(),
        lambda r: b"".join(r.stream()),
        lambda r: b"".join(r.read_chunked(1)),
        lambda r: b"".join(iter(lambda: r.read(1), b"")),
        lambda r: b"".join(iter(r.read1, b"")),
        lambda r: b"".join(r),
    ],
    ids=["read", "stream", "read_chunked", "read(1)", "read1", "lines"],
)
@pytest.mark.parametrize("reply", [OK, CHUNKED], ids=["length", "chunked"])
def test_however_a_body_is_read_its_connection_serves_the_next_request(reply, read):
    with serve(handler=lambda request: reply) as server, pool_for(server, block=True) as pool:
        for _ in range(2):
            response = pool.urlopen("GET", "/", preload_content=False)
            if reply is OK and "read_chunked" in repr(read.__code__.co_names):
                response.drain_conn()
                continue
            assert read(response) == b"ok"
        assert server.connections == 1
