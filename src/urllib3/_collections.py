"""Header fields by name, and a mapping that drops its least recently used key.

Knows how fields are stored and joined (RFC 9110, 5.2 and 5.3), and no field in particular, except
those that describe a body.  The rule: names are compared without regard to case; names and values
come out as they came in, and in order.
"""

from __future__ import annotations

import os
import typing
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from enum import Enum, auto
from threading import RLock

if typing.TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["RecentlyUsedContainer", "HTTPHeaderDict"]  # noqa: RUF022  # their order is given

K = typing.TypeVar("K")
V = typing.TypeVar("V")
D = typing.TypeVar("D")


class _HasKeys(typing.Protocol):
    def keys(self) -> Iterable[str]: ...

    def __getitem__(self, name: str) -> str: ...


ValidHTTPHeaderSource = typing.Union[Mapping[str, str], Iterable[tuple[str, str]], _HasKeys]


class RecentlyUsedContainer(MutableMapping[K, V]):
    """A thread-safe mapping of up to *maxsize* keys, which drops the least recently used one.

    :param dispose_func: called with each value that is dropped, after the lock is released
    """

    def __init__(self, maxsize: int = 10, dispose_func: Callable[[V], None] | None = None) -> None:
        super().__init__()
        self._maxsize = maxsize
        self.dispose_func = dispose_func
        self._container: OrderedDict[K, V] = OrderedDict()
        #: Held by every operation; re-entrant, so that a caller may combine two of them into one.
        self.lock = RLock()
        _containers[id(self)] = self
        # The pair used last, unless something has changed since.  Most requests of a program go to
        # the host of the one before; finding its pool again takes no lock and changes no order.
        # One attribute and one tuple: whoever reads it, with the GIL or without, has a pair that
        # was true a moment ago, as after a lock.
        self._newest: tuple[K, V] | None = None

    def __getitem__(self, key: K) -> V:
        with self.lock:
            value = self._container[key]
            self._container.move_to_end(key)
            self._newest = (key, value)
            return value

    @typing.overload
    def get(self, key: K) -> V | None: ...

    @typing.overload
    def get(self, key: K, default: V | D) -> V | D: ...

    def get(self, key: K, default: D | None = None) -> V | D | None:
        """The value of *key*, which becomes the most recently used one, or *default*."""
        newest = self._newest
        if newest is not None and newest[0] is key:
            return newest[1]
        with self.lock:
            container = self._container
            if key not in container:
                return default
            container.move_to_end(key)
            self._newest = (key, container[key])
            return container[key]

    def __setitem__(self, key: K, value: V) -> None:
        gone: list[V] = []
        with self.lock:
            container = self._container
            self._newest = None
            if key in container:
                gone.append(container.pop(key))
                container[key] = value
            else:
                container[key] = value
                if len(container) > self._maxsize:
                    gone.append(container.popitem(last=False)[1])
        self._dispose(gone)

    def __delitem__(self, key: K) -> None:
        with self.lock:
            self._newest = None
            value = self._container.pop(key)
        self._dispose([value])

    def __len__(self) -> int:
        with self.lock:
            return len(self._container)

    def __iter__(self) -> typing.NoReturn:
        raise NotImplementedError("Iteration over this class is unlikely to be threadsafe.")

    def clear(self) -> None:
        """Empty the mapping, then dispose of its values, the least recently used first."""
        with self.lock:
            gone = list(self._container.values())
            self._newest = None
            self._container.clear()
        self._dispose(gone)

    def keys(self) -> set[K]:  # type: ignore[override]
        """A copy of the keys."""
        with self.lock:
            return set(self._container)

    def _dispose(self, values: list[V]) -> None:
        if self.dispose_func is not None:
            for value in values:
                self.dispose_func(value)


# By identity, for a mapping cannot be hashed.
_containers: weakref.WeakValueDictionary[int, RecentlyUsedContainer[typing.Any, typing.Any]]
_containers = weakref.WeakValueDictionary()


def _begin_anew() -> None:
    """In a child of fork: whoever held a lock in the parent is not there to release it."""
    for container in list(_containers.values()):
        container.lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


