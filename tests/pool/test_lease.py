"""What becomes of the connection: held, given back, closed, shut down by another thread."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from tests.support.answers import (
    BODY,
    answer,
    coded,
    encode,
    head,
    in_chunks,
    needs_every_coding,
    wire,
)
from tests.support.scripted import Recv, Send, Stall, Wait, serve
from urllib3 import HTTPConnectionPool, Retry
from urllib3.exceptions import EmptyPoolError, MaxRetryError, ProtocolError

TWO = wire(b"ok")
SHORT = head("Content-Length: 20") + b"hello world"


def pool_for(server, **kw):
    return HTTPConnectionPool(server.host, server.port, **{"retries": False, **kw})


def kept(pool):
    return [conn for conn in pool.pool.queue if conn is not None]


def unread(pool, **kw):
    return pool.urlopen("GET", "/", preload_content=False, **kw)


# ---------------------------------------------------------------- preload and release


@pytest.mark.parametrize("release", [None, True])
def test_a_preloaded_response_has_given_its_connection_back(release):
    with answer(TWO, preload_content=True, release_conn=release) as (response, pool):
        assert response.connection is None
        assert len(pool.kept) == 1
        assert (response.read(), response.data) == (b"", b"ok")


def test_a_preloaded_response_that_must_not_release_holds_its_connection():
    for release in (lambda r: r.read(), lambda r: r.release_conn()):
        with answer(TWO, preload_content=True, release_conn=False) as (response, pool):
            assert (response.data, pool.kept) == (b"ok", [])
            held = response.connection
            assert held is not None
            release(response)
            assert pool.kept == [held]


@pytest.mark.parametrize("release", [None, False])
def test_an_unread_response_holds_its_connection_until_it_is_read(release):
    with answer(TWO, release_conn=release) as (response, pool):
        held = response.connection
        assert (held is not None, pool.kept) == (True, [])
        assert response.read() == b"ok"
        assert (response.connection, pool.kept) == (None, [held])


def test_an_unread_response_can_be_told_to_release_at_once():
    with answer(TWO, release_conn=True) as (response, pool):
        assert len(pool.kept) == 1
        assert response.connection is None
        assert response.read() == b"ok"


def test_releasing_twice_is_releasing_once():
    with answer(TWO) as (response, pool):
        response.release_conn()
        response.release_conn()
        assert len(pool.kept) == 1
        assert response.connection is None


def test_a_drained_connection_serves_the_next_request():
    for body in (TWO, coded("gzip", "chunked")):
        with serve([body, TWO]) as server, pool_for(server) as pool:
            unread(pool).drain_conn()
            assert pool.urlopen("GET", "/").data == b"ok"
            assert (server.connections, len(server.requests)) == (1, 2)


def test_a_closed_response_keeps_its_slot_until_it_is_released():
    with serve([wire(BODY)], [TWO]) as server, pool_for(server, maxsize=1) as pool:
        response = unread(pool)
        held = response.connection
        response.close()
        assert (response.connection is held, held.sock, kept(pool)) == (True, None, [])
        response.release_conn()
        assert kept(pool) == [held]
        assert pool.urlopen("GET", "/").data == b"ok"
        assert server.connections == 2


def test_a_closed_response_in_a_blocking_pool_blocks_the_next():
    with serve([wire(BODY)], [TWO]) as server:
        with pool_for(server, maxsize=1, block=True) as pool:
            response = unread(pool)
            response.close()
            with pytest.raises(EmptyPoolError):
                pool.urlopen("GET", "/", pool_timeout=0.01)
            response.release_conn()
            assert pool.urlopen("GET", "/", pool_timeout=0.01).data == b"ok"


PARTLY = {
    "nothing": lambda response: None,
    "read": lambda response: response.read(2),
    "read1": lambda response: response.read1(2),
    "readinto": lambda response: response.readinto(bytearray(2)),
    "stream": lambda response: next(response.stream(2)),
    "undecoded": lambda response: response.read(2, decode_content=False),
}
UNFINISHED = {
    "of a length": wire(BODY),
    "in chunks": head("Transfer-Encoding: chunked") + in_chunks(BODY, 3),
    "until the end": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "still to come": head("Content-Length: 20") + b"hello",
}


@pytest.mark.parametrize("block", [True, False])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("read", PARTLY.values(), ids=PARTLY)
@pytest.mark.parametrize("first", UNFINISHED.values(), ids=UNFINISHED)
def test_a_request_behind_a_body_given_up_gets_its_own_answer(first, read, method, block):
    with serve([first, Stall()], [TWO]) as server, pool_for(server, maxsize=1, block=block) as pool:
        response = unread(pool)
        read(response)
        response.release_conn()
        assert (
            pool.urlopen(method, "/", body=b"x" * (method == "POST"), pool_timeout=0).data == b"ok"
        )
        assert len(server.requests) == 2
        response.close()


def test_an_answer_to_head_may_be_released_unread():
    bodiless = head("Content-Length: 20")
    with serve([bodiless, TWO]) as server, pool_for(server, maxsize=1, block=True) as pool:
        pool.urlopen("HEAD", "/", preload_content=False).release_conn()
        assert pool.urlopen("GET", "/", pool_timeout=0).data == b"ok"
        assert server.connections == 1


@pytest.mark.parametrize("give_up", [lambda r: r.close(), lambda r: r.release_conn()])
def test_giving_up_an_old_answer_touches_no_new_request(give_up):
    with serve([wire(BODY), Stall()], [TWO]) as server, pool_for(server) as pool:
        old = unread(pool)
        old.read(1)
        old.release_conn()

        def body():
            yield b"x"
            give_up(old)
            yield b"y"

        assert pool.urlopen("POST", "/", body=body()).data == b"ok"


@pytest.mark.parametrize("status", [302, 503])
def test_a_policy_that_fails_costs_no_slot(status):
    class Failing(Retry):
        def increment(self, *args, **kw):
            raise RuntimeError("counted wrongly")

        def is_retry(self, *args, **kw):
            return True

    answer = f"HTTP/1.1 {status} X\r\nLocation: /x\r\nContent-Length: 5000000\r\n\r\n".encode()
    with serve([answer, Stall()], [TWO]) as server:
        with pool_for(server, maxsize=1, block=True) as pool:
            with pytest.raises(RuntimeError, match="counted wrongly") as caught:
                unread(pool, retries=Failing(3))
            assert pool.urlopen("GET", "/", pool_timeout=0).data == b"ok"
            assert caught.value.__traceback__ is not None  # which holds the response


def test_a_check_that_fails_costs_no_slot(monkeypatch):
    with serve([TWO], [TWO]) as server, pool_for(server, maxsize=1, block=True) as pool:
        pool.urlopen("GET", "/")

        def fail(conn):
            raise RuntimeError("cannot tell")

        with monkeypatch.context() as patched:
            patched.setattr("urllib3.connectionpool.is_connection_dropped", fail)
            with pytest.raises(RuntimeError, match="cannot tell"):
                pool.urlopen("GET", "/")
        assert pool.pool.qsize() == 1
        assert pool.urlopen("GET", "/", pool_timeout=0).data == b"ok"


def test_a_socket_closed_behind_the_pools_back_is_replaced():
    with serve([TWO], [TWO]) as server, pool_for(server, maxsize=1, block=True) as pool:
        pool.urlopen("GET", "/")
        kept(pool)[0].sock.close()
        assert pool.urlopen("GET", "/", pool_timeout=0).data == b"ok"


def test_the_pool_has_a_connection_only_after_its_response_has_let_go():
    seen = []

    class Pool(HTTPConnectionPool):
        def _put_conn(self, conn):
            seen.append(response.connection)
            super()._put_conn(conn)

    with serve([TWO]) as server, Pool(server.host, server.port) as pool:
        response = unread(pool)
        response.release_conn()
    assert seen == [None]


@pytest.mark.parametrize("amount", [0, 5])
def test_a_connection_released_too_early_does_not_fail_its_next_user(amount):
    # 2.8.0 raises ProtocolError('Connection aborted.', ResponseNotReady('Request-sent')).
    with serve([wire(BODY)], [TWO]) as server, pool_for(server) as pool:
        response = unread(pool)
        response.read(amount)
        response.release_conn()
        assert pool.urlopen("GET", "/").data == b"ok"
        assert server.connections == 2


def test_leaving_a_with_block_early_closes_and_does_not_release():
    with answer(wire(BODY)) as (response, pool):
        held = response.connection
        with response:
            assert response.read(1) == b"0"
        assert (response.connection is held, held.sock, pool.kept) == (True, None, [])


def test_a_response_that_is_dropped_closes_its_connection_and_frees_its_slot():
    # 2.8.0 loses the slot for good.
    with serve([wire(BODY)], [TWO]) as server, pool_for(server, maxsize=1, block=True) as pool:
        response = unread(pool)
        connection = response.connection
        del response
        gc.collect()
        assert connection.sock is None
        assert pool.urlopen("GET", "/", pool_timeout=0).data == b"ok"


def test_bytes_beyond_the_body_never_reach_the_next_request():
    # 2.8.0 uses the connection again, whose buffer it has thrown away; here it is not trusted.
    with serve([TWO + b"HTTP/1.1 500 Smuggled\r\n\r\n", TWO], [TWO]) as server:
        with pool_for(server) as pool:
            for _ in range(2):
                response = pool.urlopen("GET", "/")
                assert (response.status, response.data) == (200, b"ok")


def test_bytes_that_come_between_requests_cost_the_connection():
    late, sent = threading.Event(), threading.Event()

    def send(sock):
        sock.sendall(b"HTTP/1.1 500 Unasked\r\n\r\n")
        sent.set()

    from tests.support.scripted import Call

    with serve([TWO, Wait(late), Call(send), Stall()], [TWO]) as server, pool_for(server) as pool:
        assert pool.urlopen("GET", "/").data == b"ok"
        late.set()
        sent.wait(10)
        assert pool.urlopen("GET", "/").data == b"ok"
        assert server.connections == 2


def test_a_short_body_is_retried_while_preloading():
    def outcome(method, retries):
        with serve([SHORT], [TWO]) as server, pool_for(server) as pool:
            return pool.urlopen(method, "/", retries=retries).data

    assert outcome("GET", Retry(3)) == b"ok"
    with pytest.raises(ProtocolError, match="IncompleteRead"):
        outcome("POST", Retry(3))
    with pytest.raises(ProtocolError, match="IncompleteRead"):
        outcome("GET", False)
    with pytest.raises(MaxRetryError) as caught:
        outcome("GET", 0)
    assert isinstance(caught.value.reason, ProtocolError)


def test_closing_a_preloaded_response_leaves_the_connection_alone():
    with answer(TWO, preload_content=True) as (response, pool):
        [connection] = pool.kept
        response.close()
        assert connection.sock is not None


@needs_every_coding
def test_what_is_decoded_is_served_after_the_connection_went_back():
    with answer(coded("br")) as (response, pool):
        assert response.read(5) == BODY[:5]
        assert response.connection is None
        assert pool.kept
        assert b"".join(response.stream(100)) == BODY[5:]


def test_a_chunked_stream_releases_when_the_generator_ends():
    with answer(wire(b"abcd", "chunked", chunk=2)) as (response, pool):
        stream = response.stream()
        assert [next(stream), next(stream)] == [b"ab", b"cd"]
        assert pool.kept == []
        assert list(stream) == []
        assert len(pool.kept) == 1
        assert pool.kept[0].sock is not None


def test_a_chunked_body_read_in_pieces_releases_beyond_its_last_chunk():
    with answer(wire(b"abcd", "chunked", chunk=2)) as (response, pool):
        assert response.read(4) == b"abcd"
        assert pool.kept == []
        assert response.read(4) == b""
        assert len(pool.kept) == 1


def test_what_the_pool_makes_of_the_answer():
    with answer(TWO) as (response, pool):
        assert (response.url, response.geturl()) == ("/", "/")
        assert response._pool is pool
        assert response._connection.host == "prepared"
        assert response._original_response is response._fp
        assert (response.version, response.version_string, response.reason) == (
            11,
            "HTTP/1.1",
            "OK",
        )
        assert response.retries is not None


def test_attributes_are_where_programs_look_for_them():
    with answer(coded("gzip")) as (response, _):
        assert (response._body, response._fp_bytes_read, response._decoder) == (None, 0, None)
        assert (response.chunk_left, response.msg, response.auto_close) == (None, None, True)
        assert (response.enforce_content_length, response.decode_content) == (True, True)
        assert response._uncached_read_occurred is False
        assert len(response._decoded_buffer) == 0
        assert response._fp.fp.raw._sock is response.connection.sock
        assert response._original_response.msg.get_all("Content-Length") == [
            str(len(encode("gzip")))
        ]


def test_a_response_keeps_its_pool_alive():
    with serve([wire(BODY)]) as server:
        pool = pool_for(server)
        response, there = unread(pool), weakref.ref(pool)
        del pool
        gc.collect()
        assert there() is response._pool
        assert response.read() == BODY
        there().close()


def test_after_a_redirect_the_url_is_the_location_as_it_came():
    moved = head("Location: /b?c#d", "Content-Length: 0", status="302 Found")
    with serve([moved, TWO]) as server, pool_for(server, retries=3) as pool:
        response = pool.urlopen("GET", "/a")
        assert (response.url, response.data) == ("/b?c#d", b"ok")


# ---------------------------------------------------------------- shutdown


def test_there_is_nothing_to_shut_down_once_the_connection_went_back():
    for read in (True, False):
        with answer(TWO, preload_content=read) as (response, _):
            response.read()
            with pytest.raises(RuntimeError, match="already been released to the pool"):
                response.shutdown()


def test_there_is_no_way_to_shut_down_after_closing():
    with answer(wire(BODY)) as (response, _):
        response.close()
        with pytest.raises(ValueError, match="_sock_shutdown is not set"):
            response.shutdown()


def shut_down_while(read, framing):
    """What a thread sees that is blocked in *read* when another shuts the response down."""
    seen = []
    body = {
        "length": head("Content-Length: 20") + b"hello",
        "close": head() + b"hello",
        "chunked": head("Transfer-Encoding: chunked") + in_chunks(b"hello", 5)[:-5],
    }[framing]
    with serve([Recv(), Send(body), Stall()]) as server, pool_for(server) as pool:
        response = unread(pool)
        blocked = threading.Event()

        def reader():
            try:
                for piece in read(response, blocked):
                    seen.append(piece)
            except Exception as error:
                seen.append(error)

        thread = threading.Thread(target=reader)
        thread.start()
        blocked.wait(10)
        # Shut down before or while the reader waits: the end is the same.
        response.shutdown()
        thread.join(10)
        assert not thread.is_alive()
        return seen, kept(pool)


def whole(response, blocked):
    blocked.set()
    yield response.read()


def streamed(response, blocked):
    for piece in response.stream():
        yield piece
        blocked.set()


def test_shutting_down_wakes_a_reader_in_another_thread():
    [error], [connection] = shut_down_while(whole, "length")
    assert isinstance(error, ProtocolError)
    assert "IncompleteRead(5 bytes read, 15 more expected)" in str(error)
    assert connection.sock is None
    [data], _ = shut_down_while(whole, "close")
    assert data == b"hello"
    [piece, error], [connection] = shut_down_while(streamed, "chunked")
    assert (piece, error.args) == (b"hello", ("Response ended prematurely",))
    assert connection.sock is None


def test_what_has_arrived_can_be_read_after_shutting_down():
    with answer(wire(b"hello")) as (response, _):
        assert response.read(2) == b"he"
        response.shutdown()
        assert response.read() == b"llo"
