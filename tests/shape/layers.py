"""Compare the imports of the source with the layers: ``python -m tests.shape.layers``."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.shape.project import is_package, load, modules

ROOT_NAME = "<root>"


@dataclass(frozen=True)
class Edge:
    """One import: who, whom, in which line, and where it stands; *for_types* = never executed."""

    importer: str
    imported: str
    line: int
    in_function: bool
    ours: bool
    for_types: bool = False

    def __str__(self) -> str:
        return f"{self.importer} -> {self.imported}"


def spelled(name: str) -> str:
    return name or ROOT_NAME


def edges() -> list[Edge]:
    """Every import of every module, absolute ones included."""
    return [edge for name, tree in modules().items() for edge in edges_of(name, tree)]


def edges_of(name: str, tree: ast.Module) -> list[Edge]:
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    for_types = {
        id(node)
        for condition in ast.walk(tree)
        if isinstance(condition, ast.If) and ast.unparse(condition.test).endswith("TYPE_CHECKING")
        for statement in condition.body
        for node in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [(alias.name, False) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            targets = targets_of(name, node)
        else:
            continue
        found += [
            Edge(
                spelled(name), target, node.lineno, id(node) in inside, ours, id(node) in for_types
            )
            for target, ours in targets
        ]
    return found


def targets_of(name: str, node: ast.ImportFrom) -> list[tuple[str, bool]]:
    """What ``from x import y`` reaches: the submodule y if it is one, else x."""
    if node.level == 0:
        return [(node.module or "", False)]
    package = name.split(".") if name else []
    ups = node.level - 1 if is_package(name) else node.level
    base = package[: len(package) - ups]
    if node.module:
        base = [*base, *node.module.split(".")]
    targets = []
    for alias in node.names:
        deeper = ".".join([*base, alias.name])
        here = ".".join(base)
        targets.append((spelled(deeper if deeper in modules() else here), True))
    return list(dict.fromkeys(targets))


def layer_of(name: str) -> int | None:
    for number, patterns in load("layers.toml")["layers"].items():
        if any(matches(name, pattern) for pattern in patterns):
            return int(number)
    return None


def matches(name: str, pattern: str) -> bool:
    if pattern.endswith(".*") and name == pattern[:-2]:
        return True
    return name == pattern or fnmatchcase(name, pattern)


def allowed(edge: Edge, arrows: dict[str, str]) -> bool:
    for arrow in arrows:
        importer, imported = arrow.split(" -> ")
        if matches(edge.importer, importer) and matches(edge.imported, imported):
            return True
    return False


def offences() -> list[str]:
    """One line for each import that breaks a rule."""
    table = load("layers.toml")
    lines = [
        f"{spelled(name)}: in no layer" for name in modules() if layer_of(spelled(name)) is None
    ]
    for edge in edges():
        wrong = offence_of(edge, table)
        if wrong:
            lines.append(f"{edge.importer}, line {edge.line}: {edge}: {wrong}")
    return lines


def offence_of(edge: Edge, table: dict[str, dict[str, str]]) -> str | None:
    if not edge.ours:
        if edge.imported.split(".")[0] == "urllib3":
            return "the source imports itself relatively"
        if edge.in_function and not foreign_allowed(edge.imported, table["inside_functions"]):
            return "an import inside a function, of a module that is not listed as lazy"
        return None
    if edge.imported == "_typing":
        return None if edge.for_types else "_typing is for type checkers only"
    if edge.importer == edge.imported or (edge.importer == "_typing" and edge.for_types):
        return None
    if edge.in_function and not allowed(edge, table["inside_functions_of_ours"]):
        return "an import of our own inside a function, not listed"
    importer, imported = layer_of(edge.importer), layer_of(edge.imported)
    if importer is None or imported is None:
        return None  # reported as "in no layer"
    if imported > importer:
        return f"upward, from layer {importer} to {imported}"
    if imported == importer and not allowed(edge, table["sideways"]):
        return f"sideways in layer {importer}, and no such arrow is listed"
    return None


def foreign_allowed(name: str, lazy: dict[str, str]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in lazy)


def cycle() -> list[str] | None:
    """A path of imports that ends where it began, if any (lazy and typing-only ones counted)."""
    graph: dict[str, set[str]] = {}
    for edge in edges():
        if edge.ours and edge.imported != "_typing" and edge.importer != edge.imported:
            graph.setdefault(edge.importer, set()).add(edge.imported)
    done: set[str] = set()
    for start in graph:
        path = walk(start, graph, [], done)
        if path:
            return path
    return None


def walk(
    node: str, graph: dict[str, set[str]], path: list[str], done: set[str]
) -> list[str] | None:
    if node in path:
        return [*path[path.index(node) :], node]
    if node in done:
        return None
    for target in sorted(graph.get(node, ())):
        found = walk(target, graph, [*path, node], done)
        if found:
            return found
    done.add(node)
    return None


def unused_arrows() -> list[str]:
    table = load("layers.toml")
    ours = [edge for edge in edges() if edge.ours]
    return [
        f"[{section}] {arrow}"
        for section in ("sideways", "inside_functions_of_ours")
        for arrow in table[section]
        if not any(allowed(edge, {arrow: ""}) for edge in ours)
    ]


if __name__ == "__main__":
    print("\n".join(offences()) or "every import points downward")
    print("cycle:", " -> ".join(cycle() or ["none"]))
    print("arrows that nobody uses:", "; ".join(unused_arrows()) or "none")
