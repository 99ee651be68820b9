"""Measure every function against the budget: ``python -m tests.shape.budget`` lists who exceeds it."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from functools import cache

from tests.shape.project import SOURCE, load, module_name, modules
from tests.shape.surface import frozen_callables, frozen_shapes

Function = ast.FunctionDef | ast.AsyncFunctionDef
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


@dataclass(frozen=True)
class Cost:
    """What one function costs; ``parameters`` is 0 where the signature is public and frozen."""

    function: str
    lines: int
    complexity: int
    parameters: int


@cache
def code_lines(name: str) -> frozenset[int]:
    """The lines of a module on which code stands."""
    (path,) = [path for path in SOURCE.rglob("*.py") if module_name(path) == name]
    nothing = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
    return frozenset(
        line
        for token in tokens
        if token.type not in nothing
        for line in range(token.start[0], token.end[0] + 1)
    )


def costs() -> list[Cost]:
    found: list[Cost] = []
    for name, tree in modules().items():
        collect(name, tree, (), found)
    return found


def collect(name: str, node: ast.AST, outer: tuple[str, ...], found: list[Cost]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            path = ".".join((*outer, child.name))
            found.append(cost_of(name, path, child))
            collect(name, child, (*outer, child.name), found)
        elif isinstance(child, ast.ClassDef):
            collect(name, child, (*outer, child.name), found)
        else:
            collect(name, child, outer, found)


def cost_of(name: str, path: str, function: Function) -> Cost:
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


def body_lines(name: str, function: Function) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body:
        return 0
    return len(code_lines(name) & set(range(body[0].lineno, (body[-1].end_lineno or 0) + 1)))


def complexity(function: Function) -> int:
    return 1 + sum(isinstance(node, BRANCHES) for node in ast.walk(function))


def parameter_names(function: Function) -> list[str]:
    spec = function.args
    return [arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]


def parameters(function: Function) -> int:
    names = parameter_names(function)
    return len(names) - (names[:1] in (["self"], ["cls"]))


def excess(cost: Cost, limits: dict[str, int]) -> dict[str, int]:
    """The measures in which a function exceeds LIMITS."""
    return {
        measure: getattr(cost, measure)
        for measure in ("lines", "complexity", "parameters")
        if getattr(cost, measure) > limits[measure]
    }


def offences() -> list[str]:
    """Functions over their budget, and allowances that are not needed, not exact or unexplained."""
    table = load("budget.toml")
    limits, allowances = table["limits"], dict(table["allowances"])
    lines = []
    for cost in costs():
        over = excess(cost, limits)
        allowance = dict(allowances.pop(cost.function, {}))
        why = allowance.pop("why", "")
        if over != allowance:
            lines.append(
                f"{cost.function}: measures {over or 'within the limits'}, allowed {allowance}"
            )
        if allowance and not why:
            lines.append(f"{cost.function}: an allowance without a reason")
    return lines + [f"{name}: an allowance for a function that is not there" for name in allowances]


if __name__ == "__main__":
    print("\n".join(offences()) or "every function is within its budget")
