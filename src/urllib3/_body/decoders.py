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
        """What is left at the end of the body; ``DecodeError`` if the end is missing."""
        raise NotImplementedError


class _ZlibDecoder(ContentDecoder):
    """What the two codings of zlib have in common."""

    _obj: typing.Any

    def __init__(self) -> None:
        self._parked = b""  # input that waits until more output is wanted
        self._full = False  # the last output stopped at its bound, so zlib may hold more

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
            return b""  # whatever follows the stream is nobody's
        data = self._unpark(data)
        if max_length == 0:
            return self._park(data)
        if not data and not self._full:
            return b""
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
        # At the end of the stream some versions of zlib complain about what follows it.
        return b"" if self._obj.eof else typing.cast("bytes", self._obj.flush())


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
        self._begun = False

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        self._begun = True
        if self._state is GzipDecoderState.SWALLOW_DATA:
            return b""
        data = self._unpark(data)
        if max_length == 0:
            return self._park(data)
        if not data and not self._full:
            return b""
        out = self._member(data, max_length)
        if not self._obj.eof or self._obj.unused_data == b"":
            return out
        return self._other_members(out, max_length)

    def decompress_whole(self, data: bytes) -> bytes:
        """What :meth:`decompress` makes of *data*, known to be the last there is of the body.

        An ordinary body is one sound member and ends with its own size: then it is put out in one
        piece, of memory set aside once.  Whatever is not ordinary goes the careful way.
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
                if data.find(end + _MEMBER, _MEMBER_AT_LEAST - len(end)) < 0:
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
        try:
            out = self._inflate(data, max_length)
        except zlib.error:
            self._parked, self._full = b"", False
            first = self._state is GzipDecoderState.FIRST_MEMBER
            self._state = GzipDecoderState.SWALLOW_DATA
            if first:
                raise
            return b""  # padding, or garbage, behind a complete member
        if self._obj.eof:
            self._state = GzipDecoderState.OTHER_MEMBERS
        return out

    def flush(self) -> bytes:
        # A cut or missing trailer is no error, and zlib has put out everything by now.
        return b""


if brotli is not None:

    class BrotliDecoder(ContentDecoder):
        """``br`` (RFC 7932).  The library puts out whole blocks, so the bound is a soft one."""

        def __init__(self) -> None:
            self._obj = brotli.Decompressor()
            self._feed = getattr(self._obj, "decompress", None) or self._obj.process
            self._parked = b""  # input that waits until more output is wanted
            self._full = False  # the last output stopped at its bound: there may be more

        def decompress(self, data: bytes, max_length: int = -1) -> bytes:
            if self._parked:
                data, self._parked = self._parked + data, b""
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
            self._full = False
            if max_length > 0:
                try:
                    out: bytes = self._feed(data, output_buffer_limit=max_length)
                except TypeError:
                    warnings.warn(
                        "Brotli >= 1.2.0 is required to prevent decompression bombs.",
                        DependencyWarning,
                        stacklevel=2,
                    )
                else:
                    self._full = len(out) >= max_length
                    return out
            return typing.cast("bytes", self._feed(data))

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
            flush = getattr(self._obj, "flush", None)
            return b"" if flush is None else flush()


if HAS_ZSTD:

    class ZstdDecoder(ContentDecoder):
        """``zstd`` (RFC 8878): one frame or several."""

        def __init__(self) -> None:
            self._obj = zstd.ZstdDecompressor()
            self._parked = b""

        def decompress(self, data: bytes, max_length: int = -1) -> bytes:
            if self._parked:
                data, self._parked = self._parked + data, b""
            if max_length == 0:
                self._parked = data
                return b""
            if not data and not self._holds_output():
                return b""
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
                    self._obj = zstd.ZstdDecompressor()
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

    Raises ``DecodeError`` for more than :attr:`max_decode_links`.
    """

    max_decode_links = 5

    def __init__(self, modes: str) -> None:
        names = [name.strip() for name in modes.split(",")]
        if len(names) > self.max_decode_links:
            raise DecodeError(
                f"Too many content encodings in the chain: {len(names)} > {self.max_decode_links}"
            )
        self._decoders = [_get_decoder(name) for name in names]

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if max_length <= 0:
            return self._through(data, -1)[0]
        out = bytearray()
        while len(out) < max_length:
            piece, progress = self._through(data, max_length - len(out))
            out += piece
            data = b""
            if not progress:
                break
        return bytes(out)

    def _through(self, data: bytes, max_length: int) -> tuple[bytes, bool]:
        """One pass through all, and whether any of them put something out."""
        progress = False
        for decoder in reversed(self._decoders):
            data = decoder.decompress(data, max_length=max_length)
            progress = progress or bool(data)
        return data, progress

    @property
    def has_unconsumed_tail(self) -> bool:
        return any(decoder.has_unconsumed_tail for decoder in self._decoders)

    def flush(self) -> bytes:
        return self._decoders[0].flush()


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