class HTTPHeaderDictItemView(set[tuple[str, str]]):
    """What :meth:`HTTPHeaderDict.items` returns: every field as a pair, repeated names included."""

    _headers: HTTPHeaderDict

    def __init__(self, headers: HTTPHeaderDict) -> None:
        self._headers = headers

    def __len__(self) -> int:
        return sum(len(entry) - 1 for entry in self._headers._container.values())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self._headers.iteritems()

    def __contains__(self, item: object) -> bool:
        if not isinstance(item, tuple) or len(item) != 2:
            return False
        name, value = item
        if not isinstance(name, str) or not isinstance(value, str):
            return False
        return self._headers._has_value_for_header(name, value)


class _Sentinel(Enum):
    """Stands for an argument that was not given, where None is one."""

    not_passed = auto()


def _text(name: typing.Any) -> typing.Any:
    """A name as str, if it is bytes.

    Called only for names that are not str: a call costs as much as the look-up that follows.
    """
    return name.decode("latin-1") if isinstance(name, bytes) else name


class HTTPHeaderDict(MutableMapping[str, str]):
    """Header fields in the order received, found by name without regard to case.

    :param headers: a header dict, a mapping, pairs, or anything with ``keys`` and item access
    :param kwargs: further fields

    Reading an item joins its values by ``", "``; :meth:`getlist` keeps them apart (RFC 9110, 5.3).
    A name may also be bytes, which are decoded as latin-1.
    """

    #: Lower-cased name -> [name as first spelled, value, value, ...]
    _container: dict[str, list[str]]

    def __init__(self, headers: ValidHTTPHeaderSource | None = None, **kwargs: str) -> None:
        self._container = {}
        if type(headers) is dict:  # the usual case, without the questions of extend()
            for name, value in headers.items():
                self.add(name, value)
        elif isinstance(headers, HTTPHeaderDict):
            self._copy_from(headers)
        elif headers is not None:
            self.extend(headers)
        if kwargs:
            self.extend(kwargs)

    @classmethod
    def _from_pairs(cls, pairs: list[tuple[str, str]]) -> Self:
        """The fields *pairs*, whose names and values are known to be str."""
        container: dict[str, list[str]] = {}
        for name, value in pairs:
            key = name.lower()
            if key in container:
                container[key].append(value)
            else:
                container[key] = [name, value]
        made = cls.__new__(cls)
        made._container = container
        return made

    # ------------------------------------------------------------ writing

    def __setitem__(self, key: str, val: str) -> None:
        if type(key) is not str:
            key = _text(key)
        self._container[key.lower()] = [key, val]

    def __delitem__(self, key: str) -> None:
        if type(key) is not str:
            key = _text(key)
        del self._container[key.lower()]

    def discard(self, key: str) -> None:
        """Remove the fields with the name *key*, if there are any."""
        if type(key) is not str:
            key = _text(key)
        self._container.pop(key.lower(), None)

    def add(self, key: str, val: str, *, combine: bool = False) -> None:
        """Add a field, keeping those of the same name.

        :param combine: append it to the last of them, after ``", "``, instead
        """
        if type(key) is not str:
            key = _text(key)
        entry = self._container.get(key.lower())
        if entry is None:
            self._container[key.lower()] = [key, val]
        elif combine:
            entry[-1] = ", ".join((entry[-1], val))
        else:
            entry.append(val)

    def extend(self, *args: ValidHTTPHeaderSource, **kwargs: str) -> None:
        """:meth:`add` every field of one source, which may be whatever the constructor takes."""
        if len(args) > 1:
            raise TypeError(f"extend() takes at most 1 positional arguments ({len(args)} given)")
        if args:
            for name, value in _pairs_of(args[0]):
                self.add(name, value)
        for name, value in kwargs.items():
            self.add(name, value)

    def setdefault(self, key: str, default: str = "") -> str:
        """The value of *key*, set to *default* if there is none."""
        return super().setdefault(key, default)

    # ------------------------------------------------------------ reading

    def __getitem__(self, key: str) -> str:
        if type(key) is not str:
            key = _text(key)
        return ", ".join(self._container[key.lower()][1:])

    @typing.overload
    def get(self, key: str) -> str | None: ...

    @typing.overload
    def get(self, key: str, default: str | D) -> str | D: ...

    def get(self, key: str, default: str | D | None = None) -> str | D | None:
        """The value of *key*, or *default*."""
        if type(key) is not str:
            key = _text(key)
        entry = self._container.get(key.lower())
        return default if entry is None else ", ".join(entry[1:])

    def __contains__(self, key: object) -> bool:
        if type(key) is not str:
            key = _text(key)
            if not isinstance(key, str):
                return False
        return key.lower() in self._container

    def __len__(self) -> int:
        return len(self._container)

    def __iter__(self) -> Iterator[str]:
        for entry in self._container.values():
            yield entry[0]

    @typing.overload
    def getlist(self, key: str) -> list[str]: ...

    @typing.overload
    def getlist(self, key: str, default: D) -> list[str] | D: ...

    def getlist(self, key: str, default: _Sentinel | D = _Sentinel.not_passed) -> list[str] | D:
        """The values of *key*, kept apart; if there are none, *default* or an empty list."""
        if type(key) is not str:
            key = _text(key)
        entry = self._container.get(key.lower())
        if entry is not None:
            return entry[1:]
        return [] if default is _Sentinel.not_passed else default

    # The names by which http.client, http.cookiejar and email call it.
    getheaders = getlist
    getallmatchingheaders = getlist
    iget = getlist
    get_all = getlist

    def iteritems(self) -> Iterator[tuple[str, str]]:
        """Every field as a pair."""
        for name, *values in self._container.values():
            for value in values:
                yield name, value

    def itermerged(self) -> Iterator[tuple[str, str]]:
        """Every name with its values joined."""
        for name, *values in self._container.values():
            yield name, ", ".join(values)

    def items(self) -> HTTPHeaderDictItemView:  # type: ignore[override]
        """A live view of every field as a pair."""
        return HTTPHeaderDictItemView(self)

    def _has_value_for_header(self, header_name: str, potential_value: str) -> bool:
        return potential_value in self._container.get(header_name.lower(), ())[1:]

    # ------------------------------------------------------------ as a whole

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self.itermerged())})"

    def __eq__(self, other: object) -> bool:
        source = ensure_can_construct_http_header_dict(other)
        if source is None:
            return False
        theirs = source if isinstance(source, HTTPHeaderDict) else type(self)(source)
        return self._joined() == theirs._joined()

    def _joined(self) -> dict[str, str]:
        return {key: ", ".join(entry[1:]) for key, entry in self._container.items()}

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: object) -> Self:
        source = ensure_can_construct_http_header_dict(other)
        if source is None:
            return NotImplemented
        merged = self.copy()
        merged.extend(source)
        return merged

    def __ior__(self, other: object) -> Self:
        source = ensure_can_construct_http_header_dict(other)
        if source is None:
            return NotImplemented
        self.extend(source)
        return self

    def __ror__(self, other: object) -> Self:
        source = ensure_can_construct_http_header_dict(other)
        if source is None:
            return NotImplemented
        merged = type(self)(source)
        merged.extend(self)
        return merged

    def copy(self) -> Self:
        """An independent copy."""
        made = type(self)()
        made._copy_from(self)
        return made

    def _copy_from(self, other: HTTPHeaderDict) -> None:
        for key, entry in other._container.items():
            self._container[key] = entry.copy()

    def _prepare_for_method_change(self) -> Self:
        """Drop what describes a body, for a request that no longer has one (RFC 9110, 15.4)."""
        for name in _ABOUT_THE_BODY:
            self._container.pop(name, None)
        return self


_ABOUT_THE_BODY = (
    "content-encoding",
    "content-language",
    "content-location",
    "content-type",
    "content-length",
    "digest",
    "last-modified",
    "transfer-encoding",
)


def _pairs_of(source: typing.Any) -> Iterable[tuple[str, str]]:
    if isinstance(source, HTTPHeaderDict):
        return source.iteritems()
    if isinstance(source, Mapping):
        return source.items()
    if isinstance(source, Iterable):
        return source
    if hasattr(source, "keys") and hasattr(source, "__getitem__"):
        return ((name, source[name]) for name in source.keys())  # noqa: SIM118  # no mapping
    return ()


def ensure_can_construct_http_header_dict(
    potential: object,
) -> ValidHTTPHeaderSource | None:
    """*potential* if a header dict can be made of it, judged by its shape; else None."""
    if isinstance(potential, (HTTPHeaderDict, Mapping, Iterable)) or (
        hasattr(potential, "keys") and hasattr(potential, "__getitem__")
    ):
        return typing.cast("ValidHTTPHeaderSource", potential)
    return None
