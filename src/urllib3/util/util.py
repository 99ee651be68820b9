"""Conversions between text and bytes, and raising an error again.

Knows types alone.
"""

from __future__ import annotations

import typing

if typing.TYPE_CHECKING:
    from types import TracebackType

_T = typing.TypeVar("_T")


def to_bytes(x: str | bytes, encoding: str | None = None, errors: str | None = None) -> bytes:
    """*x* as bytes, encoded if it is str (by default strictly as UTF-8); else TypeError."""
    if isinstance(x, str):
        return x.encode(encoding or "utf-8", errors or "strict")
    if isinstance(x, bytes):
        return x
    raise _neither(x)


def to_str(x: str | bytes, encoding: str | None = None, errors: str | None = None) -> str:
    """*x* as str, decoded if it is bytes (by default strictly as UTF-8); else TypeError."""
    if isinstance(x, bytes):
        return x.decode(encoding or "utf-8", errors or "strict")
    if isinstance(x, str):
        return x
    raise _neither(x)


@typing.overload
def exact_str(x: str) -> str: ...


@typing.overload
def exact_str(x: _T) -> _T: ...


def exact_str(x: object) -> object:
    """*x* as a plain ``str``; what is no str comes back as it is.

    A member of a str enumeration is equal to its value and hashes like it, but formats as its own
    name; other subclasses may do as they like.  What is put into a text, or is the key of a cache,
    is to be this.
    """
    return str.__str__(x) if isinstance(x, str) else x


def _neither(x: object) -> TypeError:
    return TypeError(f"not expecting type {type(x).__name__}")


def reraise(
    tp: type[BaseException] | None,  # kept for its callers
    value: BaseException,
    tb: TracebackType | None = None,
) -> typing.NoReturn:
    """Raise *value* with the traceback *tb*; *tp* is ignored."""
    try:
        raise value.with_traceback(tb)
    finally:
        del value, tb  # the traceback holds this frame: a cycle if the frame held the error
