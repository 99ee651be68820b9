"""Who stands in for a part of a connection finds it used as urllib3 2.8.0 uses it."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest

from tests.support.answers import head
from tests.support.scripted import serve
from tests.support.wrappers import wrapped
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection

OK = head("Content-Length: 2") + b"ok"


class CountedSocket:
    """A socket that is no true one, as httpretty has it: each send counts as a request."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def sendall(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def makefile(self, *args: Any, **kw: Any) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(OK))  # type: ignore[arg-type]

    def settimeout(self, timeout: float | None) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("body", "sends"), [(b"abc", 2), (b"", 1), (None, 1), ("abc", 2), (b"x" * 100_000, 2)]
)
def test_what_stands_for_a_socket_gets_head_and_body_in_two_sends(body: Any, sends: int) -> None:
    conn = HTTPConnection("h")
    sock = conn.sock = CountedSocket()  # type: ignore[assignment]
    conn.request("POST", "/", body=body)
    assert len(sock.sent) == sends
    assert sock.sent[0].endswith(b"\r\n\r\n")
    assert conn.getresponse().data == b"ok"
    conn.close()


class Answer(http.client.HTTPResponse):
    made: list[tuple[str, str | None]] = []  # noqa: RUF012  # emptied by each test

    def __init__(self, sock: Any, *args: Any, method: str | None = None, **kw: Any) -> None:
        Answer.made.append((type(sock).__name__, method))
        super().__init__(sock, *args, method=method, **kw)


def tunnelling(port: int) -> HTTPConnection:
    conn = HTTPConnection("127.0.0.1", port)
    conn.response_class = Answer  # type: ignore[assignment]
    conn.set_tunnel("origin.test", 443)
    Answer.made.clear()
    return conn


def test_a_response_class_of_a_programs_own_reads_the_answer_to_connect() -> None:
    reply = b"HTTP/1.1 200 OK\r\nVia: proxy\r\n\r\n"
    with serve([reply]) as server:
        conn = tunnelling(server.port)
        conn.connect()
        assert Answer.made == [("socket", None)]
        assert conn._raw_proxy_headers == [b"Via: proxy\r\n", b"\r\n"]
        conn.close()


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (b"HTTP/1.1 407 No\r\n\r\n", OSError, "Tunnel connection failed: 407 No"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nearly", http.client.HTTPException, "5 bytes behind"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", http.client.HTTPException, "100"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000, http.client.LineTooLong, "header line"),
    ],
)
def test_what_is_wrong_with_the_answer_to_connect_is_wrong_for_its_class_too(
    reply: bytes, error: type[Exception], message: str
) -> None:
    with serve([reply]) as server:
        conn = tunnelling(server.port)
        with pytest.raises(error, match=message):
            conn.connect()
        assert conn.sock is None


def test_a_body_that_is_given_up_is_closed_by_http_client() -> None:
    with wrapped(http.client.HTTPResponse, "close") as calls:
        with serve(handler=lambda request: OK) as server, PoolManager() as manager:
            response = manager.request("GET", server.url("/"), preload_content=False)
            incoming = response._fp  # type: ignore[attr-defined]
            response.close()
            assert calls[0][0] is incoming
            assert incoming.isclosed()
            assert manager.request("GET", server.url("/")).data == b"ok"


def test_a_manager_of_a_programs_own_gets_the_settings_of_a_pool_by_name() -> None:
    class Manager(PoolManager):
        def connection_from_pool_key(self, pool_key: Any, **kw: Any) -> Any:
            assert list(kw) == ["request_context"]
            return super().connection_from_pool_key(pool_key, **kw)

    with serve(handler=lambda request: OK) as server, Manager() as manager:
        assert manager.request("GET", server.url("/")).data == b"ok"
