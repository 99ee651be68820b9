"""Imports point downward."""

from __future__ import annotations

import ast

import pytest

from tests.shape import layers
from tests.shape.project import load


def test_every_import_points_to_a_lower_layer_or_along_a_listed_arrow() -> None:
    assert layers.offences() == []


def test_no_chain_of_imports_ends_where_it_began() -> None:
    assert layers.cycle() is None


def test_no_listed_arrow_is_unused() -> None:
    assert layers.unused_arrows() == []


@pytest.mark.parametrize(
    ("importer", "statement", "wrong"),
    [
        ("exceptions", "from .util.url import Url", "upward, from layer 0 to 1"),
        ("util.url", "from ..connection import HTTPConnection", "upward, from layer 1 to 4"),
        ("util.url", "from .timeout import Timeout", "sideways in layer 1"),
        ("_http1.syntax", "def f():\n    from .. import exceptions", "inside a function"),
        ("_http1.syntax", "def f():\n    import zipfile", "inside a function"),
        ("_http1.syntax", "import urllib3.util", "relatively"),
        (
            "_http1.syntax",
            "if TYPE_CHECKING:\n    from ..poolmanager import PoolManager",
            "upward, from layer 2 to 6",
        ),
    ],
)
def test_a_wrong_import_is_named(importer: str, statement: str, wrong: str) -> None:
    table = load("layers.toml")
    (edge,) = layers.edges_of(importer, ast.parse(statement))
    found = layers.offence_of(edge, table)
    assert found is not None
    assert wrong in found


def test_types_may_come_from_the_typing_module_wherever_it_is_used() -> None:
    table = load("layers.toml")
    statement = "from ._typing import Retry"
    (edge,) = layers.edges_of("exceptions", ast.parse(f"if TYPE_CHECKING:\n    {statement}"))
    assert layers.offence_of(edge, table) is None
    (edge,) = layers.edges_of("exceptions", ast.parse(statement))
    assert layers.offence_of(edge, table) == "_typing is for type checkers only"


def test_the_typing_module_names_classes_from_above_for_type_checkers_only() -> None:
    table = load("layers.toml")
    statement = "from .response import HTTPResponse"
    (edge,) = layers.edges_of("_typing", ast.parse(f"if TYPE_CHECKING:\n    {statement}"))
    assert layers.offence_of(edge, table) is None
    (edge,) = layers.edges_of("_typing", ast.parse(statement))
    assert layers.offence_of(edge, table) == "upward, from layer 0 to 4"
