"""The ways of reading a body to its end or to an error, and a record of what was read."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator


def _pieces(read: Callable[[], bytes]) -> Iterator[bytes]:
    return iter(read, b"")


WAYS: dict[str, Callable[[typing.Any], Iterator[bytes]]] = {
    "read()": lambda response: _pieces(response.read),
    "read(4)": lambda response: _pieces(lambda: response.read(4)),
    "stream(4)": lambda response: response.stream(4),
    "read1()": lambda response: _pieces(response.read1),
}


def told(way: Callable[[typing.Any], Iterator[bytes]], response: typing.Any) -> list[str]:
    """Each piece as text; at the end the error, if one ended it."""
    pieces = []
    try:
        for piece in way(response):
            pieces.append(piece.decode("latin-1"))
    except Exception as error:
        pieces.append(f"raises {type(error).__name__}: {error.args[0]}")
    return pieces
