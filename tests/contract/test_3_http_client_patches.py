"""sentry, ddtrace, newrelic, aws-xray and OpenTelemetry wrap methods of ``http.client`` classes.

Whatever is wrapped is called, with the same bytes on the wire and the same answer.
"""

from __future__ import annotations

import http.client

import pytest

import urllib3
from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool

REPLY = b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nok"
Connection, Response = http.client.HTTPConnection, http.client.HTTPResponse


def exchange(**kw):
    with serve(handler=lambda request: REPLY) as server:
        with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
            for _ in range(2):
                response = pool.urlopen("POST", "/x?y", body=b"abc", headers={"A": "b"}, **kw)
            assert (response.status, response.headers["x"], response.data) == (200, "y", b"ok")
            assert server.connections == 1
        return server.raw.replace(b"%d" % server.port, b"PORT")


def wrap(monkeypatch, owner, name):
    original, calls = getattr(owner, name), []

    def wrapped(self, *args, **kw):
        calls.append(args)
        return original(self, *args, **kw)

    monkeypatch.setattr(owner, name, wrapped)
    return calls


@pytest.mark.parametrize(
    "name",
    ["putrequest", "putheader", "endheaders", "send", "_send_output", "_output", "getresponse"],
)
def test_a_wrapped_step_of_a_connection_is_taken(monkeypatch, name):
    plain = exchange()
    calls = wrap(monkeypatch, Connection, name)
    assert exchange() == plain
    assert calls
    if name == "putrequest":
        assert [call[:2] for call in calls] == [("POST", "/x?y")] * 2
    if name == "send":
        assert calls[1] == (b"abc",)


@pytest.mark.parametrize("name", ["begin", "read", "_read_status"])
def test_a_wrapped_step_of_a_response_is_taken(monkeypatch, name):
    plain = exchange()
    if name == "_read_status":
        wrap(monkeypatch, Response, "begin")
    calls = wrap(monkeypatch, Response, name)
    assert exchange() == plain
    assert len(calls) >= 2


def test_our_own_classes_may_be_patched_as_well(monkeypatch):
    plain = exchange()
    calls = wrap(monkeypatch, urllib3.connection.HTTPConnection, "endheaders")
    assert exchange() == plain
    assert len(calls) == 2


def test_a_method_set_on_an_instance_is_called():
    sent = []
    with serve(handler=lambda request: REPLY) as server:
        with HTTPConnectionPool(server.host, server.port, retries=False) as pool:
            pool.urlopen("GET", "/")
            (conn,) = pool.pool.queue
            send = conn.send
            conn.send = lambda data: (sent.append(data), send(data))
            pool.urlopen("GET", "/")
    assert sent[0].startswith(b"GET / HTTP/1.1\r\n")


def test_foreign_attributes_find_room_everywhere():
    conn = urllib3.connection.HTTPConnection("h")
    for thing in (conn, HTTPConnectionPool("h"), urllib3.PoolManager(), urllib3.HTTPResponse(b"")):
        thing._datadog_mark = 1
        assert thing._datadog_mark == 1


def test_a_wrapped_init_sees_new_connections(monkeypatch):
    calls = wrap(monkeypatch, Connection, "__init__")
    urllib3.connection.HTTPConnection("h", 1)
    assert len(calls) == 1
