"""What a request puts on the wire, by both ways of sending it.

Unless something on ``http.client``'s chain of steps is overridden or wrapped, a request is sent in one
piece.  Otherwise every step is taken.  The bytes, and the errors, must be the same.
"""

from __future__ import annotations

import builtins
import http.client
import io
import json
from array import array
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted import serve
from urllib3 import _seams
from urllib3._collections import HTTPHeaderDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import SKIP_HEADER

DATA = Path(__file__).parent.parent / "data" / "connection-wire.json"
ROWS = json.loads(DATA.read_text("utf-8"))
PORT = 54321


class Tape:
    """A socket that keeps what is sent."""

    def __init__(self):
        self.sent = []

    def sendall(self, data):
        self.sent.append(bytes(data))

    def settimeout(self, seconds):
        pass

    def close(self):
        pass


class Texts:
    """A file of text that is no TextIOBase."""

    def __init__(self, text):
        self.parts = [text]

    def read(self, size):
        return self.parts.pop() if self.parts else ""


def at(position, file):
    file.seek(position)
    return file


def tunnelled(host, port):
    conn = HTTPConnection("127.0.0.1", PORT)
    conn.set_tunnel(host, port)
    return conn


def version_10():
    conn = HTTPConnection("127.0.0.1", PORT)
    conn._http_vsn, conn._http_vsn_str = 10, "HTTP/1.0"
    return conn


NAMES = {
    "BytesIO": BytesIO,
    "HTTPConnection": HTTPConnection,
    "HTTPHeaderDict": HTTPHeaderDict,
    "HTTPSConnection": HTTPSConnection,
    "PORT": PORT,
    "SKIP_HEADER": SKIP_HEADER,
    "StringIO": StringIO,
    "TextIOWrapper": TextIOWrapper,
    "Texts": Texts,
    "array": array,
    "at": at,
    "tunnelled": tunnelled,
    "version_10": version_10,
}


@pytest.fixture(params=["in one piece", "step by step"])
def way(request, monkeypatch):
    if request.param == "step by step":
        wrap_putheader(monkeypatch)
    return request.param


def wrap_putheader(monkeypatch):
    stock = http.client.HTTPConnection.putheader

    def observed(self, header, *values):
        return stock(self, header, *values)

    monkeypatch.setattr(http.client.HTTPConnection, "putheader", observed)


def connected(expression="HTTPConnection('127.0.0.1', PORT)"):
    conn = eval(expression, dict(NAMES))
    conn.sock = Tape()
    return conn


def do(conn, call):
    return eval(f"conn.{call}", {**NAMES, "conn": conn})


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in ROWS if "wire" in row])
def test_both_ways_send_the_same_bytes(way, row):
    conn = connected(row.get("conn", "HTTPConnection('127.0.0.1', PORT)"))
    tape = conn.sock
    assert _seams.sending_patched(conn) == (way == "step by step" or conn._http_vsn == 10)
    do(conn, row["call"])
    expected = row["wire"].replace("PORT", str(PORT)).encode("latin-1")
    assert b"".join(tape.sent) == expected


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in ROWS if "error" in row])
def test_both_ways_refuse_the_same_and_send_nothing(way, row):
    conn = connected()
    name, _, message = row["error"].partition(": ")
    error = getattr(builtins, name, None) or getattr(http.client, name)
    with pytest.raises(error) as caught:
        do(conn, row["call"])
    if message:
        assert str(caught.value) == message
    assert conn.sock.sent == []


# ---------------------------------------------------------------- anything at all

