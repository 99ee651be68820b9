"""Content codings undone (RFC 9110, 8.4.1).  Bytes in, bytes out, never more than asked for.

A decoder keeps what it may not put out yet; it is asked for that by more calls, with nothing new.
"""

from __future__ import annotations

import contextlib
import typing
import warnings
import zlib
from enum import Enum

from .._optional import HAS_ZSTD, brotli, zstd
from ..exceptions import DecodeError, DependencyWarning

__all__ = [
    "CODINGS",
    "ERRORS",
    "HAS_ZSTD",
    "ContentDecoder",
    "DeflateDecoder",
    "GzipDecoder",
    "GzipDecoderState",
    "MultiDecoder",
    "brotli",
    "decoder_for",
    "zstd",
]

_WINDOW = 8192  # bytes
_BROTLI_LAST_BLOCK = b"\x03"  # the bits ISLAST and ISLASTEMPTY
# Decoders of a chain pass on so many bytes at a time, and in all so many more than is in proportion
# to what has come in and been put out.  Steps and new members take time too, and count as bytes.
_BETWEEN = 1 << 16
_PASSED_ON_AT_LEAST = 1 << 20
_PASSED_ON_RATIO = 128
_COST_OF_A_STEP = 4
_COST_OF_A_MEMBER = 64
_ZSTD_WINDOW_LOG = 23  # 8 MB, the largest window that HTTP allows (RFC 9659)


class _Windows:
    """Input that may hold many members or frames, to be fed a window at a time.

    What a member leaves over is a copy of the rest; with windows that begin small and double, a
    body of a million empty members costs a million small copies, not a million of all the rest.
    """

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._size = _WINDOW

    @property
    def left(self) -> bool:
        """Whether there is more to take."""
        return self._at < len(self._data)

    def take(self) -> memoryview:
        """The next window."""
        window = self._data[self._at : self._at + self._size]
        self._at += len(window)
        self._size *= 2
        return window

    def begin_at(self, unused: bytes) -> None:
        """A member ended within the window taken last, before *unused*; the next begins there."""
        self._at -= len(unused)
        self._size = _WINDOW

    def rest(self) -> bytes:
        """What has not been taken."""
        return bytes(self._data[self._at :])


class ContentDecoder:
    """Undoes one content coding, piece by piece."""

    _begun = False  # whether anything has come in
    _full = False  # whether the last output stopped at its bound, so there may be more
    _members = 0  # members or frames begun behind the first

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """What can be put out after *data*.

        :param max_length: bytes of output at most; negative = no bound.  The rest is kept
        """
        raise NotImplementedError

    @property
    def has_unconsumed_tail(self) -> bool:
        """Whether a call with ``b""`` may put more out."""
        raise NotImplementedError

    def flush(self) -> bytes:
        """What is left at the end of the body; ``DecodeError`` if the coding's end is missing.

        A body of no bytes at all is complete, except to :class:`ZstdDecoder`.
        """
        raise NotImplementedError


class _ZlibDecoder(ContentDecoder):
    """What the two codings of zlib have in common."""

    _obj: typing.Any

    def __init__(self) -> None:
        self._parked = b""  # input that waits until more output is wanted

    @property
    def has_unconsumed_tail(self) -> bool:
        return bool(self._parked)

    def _park(self, data: bytes) -> bytes:
        self._parked = data
        return b""

    def _unpark(self, data: bytes) -> bytes:
        if self._parked:
            data, self._parked = self._parked + data, b""
        return data

    def _inflate(self, data: bytes | bytearray | memoryview, max_length: int) -> bytes:
        """Feed *data*; what is not consumed for reaching the bound is parked."""
        out: bytes = self._obj.decompress(data, max(max_length, 0))
        if self._obj.eof:
            # What is left over is then in `unused_data`, and may be here as well.
            self._parked, self._full = b"", False
        else:
            self._parked = self._obj.unconsumed_tail
            self._full = 0 < max_length <= len(out)
        return out


