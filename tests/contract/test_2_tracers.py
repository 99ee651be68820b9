"""OpenTelemetry, ddtrace, elastic-apm and newrelic wrap functions of pools on the class."""

from __future__ import annotations

import inspect

from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3._request_methods import RequestMethods


def answer(request):
    if request.line.startswith("GET /one"):
        return b"HTTP/1.1 302 Go\r\nLocation: /two\r\nContent-Length: 0\r\n\r\n"
    return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def test_urlopen_wrapped_on_the_class_sees_each_hop_of_a_manager(monkeypatch):
    original, spans = HTTPConnectionPool.urlopen, []
    signature = inspect.signature(original)

    def traced(pool, *args, **kw):
        bound = signature.bind(pool, *args, **kw).arguments
        response = original(pool, *args, **kw)
        spans.append(
            (
                bound["method"],
                bound["url"],
                pool.scheme,
                pool.port,
                response.status,
                response.version,
            )
        )
        assert "authorization" in bound["headers"]
        return response

    monkeypatch.setattr(HTTPConnectionPool, "urlopen", traced)
    with serve(handler=answer) as server, PoolManager() as manager:
        manager.request("GET", server.url("/one"), headers={"authorization": "x"})
        assert spans == [
            ("GET", "/one", "http", server.port, 302, 11),
            ("GET", "/two", "http", server.port, 200, 11),
        ]


def test_make_request_wrapped_on_the_class_gets_connection_method_and_url(monkeypatch):
    original, seen = HTTPConnectionPool._make_request, []

    def traced(pool, conn, method, url, *args, **kw):
        seen.append((conn.host, method, url))
        return original(pool, conn, method, url, *args, **kw)

    monkeypatch.setattr(HTTPConnectionPool, "_make_request", traced)
    with serve(handler=answer) as server, PoolManager() as manager:
        manager.request("POST", server.url("/x"), body=b"y")
        assert seen == [(server.host, "POST", "/x")]


def test_the_wrapped_functions_are_plain_functions_with_their_parameters():
    for function, names in (
        (HTTPConnectionPool.urlopen, ["self", "method", "url", "body", "headers", "retries"]),
        (HTTPConnectionPool._make_request, ["self", "conn", "method", "url", "body", "headers"]),
        (RequestMethods.request, ["self", "method", "url", "body", "fields", "headers"]),
    ):
        assert inspect.isfunction(function)
        assert list(inspect.signature(function).parameters)[: len(names)] == names
