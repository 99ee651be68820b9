"""An answer that comes along with its head is taken at once, and is the same as any other way."""

from __future__ import annotations

import contextlib
import http.client
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.answers import answer, head
from urllib3 import HTTPHeaderDict
from urllib3._http1.answer import IncomingResponse
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

FIELDS = [
    "Content-Length: 2",
    "Content-Length: 0",
    "content-length: 02",
    "Content-Length: 2, 2",
    "Content-Length: 3",
    "Content-Length: x",
    "Transfer-Encoding: chunked",
    "Content-Encoding: identity",
    "Content-Encoding: gzip",
    "Connection: close",
    "Connection: keep-alive",
    "Keep-Alive: timeout=5",
    "Set-Cookie: a=b",
    "set-cookie: c=d",
    "X : y",
    "Location: /b",
]
STATUSES = ["200 OK", "200", "204 No Content", "304 Not Modified", "404 Not Found", "500 Oh"]


@contextlib.contextmanager
def watched(way):
    """Somebody looks on when a body, or a head, is read: nothing can be taken at once."""
    owner, name = {
        "a wrapped read of http.client": (http.client.HTTPResponse, "read"),
        "a wrapped begin of http.client": (http.client.HTTPResponse, "begin"),
        "a wrapped getresponse of http.client": (http.client.HTTPConnection, "getresponse"),
        "a wrapped read of ours": (HTTPResponse, "read"),
    }[way]
    original = getattr(owner, name)

    def wrapper(self, *args, **kw):
        return original(self, *args, **kw)

    with mock.patch.object(owner, name, wrapper):
        yield


def seen(raw, method):
    """Everything that can be seen of the answer *raw* and of what is left of its connection."""
    try:
        with answer(raw, preload_content=True, method=method, ends=True) as (response, pool):
            first = (
                response.status,
                response.reason,
                response.version,
                response.version_string,
                response.headers,
                response.data,
                response.tell(),
                response.length_remaining,
                response.chunked,
                response.closed,
                response.url,
                repr(response.retries),
                response.connection,
                [conn.sock is None for conn in pool.kept],
                [conn._receiver is None or conn._receiver.pending for conn in pool.kept],
            )
            stands = response._original_response
            second = (
                response._fp is stands,
                response.isclosed(),
                response.closed,
                response.read(),
                response.read(1),
                list(response.stream()),
                response.data,
                type(stands),
                (stands.version, stands.status, stands.reason, stands.code),
                stands.msg.items(),
                stands.getheaders(),
                stands.isclosed(),
                stands.fp,
                stands.read(),
            )
            return first, second
    except HTTPError as error:
        return type(error), str(error)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@given(
    way=st.sampled_from(
        [
            "a wrapped read of http.client",
            "a wrapped begin of http.client",
            "a wrapped getresponse of http.client",
            "a wrapped read of ours",
        ]
    ),
    version=st.sampled_from(["HTTP/1.1", "HTTP/1.0"]),
    status=st.sampled_from(STATUSES),
    fields=st.lists(st.sampled_from(FIELDS), max_size=4),
    body=st.sampled_from([b"ok", b"", b"ok and more", b"2\r\nok\r\n0\r\n\r\n"]),
)
def test_whoever_looks_on_sees_the_same_answer(method, way, version, status, fields, body):
    if way == "a wrapped begin of http.client":
        # Then the head is read by email.parser, to which such a line ends the head.
        fields = [line for line in fields if line != "X : y"]
    lines = "".join(f"{line}\r\n" for line in fields)
    raw = f"{version} {status}\r\n{lines}\r\n".encode() + body
    at_once = seen(raw, method)
    with watched(way):
        assert seen(raw, method) == at_once


def test_what_stands_for_the_http_client_response_is_made_when_somebody_looks():
    with answer(head("Content-Length: 2", "Set-Cookie: a=b") + b"ok") as (response, _):
        assert "_original_response" in vars(response)
    with answer(head("Content-Length: 2", "Set-Cookie: a=b") + b"ok", preload_content=True) as (
        response,
        _,
    ):
        assert response.data == b"ok"
        assert response.closed
        assert "_original_response" not in vars(response)
        assert type(response._original_response) is IncomingResponse
        assert response._original_response.msg.get_all("set-cookie") == ["a=b"]
        assert response._fp is response._original_response


def test_an_object_put_in_its_place_is_believed():
    class Open:
        def isclosed(self):
            return False

        def close(self):
            pass

    with answer(head("Content-Length: 2") + b"ok", preload_content=True) as (response, _):
        response._fp = Open()
        assert not response.closed
        assert response.headers == HTTPHeaderDict({"Content-Length": "2"})
