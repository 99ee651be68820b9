"""No function or class is longer, more tangled or wider than it must be."""

from __future__ import annotations

import ast

import pytest

from tests.shape import budget, scorecard
from tests.shape.project import load


def test_every_function_and_class_is_within_its_budget_or_has_an_allowance_with_a_reason() -> None:
    assert budget.offences() == []


def function_of(source: str) -> ast.FunctionDef:
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    return function


@pytest.mark.parametrize(
    ("line", "complexity"),
    [
        ("pass", 1),
        ("if a: b()", 2),
        ("if a: b()\n    elif c: d()\n    else: e()", 3),
        ("return a if b else c", 2),
        ("for a in b: c()", 2),
        ("while a: b()", 2),
        ("return [a for a in b]", 2),
        ("return {a: b for a in c for b in d if b}", 3),
        ("return a and b", 2),
        ("return a and b and c", 3),
        ("return a and (b or c)", 3),
        ("return not a", 1),
        ("try: a()\n    except OSError: b()\n    except ValueError: c()\n    finally: d()", 3),
        ("match a:\n        case 1: b()\n        case 2: c()", 3),
        ("with a: b()", 1),
        ("return lambda: a and b", 1),
        ("def inner():\n        if a: b()", 1),
    ],
)
def test_complexity_counts_each_way_that_a_function_may_take(line: str, complexity: int) -> None:
    assert budget.complexity(function_of(f"def f():\n    {line}")) == complexity


@pytest.mark.parametrize(
    ("signature", "parameters"),
    [("", 0), ("self", 0), ("cls, a", 1), ("a, /, b, c=1", 3), ("a, *, b, c", 1), ("*a, **b", 0)],
)
def test_parameters_are_those_that_may_be_passed_by_position(
    signature: str, parameters: int
) -> None:
    assert budget.parameters(function_of(f"def f({signature}): pass")) == parameters


@pytest.mark.parametrize(("measured", "allowed"), [(401, 450), (450, 450), (451, 500), (654, 700)])
def test_the_allowance_of_a_class_is_rounded_up(measured: int, allowed: int) -> None:
    assert budget.in_steps({"lines": measured}, {"lines": 50}) == {"lines": allowed}


@pytest.mark.parametrize(
    ("found", "allowances", "complaints"),
    [
        ({"m:f": {}}, {}, []),
        ({"m:f": {"lines": 41}}, {"m:f": {"lines": 41, "why": "it must"}}, []),
        (
            {"m:f": {"lines": 41}},
            {},
            ["m:f: measures {'lines': 41}, allowed {}"],
        ),
        (
            {"m:f": {"lines": 41}},
            {"m:f": {"lines": 45, "why": "it must"}},
            ["m:f: measures {'lines': 41}, allowed {'lines': 45}"],
        ),
        ({"m:f": {"lines": 41}}, {"m:f": {"lines": 41}}, ["m:f: an allowance without a reason"]),
        (
            {"m:f": {}},
            {"m:f": {"lines": 41, "why": "it must"}},
            ["m:f: measures within the limits, allowed {'lines': 41}"],
        ),
        ({}, {"m:f": {"lines": 41, "why": "?"}}, ["m:f: an allowance for what is not there"]),
    ],
)
def test_an_allowance_is_needed_exact_and_explained(
    found: dict[str, dict[str, int]], allowances: dict[str, object], complaints: list[str]
) -> None:
    assert list(budget.compared(found, allowances)) == complaints


def test_the_aims_that_are_missed_are_those_that_are_listed() -> None:
    assert scorecard.missed(scorecard.scorecard()) == load("budget.toml")["missed"]["aims"]


@pytest.mark.parametrize(
    ("expression", "is_foreign"),
    [
        ("self._a", False),
        ("cls._a", False),
        ("super()._a", False),
        ("self.a", False),
        ("a.__dict__", False),
        ("self._a._b", True),
        ("a._b", True),
        ("a()._b", True),
    ],
)
def test_a_foreign_private_is_one_of_another_object_than_self(
    expression: str, is_foreign: bool
) -> None:
    assert scorecard.count_foreign_privates(ast.parse(expression)) == is_foreign
