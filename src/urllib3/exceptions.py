"""Everything this package raises and warns of.

Every error can be pickled and copied. One that names a pool or a connection comes back without it;
all others come back as they were.
"""

from __future__ import annotations

import typing
import warnings
from email.errors import MessageDefect as MessageDefect  # noqa: TC003  # found here by programs
from http.client import IncompleteRead as httplib_IncompleteRead

if typing.TYPE_CHECKING:
    import socket

    from ._typing import ConnectionPool, HTTPConnection, HTTPResponse, Retry

_TYPE_REDUCE_RESULT = tuple[typing.Callable[..., object], tuple[object, ...]]


def _as_it_was(
    cls: type[HTTPError], args: tuple[typing.Any, ...], attributes: dict[str, typing.Any]
) -> HTTPError:
    """An error whose text its constructor made: calling that again would make it of the text."""
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(attributes)
    return error


def _restore(error: HTTPError, state: dict[str, object] | None, text: str, attribute: str) -> None:
    """Undo what urllib3 2.8.0's pickles do: there the constructor is given its own text."""
    attributes = state or {}
    error.__dict__.update(attributes)
    if attribute in attributes:
        error.args = (f"{text}{attributes[attribute]}",)


class HTTPError(Exception):
    """Base of the errors of this package."""


class HTTPWarning(Warning):
    """Base of its warnings."""


class PoolError(HTTPError):
    """Something is wrong with *pool*."""

    def __init__(self, pool: ConnectionPool, message: str) -> None:
        self.pool = pool
        self._message = message
        super().__init__(f"{pool}: {message}")

    def __reduce__(self) -> _TYPE_REDUCE_RESULT:
        return type(self), (None, self._message)


class RequestError(PoolError):
    """A request for *url* failed."""

    def __init__(self, pool: ConnectionPool, url: str | None, message: str) -> None:
        self.url = url
        super().__init__(pool, message)

    def __reduce__(self) -> _TYPE_REDUCE_RESULT:
        return type(self), (None, self.url, self._message)


class SSLError(HTTPError):
    """TLS failed, or the peer's certificate is not acceptable."""


class ProxyError(HTTPError):
    """The proxy could not be reached or would not serve; *error* is what happened.

    :ivar original_error: *error*
    """

    original_error: Exception

    def __init__(self, message: str, error: Exception) -> None:
        super().__init__(message, error)
        self.original_error = error


class DecodeError(HTTPError):
    """A body is not what its Content-Encoding says."""


class ProtocolError(HTTPError):
    """The connection broke, or the peer does not speak HTTP as it should."""


#: The old name of the same.
ConnectionError = ProtocolError


class MaxRetryError(RequestError):
    """The retries for a request are spent.

    :ivar reason: the error of the last attempt
    """

    def __init__(
        self, pool: ConnectionPool, url: str | None, reason: Exception | None = None
    ) -> None:
        self.reason = reason
        super().__init__(pool, url, f"Max retries exceeded with url: {url} (Caused by {reason!r})")

    def __reduce__(self) -> _TYPE_REDUCE_RESULT:
        return type(self), (None, self.url, self.reason)


class HostChangedError(RequestError):
    """A pool was asked for the URL of another host."""

    def __init__(self, pool: ConnectionPool, url: str, retries: Retry | int = 3) -> None:
        super().__init__(pool, url, f"Tried to open a foreign host with url: {url}")
        self.retries = retries

    def __reduce__(self) -> _TYPE_REDUCE_RESULT:
        return type(self), (None, self.url, self.retries)


class TimeoutStateError(HTTPError):
    """A ``Timeout`` was used out of order."""


class TimeoutError(HTTPError):
    """A wait was longer than allowed; base of the errors of connecting and of reading."""


class ReadTimeoutError(TimeoutError, RequestError):
    """The peer did not send anything for the time allowed."""


class ConnectTimeoutError(TimeoutError):
    """A connection was not opened in the time allowed."""


class HandshakeTimeoutError(ConnectTimeoutError, ReadTimeoutError):
    """A peer or a proxy did not finish its handshake (TLS, CONNECT) in the time for connecting.

    The request was not sent, so this counts as an error of connecting.  It is a
    ``ReadTimeoutError``, too, because programs for urllib3 2.8.0 expect that, with its text.
    """


class NewConnectionError(ConnectTimeoutError, HTTPError):
    """A connection could not be opened."""

    def __init__(self, conn: HTTPConnection, message: str) -> None:
        self.conn = conn
        self._message = message
        super().__init__(f"{conn}: {message}")

    def __reduce__(self) -> _TYPE_REDUCE_RESULT:
        return type(self), (None, self._message)

    @property
    def pool(self) -> HTTPConnection:
        """Deprecated name of :attr:`conn`."""
        warnings.warn(
            "The 'pool' property is deprecated and will be removed "
            "in urllib3 v3.0. Use 'conn' instead.",
            FutureWarning,
            stacklevel=2,
        )
        return self.conn


