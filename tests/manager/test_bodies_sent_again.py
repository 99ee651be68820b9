"""A body that can be read only once is never sent twice; what can be read anew is sent again whole."""

from __future__ import annotations

import array
import contextlib
import io
import os
import socket
import tempfile

import pytest

import urllib3
from tests.support.scripted import Call, Recv, Reset, serve
from urllib3 import Retry
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, UnrewindableBodyError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
LATER = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"


def moved(status):
    return (f"HTTP/1.1 {status} Moved\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n").encode()


class TellOnly:
    """A stream that knows where it is, and cannot go anywhere else."""

    def __init__(self):
        self.left = b"payload"

    def read(self, amt=-1):
        data, self.left = self.left, b""
        return data

    def tell(self):
        return 7 - len(self.left)


class Stream:
    def __init__(self):
        self.left = b"payload"

    def read(self, amt=-1):
        data, self.left = self.left, b""
        return data


class FailingTell(io.BytesIO):
    def tell(self):
        raise OSError("no tell")


class FailingSeek(io.BytesIO):
    def seek(self, *args):
        raise io.UnsupportedOperation("no seek")


class NoPosition(Stream):
    def tell(self):
        return None


class SharedIterator:
    """Gives the same iterator each time it is asked."""

    def __init__(self):
        self.parts = iter([b"pay", b"load"])

    def __iter__(self):
        return self.parts


class ItsOwnIterator(SharedIterator):
    def __iter__(self):
        return self

    def __next__(self):
        return next(self.parts)


def pipe():
    reading, writing = os.pipe()
    os.write(writing, b"payload")
    os.close(writing)
    return os.fdopen(reading, "rb")


def socket_file():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"payload")
        return ours.makefile("rb")


def text_pipe():
    return io.TextIOWrapper(pipe(), "utf-8")


ONCE = {
    "generator": lambda: (part for part in [b"pay", b"load"]),
    "generator of text": lambda: (part for part in ["pay", "load"]),
    "iterator of a list": lambda: iter([b"pay", b"load"]),
    "map": lambda: map(bytes, [b"pay", b"load"]),
    "zip made flat": lambda: (
        part for parts in zip([b"pay"], [b"load"], strict=True) for part in parts
    ),
    "shared iterator": SharedIterator,
    "its own iterator": ItsOwnIterator,
    "stream": Stream,
    "stream that tells": TellOnly,
    "stream that tells nothing": NoPosition,
    "failing tell": lambda: FailingTell(b"payload"),
    "failing seek": lambda: FailingSeek(b"payload"),
    "pipe": pipe,
    "pipe of text": text_pipe,
    "socket file": socket_file,
    "response": lambda: urllib3.HTTPResponse(io.BytesIO(b"payload"), preload_content=False),
}


class Anew:
    def __iter__(self):
        yield b"pay"
        yield "load"


def on_disk():
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(b"before payload")
    file.seek(7)
    return file


def begun_in_memory():
    file = io.BytesIO(b"before payload")
    file.read(7)
    return file


AGAIN = {
    "bytes": lambda: b"payload",
    "text": lambda: "payload",
    "bytearray": lambda: bytearray(b"payload"),
    "memoryview": lambda: memoryview(b"payload"),
    "array": lambda: array.array("b", b"payload"),
    "list": lambda: [b"pay", b"load"],
    "tuple": lambda: (b"pay", b"load"),
    "dict": lambda: {b"pay": 1, b"load": 2},
    "custom": Anew,
    "file in memory": lambda: io.BytesIO(b"payload"),
    "file of text": lambda: io.StringIO("payload"),
    "file begun": begun_in_memory,
    "file on disk": on_disk,
}


@contextlib.contextmanager
def made(make):
    body = make()
    try:
        yield body
    finally:
        if hasattr(body, "close"):
            body.close()


