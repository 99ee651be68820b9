"""A wrapper that compares equal to what it wraps is seen on every seam, however a body is read.

wrapt makes such wrappers, and most tracers use it (ddtrace, newrelic, OpenTelemetry, elastic-apm,
aws-xray-sdk).  What is expected of each is what the same wrapper sees around 2.8.0.
"""

from __future__ import annotations

import http.client
import inspect
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import urllib3
from tests.support.answers import head, in_chunks
from tests.support.certificates import Certificates
from tests.support.scripted import serve
from tests.support.wrappers import Transparent, wrapped
from urllib3 import HTTPConnectionPool, Retry, _seams
from urllib3.connection import HTTPConnection
from urllib3.response import BaseHTTPResponse, HTTPResponse

Connection, Response = http.client.HTTPConnection, http.client.HTTPResponse

BODY = bytes(range(256)) * 200
SHORT = head("Content-Length: 3") + b"abc"
PLAIN = head(f"Content-Length: {len(BODY)}") + BODY
CHUNKED = head("Transfer-Encoding: chunked") + in_chunks(BODY, 100)
WAYS: dict[str, Callable[[Any], bytes]] = {
    "data": lambda response: response.data,
    "read": lambda response: response.read(),
    "read(n)": lambda response: b"".join(iter(lambda: response.read(999), b"")),
    "read1": lambda response: b"".join(iter(lambda: response.read1(999), b"")),
    "readinto": lambda response: by_readinto(response),
    "stream": lambda response: b"".join(response.stream(999)),
}


def by_readinto(response: Any) -> bytes:
    whole, room = b"", bytearray(999)
    while count := response.readinto(room):
        whole += room[:count]
    return whole


def fetch(way: str = "preload", answer: bytes = PLAIN, **kw: Any) -> bytes:
    with serve(handler=lambda request: answer) as server:
        with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
            preload = way == "preload"
            response = pool.request("POST", "/x", preload_content=preload, body=b"abc", **kw)
            body: bytes = response.data if preload else WAYS[way](response)
            response.release_conn()
    return body


def test_the_wrapper_of_these_tests_is_told_from_its_function_by_identity_alone() -> None:
    function = Response.read
    wrapper = Transparent(function)
    assert wrapper == function
    assert hash(wrapper) == hash(function)
    assert wrapper.__code__ is function.__code__
    assert wrapper is not function


@pytest.mark.parametrize("owner", [Connection, HTTPConnection])
@pytest.mark.parametrize("name", [name for row in _seams.ROWS[:1] for name in row.names])
def test_each_step_of_sending_is_seen(owner: type, name: str) -> None:
    with wrapped(owner, name) as calls:
        assert fetch() == BODY
        assert calls


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Connection, "getresponse"), (Response, "begin"), (Response, "_read_status")],
)
def test_each_step_of_receiving_is_seen(owner: type, name: str) -> None:
    with wrapped(owner, name) as calls:
        assert fetch() == BODY
        assert len(calls) == 1


@pytest.mark.parametrize("name", ["begin", "read"])
def test_the_class_that_reads_the_answer_may_be_patched_where_a_connection_names_it(
    name: str,
) -> None:
    with wrapped(HTTPConnection.response_class, name) as calls:
        assert fetch() == BODY
        assert calls


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED], ids=["plain", "chunked"])
@pytest.mark.parametrize("way", ["preload", *WAYS])
@pytest.mark.parametrize("owner", [HTTPResponse, BaseHTTPResponse])
def test_a_wrapped_constructor_sees_each_answer(owner: type, way: str, answer: bytes) -> None:
    with wrapped(owner, "__init__") as calls:
        assert fetch(way, answer) == BODY
        assert len(calls) == 1


# Which methods are called when a body is read in a way.
READ_BY = {
    "preload": ["read", "_raw_read", "_fp_read"],
    "data": ["read", "_raw_read", "_fp_read"],
    "read": ["read", "_raw_read", "_fp_read"],
    "read(n)": ["read", "_raw_read", "_fp_read"],
    "read1": ["read1", "_raw_read", "_fp_read"],
    "readinto": ["readinto", "read", "_raw_read", "_fp_read"],
    "stream": ["stream", "read", "_raw_read", "_fp_read"],
}


@pytest.mark.parametrize(
    ("way", "name"), [(way, name) for way, names in READ_BY.items() for name in names]
)
def test_each_method_that_reads_is_seen(way: str, name: str) -> None:
    with wrapped(HTTPResponse, name) as calls:
        assert fetch(way) == BODY
        assert calls


@pytest.mark.parametrize("way", ["preload", *WAYS])
def test_what_decodes_is_seen(way: str) -> None:
    with wrapped(BaseHTTPResponse, "_decode") as calls:
        assert fetch(way) == BODY
    assert calls or way in ("read(n)", "read1", "readinto", "stream")


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED], ids=["plain", "chunked"])
@pytest.mark.parametrize("way", ["preload", "data", "read", "read(n)", "readinto"])
def test_what_http_client_reads_by_is_seen(way: str, answer: bytes) -> None:
    with wrapped(Response, "read") as calls:
        assert fetch(way, answer) == BODY
        assert calls


