"""Write the parts of the documentation that the source knows: ``python docs/generate.py``.

``reference.md`` is written whole; in ``architecture.md`` the table between the two ``routes``
markers, in ``contract.md`` the one between the two ``seams`` markers. ``tests/shape/test_docs.py``
fails while one of them is out of date.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

DOCS = Path(__file__).resolve().parent
PACKAGE = "urllib3"

# Classes whose members are listed one by one; other names get one line in their module's table.
CLASSES = [
    "PoolManager",
    "ProxyManager",
    "HTTPConnectionPool",
    "HTTPSConnectionPool",
    "HTTPResponse",
    "HTTPHeaderDict",
    "Retry",
    "Timeout",
]
MODULES = {
    "util": "Helpers",
    "exceptions": "Errors and warnings",
    "fields": "Form fields",
    "filepost": "Multipart bodies",
    "connection": "Connections",
    "contrib.socks": "SOCKS proxies (extra `socks`)",
    "contrib.pyopenssl": "TLS by pyOpenSSL",
    "http2": "HTTP/2 (extra `h2`)",
}
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
# Sets show their members in an order that changes from run to run.
SET = re.compile(r"\{([^{}]*)\}")


def our(name: str = "") -> ModuleType:
    """A module of the package under ``src``; of no other that happens to bear the name."""
    module = importlib.import_module(f"{PACKAGE}.{name}" if name else PACKAGE)
    home = Path(str(module.__file__)).resolve()
    if not home.is_relative_to(DOCS.parent / "src"):
        message = f"{PACKAGE} was imported from {home}, not from this repository"
        raise ImportError(message)
    return module


def summary(thing: object) -> str:
    """The first sentence of a docstring, fit for a cell of a table."""
    text = (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`").replace("|", "\\|")
    return re.split(r"(?<=[.:])\s", text)[0] if text else ""


def signature(thing: object) -> str:
    """Names and defaults; the types are in the source."""
    try:
        parameters = list(inspect.signature(thing).parameters.values())  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    bare = [parameter.replace(annotation=parameter.empty) for parameter in parameters]
    if bare and bare[0].name in {"self", "cls"}:
        bare = bare[1:]
    text = ADDRESS.sub("", str(inspect.Signature(bare)))
    return SET.sub(lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", text)


def rows(owner: type) -> list[str]:
    """One line for each public member that the package itself defines."""
    lines = []
    for name in dir(owner):
        member = inspect.getattr_static(owner, name)
        home = next(base for base in owner.__mro__ if name in vars(base))
        if name.startswith("_") or not home.__module__.startswith(PACKAGE):
            continue
        function = getattr(member, "__func__", member)
        call = signature(function) if callable(function) else ""
        documented = call or isinstance(member, property) or inspect.ismemberdescriptor(member)
        text = summary(function) if documented else ""
        lines.append(f"| `{name}{call}` | {text} |")
    return lines


def class_section(owner: type) -> list[str]:
    """A class: its signature, what it is for, its members."""
    bases = ", ".join(f"`{base.__name__}`" for base in owner.__bases__ if base is not object)
    return [
        f"### `{owner.__name__}{signature(owner)}`",
        "",
        summary(owner) + (f" A {bases}." if bases else ""),
        "",
        "| member | |",
        "|---|---|",
        *rows(owner),
        "",
    ]


def module_section(name: str, title: str) -> list[str]:
    """A module: one line for each name."""
    module = our(name)
    names = getattr(module, "__all__", None) or public_names(module)
    lines = [f"## {title}: `{PACKAGE}.{name}`", "", "| name | |", "|---|---|"]
    for label in sorted(names):
        thing = getattr(module, label)
        call = signature(thing) if inspect.isroutine(thing) else ""
        known = inspect.isroutine(thing) or inspect.isclass(thing)
        lines.append(f"| `{label}{call}` | {summary(thing) if known else ''} |")
    return [*lines, ""]


def public_names(module: ModuleType) -> list[str]:
    """What a module without ``__all__`` defines itself."""
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__
    ]


def reference() -> str:
    """The text of ``reference.md``."""
    package = our()
    lines = [
        "# Reference",
        "",
        "Generated from the source by `python docs/generate.py`; its docstrings say more.",
        "",
        f"## `{PACKAGE}`",
        "",
        "| function | |",
        "|---|---|",
    ]
    functions = [name for name in package.__all__ if inspect.isroutine(getattr(package, name))]
    for name in sorted(functions):
        function = getattr(package, name)
        lines.append(f"| `{name}{signature(function)}` | {summary(function)} |")
    lines.append("")
    for name in CLASSES:
        lines += class_section(getattr(package, name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a module may say at import that it is deprecated
        for name, title in MODULES.items():
            lines += module_section(name, title)
    return "\n".join(lines).rstrip() + "\n"


def routes() -> str:
    """The table of routes, as the code has it."""
    lines = ["| target | proxy | stages |", "|---|---|---|"]
    for route in our("_network.route").ROUTES:
        how = "by CONNECT" if route.tunnels else "forwarding"
        choice = f", {how}" if route.proxy else ""
        stages = ", ".join(stage.value for stage in route.stages)
        lines.append(f"| {route.target} | {route.proxy or 'none'}{choice} | {stages} |")
    return "\n".join(lines) + "\n"


def seams() -> str:
    """The table of the names that programs replace, as the code has it."""
    lines = [
        "| | part | of | names | replaced by | while nobody has |",
        "|---|---|---|---|---|---|",
    ]
    rows = our("_seams").ROWS
    for row in sorted(rows, key=lambda row: row.constraint):
        owner = f"{PACKAGE}{row.owner}" if row.owner.startswith(".") else row.owner
        names = ", ".join(f"`{name}`" for name in row.names)
        lines.append(
            f"| {row.constraint} | {row.kind} | `{owner}` | {names} "
            f"| {row.replaced_by} | {row.otherwise} |"
        )
    return "\n".join(lines) + "\n"


def with_table(page: str, marker: str, table: str) -> str:
    """The text of *page* with the *table* between the two markers renewed."""
    text = (DOCS / page).read_text("utf-8")
    between = rf"(?<=<!-- {marker} -->\n).*?(?=<!-- /{marker} -->)"
    return re.sub(between, lambda _: table, text, flags=re.DOTALL)


def architecture() -> str:
    """``architecture.md`` with the table of routes renewed."""
    return with_table("architecture.md", "routes", routes())


def contract() -> str:
    """``contract.md`` with the table of seams renewed."""
    return with_table("contract.md", "seams", seams())


PAGES = {"reference.md": reference, "architecture.md": architecture, "contract.md": contract}

if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent / "src"))
    for page, text_of in PAGES.items():
        (DOCS / page).write_text(text_of(), "utf-8")