#: What happens to the first request: how its connection goes on.
FIRST = {
    "closed": [Recv()],
    "reset": [Recv(), Reset()],
    "503": [UNAVAILABLE],
    "429": [LATER],
    **{str(status): [moved(status)] for status in (301, 302, 307, 308)},
}


@contextlib.contextmanager
def client(how, server, **options):
    if how == "pool":
        with urllib3.HTTPConnectionPool(server.host, server.port, timeout=20, **options) as pool:
            yield pool, ""
    else:
        with urllib3.PoolManager(timeout=20, **options) as manager:
            yield manager, server.url("")


def ask(how, server, body, **options):
    retries = Retry(3, status_forcelist=[503], backoff_factor=0)
    with client(how, server) as (http, base):
        return http.request("PUT", base + "/here", body=body, retries=retries, **options)


@pytest.mark.parametrize("how", ["pool", "manager"])
@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("name", ONCE)
def test_a_body_that_can_be_read_once_is_sent_once(name, first, how):
    with made(ONCE[name]) as body, serve(FIRST[first]) as server:
        with pytest.raises(UnrewindableBodyError, match=r"during a redirect/retry|rewinding|seek"):
            ask(how, server, body)
        assert [request.body for request in server.requests] == [b"payload"]


@pytest.mark.parametrize("how", ["pool", "manager"])
@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("name", AGAIN)
def test_a_body_that_can_be_read_anew_is_sent_again_whole(name, first, how):
    def play(sock):
        """The second request may come on the same connection, or on a new one."""

    same = first not in ("closed", "reset")
    scripts = [[*FIRST[first], OK]] if same else [FIRST[first], [OK]]
    with made(AGAIN[name]) as body, serve(*scripts) as server:
        assert ask(how, server, body).data == b"ok"
        assert [request.body for request in server.requests] == [b"payload"] * 2


@pytest.mark.parametrize("how", ["pool", "manager"])
@pytest.mark.parametrize("name", ONCE)
def test_the_first_time_is_not_hindered(name, how):
    with made(ONCE[name]) as body, serve([OK]) as server:
        assert ask(how, server, body).status == 200
        assert [request.body for request in server.requests] == [b"payload"]


@pytest.mark.parametrize("how", ["pool", "manager"])
@pytest.mark.parametrize("name", ONCE)
def test_see_other_needs_no_body_again(name, how):
    with made(ONCE[name]) as body, serve([moved(303), OK]) as server:
        assert ask(how, server, body).data == b"ok"
        assert [request.line[:3] for request in server.requests] == ["PUT", "GET"]


@pytest.mark.parametrize("name", ONCE)
def test_an_answer_that_nobody_follows_is_no_error(name):
    with made(ONCE[name]) as body, serve([moved(307)]) as server:
        assert ask("manager", server, body, redirect=False).status == 307
    with made(ONCE[name]) as body, serve([UNAVAILABLE]) as server:
        with client("manager", server) as (http, base):
            answer = http.request("PUT", base, body=body, retries=False)
        assert answer.status == 503


def test_retries_that_are_spent_come_before_the_body_that_is():
    with serve([Recv()]) as server, client("pool", server) as (pool, _):
        with pytest.raises(MaxRetryError):
            pool.request("PUT", "/", body=iter([b"payload"]), retries=0)


# ---------------------------------------------------------------- nothing of it was taken


class Refusing(HTTPConnection):
    """Cannot be opened as often as its class says."""

    refusals = 0
    error: type[OSError] = ConnectionRefusedError

    def _new_conn(self):
        if type(self).refusals:
            type(self).refusals -= 1
            raise self.error("not yet")
        return super()._new_conn()


@pytest.fixture
def refusing(monkeypatch):
    monkeypatch.setattr(urllib3.HTTPConnectionPool, "ConnectionCls", Refusing)
    monkeypatch.setattr(Refusing, "refusals", 2)
    return Refusing


