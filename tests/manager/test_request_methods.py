"""What ``request`` makes of fields, JSON and headers before anything is sent."""

from __future__ import annotations

import inspect
import re

import pytest

import urllib3
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3._collections import HTTPHeaderDict
from urllib3._request_methods import RequestMethods

JSON = {"Content-Type": "application/json"}


class Kept(RequestMethods):
    """Keeps what ``urlopen`` is called with."""

    def urlopen(self, method, url, **kw):
        return method, url, kw


def asked(*args, headers=None, **kw):
    return Kept(headers).request(*args, **kw)


def test_the_methods_and_their_bases():
    assert {"DELETE", "GET", "HEAD", "OPTIONS"} == RequestMethods._encode_url_methods
    assert issubclass(HTTPConnectionPool, RequestMethods)
    assert issubclass(PoolManager, RequestMethods)
    assert RequestMethods().headers == {}
    with pytest.raises(NotImplementedError) as caught:
        RequestMethods().request("GET", "/")
    assert str(caught.value) == (
        "Classes extending RequestMethods must implement their own ``urlopen`` method."
    )
    parameters = inspect.signature(RequestMethods.urlopen).parameters
    assert list(parameters)[1:6] == ["method", "url", "body", "headers", "encode_multipart"]


def test_only_request_makes_the_method_upper_case():
    assert asked("get", "/")[0] == "GET"
    assert asked("post", "/")[0] == "POST"
    assert Kept().request_encode_url("get", "/")[0] == "get"
    assert Kept().request_encode_body("post", "/")[0] == "post"


@pytest.mark.parametrize(
    ("method", "name"), [("GET", "request_encode_url"), ("POST", "request_encode_body")]
)
def test_request_goes_through_whatever_stands_for_the_step_behind_it(method, name, monkeypatch):
    def step(*args, **kw):
        return args[-2:], kw

    expected = (method, "/"), {"fields": None, "headers": None, "timeout": 3}
    monkeypatch.setattr(one := Kept(), name, step, raising=False)
    assert one.request(method, "/", timeout=3) == expected
    assert type("Own", (Kept,), {name: step})().request(method, "/", timeout=3) == expected
    monkeypatch.setattr(RequestMethods, name, step)
    assert Kept().request(method, "/", timeout=3) == expected


@pytest.mark.parametrize(
    ("url", "fields", "expected"),
    [
        ("/x", {"a": "1", "b": "c d&"}, "/x?a=1&b=c+d%26"),
        ("/x?y=1", [("a", "1"), ("a", "2")], "/x?y=1?a=1&a=2"),
        (
            "/x",
            {"a": b"\xff", "b": 5, "c": [1, 2], "d": None},
            "/x?a=%FF&b=5&c=%5B1%2C+2%5D&d=None",
        ),
        ("/x", {}, "/x"),
        ("/x", None, "/x"),
    ],
)
def test_fields_of_a_get_go_into_the_url(url, fields, expected):
    headers = {"A": "b"}
    method, target, kw = asked("get", url, fields=fields, headers=headers)
    assert (method, target) == ("GET", expected)
    assert kw == {"headers": headers}
    assert kw["headers"] is headers


def test_a_post_without_fields_has_no_body_but_the_one_given():
    default = {"A": "b"}
    _, _, kw = asked("POST", "/x", headers=default)
    assert kw == {"headers": default}
    assert type(kw["headers"]) is HTTPHeaderDict
    assert kw["headers"] is not default
    assert asked("POST", "/", fields={}, body=b"x")[2]["body"] == b"x"
    assert asked("POST", "/", body=b"")[2]["body"] == b""
    assert asked("GET", "/", body=b"x")[2]["body"] == b"x"


@pytest.mark.parametrize(
    ("method", "in_url"),
    [
        ("PUT", 0),
        ("PATCH", 0),
        ("FOO", 0),
        ("TRACE", 0),
        ("DELETE", 1),
        ("OPTIONS", 1),
        ("HEAD", 1),
    ],
)
def test_where_fields_go_depends_on_the_method(method, in_url):
    _, url, kw = asked(method, "/", fields={"a": "1"})
    assert url == ("/?a=1" if in_url else "/")
    assert ("body" in kw) != in_url


