"""Measure functions and classes against the budget.

``python -m tests.shape.budget`` lists what exceeds it, and which allowances are out of date.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.shape.project import SOURCE, load, module_name, modules
from tests.shape.surface import frozen_callables, frozen_shapes

Function = (ast.FunctionDef, ast.AsyncFunctionDef)
AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef
BRANCHES = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.match_case,
    ast.comprehension,
)
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True)
class Cost:
    """What one function costs; ``parameters`` is 0 where the signature is public and frozen."""

    function: str
    lines: int
    complexity: int
    parameters: int


@dataclass(frozen=True)
class Size:
    """How large one class is."""

    name: str
    lines: int
    methods: int


@cache
def text_of(name: str) -> str:
    (path,) = [path for path in SOURCE.rglob("*.py") if module_name(path) == name]
    return path.read_text("utf-8")


@cache
def code_lines(name: str) -> frozenset[int]:
    """The lines of a module on which code stands; docstrings count."""
    tokens = tokenize.generate_tokens(io.StringIO(text_of(name)).readline)
    return frozenset(
        line
        for token in tokens
        if token.type not in NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    )


@cache
def docstring_lines(name: str) -> frozenset[int]:
    """The lines of a module on which docstrings stand."""
    return frozenset(
        line
        for node in ast.walk(modules()[name])
        if isinstance(node, (ast.Module, ast.ClassDef, *Function))
        and ast.get_docstring(node) is not None
        for line in lines_of(node.body[0])
    )


def lines_of(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


# ---------------------------------------------------------------- functions


def costs() -> list[Cost]:
    found: list[Cost] = []
    for name, tree in modules().items():
        collect(name, tree, (), found)
    return found


def collect(name: str, node: ast.AST, outer: tuple[str, ...], found: list[Cost]) -> None:
    for path, child in named(node, outer):
        if isinstance(child, Function) and not is_overload(child):
            found.append(cost_of(name, ".".join(path), child))
        collect(name, child, path, found)


def named(node: ast.AST, outer: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], ast.AST]]:
    """The parts of a syntax tree, each with the names of the functions and classes around it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield (*outer, child.name), child
        else:
            yield outer, child


def is_overload(function: ast.AST) -> bool:
    """Whether *function* is only a signature, beside others of the same name."""
    marks = getattr(function, "decorator_list", ())
    return any("overload" in ast.unparse(mark) for mark in marks)


def cost_of(name: str, path: str, function: AnyFunction) -> Cost:
    frozen = (name, path) in frozen_callables() or (
        function.name,
        tuple(parameter_names(function)),
    ) in frozen_shapes()
    return Cost(
        function=f"{name}:{path}",
        lines=body_lines(name, function),
        complexity=complexity(function),
        parameters=0 if frozen else parameters(function),
    )


def body_lines(name: str, function: AnyFunction) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    return len(code_lines(name) & set(range(body[0].lineno, (body[-1].end_lineno or 0) + 1)))


def complexity(function: AnyFunction) -> int:
    """One, and one more for each branch, loop, handler, comprehension, and ``and`` or ``or``.

    What is defined inside (functions, lambdas) is not counted: each function for itself.
    """
    found = 1
    left = list(ast.iter_child_nodes(function))
    while left:
        node = left.pop()
        if isinstance(node, (ast.Lambda, *Function)):
            continue
        if isinstance(node, BRANCHES):
            found += 1
        elif isinstance(node, ast.BoolOp):
            found += len(node.values) - 1
        left += ast.iter_child_nodes(node)
    return found


def parameter_names(function: AnyFunction) -> list[str]:
    spec = function.args
    return [arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]


def parameters(function: AnyFunction) -> int:
    """How many may be passed by position: the order of these has to be remembered."""
    spec = function.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


# ---------------------------------------------------------------- classes


def sizes() -> list[Size]:
    """Every class of every module."""
    return [
        size_of(name, node)
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]


def size_of(name: str, node: ast.ClassDef) -> Size:
    return Size(
        name=f"{name}:{node.name}",
        lines=len((code_lines(name) - docstring_lines(name)) & set(lines_of(node))),
        methods=sum(isinstance(member, Function) for member in node.body),
    )


# ---------------------------------------------------------------- against the table


def excess(found: Cost | Size, limits: dict[str, int]) -> dict[str, int]:
    """The measures in which a function or class exceeds *limits*."""
    return {
        measure: getattr(found, measure)
        for measure, limit in limits.items()
        if getattr(found, measure) > limit
    }


def in_steps(over: dict[str, int], steps: dict[str, int]) -> dict[str, int]:
    """*over* rounded up, so that not every change of a large class is a change of the table."""
    return {
        measure: -(-value // steps[measure]) * steps[measure] for measure, value in over.items()
    }


def offences() -> list[str]:
    """What exceeds its budget, and allowances that are not needed, not exact or unexplained."""
    table = load("budget.toml")
    of_functions = {cost.function: excess(cost, table["functions"]) for cost in costs()}
    of_classes = {
        size.name: in_steps(excess(size, table["classes"]), table["steps"]) for size in sizes()
    }
    return [
        *compared(of_functions, table["allowances"]),
        *compared(of_classes, table["large_classes"]),
    ]


def compared(found: dict[str, dict[str, int]], allowances: dict[str, Any]) -> Iterator[str]:
    for name, over in found.items():
        allowance = dict(allowances.get(name, {}))
        why = allowance.pop("why", "")
        if over != allowance:
            yield f"{name}: measures {over or 'within the limits'}, allowed {allowance}"
        if allowance and not why:
            yield f"{name}: an allowance without a reason"
    yield from (f"{name}: an allowance for what is not there" for name in allowances.keys() - found)


if __name__ == "__main__":
    print("\n".join(offences()) or "every function and class is within its budget")
