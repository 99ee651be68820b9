"""The public surface of urllib3 2.8.0, frozen in ``tests/data/surface.json``, compared with ours.

``python -m tests.shape.surface`` prints what is missing or shaped otherwise.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import warnings
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

from tests.shape.project import TESTS, load

ADDRESS = re.compile(r" at 0x[0-9a-f]+")
# Sentinels and type markers are compared by being a default, not by their spelling.
OPAQUE = re.compile(r"object|_TYPE|<function|<class")

Row = dict[str, Any]


@cache
def frozen() -> dict[str, Row]:
    """Module name (relative, ``""`` for the package) -> ``{"all": [...], "names": {...}}``."""
    surface: dict[str, Row] = json.loads((TESTS / "data" / "surface.json").read_text("utf-8"))
    return surface


@cache
def frozen_callables() -> frozenset[tuple[str, str]]:
    """(home module, ``function`` or ``Class.method``) of every frozen signature."""
    found = set()
    for module, row in frozen().items():
        for name, thing in row["names"].items():
            home = thing.get("home", module)
            found.add((home, name))
            found |= {(home, f"{name}.{member}") for member in thing.get("members", ())}
    return frozenset(found)


@cache
def frozen_shapes() -> frozenset[tuple[str, tuple[str, ...]]]:
    """(function name, parameter names) of every frozen signature: a Protocol may repeat one."""
    found = set()
    for row in frozen().values():
        for name, thing in row["names"].items():
            named = {name: thing, **thing.get("members", {})}
            found |= {
                (label, tuple(parameter["name"] for parameter in one["signature"]))
                for label, one in named.items()
                if one.get("signature") is not None
            }
    return frozenset(found)


def shortfalls() -> Iterator[str]:
    """One line for each frozen name that is missing here or has another shape, unless accepted."""
    known = load("surface.toml")
    for line in all_shortfalls():
        if line.split(": ")[0] not in known["accepted"]:
            yield line


def all_shortfalls() -> Iterator[str]:
    for name, row in frozen().items():
        try:
            module = imported(name)
        except ImportError as error:
            yield f"{name or 'urllib3'}: cannot be imported: {error}"
            continue
        ours = set(getattr(module, "__all__", ()))
        if ours or not row["all"]:
            yield from (f"{name}.{missing}: not in __all__" for missing in set(row["all"]) - ours)
        for label, want in row["names"].items():
            yield from compare(f"{name}.{label}".lstrip("."), want, module, label)


def imported(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some modules say at import that they are deprecated
        return importlib.import_module(f"urllib3.{name}" if name else "urllib3")


@cache
def passed_on(module: ModuleType) -> frozenset[str]:
    """Names that a module imports and neither exports nor, being a package, is there to show."""
    if hasattr(module, "__path__"):
        return frozenset()
    imports = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    names = {alias.asname or alias.name for node in imports for alias in node.names}
    return frozenset(names - set(getattr(module, "__all__", ())))


def compare(path: str, want: Row, module: ModuleType, name: str) -> Iterator[str]:
    """Compare one name of a module with its frozen row."""
    if name not in vars(module):
        yield f"{path}: missing"
        return
    if name in passed_on(module):
        yield f"{path}: merely imported"
    thing = getattr(module, name)
    kind = kind_of(thing)
    if kind != want["kind"]:
        yield f"{path}: is a {kind}, not a {want['kind']}"
    elif kind == "function":
        yield from compare_signature(path, want.get("signature"), thing)
    elif kind == "class":
        yield from compare_class(path, want, thing)


def kind_of(thing: object) -> str:
    if inspect.isclass(thing):
        return "class"
    return "function" if inspect.isroutine(thing) else "value"


def compare_class(path: str, want: Row, thing: type) -> Iterator[str]:
    bases = {base.__name__ for base in thing.__mro__}
    for base in want["bases"]:
        if base not in bases and not base.startswith("_"):
            yield f"{path}: lacks the base {base}"
    for name, row in want["members"].items():
        member = inspect.getattr_static(thing, name, None)
        if member is None and not hasattr(thing, name):
            # Operators that a mixin or the stdlib base provides are asked for by behaviour tests.
            if not name.startswith("__"):
                yield f"{path}.{name}: missing"
        elif "signature" in row and callable(getattr(member, "__func__", member)):
            yield from compare_signature(
                f"{path}.{name}", row["signature"], getattr(member, "__func__", member)
            )


def compare_signature(path: str, want: list[Row] | None, thing: Any) -> Iterator[str]:
    try:
        have = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return
    if want is None:
        return
    by_name = {parameter.name: parameter for parameter in have}
    kinds = {parameter.kind.name for parameter in have}
    for position, row in enumerate(want):
        if row["kind"].startswith("VAR_"):
            if row["kind"] not in kinds:
                yield f"{path}: takes no {'*args' if 'POS' in row['kind'] else '**kwargs'}"
        elif row["name"] not in by_name:
            yield f"{path}: lacks the parameter {row['name']}"
        else:
            yield from compare_parameter(
                path, row, by_name[row["name"]], have.index(by_name[row["name"]]) - position
            )
    wanted = {row["name"] for row in want}
    for parameter in have:
        if parameter.name not in wanted and required(parameter):
            yield f"{path}: asks for a further parameter {parameter.name}"


def required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and not parameter.kind.name.startswith("VAR_")


def compare_parameter(path: str, want: Row, have: inspect.Parameter, shift: int) -> Iterator[str]:
    if have.kind.name != want["kind"]:
        yield f"{path}: parameter {want['name']} is {have.kind.name}, not {want['kind']}"
    elif shift and have.kind.name.startswith("POSITIONAL"):
        yield f"{path}: parameter {want['name']} stands {shift:+d} places from where it was"
    spelled = None if have.default is have.empty else spell(have.default)
    if spelled != want.get("default") and not OPAQUE.search(f"{spelled} {want.get('default')}"):
        yield f"{path}: parameter {want['name']} defaults to {spelled}, not {want.get('default')}"


def spell(default: object) -> str:
    """A default's repr, the same from run to run."""
    if isinstance(default, (set, frozenset)):
        return f"{type(default).__name__}({sorted(map(repr, default))})"
    return ADDRESS.sub("", repr(default))


if __name__ == "__main__":
    print("\n".join(shortfalls()) or "the surface is whole")
