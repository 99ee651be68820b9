"""Work and memory are bounded by what has come in and what is put out, whatever a body expands to."""

from __future__ import annotations

import io
import zlib

import pytest

pytest.importorskip("brotli", reason="brotli is not installed")

import brotli

from tests.support.answers import (
    BODY,
    CODINGS,
    ZSTD,
    encode,
    gzipped,
    raw_deflate,
    until_end,
    zstded,
)
from urllib3 import HTTPResponse
from urllib3 import response as r
from urllib3.exceptions import DecodeError

zstd = pytest.importorskip(ZSTD, reason="zstd is not installed")

EMPTY_BLOCKS = b"\0\0\0\xff\xff" * (1 << 19)  # of deflate: 2.5 MB, and nothing in them
GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"
GZIP_NAME_WITHOUT_END = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + b"n" * (5 << 19)
ZSTD_SKIPPED = (b"\x50\x2a\x4d\x18" + (1 << 16).to_bytes(4, "little") + bytes(1 << 16)) * 40


def br_metadata():
    coder = brotli.Compressor(quality=1)
    return coder.process(b"") + coder.flush() + (b"\x0e\xff\x3f" + bytes(1 << 14)) * 300


#: What puts nothing out, however much of it there is, by its innermost coding.
NOTHINGS = {
    "empty blocks": ("gzip", GZIP_HEAD + EMPTY_BLOCKS),
    "empty blocks of zlib": ("deflate", b"\x78\x9c" + EMPTY_BLOCKS),
    "empty blocks of deflate": ("deflate", EMPTY_BLOCKS),
    "empty members": ("gzip", gzipped(b"") * (1 << 17)),
    "a name without end": ("gzip", GZIP_NAME_WITHOUT_END),
    "rubbish behind a member": ("gzip", gzipped(b"") + bytes(5 << 19)),
    "rubbish behind a stream": ("deflate", zlib.compress(b"") + bytes(5 << 19)),
    "empty frames": ("zstd", zstded(b"") * (1 << 18)),
    "skipped frames": ("zstd", ZSTD_SKIPPED),
    "a code nobody knows": ("nothing", EMPTY_BLOCKS),
}
OUTER = {
    "gzip": lambda data: gzipped(data * 4),
    "deflate": lambda data: raw_deflate(data * 4),
    "br": lambda data: brotli.compress(data * 4, quality=1),
    "zstd": lambda data: zstded(data * 4),
}


class Watched(io.BytesIO):
    """A body that counts what is read of it."""

    taken = 0

    def read(self, amt=-1):
        data = super().read(amt)
        self.taken += len(data)
        return data


def watch(response):
    """Count the steps of all decoders of *response* but the innermost, and what they put out."""
    response._init_decoder()
    seen = {"steps": 0, "bytes": 0}
    for decoder in response._decoder._decoders[1:]:
        true = decoder.decompress

        def counted(data, max_length=-1, true=true):
            out = true(data, max_length)
            seen["steps"] += 1
            seen["bytes"] += len(out)
            return out

        decoder.decompress = counted
    return seen


@pytest.mark.parametrize("amt", [10, 65536, None])
@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("name", NOTHINGS)
def test_a_chain_that_expands_to_nothing_ends_in_an_error_and_not_in_hours(name, outer, amt):
    inner, nothing = NOTHINGS[name]
    wire = Watched(OUTER[outer](nothing))
    response = HTTPResponse(
        wire, headers={"content-encoding": f"{inner}, {outer}"}, preload_content=False
    )
    seen = watch(response)
    with pytest.raises(DecodeError):
        response.read(amt)
    # Brotli goes beyond its bound by up to a megabyte.
    assert seen["bytes"] <= (1 << 20) + wire.taken * 128 + (2 << 20)
    assert seen["steps"] <= ((1 << 20) + wire.taken * 128) // 4


def test_a_chain_of_three_is_bounded_by_what_has_come_in_too():
    nothing = gzipped(b"\0\0\0\xff\xff" * (8 << 20))
    wire = zstded(gzipped(GZIP_HEAD) + nothing * 200)
    for read in (
        lambda response: response.read(100),
        lambda response: response.read1(),
        lambda response: response.read(),
        lambda response: next(response.stream(100)),
        lambda response: response.readinto(bytearray(100)),
        lambda response: response.data,
    ):
        response = HTTPResponse(
            io.BytesIO(wire),
            headers={"content-encoding": "gzip, gzip, zstd"},
            preload_content=False,
        )
        seen = watch(response)
        with pytest.raises(DecodeError, match="expand far beyond what they put out"):
            read(response)
        assert seen["bytes"] <= (1 << 20) + len(wire) * 128 + (1 << 16)


