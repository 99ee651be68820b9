"""What becomes of a request when its answer is a redirect (RFC 9110, 15.4).  Pure."""

import typing
from collections.abc import Collection, Mapping

from .._collections import HTTPHeaderDict
from ..util.url import parse_url

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Rewritten(typing.NamedTuple):
    """The parts of a request that a redirect may change."""

    method: str
    body: typing.Any
    body_pos: typing.Any
    headers: Mapping[str, str]
    chunked: bool


def redirected(request: Rewritten, status: int) -> Rewritten:
    """*request* as it is to be made again after an answer with *status*.

    303 See Other asks for a GET whatever came before, without body and what described the body.
    Any other status keeps all: 301 and 302 too, as urllib3 always has.
    """
    if status != 303:
        return request
    headers = HTTPHeaderDict(request.headers)._prepare_for_method_change()
    return Rewritten("GET", None, None, headers, False)


def without(request: Rewritten, names: Collection[str]) -> Rewritten:
    """*request* lacking the fields *names* (lower case); the caller's headers stay as they are."""
    found = [name for name in request.headers if _lower(name) in names] if names else []
    if not found:
        return request
    headers = request.headers.copy()  # type: ignore[attr-defined]  # dict, HTTPHeaderDict have it
    for name in found:
        headers.pop(name, None)
    return request._replace(headers=headers)


def _lower(name: str | bytes) -> str:
    # A name given as bytes is as secret as the same name given as text.
    return (name.decode("latin-1") if isinstance(name, bytes) else name).lower()


def same_origin(url: str, other: str) -> bool:
    """Whether two absolute URLs have the same scheme, host and port (RFC 6454)."""
    return _origin(url) == _origin(other)


def _origin(url: str) -> tuple[str | None, str | None, int | None]:
    parsed = parse_url(url)
    scheme = parsed.scheme or "http"
    port = _DEFAULT_PORTS.get(scheme) if parsed.port is None else parsed.port
    return scheme, parsed.host, port
