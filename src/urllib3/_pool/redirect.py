"""What becomes of a request when its answer is a redirect (RFC 9110, 15.4).  Pure."""

import re
import typing
from collections.abc import Collection, Mapping
from urllib.parse import urljoin

from .._base_connection import DEFAULT_PORTS
from .._collections import HTTPHeaderDict
from ..exceptions import LocationParseError, LocationValueError
from ..util.url import parse_url

if typing.TYPE_CHECKING:
    from .._typing import BaseHTTPResponse


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


def onward(request: Rewritten, url: str, location: str, names: Collection[str]) -> Rewritten:
    """*request* for *url* as it may go to *location*: with less than all, if that is elsewhere.

    :param names: fields (lower case) that are for one origin only; Host always is
    """
    if same_origin(url, location):
        return request
    return without(request, {*names, "host"})


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
    port = DEFAULT_PORTS.get(scheme) if parsed.port is None else parsed.port
    return scheme, parsed.host, port


# ---------------------------------------------------------------- Location (RFC 9110, 10.2.2)

# The authority of a URI reference, in text of any kind; group 1 is None if there is none.
_REFERENCE = r"(?s:(?:([A-Za-z][A-Za-z0-9+\-.]*):)?(?://([^/?#\\]*))?(.*))"


def location_of(response: "BaseHTTPResponse", given: str) -> str:
    """The URI reference that *response* redirects to, as text that can be joined and parsed.

    :param given: what ``get_redirect_location()`` has said

    Raises ``LocationValueError`` for several that differ.
    """
    headers: object = response.headers
    # The response may be of a class that names another place, or keeps headers in another way.
    fields = headers.getlist("Location") if isinstance(headers, HTTPHeaderDict) else []
    if len(fields) > 1 and given == ", ".join(fields):
        places = {field.strip(" \t") for field in fields}
        if len(places) > 1:
            raise LocationValueError(f"Location fields that differ: {given}")
        given = places.pop()
    location = given.strip(" \t")
    return location if location.isascii() else _as_sent(location)


def joined(base: str, location: str) -> str:
    """*location*, seen from *base*, as an absolute URL that names a place.

    Raises ``LocationParseError`` or ``LocationValueError`` if it names none.
    """
    found = typing.cast("re.Match[str]", re.fullmatch(_REFERENCE, location))
    if found[1] and found[2] == "":
        # urljoin() would take the host of *base*.
        raise LocationValueError(f"No host specified in {location!r}")
    try:
        url = urljoin(base, location)
    except ValueError:
        raise LocationParseError(location) from None
    parsed = parse_url(url)
    if parsed.scheme in DEFAULT_PORTS and not parsed.host:
        # http://:80/ and http://@/: a proxy would be asked for what no host has.
        raise LocationValueError(f"No host specified in {location!r}")
    return url


def _as_sent(location: str) -> str:
    """*location*, whose bytes were decoded as latin-1, as the text they most likely are.

    That is UTF-8: encoded again as part of a URL, it gives the bytes that came; as part of a host,
    it is what IDNA takes.  Bytes that are not UTF-8 are percent-encoded, but for those of a host.
    """
    try:
        raw = location.encode("latin-1")
    except UnicodeEncodeError:
        return location  # it did not come by that way
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    found = typing.cast("re.Match[str]", re.fullmatch(_REFERENCE, location))
    start = found.start(3)
    # Each part of a URL is either encoded wholly or not at all, hence part by part.
    return location[:start] + re.sub("[^?#]+", _percent_encoded, location[start:])


def _percent_encoded(part: "re.Match[str]") -> str:
    text = part[0]
    if text.isascii():
        return text
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        text = text.replace("%", "%25")
    return re.sub("[\x80-\xff]", lambda found: f"%{ord(found[0]):02X}", text)
