"""requests itself, where it is installed.  Its own suite is run by ``nox -s clients``."""

from __future__ import annotations

import pytest

from tests.support.scripted import serve

requests = pytest.importorskip("requests", reason="requests is not installed")

pytestmark = pytest.mark.client("requests")


def answer(request):
    if request.line.startswith("GET /one"):
        return b"HTTP/1.1 302 Go\r\nLocation: /two\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n"
    body = (request.get("cookie") or "no cookie").encode() + b";" + request.body
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def test_a_session_follows_redirects_and_keeps_cookies_on_one_connection():
    with serve(handler=answer) as server, requests.Session() as session:
        session.trust_env = False
        assert session.get(server.url("/one")).text == "a=1;"
        assert session.post(server.url("/x"), data={"k": "v"}).text == "a=1;k=v"
        assert session.get(server.url("/y"), stream=True).raw.read() == b"a=1;"
        assert server.connections == 1


def test_errors_are_those_of_requests():
    with serve([]) as server, requests.Session() as session:
        session.trust_env = False
        with pytest.raises(requests.exceptions.ConnectionError):
            session.get(server.url("/"))