@pytest.mark.parametrize("amt", [7, 1000, 1 << 20])
def test_a_chain_may_expand_as_far_as_its_output_does(amt):
    # 20 MB of one byte: coded twice, it is a thousand times smaller each time.
    plain = bytes(20 << 20)
    for outer in OUTER:
        wire = {"br": brotli.compress, "zstd": zstded, "gzip": gzipped, "deflate": zlib.compress}[
            outer
        ](gzipped(plain))
        response = HTTPResponse(
            io.BytesIO(wire), headers={"content-encoding": f"gzip, {outer}"}, preload_content=False
        )
        if amt == 7:
            assert [response.read(amt) for _ in range(1000)] == [bytes(amt)] * 1000
        else:
            assert b"".join(iter(lambda: response.read(amt), b"")) == plain  # noqa: B023


def test_a_chain_with_more_frame_than_content_is_read():
    # A feed that is flushed byte by byte, each in a member of its own with a long name.
    member = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + b"name" * 5 + b"\0" + gzipped(b"x")[10:]
    for amt in (50, None):
        response = HTTPResponse(
            io.BytesIO(zlib.compress(member * 3000)),
            headers={"content-encoding": "gzip, deflate"},
            preload_content=False,
        )
        out = response.read() if amt is None else b"".join(response.stream(amt))
        assert out == b"x" * 3000


def test_little_is_held_between_the_decoders_of_a_chain():
    response = HTTPResponse(
        io.BytesIO(gzipped(gzipped(BODY * 5000))),
        headers={"content-encoding": "gzip, gzip"},
        preload_content=False,
    )
    out = b""
    for _ in range(300):
        out += response.read(100)
        assert len(response._decoder._decoders[0]._parked) <= 100
    assert out == (BODY * 5000)[:30000]


@pytest.mark.parametrize("coding", ["gzip", "zlib", "raw", "br", "zstd"])
def test_a_chain_reads_a_body_that_is_longer_than_what_it_passes_on_at_a_time(coding):
    noise = bytes(range(256)) * 4096
    wire = encode("gzip", encode(coding, noise))
    decoder = r.MultiDecoder(f"{CODINGS[coding][0]}, gzip")
    assert decoder.decompress(wire) == noise
    assert decoder.flush() == b""


# ---------------------------------------------------------------- windows of zstd


def with_window(log, size=64 << 20):
    coder = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
    pieces = [coder.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join(pieces) + coder.flush()


@pytest.mark.parametrize("log", [24, 27, 31])
@pytest.mark.parametrize("before", [b"", zstded(b"one frame before")])
@pytest.mark.parametrize("chain", ["zstd", "zstd, gzip", "gzip, zstd"])
def test_a_window_larger_than_8_megabytes_is_refused_before_anything_comes_out(log, before, chain):
    wire = before + with_window(log)
    if chain == "zstd, gzip":
        wire = gzipped(wire)
    for read in (
        lambda response: response.read(),
        lambda response: until_end(lambda: response.read(1 << 20)),
        lambda response: until_end(response.read1),
        lambda response: list(response.stream()),
    ):
        response = HTTPResponse(
            io.BytesIO(wire), headers={"content-encoding": chain}, preload_content=False
        )
        with pytest.raises(DecodeError):
            read(response)


def test_a_window_of_8_megabytes_is_none_too_large():
    assert r.ZstdDecoder().decompress(with_window(23, 16 << 20)) == bytes(16 << 20)


def test_a_single_segment_counts_as_the_window_it_is():
    # Without a window of its own a frame takes one as long as its content.
    coder = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 25})
    wire = coder.compress(bytes(9 << 20), zstd.ZstdCompressor.FLUSH_FRAME)
    coder.set_pledged_input_size(9 << 20)
    single = coder.compress(bytes(9 << 20), zstd.ZstdCompressor.FLUSH_FRAME)
    for frame in (wire, single):
        with pytest.raises(zstd.ZstdError):
            r.ZstdDecoder().decompress(frame)
