"""The head of a request as a value: which fields are added, how the body is framed, what is sent."""

from __future__ import annotations

import typing

import pytest

from urllib3 import __version__
from urllib3._http1.request_head import Question, RequestHead, host_field
from urllib3.util import SKIP_HEADER

AGENT = f"User-Agent: python-urllib3/{__version__}"
START = ["Host: a.example", "Accept-Encoding: identity"]


def answer(*given: tuple[typing.Any, typing.Any], **changes: typing.Any) -> RequestHead:
    """The head of a GET to a.example with the fields *given*, or of what is asked otherwise."""
    asked: dict[str, typing.Any] = {
        "length_unknown": True,
        "bodiless": True,
        "chunked": False,
        "target": None,
        "host": "a.example",
        "port": 80,
        "tunnel_host": None,
        "tunnel_port": None,
    }
    question = Question(text="", **{**asked, **changes})
    return RequestHead(question, dict(given), ("a.example", 80), default_port=80)


def lines(block: bytes | None) -> list[str]:
    assert block is not None
    return block.decode("latin-1").split("\r\n")


BODY: dict[str, typing.Any] = {"bodiless": False, "length_unknown": False}
STREAM = {**BODY, "length_unknown": True}


@pytest.mark.parametrize(
    ("given", "asked", "added", "in_chunks", "adds_length"),
    [
        ((), {}, [], False, False),
        ((), {"length_unknown": False}, [], False, True),  # an empty body of a known length
        ((), BODY, [], False, True),
        ((), STREAM, ["Transfer-Encoding: chunked"], True, False),
        ((), {**BODY, "chunked": True}, ["Transfer-Encoding: chunked"], True, False),
        ((), {"chunked": True}, ["Transfer-Encoding: chunked"], True, False),
        ((("content-LENGTH", "3"),), BODY, [], False, False),
        ((("Content-Length", "3"),), STREAM, [], False, False),
        ((("Transfer-Encoding", "chunked"),), BODY, [], True, False),
        ((("Transfer-Encoding", "chunked"),), {**BODY, "chunked": True}, [], True, False),
        (
            (("Content-Length", "3"),),
            {**BODY, "chunked": True},
            ["Transfer-Encoding: chunked"],
            True,
            False,
        ),
    ],
)
def test_the_framing_field_is_added_unless_the_caller_brings_one(
    given: tuple[tuple[str, str], ...],
    asked: dict[str, typing.Any],
    added: list[str],
    in_chunks: bool,
    adds_length: bool,
) -> None:
    head = answer(*given, **asked)
    assert (head.chunked, head.adds_length) == (in_chunks, adds_length)
    sent = [f"{name}: {value}" for name, value in given]
    rest = [*added, AGENT, *sent, "", ""]
    if adds_length:  # that field goes between the two parts
        assert lines(head.block) == [*START, ""]
        assert lines(head.block_after_length) == rest
    else:
        assert lines(head.block) == [*START, *rest]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ((), [*START, AGENT]),
        ((("X", "1"), ("x", "2")), [*START, AGENT, "X: 1", "x: 2"]),
        ((("HOST", "b"),), ["Accept-Encoding: identity", AGENT, "HOST: b"]),
        ((("Accept-Encoding", "gzip"),), ["Host: a.example", AGENT, "Accept-Encoding: gzip"]),
        ((("user-agent", "me"),), [*START, "user-agent: me"]),
        ((("X", ""),), [*START, AGENT, "X: "]),
    ],
)
def test_what_the_caller_brings_is_not_added(
    given: tuple[tuple[str, str], ...], sent: list[str]
) -> None:
    assert lines(answer(*given).block) == [*sent, "", ""]


@pytest.mark.parametrize(
    "field",
    [
        ("User-Agent", SKIP_HEADER),
        ("X", 1),
        (b"X", "1"),
        ("X", b"1"),
        ("X", "a\nb"),
        ("X", "a\r\n b"),
        ("X", "\u20ac"),
        ("X Y", "1"),
        ("", "1"),
    ],
)
def test_what_is_not_plain_has_no_block_and_is_left_to_the_steps(field: tuple[str, str]) -> None:
    assert answer(field).block is None


@pytest.mark.parametrize("name", ["Upgrade", "upgrade", b"UPGRADE"])
def test_a_request_that_brings_upgrade_asks_for_it(name: str | bytes) -> None:
    assert answer((name, "websocket")).asks_for_upgrade
    assert not answer(("Connection", "upgrade")).asks_for_upgrade


@pytest.mark.parametrize(
    ("target", "origin", "value"),
    [
        ("/", ("a.example", 80), "a.example"),
        ("/", ("a.example", 8080), "a.example:8080"),
        ("", ("a.example", 443), "a.example:443"),
        ("*", ("a.example", 80), "a.example"),
        ("/", ("b\u00fccher.example", 80), "xn--bcher-kva.example"),
        ("/", ("::1", 80), "[::1]"),
        ("/", ("[::1]", 81), "[::1]:81"),
        ("/", ("fe80::1%eth0", 80), "[fe80::1]"),
        ("http://b.example/x", ("a.example", 80), "b.example"),
        ("http://b.example:80", ("a.example", 80), "b.example:80"),
        ("https://b.example?x=/y", ("a.example", 80), "b.example"),
        ("http://[fe80::1%25eth0]:81/", ("a.example", 80), "[fe80::1]:81"),
        ("http:///x", ("a.example", 80), "a.example"),
        ("httpbin/x", ("a.example", 80), "a.example"),
        ("/?to=http://b.example/", ("a.example", 80), "a.example"),
    ],
)
def test_host_is_that_of_an_absolute_target_or_else_the_origin(
    target: str, origin: tuple[str, int], value: str
) -> None:
    assert host_field(target, origin, default_port=80) == value
