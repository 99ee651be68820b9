"""What is tried again, how often, and after how long.  Policy only: nothing here sends anything."""

import email.utils
import logging
import operator
import random
import re
import time
import typing
import warnings
from collections.abc import Collection

from .. import _seams
from ..exceptions import (
    ConnectTimeoutError,
    InvalidHeader,
    MaxRetryError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    ResponseError,
)
from .util import reraise

if typing.TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from .._typing import BaseHTTPResponse, ConnectionPool

log = logging.getLogger(__name__)


class RequestHistory(typing.NamedTuple):
    """One request that was followed by another."""

    method: str | None
    url: str | None
    error: Exception | None
    status: int | None
    redirect_location: str | None


_Count = typing.Union[bool, int, None]
_Outcome = tuple[str, "int | None", "str | None"]  # cause, status, redirect location


class Retry:
    """How many times, and when, a request is made again.  Never changed: each step makes a new one.

    A count of None sets no limit of its own, 0 allows none, False disables: the error is raised as
    it is, or the response returned.

    :param total: of all kinds; goes before the others
    :param connect: failures to connect, after any method
    :param read: failures while waiting for the answer or reading it, after *allowed_methods*
    :param redirect: redirects
    :param status: answers that *status_forcelist* or Retry-After ask to be repeated
    :param other: any other error
    :param allowed_methods: upper-case methods that may be repeated; None = any
    :param status_forcelist: statuses that are retried
    :param backoff_factor: seconds; the n-th retry in a row waits factor * 2 ** (n - 1)
    :param backoff_max: seconds that a back-off never exceeds
    :param raise_on_redirect: raise when redirects are spent, or return the last one
    :param raise_on_status: the same for answers
    :param history: what has happened so far
    :param respect_retry_after_header: wait as long as the server asks
    :param remove_headers_on_redirect: fields that do not follow to another host
    :param backoff_jitter: seconds, of which a random part is added to each back-off
    :param retry_after_max: seconds that Retry-After never exceeds
    """

    DEFAULT_ALLOWED_METHODS = frozenset(["HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE"])
    RETRY_AFTER_STATUS_CODES = frozenset([413, 429, 503])
    DEFAULT_REMOVE_HEADERS_ON_REDIRECT = frozenset(
        ["Cookie", "Authorization", "Proxy-Authorization"]
    )
    DEFAULT_BACKOFF_MAX = 120
    DEFAULT_RETRY_AFTER_MAX: typing.Final[int] = 21600
    DEFAULT: "typing.ClassVar[Retry]"

    def __init__(
        self,
        total: _Count = 10,
        connect: _Count = None,
        read: _Count = None,
        redirect: _Count = None,
        status: _Count = None,
        other: _Count = None,
        allowed_methods: Collection[str] | None = DEFAULT_ALLOWED_METHODS,
        status_forcelist: Collection[int] | None = None,
        backoff_factor: float = 0,
        backoff_max: float = DEFAULT_BACKOFF_MAX,
        raise_on_redirect: bool = True,
        raise_on_status: bool = True,
        history: tuple[RequestHistory, ...] | None = None,
        respect_retry_after_header: bool = True,
        remove_headers_on_redirect: Collection[str] = DEFAULT_REMOVE_HEADERS_ON_REDIRECT,
        backoff_jitter: float = 0.0,
        retry_after_max: int = DEFAULT_RETRY_AFTER_MAX,
    ) -> None:
        if redirect is False or total is False:
            redirect, raise_on_redirect = 0, False
        if not allowed_methods and isinstance(allowed_methods, Collection):
            warnings.warn(
                "Using an empty collection for 'allowed_methods' option to retry on any verb "
                "is deprecated and will skip retries for all verbs in urllib3 v3.0. "
                "Instead use Retry(..., allowed_methods=None).",
                FutureWarning,
                stacklevel=2,
            )
        self.total = total
        self.connect = connect
        self.read = read
        self.redirect = redirect
        self.status = status
        self.other = other
        self.allowed_methods = allowed_methods
        self.status_forcelist = status_forcelist or set()
        self.backoff_factor = backoff_factor
        self.backoff_max = backoff_max
        self.raise_on_redirect = raise_on_redirect
        self.raise_on_status = raise_on_status
        self.history = history or ()
        self.respect_retry_after_header = respect_retry_after_header
        self.remove_headers_on_redirect = (
            _DEFAULT_REMOVED
            if remove_headers_on_redirect is _DEFAULT_REMOVE_HEADERS
            else frozenset([name.lower() for name in remove_headers_on_redirect])
        )
        self.backoff_jitter = backoff_jitter
        self.retry_after_max = retry_after_max

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(total={self.total}, connect={self.connect}, "
            f"read={self.read}, redirect={self.redirect}, status={self.status})"
        )

    def new(self, **kw: typing.Any) -> "Self":
        """The same policy but for *kw*; a subclass with parameters of its own overrides this."""
        settings = dict(zip(_SETTINGS, _settings_of(self), strict=True))
        return type(self)(**{**settings, **kw})

    @classmethod
    def from_int(
        cls,
        retries: "Retry | _Count",
        redirect: _Count = True,
        default: "Retry | _Count" = None,
    ) -> "Retry":
        """*retries* as a policy: one as it is, a number as its total, None as *default*.

        :param redirect: falsy = redirects are not followed
        """
        if retries is None:
            retries = cls.DEFAULT if default is None else default
        if isinstance(retries, Retry):
            return retries
        made = cls(retries, redirect=None if redirect else False)
        log.debug("Converted retries value: %r -> %r", retries, made)
        return made

    # ------------------------------------------------------------ how long

    def get_backoff_time(self) -> float:
        """Seconds to wait before the next attempt: none before the first in a row."""
        in_a_row = 0
        for entry in reversed(self.history):
            if entry.redirect_location is not None:
                break
            in_a_row += 1
        if in_a_row <= 1:
            return 0
        seconds = self.backoff_factor * 2 ** (in_a_row - 1)
        if self.backoff_jitter:
            seconds += random.random() * self.backoff_jitter  # noqa: S311  # no secret
        return float(max(0, min(self.backoff_max, seconds)))

    def parse_retry_after(self, retry_after: str) -> float:
        """Seconds that a Retry-After value asks for: a number or a date (RFC 9110, 10.2.3).

        Raises ``InvalidHeader`` for anything else.
        """
        digits = re.fullmatch(r"\s*([0-9]+)\s*", retry_after)
        seconds = _number(digits[1]) if digits else _seconds_until(retry_after)
        if seconds is None:
            raise InvalidHeader(f"Invalid Retry-After header: {retry_after}")
        return min(max(seconds, 0), self.retry_after_max)

    def get_retry_after(self, response: "BaseHTTPResponse") -> float | None:
        """Seconds that the server asks to wait, or None; what nobody can read asks for nothing."""
        value = response.headers.get("Retry-After")
        if value is None:
            return None
        try:
            return self.parse_retry_after(value)
        except InvalidHeader as error:
            log.warning("%s: ignored", str(error))  # the error itself would keep frames
            return None

    def sleep_for_retry(self, response: "BaseHTTPResponse") -> bool:
        """Wait as long as the server asks; whether it asked."""
        seconds = self.get_retry_after(response)
        if not seconds:
            return False
        time.sleep(seconds)
        return True

    def _sleep_backoff(self) -> None:
        seconds = self.get_backoff_time()
        if seconds > 0:
            time.sleep(seconds)

    def sleep(self, response: "BaseHTTPResponse | None" = None) -> None:
        """Wait before the next attempt: as *response* asks, or the back-off."""
        if self.respect_retry_after_header and response and self.sleep_for_retry(response):
            return
        self._sleep_backoff()

    # ------------------------------------------------------------ whether

    def _is_connection_error(self, err: Exception) -> bool:
        """Whether *err* struck before anything was sent."""
        if isinstance(err, ProxyError):
            err = err.original_error
        return isinstance(err, ConnectTimeoutError)

    def _is_read_error(self, err: Exception) -> bool:
        """Whether the server may have acted on the request before *err*."""
        return isinstance(err, (ReadTimeoutError, ProtocolError))

    def _is_method_retryable(self, method: str) -> bool:
        return not self.allowed_methods or method.upper() in self.allowed_methods

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Whether an answer with *status_code* is to be tried again."""
        if not self._is_method_retryable(method):
            return False
        listed = bool(self.status_forcelist) and status_code in self.status_forcelist
        return listed or (has_retry_after and self._obeys_retry_after(status_code))

    def _obeys_retry_after(self, status_code: int) -> bool:
        """Whether the server may ask for another try with *status_code*."""
        allowed = bool(self.total) and bool(self.respect_retry_after_header)
        return allowed and status_code in self.RETRY_AFTER_STATUS_CODES

    def is_exhausted(self) -> bool:
        """Whether any count has gone below zero."""
        counts = (self.total, self.connect, self.read, self.redirect, self.status, self.other)
        return any(count < 0 for count in counts if count)

    # ------------------------------------------------------------ counting

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: "BaseHTTPResponse | None" = None,
        error: Exception | None = None,
        _pool: "ConnectionPool | None" = None,
        _stacktrace: "TracebackType | None" = None,
    ) -> "Self":
        """The policy after one more *error*, or *response* that is not the last.

        Raises ``MaxRetryError`` when a count is spent, *error* itself when its kind is disabled.
        """
        counts = {
            name: getattr(self, name) for name in ("connect", "read", "redirect", "status", "other")
        }
        if error:
            kind = None if self.total is False else self._kind_of(error, method)
            if kind is None or (kind != "other" and counts[kind] is False):
                try:
                    reraise(type(error), error, _stacktrace)
                finally:
                    del error, _stacktrace  # which hold this frame
            cause, status, location = "unknown", None, None
        else:
            kind, (cause, status, location) = _outcome_of(response)
        if kind is not None and counts[kind] is not None:
            counts[kind] -= 1
        entry = RequestHistory(method, url, error, status, location)
        total = None if self.total is None else self.total - 1
        spent = self.new(total=total, **counts, history=(*self.history, entry))
        if spent.is_exhausted():
            reason = error or ResponseError(cause)
            raise MaxRetryError(typing.cast("ConnectionPool", _pool), url, reason) from reason
        log.debug("Incremented Retry for (url='%s'): %r", url, spent)
        return spent

    def _kind_of(self, error: Exception, method: str | None) -> str | None:
        """The count that *error* lowers; None = it must not be retried after *method*."""
        if self._is_connection_error(error):
            return "connect"
        if self._is_read_error(error):
            if method is None or not self._is_method_retryable(method):
                return None
            return "read"
        return "other"


def _number(digits: str) -> float:
    # Twenty digits exceed every limit; int() refuses thousands.
    return int(digits.lstrip("0")[:20] or "0")


def _seconds_until(date: str) -> float | None:
    """Seconds from now to *date*; None for what is no date, or one that no calendar has."""
    try:
        parsed = email.utils.parsedate_tz(date)
        return None if parsed is None else email.utils.mktime_tz(parsed) - time.time()
    except (ValueError, OverflowError, IndexError, TypeError):
        # The last two come from within, for dates cut short in unexpected places.
        return None


def _outcome_of(response: "BaseHTTPResponse | None") -> tuple[str | None, _Outcome]:
    """The count that *response* lowers, and what is to be said of it."""
    location = response.get_redirect_location() if response else None
    if response and location:
        return "redirect", ("too many redirects", response.status, location)
    if response and response.status:
        cause = ResponseError.SPECIFIC_ERROR.format(status_code=response.status)
        return "status", (cause, response.status, None)
    return None, (ResponseError.GENERIC_ERROR, None, None)


_DEFAULT_REMOVE_HEADERS = Retry.DEFAULT_REMOVE_HEADERS_ON_REDIRECT
_DEFAULT_REMOVED = frozenset([name.lower() for name in _DEFAULT_REMOVE_HEADERS])

_SETTINGS = (
    "total",
    "connect",
    "read",
    "redirect",
    "status",
    "other",
    "allowed_methods",
    "status_forcelist",
    "backoff_factor",
    "backoff_max",
    "raise_on_redirect",
    "raise_on_status",
    "history",
    "respect_retry_after_header",
    "remove_headers_on_redirect",
    "backoff_jitter",
    "retry_after_max",
)
_settings_of = operator.attrgetter(*_SETTINGS)

_seams.record(".util.retry.Retry", Retry)

Retry.DEFAULT = Retry(3)
