"""Habits that every module of the source keeps."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shape.project import SOURCE, modules

NAMES = [name or "<root>" for name in modules()]


def tree_of(name: str) -> ast.Module:
    return modules()["" if name == "<root>" else name]


@pytest.mark.parametrize("name", NAMES)
def test_a_module_opens_with_the_rule_it_obeys(name: str) -> None:
    assert ast.get_docstring(tree_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_annotations_are_evaluated_at_import_only_where_a_named_tuple_would_compile_them(
    name: str,
) -> None:
    code = tree_of(name).body[1:]  # behind the docstring
    kept_as_text = not code or any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in code
    )
    assert kept_as_text != has_named_tuple(tree_of(name))


def has_named_tuple(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ClassDef) and "typing.NamedTuple" in map(ast.unparse, node.bases)
        for node in ast.walk(tree)
    )


# typing compiles each annotation that it is handed as text, and the first call of compile() in a
# process costs as much as importing five modules of ours.
COMPILED = """
import builtins
import http.client, logging, queue, ssl, typing, zlib

compile_it = builtins.compile

def told(source, filename, *rest, **options):
    if filename == "<string>":
        print(source)
    return compile_it(source, filename, *rest, **options)

builtins.compile = told
import urllib3
"""


def test_importing_the_package_compiles_no_text() -> None:
    command = [sys.executable, "-c", COMPILED]
    variables = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    done = subprocess.run(command, env=variables, capture_output=True, check=True, text=True)
    assert done.stdout == ""


@pytest.mark.parametrize("name", NAMES)
def test_loggers_are_named_after_their_module(name: str) -> None:
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("getLogger"):
            (argument,) = node.args
            assert ast.unparse(argument) in {"__name__", "__package__", "name"}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.name)
def test_nothing_is_left_to_do(path: Path) -> None:
    assert re.search(r"\b(TODO|FIXME|XXX|HACK)\b", path.read_text("utf-8")) is None


def documented() -> list[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Every public function and class of every module, with methods of public classes."""
    found: list[tuple[str, ast.FunctionDef | ast.ClassDef]] = []
    for name, tree in modules().items():
        if any(part.startswith("_") for part in name.split(".")):
            continue
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                found.append((f"{name}:{node.name}", node))
    return found


def test_every_public_function_and_class_is_documented() -> None:
    bare = [
        label for label, node in documented() if not overload(node) and not ast.get_docstring(node)
    ]
    assert bare == []


def overload(node: ast.AST) -> bool:
    return any("overload" in ast.unparse(mark) for mark in getattr(node, "decorator_list", ()))