class NameResolutionError(NewConnectionError):
    """The host's name could not be resolved."""

    def __init__(self, host: str, conn: HTTPConnection, reason: socket.gaierror) -> None:
        self._host = host
        self._reason = reason
        super().__init__(conn, f"Failed to resolve '{host}' ({reason})")

    def __reduce__(self) -> _TYPE_REDUCE_RESULT:
        return type(self), (self._host, None, self._reason)


class EmptyPoolError(PoolError):
    """No connection came free in a pool that makes no more."""


class FullPoolError(PoolError):
    """A connection came back to a blocking pool that has no room for it."""


class ClosedPoolError(PoolError):
    """A pool was used after it was closed."""


class LocationValueError(ValueError, HTTPError):
    """A URL lacks what the request needs."""


class LocationParseError(LocationValueError):
    """A URL or a host cannot be read."""

    def __init__(self, location: str) -> None:
        super().__init__(f"Failed to parse: {location}")
        self.location = location

    def __setstate__(self, state: dict[str, object] | None) -> None:
        _restore(self, state, "Failed to parse: ", "location")

    def __reduce__(self) -> _TYPE_REDUCE_RESULT:
        return _as_it_was, (type(self), self.args, self.__dict__)


class URLSchemeUnknown(LocationValueError):
    """A URL's scheme is not supported."""

    def __init__(self, scheme: str) -> None:
        super().__init__(f"Not supported URL scheme {scheme}")
        self.scheme = scheme

    def __setstate__(self, state: dict[str, object] | None) -> None:
        _restore(self, state, "Not supported URL scheme ", "scheme")

    def __reduce__(self) -> _TYPE_REDUCE_RESULT:
        return _as_it_was, (type(self), self.args, self.__dict__)


class ResponseError(HTTPError):
    """Too many responses were not the one wanted; the reason of a ``MaxRetryError``."""

    GENERIC_ERROR = "too many error responses"
    SPECIFIC_ERROR = "too many {status_code} error responses"


class SecurityWarning(HTTPWarning):
    """Something is less safe than it could be."""


class InsecureRequestWarning(SecurityWarning):
    """A request is made to a peer whose certificate was not verified."""


class NotOpenSSLWarning(SecurityWarning):
    """The ``ssl`` module is built on another library than OpenSSL."""


class SystemTimeWarning(SecurityWarning):
    """The clock is so far behind that certificates will seem invalid."""


class InsecurePlatformWarning(SecurityWarning):
    """Kept as a name: no supported platform deserves it any more."""


class DependencyWarning(HTTPWarning):
    """A module was imported without the package it needs."""


class ResponseNotChunked(ProtocolError, ValueError):
    """A response was to be read by its chunks and has none."""


class BodyNotHttplibCompatible(HTTPError):
    """A body object does not offer the raw bytes that chunks are read from."""


class IncompleteRead(HTTPError, httplib_IncompleteRead):
    """A body ended after *partial* bytes, with *expected* still missing."""

    partial: int  # type: ignore[assignment]
    expected: int

    def __init__(self, partial: int, expected: int) -> None:
        HTTPError.__init__(self, partial, expected)
        self.partial = partial
        self.expected = expected

    def __repr__(self) -> str:
        return "IncompleteRead(%i bytes read, %i more expected)" % (  # noqa: UP031  # renders ints
            self.partial,
            self.expected,
        )

    __str__ = __repr__


class InvalidChunkLength(HTTPError, httplib_IncompleteRead):
    """*length*, the line where a chunk's size should stand, is none."""

    def __init__(self, response: HTTPResponse, length: bytes) -> None:
        HTTPError.__init__(self, response, length)
        self.partial: int = response.tell()  # type: ignore[assignment]
        self.expected: int | None = response.length_remaining
        self.response = response
        self.length = length

    def __repr__(self) -> str:
        return "InvalidChunkLength(got length %r, %i bytes read)" % (  # noqa: UP031
            self.length,
            self.partial,
        )

    __str__ = __repr__


class InvalidHeader(HTTPError):
    """A header field has an impossible value."""


class ProxySchemeUnknown(AssertionError, URLSchemeUnknown):
    """A proxy's URL has no scheme that proxies have."""

    def __init__(self, scheme: str | None) -> None:
        # "localhost:8080" parses as a URL with the scheme "localhost".
        if scheme is not None and scheme.startswith("Proxy URL had "):
            message = scheme  # unpickled: that is what urllib3 2.8.0 has kept
        elif scheme is None or scheme == "localhost":
            message = "Proxy URL had no scheme, should start with http:// or https://"
        else:
            message = f"Proxy URL had unsupported scheme {scheme}, should use http:// or https://"
        LocationValueError.__init__(self, message)


class ProxySchemeUnsupported(ValueError):
    """TLS inside TLS is not possible with the TLS library in use."""


class HeaderParsingError(HTTPError):
    """Header lines of a response were left out; logged, never raised by a request."""

    def __init__(self, defects: list[MessageDefect], unparsed_data: bytes | str | None) -> None:
        super().__init__(f"{defects or 'Unknown'}, unparsed data: {unparsed_data!r}")

    def __reduce__(self) -> _TYPE_REDUCE_RESULT:
        return _as_it_was, (type(self), self.args, self.__dict__)


class UnrewindableBodyError(HTTPError):
    """A body must be sent again and cannot be wound back."""
