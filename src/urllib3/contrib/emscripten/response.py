"""The result of a ``fetch`` as a response: the runtime has already decoded its body.

A body in memory and a streamed one are both read as buffered files, and any ``decode_content`` is
without effect.
"""

from __future__ import annotations

import io
import typing
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException

from ..._http1.syntax import announced_length, is_bodiless
from ...exceptions import TimeoutError as TimedOut
from ...response import BaseHTTPResponse
from .request import _RequestError, _TimeoutError

if typing.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..._base_connection import BaseHTTPConnection
    from ...connectionpool import HTTPConnectionPool
    from .request import EmscriptenRequest


@dataclass
class EmscriptenResponse:
    """What came back: status, headers, and a body that is bytes or a stream of them."""

    status_code: int
    headers: Mapping[str, str]
    body: io.IOBase | bytes
    request: EmscriptenRequest


class EmscriptenHttpResponseWrapper(BaseHTTPResponse):
    """A response to a request that the runtime has made.

    :param internal_response: what ``fetch`` delivered
    :param url: as it was requested
    :param connection: to be closed with the response, and given back to its pool

    The HTTP version and the reason phrase are unknown here.
    """

    def __init__(
        self,
        internal_response: EmscriptenResponse,
        url: str | None = None,
        connection: BaseHTTPConnection | None = None,
    ) -> None:
        self._pool: HTTPConnectionPool | None = None
        self._connection = connection
        self._response = internal_response
        self._url = url
        self._cached: bytes | None = None
        self._ended = False
        body = internal_response.body
        self._file = typing.cast(
            "io.BufferedIOBase", io.BytesIO(body) if isinstance(body, bytes) else body
        )
        super().__init__(
            headers=internal_response.headers,
            status=internal_response.status_code,
            version=0,
            version_string="HTTP/?",
            reason="",
            decode_content=True,
            request_url=url,
        )
        self.length_remaining = self._announced_length(internal_response.request.method)

    def _announced_length(self, method: str) -> int | None:
        """Bytes on the wire; of a compressed body that is not the number that will be read."""
        if is_bodiless(self.status, method):
            return 0
        announced = self.headers.get("content-length")
        return None if announced is None else announced_length(announced)

    # ------------------------------------------------------------ request and connection

    @property
    def url(self) -> str | None:
        """The URL of the request."""
        return self._url

    @url.setter
    def url(self, url: str | None) -> None:
        self._url = url

    @property
    def connection(self) -> BaseHTTPConnection | None:
        """The connection, until it goes back to its pool."""
        return self._connection

    def release_conn(self) -> None:
        """Give the connection back to its pool."""
        if self._pool and self._connection:
            connection, self._connection = self._connection, None
            self._pool._put_conn(connection)

    # ------------------------------------------------------------ reading

    def read(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,  # noqa: ARG002
        cache_content: bool = False,
    ) -> bytes:
        """Read *amt* bytes, fewer only at the end; None = all that is left.

        :param cache_content: keep the result for :attr:`data`

        Raises ``urllib3.exceptions.TimeoutError``, ``http.client.HTTPException``.
        """
        if self.closed:
            return b""
        if amt is not None and amt < 0:
            amt = None
        with self._reading():
            data = self._file.read() if amt is None else self._file.read(amt)
        if cache_content:
            self._cached = data
        return self._taken(data, at_end=amt is None or len(data) < amt)

    def read1(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,  # noqa: ARG002
    ) -> bytes:
        """Read up to *amt* bytes of what has arrived; waits only if nothing has."""
        if self.closed or amt == 0:
            return b""
        with self._reading():
            data = self._file.read1(-1 if amt is None else amt)
        return self._taken(data, at_end=not data)

    def stream(
        self, amt: int | None = 2**16, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        """The rest of the body in pieces of up to *amt* bytes, each as soon as it is there."""
        return self.read_chunked(amt, decode_content)

    def read_chunked(
        self, amt: int | None = None, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        """The same as :meth:`stream`: how the body was framed is not known here."""
        while data := self.read1(amt, decode_content):
            yield data

    @property
    def data(self) -> bytes:
        """The whole body, read once and kept."""
        if self._cached is None:
            self.read(cache_content=True)
        return self._cached or b""

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.drain_conn()
            if isinstance(error, _TimeoutError):
                raise TimedOut(error.message) from error
            if isinstance(error, _RequestError):
                raise HTTPException(error.message) from error
            raise

    def _taken(self, data: bytes, *, at_end: bool) -> bytes:
        if self.length_remaining is not None:
            self.length_remaining = max(self.length_remaining - len(data), 0)
        if at_end and not self._ended:
            self._ended = True
            self.release_conn()
        return data

    # ------------------------------------------------------------ the end

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to read."""
        return self._ended

    def readable(self) -> bool:
        """True."""
        return True

    def drain_conn(self) -> None:
        """Give up the rest of the body, and the connection."""
        self.close()
        self.release_conn()

    def close(self) -> None:
        """Stop the transfer; the connection is closed with it."""
        self._ended = True
        self._file.close()
        if self._connection is not None:
            self._connection.close()
