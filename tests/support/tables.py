"""Tables of examples: ``tests/data/*.json``, each row an expression and its result.

A result is the ``ascii()`` of the value, or ``raises Class: text``; ``raises Class`` alone where the
text is Python's own and varies with its version.  A row whose result is not that of urllib3 2.8.0 says
what that was (``"urllib3"``) and ``"why"`` it is not.
"""

from __future__ import annotations

import json
import typing
import warnings
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"


def rows(table: str, *prefixes: str) -> list[typing.Any]:
    """The rows of a table, or those whose ids begin so, for ``parametrize``."""
    found = json.loads((DATA / f"{table}.json").read_text("utf-8"))
    return [
        pytest.param(row, id=row["id"])
        for row in found
        if not prefixes or row["id"].startswith(prefixes)
    ]


def outcome(call: typing.Callable[[], typing.Any]) -> str:
    """What comes of CALL, as tables have it."""
    try:
        return ascii(call())
    except Exception as error:
        text = str(error).encode("unicode_escape").decode("ascii")
        return f"raises {type(error).__name__}: {text}"


def check(row: dict[str, typing.Any], names: dict[str, typing.Any]) -> None:
    """Assert that the row's expression comes to its result, with as many warnings."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = outcome(lambda: eval(row["expression"], dict(names)))
    assert same(found, row["result"]), f"{found}\n  instead of\n{row['result']}"
    assert [w.category for w in heard] == [FutureWarning] * row.get("warnings", 0)


def same(found: str, result: str) -> bool:
    if result.startswith("raises ") and ":" not in result:
        return found.startswith(f"{result}: ")
    return found == result
