"""Type checkers find the mistakes here that they find with urllib3 2.8.0."""

from __future__ import annotations

import pytest

from tests.shape import annotations as checked
from tests.shape.project import load


def test_no_annotation_allows_more_than_that_of_2_8_0() -> None:
    assert list(checked.wider()) == []


def test_no_accepted_annotation_is_unused() -> None:
    pytest.importorskip("OpenSSL", reason="pyOpenSSL is missing")
    pytest.importorskip("h2", reason="h2 is missing")
    found = {line.split(": ")[0] for line in checked.all_wider()}
    assert set(load("annotations.toml")["accepted"]) - found == set()


def test_any_is_not_named_more_often_than_in_2_8_0() -> None:
    theirs = [
        annotation
        for row in checked.frozen()["names"].values()
        for annotation in row.values()
        if checked.ANY.search(annotation)
    ]
    assert len(checked.with_any()) <= len(theirs)


@pytest.mark.parametrize(
    ("ours", "theirs", "is_fine"),
    [
        ("str", "str | None", True),
        ("str | None", "typing.Optional[str]", True),
        ("bool | int | None", "int | None", True),
        ("Timeout | float", "float | int | Timeout", True),
        ("collections.abc.Mapping[str, str]", "typing.Mapping[str, str]", True),
        ("_TYPE_SECONDS", "float | None", True),
        ("type[A | B]", "type[A] | type[B]", True),
        ("typing.Callable[[str], None]", "Callable[[str], None]", True),
        ("object", "typing.Any", True),
        ("typing.Any", "str", False),
        ("object", "str", False),
        ("str | None", "str", False),
        ("dict[str, typing.Any]", "dict[str, str]", False),
        ("typing.Callable[..., None]", "Callable[[str], None]", False),
    ],
)
def test_what_allows_more_is_told_from_what_is_spelled_otherwise(
    ours: str, theirs: str, is_fine: bool
) -> None:
    aliases = {"_TYPE_SECONDS": "typing.Union[float, NoneType]"}
    have, want = (checked.meaning(text, aliases) for text in (ours, theirs))
    assert checked.allows_no_more(have, want) is is_fine