@pytest.mark.parametrize("how", ["pool", "manager"])
@pytest.mark.parametrize("name", ONCE)
def test_a_body_that_was_not_touched_is_sent_once_the_connection_can_be_opened(name, how, refusing):
    with made(ONCE[name]) as body, serve([OK]) as server:
        assert ask(how, server, body).data == b"ok"
        assert refusing.refusals == 0
        assert [request.body for request in server.requests] == [b"payload"]


@pytest.mark.parametrize("name", ONCE)
def test_neither_does_it_matter_what_the_connection_sent_before(name, refusing):
    # One that was used and has been closed since must be opened anew, which fails at first.
    refusing.refusals = 0
    with serve([OK], [OK]) as server, client("pool", server) as (pool, _):
        with made(ONCE[name]) as body:
            assert pool.request("PUT", "/", body=body).data == b"ok"
        [connection] = [conn for conn in pool.pool.queue if conn]
        connection.sock.shutdown(socket.SHUT_RDWR)
        refusing.refusals = 1
        with made(ONCE[name]) as body:
            assert pool.request("PUT", "/", body=body).data == b"ok"
        assert [request.body for request in server.requests] == [b"payload"] * 2


@pytest.mark.parametrize("stepwise", [False, True])
@pytest.mark.parametrize("name", ["generator", "pipe", "stream that tells"])
def test_a_body_whose_head_could_not_be_sent_was_not_touched(name, stepwise, monkeypatch):
    class Failing:
        """A socket that fails at once when it is written to."""

        def __init__(self, sock):
            self.sock = sock

        def __getattr__(self, attribute):
            return getattr(self.sock, attribute)

        def sendall(self, data):
            raise TimeoutError("timed out")

    class Connection(HTTPConnection):
        failing = 1

        def _new_conn(self):
            sock = super()._new_conn()
            if Connection.failing:
                Connection.failing -= 1
                return Failing(sock)
            return sock

        if stepwise:

            def putheader(self, name, *values):
                super().putheader(name, *values)

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "ConnectionCls", Connection)
    with made(ONCE[name]) as body, serve([Call(lambda sock: sock.recv(1))], [OK]) as server:
        assert ask("pool", server, body).data == b"ok"
        assert [request.body for request in server.requests] == [b"payload"]


@pytest.mark.parametrize("name", ONCE)
def test_a_connection_that_sends_by_steps_of_its_own_has_begun_the_body(name, monkeypatch):
    class Connection(HTTPConnection):
        def request(self, method, url, body=None, headers=None, **options):
            self._options = (method, url, True, True, True)
            self.putrequest(method, url)
            self.putheader("Transfer-Encoding", "chunked")
            self.endheaders()
            blocks = iter(lambda: body.read(3), b"") if hasattr(body, "read") else body
            for block in blocks:
                data = block if isinstance(block, bytes) else block.encode()
                if data:
                    self.send(b"%x\r\n%b\r\n" % (len(data), data))
                else:
                    break
            self.send(b"0\r\n\r\n")

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "ConnectionCls", Connection)
    with made(ONCE[name]) as body, serve([Recv()]) as server:
        with pytest.raises(UnrewindableBodyError):
            ask("pool", server, body)


def test_a_generator_that_fails_to_read_is_not_begun_again():
    def parts():
        yield b"pay"
        raise OSError("the disk has gone")

    with serve([Recv()]) as server, client("pool", server) as (pool, _):
        with pytest.raises(UnrewindableBodyError):
            pool.request("PUT", "/", body=parts(), retries=3)


def test_a_server_that_answers_before_it_has_read_the_body_gets_no_rest_of_it():
    parts = (bytes(1 << 16) for _ in range(200))

    def hang_up(sock):
        sock.recv(1 << 16)
        sock.sendall(UNAVAILABLE)
        sock.shutdown(socket.SHUT_RDWR)

    with serve([Call(hang_up)]) as server:
        with pytest.raises(UnrewindableBodyError):
            ask("pool", server, parts)
        assert server.connections == 1