token = st.text("ABCGETPOSTgetx!#$%-_", min_size=1, max_size=5)
methods = st.one_of(token, st.text(max_size=4), st.sampled_from(["GET", "POST", "HEAD", "PUT"]))
paths = st.one_of(
    st.text("abc/?#%.:@[]", max_size=8).map(lambda text: "/" + text),
    st.text(max_size=6),
    st.text("abé:@/[]%?", max_size=8).map(lambda text: "http://" + text),
    st.sampled_from(["*", "", "/", "http", "https://h:1/x"]),
)
names = st.one_of(
    st.text("aX-_09", min_size=1, max_size=4),
    st.text(max_size=4),
    st.binary(max_size=3).map(lambda data: bytes(byte & 127 for byte in data)),
    st.sampled_from(["Host", "user-agent", "Accept-Encoding", "Content-Length", b"HOST"]),
    st.sampled_from(["Transfer-Encoding", "X\n", "X:", " X", "X Y"]),
)
values = st.one_of(
    st.text(max_size=6),
    st.text("a \t\r\n", max_size=5),
    st.binary(max_size=4),
    st.integers(0, 99),
    st.none(),
    st.just(SKIP_HEADER),
)
blocks = st.one_of(st.binary(max_size=5), st.text(max_size=4))
bodies = st.one_of(
    st.just(lambda: None),
    blocks.map(lambda data: lambda: data),
    st.binary(max_size=9).map(lambda data: lambda: io.BytesIO(data)),
    st.lists(blocks, max_size=3).map(lambda parts: lambda: iter(parts)),
    st.just(lambda: object()),
)


def outcome(method, target, make_body, headers, chunked):
    """What was sent, and the error if there was one; then the same of a request that follows."""
    conn = HTTPConnection("h.example", 81, blocksize=3)
    conn.sock = tape = Tape()
    found = []
    for request in ((method, target, make_body(), headers), ("GET", "/")):
        try:
            conn.request(*request, **({"chunked": chunked} if len(request) > 2 else {}))
            found.append((b"".join(tape.sent), None, None))
        except Exception as error:
            text = str(error).partition(" at 0x")[0]
            found.append((b"".join(tape.sent), type(error), text))
            conn.close()
            conn.sock = tape
        tape.sent = []
    return found


@given(methods, paths, bodies, st.dictionaries(names, values, max_size=3), st.booleans())
def test_any_request_takes_both_ways_alike(method, target, make_body, headers, chunked):
    request = (method, target, make_body, headers, chunked)
    in_one_piece = outcome(*request)
    with pytest.MonkeyPatch.context() as patch:
        wrap_putheader(patch)
        step_by_step = outcome(*request)
    assert in_one_piece == step_by_step


# ---------------------------------------------------------------- bounds set from outside

FOUR_FIELDS = b"HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\nE: f\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("begin_is_patched", [False, True])
@pytest.mark.parametrize("most", [3, 5])
def test_the_connections_own_bound_of_fields_is_obeyed(most, begin_is_patched, monkeypatch):
    if begin_is_patched:
        if not hasattr(http.client.HTTPConnection("h"), "max_response_headers"):
            pytest.skip("of Python 3.15")
        begin = http.client.HTTPResponse.begin
        monkeypatch.setattr(
            http.client.HTTPResponse, "begin", lambda self, *args, **kw: begin(self, *args, **kw)
        )
    with serve([FOUR_FIELDS]) as server:
        conn = HTTPConnection(server.host, server.port)
        conn.max_response_headers = most
        conn.request("GET", "/")
        if most == 3:
            with pytest.raises(http.client.HTTPException, match="got more than 3 headers"):
                conn.getresponse()
        else:
            assert conn.getresponse().data == b"ok"
        conn.close()


@pytest.mark.parametrize("name", ["_MAXHEADERS", "_MAXLINE"])
def test_the_bounds_of_http_client_are_asked_for_each_answer(name, monkeypatch):
    with serve([FOUR_FIELDS, FOUR_FIELDS.replace(b"E", b"G")], [FOUR_FIELDS]) as server:
        conn = HTTPConnection(server.host, server.port)
        conn.request("GET", "/")
        assert conn.getresponse().data == b"ok"
        monkeypatch.setattr(http.client, name, {"_MAXHEADERS": 3, "_MAXLINE": 10}[name])
        conn.request("GET", "/")
        with pytest.raises(http.client.HTTPException, match="got more than"):
            conn.getresponse()
        monkeypatch.undo()
        conn.close()
        conn.request("GET", "/")
        assert conn.getresponse().data == b"ok"
        conn.close()
