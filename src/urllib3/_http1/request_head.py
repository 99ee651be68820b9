"""The head of a request: which fields it has, how its body is framed, what goes over the wire.

Knows what RFC 9110 and RFC 9112 ask of a request, and the fields that this package adds.  Knows
no connection, and nothing of the steps of sending that a program may have overridden: whoever
sends decides whether the block may be used.  The rule: all that is decided here follows from a
:class:`Question`, so that a connection may keep the answer until the next request asks otherwise.
"""

import typing

from .._version import __version__
from ..util.request import SKIP_HEADER
from ..util.url import without_zone
from ..util.util import to_str
from . import syntax

USER_AGENT = ("User-Agent", f"python-urllib3/{__version__}")
ACCEPT_ENCODING = ("Accept-Encoding", "identity")
_CHUNKED = ("Transfer-Encoding", "chunked")
_SKIP_MARK = SKIP_HEADER.encode()


# The fields that the caller gives.
Given = tuple[tuple[str, str], ...]


class Question(typing.NamedTuple):
    """All that decides about the fields of a request."""

    text: object  # of the caller's fields: see text_of()
    length_unknown: bool  # of the body; or there is to be no body
    bodiless: bool  # the caller gave no body
    chunked: bool  # the caller wants chunks whatever the length
    target: str | None  # the request target, unless it is a path: then it does not name the host
    host: str
    port: int | None
    tunnel_host: str | None  # the origin, if the host is a proxy; likewise
    tunnel_port: int | None


def text_of(headers: typing.Mapping[str, str]) -> object:
    """What the fields *headers* are compared by: their number, and all names and values as text.

    Values that compare equal may be sent as different bytes: 1 and True, subclasses of str that
    compare in their own way.  Text joined by line ends is equal for fields of an equal number only
    if each name and value is.  With anything but str among them nothing is equal to it.
    """
    try:
        if type(headers) is dict:
            return len(headers), "\n".join([*headers, *headers.values()])
        given = list(headers.items())
        parts = [*(name for name, _ in given), *(value for _, value in given)]
        return len(given), "\n".join(parts)
    except TypeError:
        return object()


NO_TEXT = (0, "")


class RequestHead:
    """The answer to a :class:`Question`.

    :param headers: the caller's fields
    :param origin: host and port that the question's four come to
    :param default_port: of the scheme; Host leaves it out
    """

    __slots__ = (
        "added",
        "adds_accept_encoding",
        "adds_host",
        "adds_length",
        "asks_for_upgrade",
        "block",
        "block_after_length",
        "chunked",
        "question",
    )

    #: Everything behind the request line as it goes over the wire, the empty line included; None
    #: if it is not plain, and must take the steps of ``http.client``.
    block: bytes | None
    #: Of a request that gets a Content-Length, which differs from one to the next, :attr:`block`
    #: is what comes before that field, and this is what comes after it.
    block_after_length: bytes

    def __init__(
        self,
        question: Question,
        headers: typing.Mapping[str, str] | None,
        origin: tuple[str, int],
        default_port: int,
    ) -> None:
        given = tuple(headers.items()) if headers else ()
        names = {to_str(name).lower() for name, _ in given}
        framing_field, self.chunked = _framing(question, names)
        self.question = question
        self.adds_host = "host" not in names
        self.adds_accept_encoding = "accept-encoding" not in names
        self.adds_length = framing_field == "Content-Length"
        #: Whether 101 is an answer to this request (RFC 9110, 15.2.2).
        self.asks_for_upgrade = "upgrade" in names
        #: The fields that are added behind the framing field, or with it if that is no length.
        self.added = [_CHUNKED] if framing_field == "Transfer-Encoding" else []
        if "user-agent" not in names:
            self.added.append(USER_AGENT)
        self.block, self.block_after_length = self._as_sent(given, origin, default_port)

    def _as_sent(
        self, given: Given, origin: tuple[str, int], default_port: int
    ) -> tuple[bytes | None, bytes]:
        """:attr:`block` and :attr:`block_after_length`."""
        question = self.question
        first = []
        if self.adds_host:
            first.append(("Host", host_field(question.target or "", origin, default_port)))
        if self.adds_accept_encoding:
            first.append(ACCEPT_ENCODING)
        before = syntax.field_block(first)
        after = syntax.field_block([*self.added, *given])
        if before is None or after is None or _SKIP_MARK in after:
            return None, b""
        before = before.removesuffix(b"\r\n")  # the empty line, which ends the whole
        return (before, after) if self.adds_length else (before + after, b"")


def _framing(question: Question, names: typing.AbstractSet[str]) -> tuple[str | None, bool]:
    """The framing field to add, if any, and whether the body goes out in chunks.

    :param names: of the caller's fields, in lower case
    """
    if question.chunked:
        return (None if "transfer-encoding" in names else "Transfer-Encoding"), True
    if "content-length" in names:
        return None, False
    if "transfer-encoding" in names:
        return None, True
    if not question.length_unknown:
        return "Content-Length", False
    return (None, False) if question.bodiless else ("Transfer-Encoding", True)


# ---------------------------------------------------------------- Host (RFC 9110, 7.2)


def host_field(target: str, origin: tuple[str, int], default_port: int) -> str:
    """The value of Host for a request with this *target* to *origin*, a host and a port."""
    if target.startswith("http"):
        netloc = target.partition("://")[2]
        netloc = netloc[: _end_of_netloc(netloc)].rpartition("@")[2]
        if netloc:
            return _ascii(without_zone(netloc))
    host, port = origin
    host = host.strip("[]")
    if ":" in host:
        host = f"[{without_zone(host)}]"
    host = _ascii(host)
    return host if port == default_port else f"{host}:{port}"


def _ascii(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _end_of_netloc(text: str) -> int:
    return min((found for found in map(text.find, "/?#") if found >= 0), default=len(text))
