"""Parts of requests: common header fields, and bodies of every kind as pieces to send.

Knows what a caller may give as a body, and nothing of connections or framing on the wire.  The
rule: no body is read before it is sent, and no more of it than one piece at a time.
"""

import functools
import io
import typing
from base64 import b64encode
from collections.abc import Iterable, Iterator
from enum import Enum

from .._optional import brotli, zstd
from ..exceptions import UnrewindableBodyError
from .util import to_bytes

#: As a header's value: do not send it, not even the one sent by default.
SKIP_HEADER = "@@@SKIP_HEADER@@@"
SKIPPABLE_HEADERS = frozenset(["accept-encoding", "host", "user-agent"])

#: The content codings that this installation can decode.
ACCEPT_ENCODING = "gzip,deflate" + (",br" if brotli else "") + (",zstd" if zstd else "")


class _TYPE_FAILEDTELL(Enum):  # noqa: N801  # imported by that name elsewhere
    token = 0


_FAILEDTELL: typing.Final[_TYPE_FAILEDTELL] = _TYPE_FAILEDTELL.token

_TYPE_BODY_POSITION = typing.Union[int, _TYPE_FAILEDTELL]

# Methods whose requests need no Content-Length if they have no body (RFC 9110, 8.6).
_METHODS_NOT_EXPECTING_BODY = {"GET", "HEAD", "DELETE", "TRACE", "OPTIONS", "CONNECT"}


def make_headers(
    keep_alive: bool | None = None,
    accept_encoding: bool | list[str] | str | None = None,
    user_agent: str | None = None,
    basic_auth: str | None = None,
    proxy_basic_auth: str | None = None,
    disable_cache: bool | None = None,
    *,
    basic_auth_encoding: str = "latin-1",
    proxy_basic_auth_encoding: str = "latin-1",
) -> dict[str, str]:
    """Common header fields of a request as a dict.

    :param keep_alive: ``connection: keep-alive``
    :param accept_encoding: a str as it is, a list joined, True for all that can be decoded
    :param basic_auth: ``user:password``, not percent-encoded (RFC 7617)
    :param proxy_basic_auth: the same for the proxy
    :param disable_cache: ``cache-control: no-cache``
    :param basic_auth_encoding: how *basic_auth* becomes bytes
    """
    headers: dict[str, str] = {}
    if accept_encoding:
        if isinstance(accept_encoding, list):
            accept_encoding = ",".join(accept_encoding)
        elif not isinstance(accept_encoding, str):
            accept_encoding = ACCEPT_ENCODING
        headers["accept-encoding"] = accept_encoding
    if user_agent:
        headers["user-agent"] = user_agent
    if keep_alive:
        headers["connection"] = "keep-alive"
    if basic_auth:
        headers["authorization"] = _basic(basic_auth, basic_auth_encoding)
    if proxy_basic_auth:
        headers["proxy-authorization"] = _basic(proxy_basic_auth, proxy_basic_auth_encoding)
    if disable_cache:
        headers["cache-control"] = "no-cache"
    return headers


def _basic(credentials: str, encoding: str) -> str:
    return "Basic " + b64encode(credentials.encode(encoding)).decode("ascii")


def set_file_position(
    body: typing.Any, pos: _TYPE_BODY_POSITION | None
) -> _TYPE_BODY_POSITION | None:
    """Rewind *body* to *pos*; without one, return its position, to be used for that later."""
    if pos is not None:
        rewind_body(body, pos)
        return pos
    tell = getattr(body, "tell", None)
    if tell is None:
        return None
    try:
        return typing.cast("int", tell())
    except OSError:
        # Matters only if the body has to be sent again.
        return _FAILEDTELL