def test_fields_of_a_post_are_multipart():
    fields = {"a": "1", "f": ("f.txt", "data"), "g": ("g.bin", b"\0", "image/x")}
    _, _, kw = asked("POST", "/", fields=fields)
    boundary = re.fullmatch(
        "multipart/form-data; boundary=([0-9a-f]{32})", kw["headers"]["Content-Type"]
    )[1].encode()
    assert kw["body"] == b"\r\n".join(
        [
            b'--%b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1' % boundary,
            b'--%b\r\nContent-Disposition: form-data; name="f"; filename="f.txt"' % boundary,
            b"Content-Type: text/plain\r\n\r\ndata",
            b'--%b\r\nContent-Disposition: form-data; name="g"; filename="g.bin"' % boundary,
            b"Content-Type: image/x\r\n\r\n\0",
            b"--%b--\r\n" % boundary,
        ]
    )


def test_other_encodings_of_fields():
    _, _, kw = asked("POST", "/", fields={"a": "1 2"}, encode_multipart=False)
    assert kw["body"] == "a=1+2"
    assert kw["headers"] == {"Content-Type": "application/x-www-form-urlencoded"}
    kept = Kept().request(
        "POST", "/", fields={"a": "1"}, multipart_boundary="BB", headers={"content-type": "mine"}
    )[2]
    assert kept["body"].startswith(b"--BB\r\n")
    assert dict(kept["headers"]) == {"content-type": "mine"}


def test_two_bodies_are_refused():
    both = "request got values for both 'fields' and 'body', can only specify one."
    for other in ({"body": b"x"}, {"json": {}}):
        with pytest.raises(TypeError) as caught:
            asked("POST", "/", fields={"a": "1"}, **other)
        assert str(caught.value) == both
    with pytest.raises(TypeError) as caught:
        asked("POST", "/", json={}, body=b"")
    assert str(caught.value) == (
        "request got values for both 'body' and 'json' parameters which are mutually exclusive"
    )


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ({"a": "\xe9", "b": [1, 2]}, '{"a":"\xe9","b":[1,2]}'),
        (False, "false"),
        (0, "0"),
        ({}, "{}"),
        ([], "[]"),
        ("", '""'),
        (float("nan"), "NaN"),
    ],
)
def test_json_is_compact_and_utf8(value, body):
    default = {"A": "b"}
    _, _, kw = asked("POST", "/", json=value, headers=default)
    assert kw["body"] == body.encode()
    assert kw["headers"] == {"A": "b", **JSON}
    assert default == {"A": "b"}


def test_json_beside_other_things():
    assert "body" not in asked("POST", "/", json=None)[2]
    given = {"Content-type": "x/y"}
    kw = Kept().request("POST", "/", json={}, headers=given)[2]
    assert dict(kw["headers"]) == given == {"Content-type": "x/y"}
    _, url, kw = asked("GET", "/", json=1, fields={"a": "1"})
    assert (url, kw["body"], kw["headers"]) == ("/?a=1", b"1", JSON)
    with pytest.raises(TypeError, match="not JSON serializable"):
        asked("POST", "/", json=object())


def test_what_is_not_understood_goes_to_urlopen():
    assert asked("GET", "/", encode_multipart=False, timeout=3)[2] == {
        "headers": {},
        "encode_multipart": False,
        "timeout": 3,
    }
    assert asked("POST", "/", chunked=True)[2]["chunked"] is True


def test_the_signature_of_the_function():
    parameters = inspect.signature(urllib3.request).parameters
    assert {
        name: parameter.default
        for name, parameter in parameters.items()
        if name not in ("method", "url")
    } == {
        "body": None,
        "fields": None,
        "headers": None,
        "preload_content": True,
        "decode_content": True,
        "redirect": True,
        "retries": None,
        "timeout": 3,
        "json": None,
    }
    with pytest.raises(TypeError):
        urllib3.request("GET", "http://h/", pool_timeout=1)
    with pytest.raises(TypeError):
        urllib3.request("GET", "http://h/", b"body")


def test_the_function_asks_the_global_manager(monkeypatch):
    calls = []
    monkeypatch.setattr(
        urllib3._DEFAULT_POOL, "request", lambda *args, **kw: calls.append((args, kw))
    )
    urllib3.request("GET", "http://h/", json=[])
    assert isinstance(urllib3._DEFAULT_POOL, PoolManager)
    assert calls == [
        (
            ("GET", "http://h/"),
            {
                "body": None,
                "fields": None,
                "headers": None,
                "preload_content": True,
                "decode_content": True,
                "redirect": True,
                "retries": None,
                "timeout": 3,
                "json": [],
            },
        )
    ]
