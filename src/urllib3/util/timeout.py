"""How long a request may take, and what is left of it."""

from __future__ import annotations

import time
import typing
from enum import Enum
from socket import getdefaulttimeout

from ..exceptions import TimeoutStateError


class _TYPE_DEFAULT(Enum):  # noqa: N801  # imported by that name elsewhere
    """The marker for "whatever ``socket.getdefaulttimeout()`` says when it is needed"."""

    token = -1


_DEFAULT_TIMEOUT: typing.Final[_TYPE_DEFAULT] = _TYPE_DEFAULT.token

#: Seconds; the pool's alias of this name allows a :class:`Timeout`, too.
_TYPE_TIMEOUT = typing.Union[float, _TYPE_DEFAULT, None]


class Timeout:
    """Limits for one attempt at a request, in seconds.

    :param total: for connecting and waiting for the answer together; reading the body is not in it
    :param connect: for opening the connection
    :param read: for each wait for data

    None is no limit; the default marker leaves it to ``socket.getdefaulttimeout()``.  Raises
    ValueError for what is no positive number.
    """

    DEFAULT_TIMEOUT: _TYPE_TIMEOUT = _DEFAULT_TIMEOUT

    # What was checked last.  One that urllib3 itself has pickled comes without: check then.
    _checked_total: _TYPE_TIMEOUT = None

    def __init__(
        self,
        total: _TYPE_TIMEOUT = None,
        connect: _TYPE_TIMEOUT = _DEFAULT_TIMEOUT,
        read: _TYPE_TIMEOUT = _DEFAULT_TIMEOUT,
    ) -> None:
        self._connect = self._validate_timeout(connect, "connect")
        self._read = self._validate_timeout(read, "read")
        #: May be changed afterwards; a clone checks it again then.
        self.total = self._checked_total = self._validate_timeout(total, "total")
        self._start_connect: float | None = None

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}"
            f"(connect={self._connect!r}, read={self._read!r}, total={self.total!r})"
        )

    __str__ = __repr__

    @staticmethod
    def resolve_default_timeout(timeout: _TYPE_TIMEOUT) -> float | None:
        """*timeout*, with the marker replaced by the default of sockets as it is now."""
        return getdefaulttimeout() if timeout is _DEFAULT_TIMEOUT else timeout

    @classmethod
    def _validate_timeout(cls, value: _TYPE_TIMEOUT, name: str) -> _TYPE_TIMEOUT:
        if value is None or value is _DEFAULT_TIMEOUT:
            return value
        if isinstance(value, bool):
            raise ValueError("Timeout cannot be a boolean value. It must be an int, float or None.")
        try:
            float(value)
            too_short = value <= 0
        except (ValueError, TypeError):
            raise ValueError(
                f"Timeout value {name} was {value}, but it must be an int, float or None."
            ) from None
        if too_short:
            raise ValueError(
                f"Attempted to set {name} timeout to {value}, but the "
                "timeout cannot be set to a value less than or equal to 0."
            )
        return value

    @classmethod
    def from_float(cls, timeout: _TYPE_TIMEOUT) -> Timeout:
        """The same limit for connecting and for reading."""
        made = Timeout.__new__(Timeout)
        made._connect = made._read = cls._validate_timeout(timeout, "connect")
        made.total = made._checked_total = made._start_connect = None
        return made

    def clone(self) -> Timeout:
        """The same limits with the clock not started."""
        total = self.total
        if total is not self._checked_total:
            self._validate_timeout(total, "total")
        made = Timeout.__new__(Timeout)
        made._connect = self._connect
        made._read = self._read
        made.total = made._checked_total = total
        made._start_connect = None
        return made

    def start_connect(self) -> float:
        """Start the clock and return its reading; ``TimeoutStateError`` if it runs already."""
        if self._start_connect is not None:
            raise TimeoutStateError("Timeout timer has already been started.")
        self._start_connect = time.monotonic()
        return self._start_connect

    def _begin(self) -> tuple[float | None, float | None]:
        """Start the clock and return the limits for connecting and reading, in seconds.

        With a total there is none for reading yet: :attr:`read_timeout` tells what is left then.
        """
        if self.total is not None:
            self.start_connect()
            return self.resolve_default_timeout(self.connect_timeout), None
        connect, read = self._connect, self._read
        if connect is read is _DEFAULT_TIMEOUT:
            default = getdefaulttimeout()
            return default, default
        return self.resolve_default_timeout(connect), self.resolve_default_timeout(read)

    def get_connect_duration(self) -> float:
        """Seconds since the clock was started; ``TimeoutStateError`` if it was not."""
        if self._start_connect is None:
            raise TimeoutStateError("Can't get connect duration for timer that has not started.")
        return time.monotonic() - self._start_connect

    @property
    def connect_timeout(self) -> _TYPE_TIMEOUT:
        """The limit for opening the connection."""
        if self.total is None:
            return self._connect
        if self._connect is None or self._connect is _DEFAULT_TIMEOUT:
            return self.total
        return min(self._connect, self.total)  # type: ignore[type-var]

    @property
    def read_timeout(self) -> float | None:
        """The limit for the next wait for data, what is left of the total considered.

        ``TimeoutStateError`` if that cannot be known, the clock not running.
        """
        total, read = self.total, self._read
        if total is None or total is _DEFAULT_TIMEOUT:
            return getdefaulttimeout() if read is _DEFAULT_TIMEOUT else read
        if read is None or read is _DEFAULT_TIMEOUT:
            return max(0, total - self.get_connect_duration())
        if self._start_connect is None:
            return read
        return max(0, min(total - self.get_connect_duration(), read))
