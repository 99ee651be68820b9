"""The annotations of urllib3 2.8.0, kept in ``tests/data/annotations.json``, compared with ours.

A parameter, result or attribute may allow less than there, never more: who type-checks a program
against 2.8.0 finds the same mistakes here.  ``python -m tests.shape.annotations`` prints what allows
more; ``annotations.toml`` lists what may, with reasons.

The data was made by ``observed()``, in an interpreter that has urllib3 2.8.0.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import json
import re
import types
import typing
import warnings
from collections.abc import Iterator

from tests.shape.project import TESTS, load

# {"module.Class.method": {"parameter": "annotation", "return": ...}}; an attribute's is under "".
Annotations = dict[str, dict[str, str]]
ANY = re.compile(r"\bAny\b")


@functools.cache
def frozen() -> dict[str, typing.Any]:
    """``names``: the annotations; ``aliases``: module -> alias -> what it stands for."""
    data: dict[str, typing.Any] = json.loads(
        (TESTS / "data" / "annotations.json").read_text("utf-8")
    )
    return data


# ---------------------------------------------------------------- as they are written


def observed() -> dict[str, typing.Any]:
    """The same of the package that this interpreter imports."""
    names: Annotations = {}
    aliases: dict[str, dict[str, str]] = {}
    surface = json.loads((TESTS / "data" / "surface.json").read_text("utf-8"))
    for name in sorted(surface):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some modules say at import that they are deprecated
            try:
                module = importlib.import_module(f"urllib3.{name}" if name else "urllib3")
            except ImportError:
                continue  # what it needs is not installed
        names.update(of_module(module))
        aliases[module.__name__] = {
            alias: written(value)
            for alias, value in vars(module).items()
            if alias.startswith("_") and typing.get_origin(value) is not None
        }
    return {"names": names, "aliases": aliases}


def of_module(module: types.ModuleType) -> Iterator[tuple[str, dict[str, str]]]:
    for name, annotation in inspect.get_annotations(module).items():
        if not name.startswith("_"):
            yield f"{module.__name__}.{name}", {"": written(annotation)}
    for name, thing in sorted(vars(module).items()):
        if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        path = f"{module.__name__}.{name}"
        if inspect.isclass(thing):
            yield from of_class(path, thing)
        elif inspect.isfunction(thing):
            yield path, of_function(thing)


def of_class(path: str, cls: type) -> Iterator[tuple[str, dict[str, str]]]:
    for name, annotation in inspect.get_annotations(cls).items():
        if not name.startswith("_"):
            yield f"{path}.{name}", {"": written(annotation)}
    for name, member in sorted(vars(cls).items()):
        if not name.startswith("_") or (name.startswith("__") and name.endswith("__")):
            function = inspect.unwrap(getattr(member, "__func__", getattr(member, "fget", member)))
            if inspect.isfunction(function):
                yield f"{path}.{name}", of_function(function)


def of_function(function: types.FunctionType) -> dict[str, str]:
    return {
        name: written(annotation) for name, annotation in inspect.get_annotations(function).items()
    }


def written(annotation: object) -> str:
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, typing.ForwardRef):
        return annotation.__forward_arg__
    plain = isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias)
    text = annotation.__qualname__ if plain else str(annotation)  # type: ignore[attr-defined]
    return re.sub(r"ForwardRef\('([^']*)'[^)]*\)", r"\1", text)


# ---------------------------------------------------------------- what they mean


def meaning(text: str, aliases: dict[str, str]) -> frozenset[str]:
    """The members of the union that *text* is, in one spelling."""
    return members(ast.parse(text, mode="eval").body, aliases)


def members(node: ast.expr, aliases: dict[str, str]) -> frozenset[str]:
    if isinstance(node, ast.BinOp):
        return joined(members(node.left, aliases) | members(node.right, aliases))
    if isinstance(node, ast.Subscript):
        return of_subscript(node, aliases)
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = SAME.get(last := ast.unparse(node).rpartition(".")[2], last)
        return meaning(aliases[name], aliases) if name in aliases else frozenset([name])
    if isinstance(node, ast.UnaryOp):  # ~T, a type variable
        return members(node.operand, aliases)
    if isinstance(node, ast.List):
        return frozenset([f"[{', '.join(spelled(each, aliases) for each in node.elts)}]"])
    return frozenset([ast.unparse(node)])


def of_subscript(node: ast.Subscript, aliases: dict[str, str]) -> frozenset[str]:
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    outer = ast.unparse(node.value).rpartition(".")[2]
    if outer in {"Union", "Optional", "Final", "ClassVar", "type"}:
        found = [members(each, aliases) for each in inner]
        every = joined(frozenset().union(*found))
        if outer == "Optional":
            return every | {"None"}
        return frozenset(f"type[{each}]" for each in every) if outer == "type" else every
    return frozenset([f"{outer}[{', '.join(spelled(each, aliases) for each in inner)}]"])


def joined(union: frozenset[str]) -> frozenset[str]:
    """Without what another member includes: every bool is an int, every int passes for a float."""
    if "float" in union:
        union -= {"int"}
    return union - {"bool"} if union & {"int", "float"} else union


def spelled(node: ast.expr, aliases: dict[str, str]) -> str:
    return " | ".join(sorted(members(node, aliases)))


# Names of the same, in either package.
SAME = {
    "NoneType": "None",
    "memoryview[int]": "memoryview",
    "_DT": "D",
    "_KT": "K",
    "_VT": "V",
    "_HttplibHTTPMessage": "HTTPMessage",
    "_HttplibHTTPResponse": "HTTPResponse",
    "SSLTransportType": "SSLTransport",
}
# A name that allows less than the other.
NARROWER = {
    "Iterator[RequestField]": "Iterable[RequestField]",
    "Self": "HTTPHeaderDict",
    "tuple[int, int, int]": "tuple[int | str, ...]",
    "VerifyMode": "int",
}


# ---------------------------------------------------------------- compared


def wider() -> Iterator[str]:
    """One line for each annotation that allows more than that of 2.8.0, unless listed."""
    accepted = load("annotations.toml")["accepted"]
    for line in all_wider():
        if line.split(": ")[0] not in accepted:
            yield line


def all_wider() -> Iterator[str]:
    theirs, ours = frozen(), observed()
    for path, row in theirs["names"].items():
        here = ours["names"].get(path, {})
        for name, annotation in row.items():
            if name not in here:
                continue  # names that are missing are the affair of `surface`
            want = meaning(annotation, aliases_at(path, theirs["aliases"]))
            have = meaning(here[name], aliases_at(path, ours["aliases"]))
            if not allows_no_more(have, want):
                yield f"{path}({name}): {here[name]}, not {annotation}"


def aliases_at(path: str, aliases: dict[str, dict[str, str]]) -> dict[str, str]:
    """Those that the module of *path* has; where it imports one for type checkers only, another's."""
    module = max((name for name in aliases if path.startswith(f"{name}.")), key=len)
    # A pool's _TYPE_TIMEOUT allows more than that of util.timeout, which all others import.
    others = sorted(aliases, key=lambda name: name.startswith("urllib3.util."))
    found: dict[str, str] = {}
    for name in [*others, module]:
        found.update(aliases[name])
    return found


def allows_no_more(have: frozenset[str], want: frozenset[str]) -> bool:
    return bool(want & {"Any", "object"}) or all(
        each in want or NARROWER.get(each) in want for each in have
    )


def with_any() -> list[str]:
    """Every public annotation that names ``Any``."""
    return [
        f"{path}({name}): {annotation}"
        for path, row in observed()["names"].items()
        for name, annotation in row.items()
        if ANY.search(annotation)
    ]


if __name__ == "__main__":
    print("\n".join(wider()) or "every annotation is as narrow as that of urllib3 2.8.0")
    print(f"{len(with_any())} public annotations with Any")
