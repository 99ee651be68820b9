"""Content codings: each decoder alone, and several inside one another."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("brotli", reason="brotli is not installed")

import brotli

from tests.support.answers import (
    BODY,
    ZSTD,
    brotlied,
    encode,
    gzipped,
    raw_deflate,
    zstded,
)
from urllib3 import response as r
from urllib3.exceptions import DecodeError, DependencyWarning

zstd = pytest.importorskip(ZSTD, reason="zstd is not installed")

DECODERS = {
    "gzip": r.GzipDecoder,
    "zlib": r.DeflateDecoder,
    "raw": r.DeflateDecoder,
    "br": r.BrotliDecoder,
    "zstd": r.ZstdDecoder,
    "multi": lambda: r.MultiDecoder("gzip, deflate"),
}
EXACT = [name for name in DECODERS if name != "br"]
BOMB = b"\0" * (1 << 20)


def fed(decoder, data, size=7):
    """All that comes out when *data* goes in by pieces of *size*."""
    out = b"".join(decoder.decompress(data[at : at + size]) for at in range(0, len(data), size))
    return out + decoder.flush()


def drawn(decoder, data, bound):
    """All that comes out, at most *bound* bytes a call, when *data* goes in at once."""
    pieces = [decoder.decompress(data, max_length=bound)]
    while decoder.has_unconsumed_tail:
        pieces.append(decoder.decompress(b"", max_length=bound))
    return pieces


# ---------------------------------------------------------------- the contract


@pytest.mark.parametrize("name", DECODERS)
def test_a_body_comes_out_whole_however_it_goes_in(name):
    data = encode(name)
    assert DECODERS[name]().decompress(data) == BODY
    for size in (1, 2, 7, len(data)):
        assert fed(DECODERS[name](), data, size) == BODY


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("bound", [1, 3, 999, 1000, 1001])
def test_output_is_bounded_and_the_rest_is_obtained_by_asking_again(name, bound):
    pieces = drawn(DECODERS[name](), encode(name), bound)
    assert b"".join(pieces) == BODY
    assert max(map(len, pieces)) <= bound


@pytest.mark.parametrize("name", DECODERS)
def test_there_is_a_tail_while_output_is_held_back_and_none_at_the_end(name):
    decoder = DECODERS[name]()
    assert decoder.has_unconsumed_tail is False
    decoder.decompress(encode(name, BOMB), max_length=10)
    assert decoder.has_unconsumed_tail is True
    decoder.decompress(b"")
    assert decoder.has_unconsumed_tail is False


@given(
    data=st.binary(max_size=3000),
    sizes=st.lists(st.integers(1, 200), min_size=1),
    bound=st.integers(1, 400),
)
@pytest.mark.parametrize("name", DECODERS)
def test_any_sequence_of_bounded_calls_yields_the_body(name, data, sizes, bound):
    decoder, coded, out = DECODERS[name](), encode(name, data * 3), b""
    turn = 0
    while coded or decoder.has_unconsumed_tail:
        size = 0 if decoder.has_unconsumed_tail else sizes[turn % len(sizes)]
        piece, coded = coded[:size], coded[size:]
        turn += 1
        out += decoder.decompress(piece, max_length=bound)
    assert out + decoder.flush() == data * 3


@pytest.mark.parametrize("name", ["zlib", "raw", "gzip"])
def test_nothing_is_lost_when_the_bound_is_met_with_the_last_byte_of_input(name):
    # zlib may have taken all input and still owe output; 2.8.0 then saw no tail.
    for length in range(1, 400):
        data = encode(name, b"a" * length)
        decoder, out = DECODERS[name](), b""
        for at in range(len(data)):
            out += decoder.decompress(data[at : at + 1], max_length=1)
            while decoder.has_unconsumed_tail:
                out += decoder.decompress(b"", max_length=1)
        assert out == b"a" * length


def test_the_base_class_leaves_everything_to_its_subclasses():
    decoder = r.ContentDecoder()
    with pytest.raises(NotImplementedError):
        decoder.decompress(b"")
    with pytest.raises(NotImplementedError):
        decoder.flush()
    with pytest.raises(NotImplementedError):
        _ = decoder.has_unconsumed_tail


# ---------------------------------------------------------------- deflate


def test_deflate_takes_either_format_and_honours_the_bound_while_finding_out():
    assert r.DeflateDecoder().decompress(zlib.compress(BODY)) == BODY
    assert r.DeflateDecoder().decompress(raw_deflate(BODY)) == BODY
    assert r.DeflateDecoder().decompress(raw_deflate(BODY), max_length=5) == BODY[:5]


def test_deflate_of_neither_format_is_an_error():
    with pytest.raises(zlib.error):
        r.DeflateDecoder().decompress(b"\xff" * 100)


def test_a_zlib_stream_that_breaks_after_its_first_output_is_not_tried_as_raw_deflate():
    decoder = r.DeflateDecoder()
    data = zlib.compress(bytes(range(256)) * 1000, 0)
    assert decoder.decompress(data[:1000])
    with pytest.raises(zlib.error, match="Error -3"):
        decoder.decompress(data[1000:-1] + b"?")


@pytest.mark.parametrize("name", ["zlib", "raw"])
def test_what_follows_a_deflate_stream_is_ignored_and_is_no_tail(name):
    decoder = r.DeflateDecoder()
    assert decoder.decompress(encode(name) + b"garbage") == BODY
    assert decoder.has_unconsumed_tail is False
    assert decoder.decompress(b"more") == b""
    assert decoder.decompress(b"more", max_length=0) == b""
    assert decoder.has_unconsumed_tail is False
    assert decoder.flush() == b""


@pytest.mark.parametrize("name", ["gzip", "zlib", "raw", "zstd"])
def test_a_bound_of_zero_parks_the_input(name):
    decoder, data = DECODERS[name](), encode(name)
    assert decoder.decompress(data[:5], max_length=0) == b""
    assert decoder.has_unconsumed_tail is True
    assert decoder.decompress(data[5:], max_length=0) == b""
    assert decoder.decompress(b"") == BODY
    assert decoder.has_unconsumed_tail is False


def test_deflate_has_no_tail_while_the_format_is_undecided():
    decoder = r.DeflateDecoder()
    assert decoder.decompress(b"") == b""
    for byte in raw_deflate(b"x")[:1]:
        decoder.decompress(bytes([byte]), max_length=1)
    assert decoder.has_unconsumed_tail is False


def test_input_parked_while_the_format_is_undecided_is_replayed_too():
    data = raw_deflate(bytes(range(200)))
    decoder = r.DeflateDecoder()
    out = decoder.decompress(data[:1])
    out += decoder.decompress(data[1:3], max_length=0)
    out += decoder.decompress(data[3:])
    assert out == bytes(range(200))


# ---------------------------------------------------------------- gzip


def test_members_of_gzip_are_one_stream_in_one_call_or_several():
    data = gzipped(b"one,") + gzipped(b"") + gzipped(b"two,") + gzipped(b"three")
    assert r.GzipDecoder().decompress(data) == b"one,two,three"
    for size in range(1, 30):
        assert fed(r.GzipDecoder(), data, size) == b"one,two,three"
    assert b"".join(drawn(r.GzipDecoder(), data, 2)) == b"one,two,three"


def test_an_error_in_the_first_member_is_raised_once_and_the_rest_swallowed():
    decoder = r.GzipDecoder()
    assert decoder._state is r.GzipDecoderState.FIRST_MEMBER
    with pytest.raises(zlib.error):
        decoder.decompress(b"garbage" * 3)
    assert decoder._state is r.GzipDecoderState.SWALLOW_DATA
    assert decoder.decompress(gzipped(BODY)) == b""
    assert decoder.has_unconsumed_tail is False


@pytest.mark.parametrize("after", [b"\0" * 512, b"\0", b"g", b"garbage", b"\x1f\x8b garbage"])
@pytest.mark.parametrize("size", [5, 10_000])
def test_padding_and_garbage_after_a_member_are_accepted(after, size):
    assert fed(r.GzipDecoder(), gzipped(BODY) + after, size) == BODY


def test_garbage_after_a_member_silences_all_that_follows():
    decoder = r.GzipDecoder()
    assert decoder.decompress(gzipped(BODY)) == BODY
    assert decoder._state is r.GzipDecoderState.OTHER_MEMBERS
    assert decoder.decompress(b"garbage") == b""
    assert decoder._state is r.GzipDecoderState.SWALLOW_DATA
    assert decoder.decompress(gzipped(BODY)) == b""


def test_a_wrong_checksum_is_an_error():
    data = gzipped(BODY)
    with pytest.raises(zlib.error, match="incorrect data check"):
        r.GzipDecoder().decompress(data[:-8] + b"wrongcrc")


def test_the_states_of_gzip_have_their_numbers():
    assert [(state.name, state.value) for state in r.GzipDecoderState] == [
        ("FIRST_MEMBER", 0),
        ("OTHER_MEMBERS", 1),
        ("SWALLOW_DATA", 2),
    ]


class Counting:
    """Counts the bytes that a decompressor copies out as what it does not need."""

    copied = 0

    def __init__(self, true):
        self.true = true

    def __getattr__(self, name):
        value = getattr(self.true, name)
        if name == "unused_data":
            type(self).copied += len(value)
        return value


@pytest.mark.parametrize(
    ("decoder", "made_by", "member"),
    [
        (r.GzipDecoder, ("urllib3._body.decoders.zlib", "decompressobj"), gzipped(b"")),
        (r.ZstdDecoder, ("urllib3._body.decoders.zstd", "ZstdDecompressor"), zstded(b"")),
    ],
)
def test_a_body_of_many_tiny_members_costs_in_proportion_to_its_length(
    decoder, made_by, member, monkeypatch
):
    # What is left copied once for each member would be gigabytes.
    module = sys.modules["urllib3._body.decoders"]
    owner = getattr(module, made_by[0].rpartition(".")[2])
    make = getattr(owner, made_by[1])
    monkeypatch.setattr(owner, made_by[1], lambda *args: Counting(make(*args)))
    monkeypatch.setattr(Counting, "copied", 0)
    decoder = decoder()
    assert decoder.decompress(member * 20_000) == b""
    assert Counting.copied < 20_000 * 8192 * 4


def test_feeding_a_zlib_stream_that_says_nothing_is_linear_in_its_length():
    # Kept as long as it may turn out not to be zlib's format, in an array that grows in place.
    decoder = r.DeflateDecoder()
    decoder.decompress(zlib.compress(b"")[:2])
    empty_block = b"\0\0\0\xff\xff"
    kept = decoder._seen
    for _ in range(100):
        assert decoder.decompress(empty_block, max_length=10) == b""
    assert decoder._seen is kept


# ---------------------------------------------------------------- brotli


def test_brotli_uses_decompress_if_the_library_has_it_and_process_otherwise(monkeypatch):
    class Old:
        def process(self, data):
            return b"old:" + data

    class New(Old):
        def decompress(self, data):
            return b"new:" + data

    monkeypatch.setattr(r.brotli, "Decompressor", Old)
    assert r.BrotliDecoder().decompress(b"x") == b"old:x"
    monkeypatch.setattr(r.brotli, "Decompressor", New)
    decoder = r.BrotliDecoder()
    assert decoder.decompress(b"x") == b"new:x"
    assert decoder.has_unconsumed_tail is False
    assert decoder.flush() == b""


def test_the_bound_of_brotli_is_soft_but_there():
    bomb = brotlied(b"\0" * (8 << 20))
    decoder = r.BrotliDecoder()
    assert 10 <= len(decoder.decompress(bomb, max_length=10)) <= 1 << 16
    assert decoder.has_unconsumed_tail is True
    for _ in range(3):
        assert 1 <= len(decoder.decompress(b"", max_length=10)) <= 3 << 20
    assert r.BrotliDecoder().decompress(brotlied(BODY), max_length=0) == BODY


def test_brotli_without_a_bound_warns_at_every_call_that_wants_one(monkeypatch):
    true = brotli.Decompressor

    class Old:
        def __init__(self):
            self.true = true()

        def process(self, data):
            return self.true.process(data)

    monkeypatch.setattr(r.brotli, "Decompressor", Old)
    data = brotlied(BODY)
    decoder = r.BrotliDecoder()
    for piece in (data[:5], data[5:]):
        with pytest.warns(DependencyWarning) as caught:
            decoder.decompress(piece, max_length=10)
        assert [str(warning.message) for warning in caught] == [
            "Brotli >= 1.2.0 is required to prevent decompression bombs."
        ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert r.BrotliDecoder().decompress(data) == BODY


def test_brotli_that_has_failed_has_no_tail_and_says_so_without_an_error():
    decoder = r.BrotliDecoder()
    with pytest.raises(brotli.error):
        decoder.decompress(b"garbage" * 10)
    assert decoder.has_unconsumed_tail is False


def test_brotli_flushes_the_library_if_that_can_be_flushed(monkeypatch):
    class Flushing:
        def process(self, data):
            return data

        def flush(self):
            return b"rest"

    monkeypatch.setattr(r.brotli, "Decompressor", Flushing)
    assert r.BrotliDecoder().flush() == b"rest"


def test_brotli_followed_by_garbage_is_an_error():
    with pytest.raises(brotli.error):
        r.BrotliDecoder().decompress(brotlied(BODY) + b"garbage")


def test_brotli_takes_new_input_only_after_it_gave_what_it_held():
    coded = brotlied(BOMB + BODY)
    decoder, out = r.BrotliDecoder(), b""
    for at in range(len(coded)):
        out += decoder.decompress(coded[at : at + 1], max_length=10)
    while decoder.has_unconsumed_tail:
        out += decoder.decompress(b"", max_length=10)
    assert out == BOMB + BODY


# ---------------------------------------------------------------- zstd


def test_frames_of_zstd_are_one_stream_in_one_call_or_several():
    data = zstded(b"one,") + zstded(b"") + zstded(b"two")
    assert r.ZstdDecoder().decompress(data) == b"one,two"
    for size in range(1, 30):
        assert fed(r.ZstdDecoder(), data, size) == b"one,two"
    assert b"".join(drawn(r.ZstdDecoder(), data, 2)) == b"one,two"


def test_garbage_after_a_frame_is_an_error():
    with pytest.raises(zstd.ZstdError):
        r.ZstdDecoder().decompress(zstded(BODY) + b"garbage")
    decoder = r.ZstdDecoder()
    assert decoder.decompress(zstded(BODY) + b"garbage", max_length=1000) == BODY
    assert decoder.has_unconsumed_tail is True
    with pytest.raises(zstd.ZstdError):
        decoder.decompress(b"", max_length=1)


def test_zstd_is_incomplete_until_its_last_frame_ends():
    decoder, data = r.ZstdDecoder(), zstded(BODY)
    incomplete = pytest.raises(DecodeError, match=r"^Zstandard data is incomplete$")
    with incomplete:
        decoder.flush()
    decoder.decompress(data[:-1])
    with incomplete:
        decoder.flush()
    decoder.decompress(data[-1:])
    assert decoder.flush() == b""
    decoder.decompress(data[:3])
    with incomplete:
        decoder.flush()


def test_nothing_new_is_nothing_to_zstd_however_often():
    # The library counts calls without input as a lack of progress, and fails.
    decoder = r.ZstdDecoder()
    data = zstded(BODY)
    decoder.decompress(data[:10])
    for _ in range(100):
        assert decoder.decompress(b"", max_length=10) == b""
    assert decoder.decompress(data[10:]) == BODY


# ---------------------------------------------------------------- several


@pytest.mark.parametrize(
    ("modes", "number"), [("gzip," * 5 + "gzip", 6), ("gzip,,,,,", 6), ("a,b,c,d,e,f,gzip", 7)]
)
def test_a_chain_has_at_most_five_links_empty_ones_counted(modes, number):
    with pytest.raises(DecodeError) as caught:
        r.MultiDecoder(modes)
    assert caught.value.args == (f"Too many content encodings in the chain: {number} > 5",)
    assert r.MultiDecoder.max_decode_links == 5


def test_the_bound_of_a_chain_can_be_changed_by_a_subclass():
    class Two(r.MultiDecoder):
        max_decode_links = 2

    with pytest.raises(DecodeError, match="3 > 2"):
        Two("gzip,gzip,gzip")


def test_each_name_has_its_decoder_and_unknown_ones_are_taken_for_deflate():
    kinds = [type(decoder) for decoder in r.MultiDecoder("gzip, br ,zstd,foo,")._decoders]
    assert kinds == [
        r.GzipDecoder,
        r.BrotliDecoder,
        r.ZstdDecoder,
        r.DeflateDecoder,
        r.DeflateDecoder,
    ]
    for mode, kind in {
        "gzip": r.GzipDecoder,
        "x-gzip": r.GzipDecoder,
        "deflate": r.DeflateDecoder,
        "br": r.BrotliDecoder,
        "zstd": r.ZstdDecoder,
        "": r.DeflateDecoder,
        "GZIP": r.DeflateDecoder,
        "a,b": r.MultiDecoder,
    }.items():
        assert type(r._get_decoder(mode)) is kind


def test_the_coding_applied_last_is_undone_first():
    assert r.MultiDecoder("gzip, br, zstd").decompress(zstded(brotlied(gzipped(BODY)))) == BODY
    assert r.MultiDecoder("deflate,gzip").decompress(gzipped(zlib.compress(BODY))) == BODY


def test_a_bound_below_one_is_none_for_a_chain():
    for bound in (0, -1):
        assert r.MultiDecoder("gzip,gzip").decompress(gzipped(gzipped(BODY)), bound) == BODY


def test_every_stage_of_a_chain_is_bounded():
    bomb = gzipped(gzipped(b"\0" * (20 << 20)))
    decoder = r.MultiDecoder("gzip, gzip")
    seen = []
    for stage in decoder._decoders:
        true = stage.decompress

        def watched(data, max_length=-1, true=true):
            out = true(data, max_length=max_length)
            seen.append((len(out), max_length))
            return out

        stage.decompress = watched
    assert decoder.decompress(bomb, max_length=10) == b"\0" * 10
    assert all(0 < bound <= 10 and size <= bound for size, bound in seen)


def test_a_chain_has_a_tail_if_any_stage_has_one_and_flushes_its_first_coding():
    decoder = r.MultiDecoder("gzip, deflate")
    decoder._decoders[1].decompress(zlib.compress(BODY), max_length=0)
    assert decoder.has_unconsumed_tail is True
    with pytest.raises(DecodeError, match="incomplete"):
        r.MultiDecoder("zstd, gzip").flush()
    assert r.MultiDecoder("gzip, zstd").flush() == b""


def test_what_can_be_decoded_and_what_decoders_raise_is_listed():
    listed = ["gzip", "x-gzip", "deflate", "br", "zstd"]
    assert listed == r.BaseHTTPResponse.CONTENT_DECODERS
    errors = (OSError, zlib.error, brotli.error, zstd.ZstdError)
    assert errors == r.BaseHTTPResponse.DECODER_ERROR_CLASSES
    assert r.HAS_ZSTD is True
    assert (r.brotli, r.zstd) == (brotli, zstd)


# ---------------------------------------------------------------- optional libraries

WITHOUT = """
import sys
for name in {absent!r}:
    sys.modules[name] = None
{before}
from urllib3 import response as r
print(r.HTTPResponse.CONTENT_DECODERS[3:], r.HAS_ZSTD, getattr(r.brotli, "__name__", None),
      hasattr(r, "BrotliDecoder"), hasattr(r, "ZstdDecoder"), hasattr(r, "zstd"),
      len(r.HTTPResponse.DECODER_ERROR_CLASSES))