class DeflateDecoder(_ZlibDecoder):
    """``deflate``: zlib's format, or, since some servers never understood, a raw deflate stream."""

    def __init__(self) -> None:
        super().__init__()
        self._obj = zlib.decompressobj()
        # Everything fed so far, as long as it may turn out not to be zlib's format.
        self._seen: bytearray | None = bytearray()
        self._raw = False

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._obj.eof:
            self._parked, self._full = b"", False
            return b""  # what follows the stream is ignored
        data = self._unpark(data)
        if max_length == 0:
            return self._park(data)
        if not data and not self._full:
            return b""
        self._begun = True
        if self._seen is None:
            return self._inflate(data, max_length)
        self._seen += data
        try:
            out = self._inflate(data, max_length)
        except zlib.error:
            self._raw = True
            self._obj = zlib.decompressobj(-zlib.MAX_WBITS)
            seen, self._seen = self._seen, None
            return self._inflate(seen, max_length)
        if out:
            self._seen = None
        return out

    @property
    def has_unconsumed_tail(self) -> bool:
        # Of the other formats the trailer is still to come, or parked, while zlib holds output.
        return bool(self._parked) or (self._raw and self._full)

    def flush(self) -> bytes:
        # Not zlib's own flush: it cannot tell a complete stream from one that was cut, and from
        # Python 3.14 on it fails on what follows the stream.
        out = self.decompress(b"") if self._full or self._parked else b""
        if self._begun and not self._obj.eof:
            raise DecodeError("Deflate data is incomplete")
        return out


class GzipDecoderState(Enum):
    """Where in a body of gzip members a decoder is."""

    FIRST_MEMBER = 0
    OTHER_MEMBERS = 1
    SWALLOW_DATA = 2


_GZIP = 16 + zlib.MAX_WBITS
_MEMBER = b"\x1f\x8b\x08"  # how a member begins (RFC 1952, 2.3.1)
_MEMBER_AT_LEAST = 18  # bytes: head and trailer
#: A body that claims to be bigger in relation is not believed before it has been seen.
_BELIEVED_RATIO = 64


def _gzip_member() -> typing.Any:
    return zlib.decompressobj(_GZIP)


class GzipDecoder(_ZlibDecoder):
    """``gzip``: one member or several (RFC 1952, 2.2); what follows them and is none is ignored."""

    def __init__(self) -> None:
        super().__init__()
        self._obj = _gzip_member()
        self._state = GzipDecoderState.FIRST_MEMBER
        self._start = b""  # of the member whose end has not come

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._state is GzipDecoderState.SWALLOW_DATA:
            return b""
        data = self._unpark(data)
        if max_length == 0:
            return self._park(data)
        if not data and not self._full:
            return b""
        self._begun = True
        out = self._member(data, max_length)
        if not self._obj.eof or self._obj.unused_data == b"":
            return out
        return self._other_members(out, max_length)

    def decompress_whole(self, data: bytes) -> bytes:
        """What :meth:`decompress` makes of *data*, known to be the last there is of the body.

        An ordinary body is one sound member and ends with its own size: then it is put out in one
        piece, of memory set aside once.  Whatever is not ordinary, such as a body that was cut or
        has something behind its first member, goes the careful way.
        """
        size = int.from_bytes(data[-4:], "little")
        if (
            not self._begun
            and len(data) >= _MEMBER_AT_LEAST
            and size <= len(data) * _BELIEVED_RATIO
        ):
            with contextlib.suppress(zlib.error):
                out = zlib.decompress(data, _GZIP, size or 1)
                # It looks no further than the first member, which ends with its size.
                end = (len(out) & 0xFFFFFFFF).to_bytes(4, "little")
                if data.endswith(end) and data.find(end + _MEMBER, _MEMBER_AT_LEAST - len(end)) < 0:
                    self._state = GzipDecoderState.OTHER_MEMBERS
                    return out
        return self.decompress(data)

    def _other_members(self, out: bytes, max_length: int) -> bytes:
        pieces, size = [out], len(out)
        windows = _Windows(self._obj.unused_data)
        while windows.left and self._state is not GzipDecoderState.SWALLOW_DATA:
            if 0 < max_length <= size:
                self._parked += windows.rest()
                break
            piece = self._member(windows.take(), max_length - size if max_length > 0 else -1)
            pieces.append(piece)
            size += len(piece)
            if self._obj.eof:
                windows.begin_at(self._obj.unused_data)
        return b"".join(pieces)

    def _member(self, data: bytes | memoryview, max_length: int) -> bytes:
        if self._obj.eof:
            self._obj = _gzip_member()
            self._members += 1
        missing = len(_MEMBER) - len(self._start)
        if missing:
            self._start += data[:missing]
        try:
            out = self._inflate(data, max_length)
        except zlib.error:
            self._parked, self._full, self._start = b"", False, b""
            first = self._state is GzipDecoderState.FIRST_MEMBER
            self._state = GzipDecoderState.SWALLOW_DATA
            if first:
                raise
            return b""  # padding, or garbage, behind a complete member
        if self._obj.eof:
            self._state = GzipDecoderState.OTHER_MEMBERS
            self._start = b""
        return out

    def flush(self) -> bytes:
        out = self.decompress(b"") if self._full or self._parked else b""
        # Zlib sees only after some bytes that what follows a member is none.
        first = self._state is GzipDecoderState.FIRST_MEMBER
        if self._start and (first or _MEMBER.startswith(self._start)):
            raise DecodeError("Gzip data is incomplete")
        return out