def test_a_whole_body_is_read_by_the_safe_read_of_http_client() -> None:
    with wrapped(Response, "_safe_read") as calls:
        assert fetch("read") == BODY
        assert len(calls) == 1


@pytest.mark.parametrize("name", ["_update_chunk_length", "_handle_chunk"])
def test_each_chunk_of_a_stream_is_seen(name: str) -> None:
    with wrapped(HTTPResponse, name) as calls:
        assert fetch("stream", CHUNKED) == BODY
        assert len(calls) >= len(BODY) // 100


def test_retry_is_asked_by_whoever_wraps_it_on_the_class_or_on_one_policy() -> None:
    with wrapped(Retry, "is_retry") as calls:
        assert fetch() == BODY
        policy = Retry(0)
        with serve(handler=lambda request: PLAIN) as server:
            with HTTPConnectionPool(server.host, server.port) as pool:
                pool.request("GET", "/", retries=policy)
        assert [call[0].total for call in calls] == [False, 0]
    with wrapped(policy, "is_retry") as calls:
        with serve(handler=lambda request: PLAIN) as server:
            with HTTPConnectionPool(server.host, server.port) as pool:
                pool.request("GET", "/", retries=policy)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("module", "name"),
    [("urllib3.connection", "wait_for_read"), ("urllib3.util.wait", "wait_for_socket")],
)
def test_the_look_at_an_idle_connection_is_seen_even_when_patched_later(
    module: str, name: str
) -> None:
    with serve(handler=lambda request: PLAIN) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            for _ in range(2):  # by the second, the connection keeps what it looks by
                pool.request("GET", "/")
            with wrapped(sys.modules[module], name) as calls:
                pool.request("GET", "/")
    assert len(calls) == 1


# ---------------------------------------------------------------- coming and going


PIECES = 5


@pytest.mark.parametrize("owner", ["class", "instance"])
@pytest.mark.parametrize("name", ["read", "_raw_read", "_fp_read"])
def test_a_wrapper_is_seen_from_the_next_piece_of_a_stream_until_it_goes(
    owner: str, name: str
) -> None:
    with serve(handler=lambda request: PLAIN) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            response = pool.request("GET", "/", preload_content=False)
            pieces = response.stream(100)
            got = [next(pieces) for _ in range(PIECES)]
            with wrapped(response if owner == "instance" else HTTPResponse, name) as calls:
                got += [next(pieces) for _ in range(PIECES)]
                seen = len(calls)
            got += list(pieces)
    assert b"".join(got) == BODY
    assert seen == PIECES
    assert len(calls) == seen


def test_a_wrapper_of_http_client_is_seen_from_the_next_piece_of_a_stream() -> None:
    with serve(handler=lambda request: PLAIN) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            response = pool.request("GET", "/", preload_content=False)
            pieces = response.stream(100)
            got = [next(pieces)]
            with wrapped(Response, "read") as calls:
                got += [next(pieces) for _ in range(PIECES)]
            got += list(pieces)
    assert b"".join(got) == BODY
    assert len(calls) == PIECES


def test_a_wrapper_that_is_taken_off_is_not_called_again() -> None:
    with serve(handler=lambda request: PLAIN) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            for _ in range(2):
                with wrapped(Connection, "send") as calls:
                    pool.request("GET", "/")
                pool.request("GET", "/")
                assert len(calls) == 1


