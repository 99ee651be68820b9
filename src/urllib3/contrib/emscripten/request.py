"""A request as all ways of fetching take it, and the errors they may raise."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field


@dataclass
class EmscriptenRequest:
    """One request.

    :param url: absolute
    :param body: in memory, as a browser cannot stream one up
    :param timeout: seconds for the answer and for each wait for more of its body, 0 = no limit
    :param decode_content: without effect: the runtime always undoes content codings
    """

    method: str
    url: str
    params: dict[str, str] | None = None
    body: typing.Any = None
    headers: dict[str, str] = field(default_factory=dict)
    timeout: float = 0
    decode_content: bool = True

    def set_header(self, name: str, value: str) -> None:
        """Set a header; *name* is written ``Like-this``, so that spelling cannot make it twice."""
        self.headers[name.capitalize()] = value

    def set_body(self, body: typing.Any) -> None:
        """Set the body."""
        self.body = body


class _RequestError(Exception):
    """A request that failed, with the request and what was received of the response."""

    def __init__(
        self,
        message: str | None = None,
        *,
        request: EmscriptenRequest | None = None,
        response: typing.Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.request = request
        self.response = response


class _StreamingError(_RequestError):
    """The streaming worker failed."""


class _TimeoutError(_RequestError):
    """Something took longer than the request's timeout."""