if brotli is not None:

    class BrotliDecoder(ContentDecoder):
        """``br`` (RFC 7932).  The library puts out whole blocks, so the bound is a soft one."""

        def __init__(self) -> None:
            self._obj = brotli.Decompressor()
            self._feed = getattr(self._obj, "decompress", None) or self._obj.process
            self._is_finished = getattr(self._obj, "is_finished", None)
            self._parked = b""  # input that waits until more output is wanted
            self._cut = False

        def decompress(self, data: bytes, max_length: int = -1) -> bytes:
            if self._parked:
                data, self._parked = self._parked + data, b""
            if data:
                self._begun = True
            out = b""
            # It takes nothing new while it holds output.
            while data and self._holds_output():
                piece = self._bounded(b"", max_length)
                out += piece
                if 0 < max_length <= len(out):
                    self._parked = data
                    return out
                if not piece:
                    break
            return out + self._bounded(data, max_length)

        def _bounded(self, data: bytes, max_length: int) -> bytes:
            if max_length <= 0:
                return self._unbounded(data)
            self._full = False
            try:
                out: bytes = self._feed(data, output_buffer_limit=max_length)
            except TypeError:
                warnings.warn(
                    "Brotli >= 1.2.0 is required to prevent decompression bombs.",
                    DependencyWarning,
                    stacklevel=2,
                )
                return self._unbounded(data)
            self._full = len(out) >= max_length or self._may_hold(out)
            return out

        def _unbounded(self, data: bytes) -> bytes:
            self._full = False
            pieces: list[bytes] = [self._feed(data)]
            while self._may_hold(pieces[-1]):
                pieces.append(self._feed(b""))
            return b"".join(pieces)

        def _may_hold(self, out: bytes) -> bool:
            # In the middle of a stream it keeps back what is less than a block until it is called
            # once more, and says that it accepts more data all the same.
            return bool(out) and self._is_finished is not None and not self._is_finished()

        def _holds_output(self) -> bool:
            # The library says that it accepts more once it has taken all input, though it may not
            # have put everything out.
            accepts = getattr(self._obj, "can_accept_more_data", None)
            return self._full or (accepts is not None and not accepts())

        @property
        def has_unconsumed_tail(self) -> bool:
            try:
                return bool(self._parked) or self._holds_output()
            except brotli.error:
                return False  # it has failed, and said so

        def flush(self) -> bytes:
            out = self.decompress(b"") if self.has_unconsumed_tail else b""
            flush = getattr(self._obj, "flush", None)
            if flush is not None:
                out += flush()
            if self._begun and not self._cut and not self._is_at_end():
                self._cut = True
            if self._cut:
                raise DecodeError("Brotli data is incomplete")
            return out

        def _is_at_end(self) -> bool:
            """Whether the stream has ended, or was flushed and given up: a live feed ends so.

            Then nothing is missing but the empty last block (RFC 7932, 9.2), which is fed here.
            Anywhere else it is an error, puts something out, or does not end the stream.
            """
            if self._is_finished is None or self._is_finished():
                return True
            try:
                return not self._bounded(_BROTLI_LAST_BLOCK, 1) and self._is_finished()
            except brotli.error:
                return False