"""
OTHER_BROTLI = """
import importlib.machinery, types
sys.modules["brotlicffi"] = types.ModuleType("brotlicffi")
sys.modules["brotlicffi"].__spec__ = importlib.machinery.ModuleSpec("brotlicffi", None)
sys.modules["brotlicffi"].error = RuntimeError
sys.modules["brotlicffi"].Decompressor = None
"""


@pytest.mark.parametrize(
    ("absent", "before", "expected"),
    [
        (
            ["brotli", "brotlicffi", "backports.zstd", "compression.zstd", "compression"],
            "",
            "[] False None False False False 2",
        ),
        (["brotli", "brotlicffi"], "", "['zstd'] True None False True True 3"),
        (
            ["backports.zstd", "compression.zstd", "compression"],
            "",
            "['br'] False brotli True False False 3",
        ),
        (["brotli"], OTHER_BROTLI, "['br', 'zstd'] True brotlicffi True True True 4"),
    ],
)
def test_what_is_not_installed_is_not_offered(absent, before, expected):
    program = WITHOUT.format(absent=absent, before=before)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip() == expected


@given(
    members=st.lists(st.binary(max_size=200) | st.just(b"same"), max_size=3),
    rest=st.sampled_from([b"", b"\0\0", b"garbage", b"\x1f\x8b\x08", b"\xff" * 20]),
    lost=st.just(0) | st.integers(1, 30),
    spoilt=st.none() | st.integers(0, 1000),
)
def test_a_whole_gzip_body_comes_out_as_it_does_piece_by_piece(members, rest, lost, spoilt):
    data = b"".join(map(gzipped, members)) + rest
    data = data[: max(0, len(data) - lost)]
    if spoilt is not None and data:
        at = spoilt % len(data)
        data = data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]
    assert outcome(r.GzipDecoder().decompress_whole, data) == outcome(
        r.GzipDecoder().decompress, data
    )


def outcome(decompress, data):
    try:
        return decompress(data)
    except zlib.error as error:
        return str(error)


def test_what_comes_behind_a_whole_body_is_taken_as_ever():
    decoder = r.GzipDecoder()
    assert decoder.decompress_whole(gzipped(b"ab")) == b"ab"
    assert not decoder.has_unconsumed_tail
    assert decoder.decompress(b"") == decoder.flush() == b""
    assert decoder.decompress(gzipped(b"cd")) == b"cd"
    begun = r.GzipDecoder()
    data = gzipped(b"ab")
    assert begun.decompress(data[:5]) + begun.decompress_whole(data[5:]) == b"ab"


def test_a_gzip_body_is_not_believed_when_it_claims_too_much():
    claimed = gzipped(b"ab")[:-4] + b"\xff\xff\xff\x7f"
    with pytest.raises(zlib.error, match="incorrect length check"):
        r.GzipDecoder().decompress_whole(claimed)
