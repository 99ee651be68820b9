"""No function is longer, more tangled or wider than it must be."""

from __future__ import annotations

import ast

from tests.shape import budget


def test_every_function_is_within_its_budget_or_has_an_allowance_with_a_reason() -> None:
    assert budget.offences() == []


def test_complexity_counts_each_branch_once() -> None:
    source = """
def f(a):
    if a:
        return [x for x in a if x]
    for b in a:
        try:
            g(b)
        except OSError:
            pass
"""
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert budget.complexity(function) == 5