if HAS_ZSTD:
    _ZSTD_OPTIONS = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}

    def _zstd_frame() -> typing.Any:
        return zstd.ZstdDecompressor(None, _ZSTD_OPTIONS)

    class ZstdDecoder(ContentDecoder):
        """``zstd`` (RFC 8878): one frame or several."""

        def __init__(self) -> None:
            self._obj = _zstd_frame()
            self._parked = b""

        def decompress(self, data: bytes, max_length: int = -1) -> bytes:
            if self._parked:
                data, self._parked = self._parked + data, b""
            if max_length == 0:
                self._parked = data
                return b""
            if not data and not self._holds_output():
                return b""
            self._begun = True
            if not self._obj.eof:
                out: bytes = self._obj.decompress(data, max_length=max_length)
                data = self._obj.unused_data if self._obj.eof else b""
                if not data:
                    return out
            else:
                out = b""
            return self._other_frames(out, data, max_length)

        def _other_frames(self, out: bytes, data: bytes, max_length: int) -> bytes:
            pieces, size = [out], len(out)
            windows = _Windows(data)
            while windows.left or self._holds_output():
                if 0 < max_length <= size:
                    self._parked = windows.rest()
                    break
                if self._obj.eof:
                    self._obj = _zstd_frame()
                    self._members += 1
                left = max_length - size if max_length > 0 else -1
                piece = self._obj.decompress(windows.take(), max_length=left)
                pieces.append(piece)
                size += len(piece)
                if self._obj.eof:
                    windows.begin_at(self._obj.unused_data)
            return b"".join(pieces)

        def _holds_output(self) -> bool:
            return not (self._obj.eof or self._obj.needs_input)

        @property
        def has_unconsumed_tail(self) -> bool:
            return bool(self._parked) or self._holds_output()

        def flush(self) -> bytes:
            if not self._obj.eof:
                raise DecodeError("Zstandard data is incomplete")
            return b""


