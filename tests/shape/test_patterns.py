"""No regular expression of the package takes more than linear time.

A pattern that may go back over a run takes time that grows with the square of the run, or worse; a
peer that sends such a run stops every thread, for matching does not let go of the interpreter.  Each
pattern is taken apart, and for each of its repetitions a text is made that leads to it, repeats it
for 64 KB, and then ends in various ways.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import re
import signal
import sys
import typing
import warnings
from collections.abc import Iterator

import pytest

from tests.shape.project import modules

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    if sys.version_info >= (3, 11):
        from re import _constants as ops
        from re import _parser as parser
    else:
        import sre_constants as ops
        import sre_parse as parser

SIZE = 65536
LIMIT = 1  # seconds of CPU for one text; a linear pattern takes milliseconds
ALPHABET = "axX0zf 9\t\r\n:;,=-._~%/?#[]@\"'()+*!\x00\x0b\xa0\xe9"
METHODS = {"match", "fullmatch", "search", "sub", "findall", "finditer", "split"}
#: Patterns that are built at run time: (module, function) -> how to get each.
BUILT = {
    ("util.url", "_pattern"): [
        "_IPV4_RE",
        "_IPV6_ADDRZ_RE",
        "_BRACELESS_IPV6_ADDRZ_RE",
        "host and port",
    ]
}


class Use(typing.NamedTuple):
    module: str
    pattern: re.Pattern[typing.Any]
    method: str


def uses() -> Iterator[Use]:
    """Every regular expression in the source, and each method of it that is called."""
    for name, tree in modules().items():
        if not any(
            isinstance(node, ast.Import) and node.names[0].name == "re" for node in tree.body
        ):
            continue
        try:
            module = importlib.import_module(f"urllib3.{name}".rstrip("."))
        except ImportError:
            continue  # what it needs is not installed
        for function in ast.walk(tree):
            if not isinstance(function, ast.Attribute) or function.attr not in METHODS:
                continue
            if isinstance(function.value, ast.Name):
                owner = vars(module).get(function.value.id)
                if isinstance(owner, re.Pattern):
                    yield Use(name, owner, function.attr)
        for call in ast.walk(tree):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id == "re"
                and call.func.attr in METHODS
            ):
                source = eval(ast.unparse(call.args[0]), vars(module))
                yield Use(name, re.compile(source), call.func.attr)
    for (name, builder), keys in BUILT.items():
        for key in keys:
            pattern = getattr(importlib.import_module(f"urllib3.{name}"), builder)(key)
            yield Use(name, pattern, "match")
            yield Use(name, pattern, "fullmatch")


def is_in(char: str, items: typing.Any) -> bool:
    """Whether *char* belongs to a parsed set of characters."""
    negated = found = False
    for kind, value in items:
        if kind is ops.NEGATE:
            negated = True
        elif kind is ops.LITERAL:
            found = found or ord(char) == value
        elif kind is ops.RANGE:
            found = found or value[0] <= ord(char) <= value[1]
        elif kind is ops.CATEGORY:
            letter = str(value).rpartition("_")[2][0].lower()
            letter = letter.upper() if "NOT" in str(value) else letter
            found = found or re.match(f"\\{letter}", char) is not None
    return found is not negated


def members(kind: typing.Any, value: typing.Any) -> list[str]:
    """The characters, of a few, that one step of a pattern takes."""
    if kind is ops.LITERAL:
        return [chr(value)]
    if kind is ops.NOT_LITERAL:
        return [char for char in ALPHABET if ord(char) != value]
    if kind is ops.ANY:
        return list(ALPHABET)
    return [char for char in ALPHABET if is_in(char, value)]


def runs(parsed: typing.Any, before: str, found: list[tuple[str, list[str]]]) -> str:
    """Collect what leads to each repetition, and what it repeats; a text for the whole."""
    for kind, value in parsed:
        if kind in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN):
            before += members(kind, value)[0]
        elif kind is ops.SUBPATTERN:
            before = runs(value[3], before, found)
        elif kind is ops.BRANCH:
            before, *_ = [runs(branch, before, found) for branch in value[1]]
        elif kind in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            least, most, inner = value
            once = runs(inner, before, found)[len(before) :]
            if most > 1000:
                repeated = [once]
                if len(inner) == 1 and inner[0][0] in (ops.IN, ops.NOT_LITERAL, ops.ANY):
                    repeated = members(*inner[0])
                found.append((before, repeated))
            before += once * max(least, min(most, 1))
    return before


def texts(pattern: re.Pattern[typing.Any]) -> Iterator[str]:
    source = pattern.pattern
    source = source.decode("latin-1") if isinstance(source, bytes) else source
    found: list[tuple[str, list[str]]] = []
    whole = runs(parser.parse(source, pattern.flags & ~re.UNICODE), "", found)
    for before, repeated in found:
        for unit in filter(None, repeated):
            for run in {unit, unit + repeated[0], unit + before}:
                for end in ("", "\0", " b"):
                    yield before + run * (SIZE // len(run)) + end
    for char in ALPHABET:
        for run in (char, char + whole):
            yield run * (SIZE // len(run))


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raise within the block when it has used up its CPU time."""

    def stop(*_: object) -> typing.NoReturn:
        raise TimeoutError

    old = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, old)


def is_slow(use: Use) -> str | None:
    """The beginning of a text that takes *use* too long."""
    for text in texts(use.pattern):
        subject: typing.Any = text
        if isinstance(use.pattern.pattern, bytes):
            subject = text.encode("latin-1")
        arguments = ("", subject) if use.method == "sub" else (subject,)
        try:
            with limited():
                result = getattr(use.pattern, use.method)(*arguments)
                if use.method == "finditer":
                    list(result)
        except TimeoutError:
            return f"{text[:50]!r}...{text[-10:]!r}"
    return None


ALL = sorted(set(uses()), key=lambda use: (use.module, str(use.pattern.pattern), use.method))

needs_timer = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="no limit of CPU time on this system"
)


@needs_timer
@pytest.mark.parametrize(
    "use", ALL, ids=[f"{use.module}-{str(use.pattern.pattern)[:30]}-{use.method}" for use in ALL]
)
def test_a_pattern_takes_linear_time(use: Use) -> None:
    assert is_slow(use) is None


@needs_timer
@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"a (?:[ \t]+(.*?))?[ \t]*\r?\n?", "fullmatch"),
        (r"[ \t]+\r", "sub"),
        (r"\n([^:]+):", "findall"),
        (r"(?:a+)+b", "match"),
    ],
)
def test_a_pattern_that_goes_back_over_a_run_is_found(pattern: str, method: str) -> None:
    assert is_slow(Use("", re.compile(pattern), method)) is not None


def test_every_pattern_that_is_built_at_run_time_is_listed() -> None:
    for name, tree in modules().items():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and (name, function.name) not in BUILT:
                assert "re.compile(" not in ast.unparse(function), f"{name}.{function.name}"