def test_a_step_set_on_one_connection_while_it_connects_is_taken_for_the_body() -> None:
    class Late(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            send, sent = self.send, self.__dict__.setdefault("sent", [])
            self.send = lambda data: (sent.append(data), send(data))  # type: ignore[method-assign]

    with serve(handler=lambda request: PLAIN) as server:
        conn = Late(server.host, server.port)
        conn.request("POST", "/", body=b"abc")
        assert conn.getresponse().data == BODY
        assert conn.sent == [b"abc"]  # type: ignore[attr-defined]
        conn.close()


# ---------------------------------------------------------------- before import


BEFORE = """
import http.client, sys
sys.path.insert(0, {root!r})
from tests.support.wrappers import wrapped
for name in ("putheader", "send", "endheaders", "getresponse"):
    with wrapped(http.client.HTTPConnection, name) as calls:
        import urllib3
        urllib3.PoolManager().request("GET", sys.argv[1])
        print(name, bool(calls))
        for module in [name for name in sys.modules if name.startswith("urllib3")]:
            del sys.modules[module]
with wrapped(http.client.HTTPConnection, "send") as calls:
    import urllib3
    from urllib3 import _seams
urllib3.PoolManager().request("GET", sys.argv[1])
print("left", bool(calls), _seams.sending_patched(urllib3.connection.HTTPConnection("h")))
"""


def test_a_wrapper_that_was_there_at_import_is_seen_and_its_going_too() -> None:
    root = Path(__file__).parents[2]
    with serve(handler=lambda request: PLAIN) as server:
        done = subprocess.run(
            [sys.executable, "-c", BEFORE.format(root=str(root)), server.url("/")],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": str(Path(urllib3.__file__).parent.parent)},
        )
    assert done.stdout.split("\n")[:-1] == [
        "putheader True",
        "send True",
        "endheaders True",
        "getresponse True",
        "left False False",
    ]


# ---------------------------------------------------------------- the rows


def owner_of(row: _seams.Row) -> Any:
    place = row.owner if not row.owner.startswith(".") else f"urllib3{row.owner}"
    if place in sys.modules:
        return sys.modules[place]
    module, _, name = place.rpartition(".")
    return getattr(sys.modules[module], name)


@pytest.mark.parametrize(
    ("row", "name"), [(row, name) for row in _seams.ROWS for name in row.names]
)
def test_each_row_names_something_that_is_there(row: _seams.Row, name: str) -> None:
    assert hasattr(owner_of(row), name)


def test_no_question_is_answered_yes_while_nobody_has_patched_anything() -> None:
    conn = HTTPConnection("h")
    response = HTTPResponse(b"")
    assert not _seams.sending_patched(conn)
    assert not _seams.receiving_patched()
    assert not _seams.construction_patched()
    assert not _seams.whole_body_patched()
    assert not _seams.reading_patched(response)
    assert not _seams.pieces_patched(response)
    assert not _seams.chunks_patched(response)


@pytest.mark.parametrize("kind", ["sending", "receiving", "construction", "reading", "chunks"])
@pytest.mark.parametrize("answer", [PLAIN, CHUNKED], ids=["plain", "chunked"])
@pytest.mark.parametrize("way", ["preload", *WAYS])
def test_the_same_body_comes_by_the_long_way(kind: str, way: str, answer: bytes) -> None:
    with _seams.assume_patched(kind):
        assert fetch(way, answer) == BODY


def test_private_names_that_other_packages_import_mean_what_they_meant() -> None:
    connection = urllib3.connection
    assert connection._HTTPConnection is http.client.HTTPConnection
    assert connection._normalize_header_value("a \r\n\t b") == "a b"
    assert connection._normalize_header_value(" a\r\nb ") == " a\r\nb "
    message = http.client.HTTPMessage()
    for name, value in [("A", "b\r\n c"), ("D", "e "), ("A", "x")]:
        message.set_raw(name, value)  # type: ignore[attr-defined]
    fields = [("A", "b c"), ("D", "e "), ("A", "x")]
    assert connection._normalize_header_values(message) == fields
    assert message.items() == fields
    parameters = list(inspect.signature(connection._match_hostname).parameters)
    assert parameters == ["cert", "asserted_hostname", "hostname_checks_common_name"]


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED], ids=["plain", "chunked"])
@pytest.mark.parametrize("way", ["preload", *WAYS])
def test_what_catches_errors_is_seen_around_each_read(way: str, answer: bytes) -> None:
    with wrapped(HTTPResponse, "_error_catcher") as calls:
        assert fetch(way, answer) == BODY
        assert calls


def test_what_catches_errors_may_be_set_on_one_response() -> None:
    with serve(handler=lambda request: SHORT) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            response = pool.request("GET", "/", preload_content=False)
            with wrapped(response, "_error_catcher") as calls:
                assert b"".join(response.stream(2)) == b"abc"
                assert calls


@pytest.mark.parametrize(
    "owner_and_name", [(HTTPResponse, "release_conn"), (Response, "_safe_read")]
)
def test_a_body_that_came_with_its_head_passes_the_same_wrappers(
    owner_and_name: tuple[type, str],
) -> None:
    with wrapped(*owner_and_name) as calls:
        assert fetch(answer=SHORT) == b"abc"
        assert calls


@pytest.mark.parametrize("body", [b"abc", b"a" * 300_000, [b"one", b"two"]])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_what_is_sent_passes_a_wrapped_sendall(
    body: Any, tls: bool, certificates: Certificates
) -> None:
    context = certificates.localhost.server_context() if tls else None
    with serve(handler=lambda request: SHORT, tls=context) as server:
        url = f"{'https' if tls else 'http'}://localhost:{server.port}/"
        with urllib3.PoolManager(ca_certs=certificates.ca, retries=False) as manager:
            with wrapped(ssl.SSLSocket if tls else socket.socket, "sendall") as calls:
                assert manager.request("POST", url, body=body, chunked=True).data == b"abc"
            sent = b"".join(
                bytes(data) for sock, data, *_ in calls if sock.getpeername()[1] == server.port
            )
    assert sent.startswith(b"POST / HTTP/1.1\r\n")
    assert sent.endswith(b"\r\n0\r\n\r\n")
