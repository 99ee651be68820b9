"""Which numbered statements of behaviour do the tests cover?

The statements describe urllib3 2.8.0; ``tests/data/statements.json`` lists their labels by chapter.
A test claims statements by ``@pytest.mark.spec("pool P14", "pool P20..P22")``; a row of a data file
claims the one that its ``"id"`` names (``"UU1"``, or ``"pool PX3"`` where several chapters have it).
``python -m tests.shape.statements`` prints what is missing.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any

from tests.shape.project import TESTS, tomllib

Label = tuple[str, str]  # chapter, number
LABEL = re.compile(r"([\w-]+) ([A-Z]+(?:-[A-Z]+)?\d+)(?:\.\.([A-Z]+(?:-[A-Z]+)?\d+))?")
NOT_ROWS = {"statements.json", "surface.json"}


@cache
def statements() -> dict[str, tuple[str, ...]]:
    listed: dict[str, list[str]] = json.loads(
        (TESTS / "data" / "statements.json").read_text("utf-8")
    )
    return {chapter: tuple(labels) for chapter, labels in listed.items()}


def everything() -> set[Label]:
    return {(chapter, label) for chapter, labels in statements().items() for label in labels}


def parse(text: str) -> list[Label]:
    """``"pool P14"`` -> one label, ``"pool P20..P22"`` -> all listed ones of that range."""
    match = LABEL.fullmatch(text)
    if match is None:
        message = f"not a label of the form 'chapter P1' or 'chapter P1..P9': {text!r}"
        raise ValueError(message)
    chapter, first, last = match.groups()
    if last is None:
        return [(chapter, first)]
    prefix = first.rstrip("0123456789")
    span = range(int(first[len(prefix) :]), int(last[len(prefix) :]) + 1)
    wanted = [f"{prefix}{number}" for number in span]
    return [(chapter, label) for label in wanted if label in statements().get(chapter, ())]


def claimed_by_marks() -> dict[Label, str]:
    """Label -> the first test file that claims it with a mark."""
    found: dict[Label, str] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for text in marks(ast.parse(path.read_text("utf-8"))):
            for label in parse(text):
                found.setdefault(label, str(path.relative_to(TESTS)))
    return found


def marks(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        # A file may say ``spec = pytest.mark.spec`` once.
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "spec":
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def claimed_by_rows() -> set[Label]:
    return {
        label
        for path in sorted((TESTS / "data").glob("*.json"))
        if path.name not in NOT_ROWS
        for text in ids(json.loads(path.read_text("utf-8")))
        for label in resolve(text)
    }


def ids(value: Any) -> Iterator[str]:
    """The ``"id"`` of every object in VALUE, however deep."""
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            yield value["id"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from ids(item)


def resolve(text: str) -> list[Label]:
    """The statement that a row's id names; none if it is an id of the row's own."""
    if LABEL.fullmatch(text):
        return parse(text)
    chapters = [chapter for chapter, labels in statements().items() if text in labels]
    return [(chapters[0], text)] if len(chapters) == 1 else []


def excused() -> dict[Label, str]:
    table = tomllib.loads((TESTS / "data" / "uncovered.toml").read_text("utf-8"))
    return {
        label: why
        for chapter, rows in table.items()
        for number, why in rows.items()
        for label in parse(f"{chapter} {number}")
    }


def unknown() -> list[str]:
    """Labels that tests or excuses name although there is no such statement."""
    named = set(claimed_by_marks()) | set(excused())
    return sorted(" ".join(label) for label in named - everything())


def uncovered() -> list[Label]:
    order = {
        label: index
        for index, label in enumerate(
            (chapter, label) for chapter, labels in statements().items() for label in labels
        )
    }
    missing = everything() - set(claimed_by_marks()) - claimed_by_rows() - set(excused())
    return sorted(missing, key=order.__getitem__)


def needless_excuses() -> list[str]:
    covered = set(claimed_by_marks()) | claimed_by_rows()
    return sorted(" ".join(label) for label in set(excused()) & covered)


def runs(labels: list[str]) -> Iterator[str]:
    """``P1 P2 P3 P7`` -> ``P1..P3 P7``."""
    split = [re.fullmatch(r"(.*?)(\d+)", label) for label in labels]
    pairs = [(match[1], int(match[2])) for match in split if match]
    for _, group in groupby(enumerate(pairs), lambda item: (item[1][0], item[1][1] - item[0])):
        members = [f"{prefix}{number}" for _, (prefix, number) in group]
        yield members[0] if len(members) == 1 else f"{members[0]}..{members[-1]}"


def report() -> str:
    lines = []
    missing = uncovered()
    for chapter, labels in statements().items():
        gaps = [label for name, label in missing if name == chapter]
        lines.append(f"{chapter}: {len(labels) - len(gaps)} of {len(labels)} covered or excused")
        if gaps:
            lines.append(f"    missing: {' '.join(runs(gaps))}")
    lines += [f"unknown label: {label}" for label in unknown()]
    lines += [f"needless excuse: {label}" for label in needless_excuses()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())