class MultiDecoder(ContentDecoder):
    """Several codings, one inside the other.

    :param modes: as in Content-Encoding, in the order in which they were applied

    Raises ``DecodeError`` for more than :attr:`max_decode_links`, and from :meth:`decompress` when
    the outer codings expand to far more than came in and is put out: to empty blocks without end,
    for example, which would keep a single call busy for hours.
    """

    max_decode_links = 5

    def __init__(self, modes: str) -> None:
        names = [name.strip() for name in modes.split(",")]
        if len(names) > self.max_decode_links:
            raise DecodeError(
                f"Too many content encodings in the chain: {len(names)} > {self.max_decode_links}"
            )
        self._decoders = [_get_decoder(name) for name in names]
        self._waiting = b""  # what has come in, and from where on no decoder has had it
        self._at = 0
        self._passed_on = 0  # bytes from one decoder to the next
        self._may_pass_on = _PASSED_ON_AT_LEAST

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if data:
            self._begun = True
            self._may_pass_on += len(data) * _PASSED_ON_RATIO
            self._waiting, self._at = self._waiting[self._at :] + data, 0
        pieces: list[bytes] = []
        size = 0
        while max_length <= 0 or size < max_length:
            piece = self._draw(max_length - size if max_length > 0 else -1)
            if piece is None:
                break
            pieces.append(piece)
            size += len(piece)
            self._may_pass_on += len(piece) * _PASSED_ON_RATIO
        return b"".join(pieces)

    def _draw(self, max_length: int) -> bytes | None:
        """What one step puts out; None if it takes more input to take another.

        The innermost decoder that holds something goes first, so that little is held at any time.
        """
        for link, decoder in enumerate(self._decoders):
            if decoder.has_unconsumed_tail or decoder._full:
                data = decoder.decompress(b"", _bound(link, max_length))
                if data:
                    return self._inward(link, data, max_length)
        if self._at == len(self._waiting):
            self._waiting, self._at = b"", 0
            return None
        data = self._waiting[self._at : self._at + _BETWEEN]
        self._at += len(data)
        return self._inward(len(self._decoders), data, max_length)

    def _inward(self, link: int, data: bytes, max_length: int) -> bytes:
        """What comes out at the end when *data* has come out of decoder number *link*."""
        while link and data:
            if link < len(self._decoders):
                # Brotli goes beyond its bound; what waits then is no more work than the bound.
                self._spend(min(len(data), _BETWEEN) + _COST_OF_A_STEP)
            link -= 1
            decoder = self._decoders[link]
            data = decoder.decompress(data, _bound(link, max_length))
            if decoder._members and link < len(self._decoders) - 1:
                self._spend(decoder._members * _COST_OF_A_MEMBER)
                decoder._members = 0
        return data

    def _spend(self, cost: int) -> None:
        self._passed_on += cost
        if self._passed_on > self._may_pass_on:
            raise DecodeError("Content encodings expand far beyond what they put out")

    @property
    def has_unconsumed_tail(self) -> bool:
        return self._at < len(self._waiting) or any(
            decoder.has_unconsumed_tail for decoder in self._decoders
        )

    def flush(self) -> bytes:
        out = self.decompress(b"")
        data = b""
        for link in reversed(range(len(self._decoders))):
            decoder = self._decoders[link]
            if data:
                data = decoder.decompress(data)
            # One that was given nothing had nothing to undo.
            if decoder._begun or not link:
                data += decoder.flush()
        return out + data


def _bound(link: int, max_length: int) -> int:
    """How much decoder number *link* may put out when *max_length* bytes are wanted in the end."""
    if not link:
        return max_length
    return min(max_length, _BETWEEN) if max_length > 0 else _BETWEEN


def _registry() -> dict[str, type[ContentDecoder]]:
    known: dict[str, type[ContentDecoder]] = {
        "gzip": GzipDecoder,
        "x-gzip": GzipDecoder,
        "deflate": DeflateDecoder,
    }
    if brotli is not None:
        known["br"] = BrotliDecoder
    if HAS_ZSTD:
        known["zstd"] = ZstdDecoder
    return known


#: Every coding that can be undone here, and by what.
CODINGS = _registry()

#: What decoders raise when a body is not what it is said to be.
ERRORS: tuple[type[Exception], ...] = (OSError, zlib.error)
if brotli is not None:
    ERRORS += (brotli.error,)
if HAS_ZSTD:
    ERRORS += (zstd.ZstdError,)


def _get_decoder(mode: str) -> ContentDecoder:
    """A decoder for a Content-Encoding; an unknown coding inside a chain is taken for deflate."""
    if "," in mode:
        return MultiDecoder(mode)
    return CODINGS.get(mode, DeflateDecoder)()


def decoder_for(encoding: str, supported: typing.Container[str]) -> ContentDecoder | None:
    """A decoder for *encoding*, in lower case; None = the body is handed over as it is."""
    if encoding in supported:
        return _get_decoder(encoding)
    if "," in encoding and any(name.strip() in supported for name in encoding.split(",")):
        return _get_decoder(encoding)
    return None
