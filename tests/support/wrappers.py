"""Wrappers as tracers make them: what a wrapper equals, it must not be taken for."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any


class Transparent:
    """What wrapt's ``FunctionWrapper`` is to those who ask: equal to its function in every way.

    It compares and hashes like the function, and passes on every attribute, ``__code__`` included.
    """

    def __init__(self, wrapped: Any) -> None:
        self.__dict__["__wrapped__"] = wrapped
        self.__dict__["seen"] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["__wrapped__"], name)

    def __get__(self, instance: object, owner: type) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args: Any, **kw: Any) -> Any:
        self.seen.append(args)
        return self.__wrapped__(*args, **kw)

    def __eq__(self, other: object) -> bool:
        return bool(self.__wrapped__ == other)

    def __hash__(self) -> int:
        return hash(self.__wrapped__)


@contextlib.contextmanager
def wrapped(owner: Any, name: str) -> Iterator[list[Any]]:
    """The calls of *name*, a method of a class, a function of a module or of one object."""
    own = vars(owner).get(name)
    wrapper = Transparent(getattr(owner, name) if own is None else own)
    setattr(owner, name, wrapper)
    try:
        yield wrapper.seen
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)