def rewind_body(body: typing.IO[typing.AnyStr], body_pos: _TYPE_BODY_POSITION) -> None:
    """Rewind *body* to *body_pos*, to send it again.

    Raises ``UnrewindableBodyError`` if that is impossible, ValueError if *body_pos* is no number.
    """
    seek = getattr(body, "seek", None)
    if seek is not None and isinstance(body_pos, int):
        try:
            seek(body_pos)
        except OSError as error:
            raise UnrewindableBodyError(
                "An error occurred when rewinding request body for redirect/retry."
            ) from error
    elif body_pos is _FAILEDTELL:
        raise UnrewindableBodyError(
            "Unable to record file position for rewinding request body during a redirect/retry."
        )
    elif seek is None:
        raise UnrewindableBodyError("body does not implement seek.")
    else:
        raise ValueError(f"body_pos must be of type integer, instead it was {type(body_pos)}.")


def prepare_to_resend(body: typing.Any, body_pos: _TYPE_BODY_POSITION | None) -> None:
    """Have *body*, of which something may have been sent, begin anew, for a retry or redirect.

    :param body_pos: what :func:`set_file_position` gave before the first time

    Raises ``UnrewindableBodyError`` if it can be read only once: what is left of it must not be
    sent as if it were the whole.
    """
    if body_pos is not None:
        rewind_body(body, body_pos)
    elif body is None or isinstance(body, (str, bytes)):
        return
    elif hasattr(body, "read"):
        raise UnrewindableBodyError(
            "Unable to record file position for rewinding request body during a redirect/retry."
        )
    elif _is_iterated_once(body):
        raise UnrewindableBodyError(
            "Unable to iterate over request body again during a redirect/retry."
        )


def _is_iterated_once(body: typing.Any) -> bool:
    """Whether *body* gives the same iterator however often it is asked for one."""
    try:
        memoryview(body)
    except TypeError:
        first = iter(body)
        return first is body or first is iter(body)
    return False


class ChunksAndContentLength(typing.NamedTuple):
    """A body as pieces to send, and its length in bytes, None if that is not known."""

    chunks: Iterable[bytes] | None
    content_length: int | None


# As the class itself would make it, without its __new__, which is a function in Python.
_chunks_and_length = functools.partial(tuple.__new__, ChunksAndContentLength)

_NO_BODY = ChunksAndContentLength(None, None)
_EMPTY_BODY = ChunksAndContentLength(None, 0)


def body_to_chunks(body: typing.Any, method: str, blocksize: int) -> ChunksAndContentLength:
    """*body* as pieces to send.

    Pieces of unknown length have to be sent in chunks.  Without pieces, a length of None means that
    the request needs no framing field, 0 that it has to say so.

    :param blocksize: bytes (characters, of a text file) to read at a time

    Raises TypeError for anything else.
    """
    if body is None:
        return _NO_BODY if str.upper(method) in _METHODS_NOT_EXPECTING_BODY else _EMPTY_BODY
    if isinstance(body, (str, bytes)):
        data = body if type(body) is bytes else to_bytes(body)
        return _chunks_and_length(((data,), len(data)))
    if hasattr(body, "read"):
        return ChunksAndContentLength(FileBlocks(body, blocksize), None)
    try:
        view = memoryview(body)
    except TypeError:
        pass
    else:
        return ChunksAndContentLength((body,), view.nbytes)
    try:
        return ChunksAndContentLength(iter(body), None)
    except TypeError:
        raise TypeError(
            "'body' must be a bytes-like object, file-like "
            f"object, or iterable. Instead was {body!r}"
        ) from None


class FileBlocks:
    """The blocks of a file-like body, each read when it is about to be sent.

    :param blocksize: bytes (characters, of a text file) to read at a time
    """

    __slots__ = ("_encodes", "blocksize", "file")

    def __init__(self, file: typing.Any, blocksize: int) -> None:
        self.file = file
        self.blocksize = blocksize
        self._encodes = isinstance(file, io.TextIOBase)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block: typing.Any = self.file.read(self.blocksize)
        if not block:
            raise StopIteration
        encoded: bytes = block.encode("utf-8") if self._encodes else block
        return encoded
