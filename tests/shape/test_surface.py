"""What urllib3 2.8.0 exports, we export: names, kinds, bases, members, signatures."""

from __future__ import annotations

import inspect

import pytest

from tests.shape import surface
from tests.shape.project import load
from tests.support.answers import needs_every_coding


@needs_every_coding
def test_no_public_name_is_missing_or_shaped_otherwise() -> None:
    assert list(surface.shortfalls()) == []


def test_no_accepted_difference_is_out_of_date() -> None:
    found = {line.split(": ")[0] for line in surface.all_shortfalls()}
    assert set(load("surface.toml")["accepted"]) - found == set()


def stand_in(first: int, second: str = "a", *, third: bool = False) -> None: ...


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({}, []),
        ({"second": {"default": "'b'"}}, ["f: parameter second defaults to 'a', not 'b'"]),
        ({"third": {"name": "fourth"}}, ["f: lacks the parameter fourth"]),
        (
            {"first": {"kind": "KEYWORD_ONLY"}},
            ["f: parameter first is POSITIONAL_OR_KEYWORD, not KEYWORD_ONLY"],
        ),
        (
            {"first": {"name": "zeroth"}},
            ["f: lacks the parameter zeroth", "f: asks for a further parameter first"],
        ),
    ],
)
def test_a_changed_signature_is_told(
    change: dict[str, dict[str, str]], complaint: list[str]
) -> None:
    want = [
        {"name": p.name, "kind": p.kind.name}
        | ({} if p.default is p.empty else {"default": repr(p.default)})
        | change.get(p.name, {})
        for p in inspect.signature(stand_in).parameters.values()
    ]
    assert list(surface.compare_signature("f", want, stand_in)) == complaint
