"""A head that came before on its connection is not parsed again, and means what it meant."""

from __future__ import annotations

import http.client
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, ProtocolError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\n"


class Answered(HTTPConnection):
    """A connection to nobody: each request finds the next of the answers there."""

    def __init__(self, *args, answers, **kw):
        super().__init__(*args, **kw)
        self.answers = answers

    def _new_conn(self):
        own, self.peer = socket.socketpair()
        return own

    def request(self, *args, **kw):
        super().request(*args, **kw)
        for part in next(self.answers):
            self.peer.sendall(part)

    def close(self):
        if self.sock is not None:
            self.peer.close()
        super().close()


def pool_of(*answers):
    """A pool whose one connection gets *answers*, each of them the parts in which it is sent."""
    pool = HTTPConnectionPool("x.example", retries=False, timeout=5, answers=iter(answers))
    pool.ConnectionCls = Answered
    return pool


def test_each_answer_has_header_fields_of_its_own():
    with pool_of([OK + b"ab"], [OK + b"cd"]) as pool:
        first = pool.request("GET", "/")
        first.headers["X"] = "changed"
        second = pool.request("GET", "/")
        assert (first.data, second.data) == (b"ab", b"cd")
        assert second.headers == {"Content-Length": "2", "X": "y"}
        assert first._original_response.msg["X"] == second._original_response.msg["X"] == "y"
        assert pool.num_connections == 1


@pytest.mark.parametrize("methods", [("GET", "HEAD", "GET"), ("HEAD", "GET", "HEAD")])
def test_an_answer_to_head_has_no_body_and_one_to_get_has(methods):
    bodies = [b"" if method == "HEAD" else b"ab" for method in methods]
    with pool_of(*([OK + body] for body in bodies)) as pool:
        assert [pool.request(method, "/").data for method in methods] == bodies
        assert pool.num_connections == 1


def test_a_head_is_only_the_same_when_it_has_come_to_its_end():
    with pool_of([OK + b"ab"], [OK[:-3], b"\nY: z\r\n\r\n" + b"cd"]) as pool:
        pool.request("GET", "/")
        second = pool.request("GET", "/")
        assert (second.headers["Y"], second.data) == ("z", b"cd")


def test_a_limit_that_was_lowered_since_holds(monkeypatch):
    with pool_of([OK + b"ab"], [OK + b"cd"]) as pool:
        pool.request("GET", "/")
        monkeypatch.setattr(http.client, "_MAXHEADERS", 1)
        with pytest.raises(ProtocolError, match="got more than 1 headers"):
            pool.request("GET", "/")


def test_a_long_head_is_not_kept():
    long = OK[:-2] + b"Z: " + b"z" * 5000 + b"\r\n\r\n"
    with pool_of([long + b"ab"], [long + b"cd"]) as pool:
        assert [pool.request("GET", "/").data for _ in range(2)] == [b"ab", b"cd"]
        assert b"zzz" not in pool.pool.queue[-1]._receiver._block


def test_a_closed_connection_keeps_nothing_of_it():
    with pool_of([OK + b"ab"], [OK + b"cd"]) as pool:
        pool.request("GET", "/")
        (conn,) = (conn for conn in pool.pool.queue if conn)
        receiver = conn._receiver
        conn.close()
        assert (conn._known_head, receiver._head, receiver._block) == (None, None, b"")
        assert pool.request("GET", "/").data == b"cd"


#: Heads, each with the body of an answer to GET.
HEADS = [
    (OK, b"ab"),
    (OK, b"cd and more"),
    (OK.replace(b": 2", b": 0"), b""),
    (OK.replace(b"X: y", b"Content-Encoding: gzip"), b"no"),
    (OK.replace(b"X: y", b"Keep-Alive: timeout=5"), b"ab"),
    (OK.replace(b"X: y", b"Connection: close"), b"ab"),
    (OK.replace(b"X: y", b"no field"), b"ab"),
    (OK.replace(b"200 OK", b"204 No Content"), b""),
    (OK.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked"), b"1\r\na\r\n0\r\n\r\n"),
    (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, b"ab"),
]
ANSWERS = [("GET", head + body) for head, body in HEADS] + [("HEAD", head) for head, _ in HEADS]


def seen(pool, method):
    """What can be seen of the next answer and of the connection that it came by."""
    try:
        response = pool.request(method, "/")
    except HTTPError as error:
        return type(error), str(error)
    (conn,) = (conn for conn in pool.pool.queue if conn)
    left = conn._receiver.pending if conn._receiver and conn.sock else None
    return (
        response.status,
        list(response.headers.items()),
        response.data,
        response.length_remaining,
        response.chunked,
        response.tell(),
        conn.sock is None,
        conn._keep_alive_hint,
        left,
    )


@given(exchanges=st.lists(st.sampled_from(ANSWERS), max_size=6))
def test_an_answer_is_the_same_after_others_as_on_a_connection_of_its_own(exchanges):
    with pool_of(*([answer] for _, answer in exchanges)) as pool:
        after_others = [seen(pool, method) for method, _ in exchanges]
    alone = []
    for method, answer in exchanges:
        with pool_of([answer]) as pool:
            alone.append(seen(pool, method))
    assert after_others == alone
