"""The source as data: where its files are, what they are called, their syntax trees."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "urllib3"
TESTS = ROOT / "tests"
HERE = Path(__file__).resolve().parent


def load(name: str) -> dict[str, Any]:
    """The table file NAME that stands beside the tests of this folder."""
    table: dict[str, Any] = tomllib.loads((HERE / name).read_text("utf-8"))
    return table


def module_name(path: Path) -> str:
    """Dotted name relative to the package; a package has its own name, the root ``""``."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by dotted name."""
    return {
        module_name(path): ast.parse(path.read_text("utf-8"), str(path))
        for path in sorted(SOURCE.rglob("*.py"))
    }


def is_package(name: str) -> bool:
    return (SOURCE.joinpath(*name.split(".")) if name else SOURCE).is_dir()
