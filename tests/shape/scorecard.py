"""Print the source in numbers, and the aims that they miss: ``python -m tests.shape.scorecard``.

Parts of the package may be left out: ``... -contrib -http2`` measures what an ordinary request uses.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Collection

from tests.shape import budget
from tests.shape.project import load, modules


def scorecard(without: Collection[str] = ()) -> dict[str, float]:
    """Every measure of the modules that are not in the packages *without*."""
    names = [name for name in modules() if name.split(".")[0] not in without]
    costs = [cost for cost in budget.costs() if cost.function.split(":")[0] in names]
    lengths = sorted(cost.lines for cost in costs)
    code = sum(len(budget.code_lines(name) - budget.docstring_lines(name)) for name in names)
    count = {
        label: sum(measure(name) for name in names)
        for label, measure in (
            ("Any", anys),
            ("ignores", ignores),
            ("privates", foreign_privates),
            ("comments", comments),
        )
    }
    return {
        "code lines": code,
        "functions": len(costs),
        "longest function": lengths[-1],
        "p99 of function length": lengths[int(len(lengths) * 0.99)],
        "largest class": max(
            size.lines for size in budget.sizes() if size.name.split(":")[0] in names
        ),
        "highest complexity": max(cost.complexity for cost in costs),
        "functions over complexity 10": sum(cost.complexity > 10 for cost in costs),
        "Any per 1000 lines": round(1000 * count["Any"] / code, 1),
        "type: ignore per 1000 lines": round(1000 * count["ignores"] / code, 1),
        "foreign privates per 1000 lines": round(1000 * count["privates"] / code, 1),
        "comments per 100 lines": round(100 * count["comments"] / code, 1),
    }


def anys(name: str) -> int:
    return sum(
        getattr(node, "attr", getattr(node, "id", None)) == "Any"
        for node in ast.walk(modules()[name])
        if isinstance(node, (ast.Attribute, ast.Name))
    )


def ignores(name: str) -> int:
    return len(re.findall(r"#\s*type:\s*ignore", budget.text_of(name)))


def foreign_privates(name: str) -> int:
    return count_foreign_privates(modules()[name])


def count_foreign_privates(tree: ast.AST) -> int:
    """How often a name with one leading underscore is looked up on another object than self."""
    return sum(
        isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not is_own(node.value)
        for node in ast.walk(tree)
    )


def is_own(owner: ast.expr) -> bool:
    if isinstance(owner, ast.Call):
        return getattr(owner.func, "id", "") == "super"
    return isinstance(owner, ast.Name) and owner.id in {"self", "cls"}


def comments(name: str) -> int:
    """The lines on which a comment stands, alone or behind code."""
    tokens = tokenize.generate_tokens(io.StringIO(budget.text_of(name)).readline)
    return len({token.start[0] for token in tokens if token.type == tokenize.COMMENT})


def missed(card: dict[str, float]) -> list[str]:
    """The measures of *card* that are not within the aims of ``budget.toml``."""
    return [
        measure
        for measure, (least, most) in load("budget.toml")["aims"].items()
        if not least <= card[measure] <= most
    ]


def main() -> None:
    card = scorecard({argument.removeprefix("-") for argument in sys.argv[1:]})
    aims = load("budget.toml")["aims"]
    wrong = missed(card)
    for measure, value in card.items():
        least, most = aims.get(measure, (None, None))
        aim = "" if most is None else f"aim {least} to {most}" if least else f"aim {most}"
        print(f"{measure:32} {value:8}  {aim:14}{'  missed' if measure in wrong else ''}".rstrip())


if __name__ == "__main__":
    main()
