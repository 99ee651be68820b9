"""A body that ends too early is an error, in every coding, wherever it was cut, however it is read."""

from __future__ import annotations

import contextlib
import io
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("brotli", reason="brotli is not installed")

import brotli

from tests.support.answers import (
    FRAMINGS,
    answer,
    brotlied,
    encode,
    gzipped,
    head,
    in_chunks,
    raw_deflate,
    until_end,
    wire,
    zstded,
)
from urllib3 import HTTPResponse
from urllib3.exceptions import DecodeError, ProtocolError
from urllib3.response import BrotliDecoder

TEXT = b"".join(b"line %d\n" % (number * 7919) for number in range(60))
NOISE = random.Random(1).randbytes(300)


def chain(*codings):
    def apply(data):
        for coding in codings:
            data = encode(coding, data)
        return data

    return apply


#: name -> Content-Encoding, and how a body gets it
CODINGS = {
    "gzip": ("gzip", gzipped),
    "gzip in two members": ("gzip", lambda data: gzipped(data[:200]) + gzipped(data[200:])),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotlied),
    "zstd": ("zstd", zstded),
    "zstd in two frames": ("zstd", lambda data: zstded(data[:200]) + zstded(data[200:])),
    "gzip in br": ("gzip, br", chain("gzip", "br")),
    "br in gzip": ("br, gzip", chain("br", "gzip")),
    "zstd in deflate": ("zstd, deflate", chain("zstd", "zlib")),
    "gzip in zstd": ("gzip, zstd", chain("gzip", "zstd")),
    "gzip in gzip in br": ("gzip, gzip, br", chain("gzip", "gzip", "br")),
}


def by_readinto(response, size):
    buffer = bytearray(size)
    return b"".join(until_end(lambda: bytes(buffer[: response.readinto(buffer)])))


WAYS = {
    "read": lambda r: r.read(),
    "data": lambda r: r.data,
    "read(1)": lambda r: b"".join(until_end(lambda: r.read(1))),
    "read(100)": lambda r: b"".join(until_end(lambda: r.read(100))),
    "read(65536)": lambda r: b"".join(until_end(lambda: r.read(65536))),
    "read1": lambda r: b"".join(until_end(r.read1)),
    "read1(9)": lambda r: b"".join(until_end(lambda: r.read1(9))),
    "readinto": lambda r: by_readinto(r, 50),
    "stream": lambda r: b"".join(r.stream(decode_content=True)),
    "stream(7)": lambda r: b"".join(r.stream(7, True)),
    "stream(None)": lambda r: b"".join(r.stream(None, True)),
    "iteration": lambda r: b"".join(r),
    "read(3), then read": lambda r: r.read(3) + r.read(),
    "read(3), then stream": lambda r: r.read(3) + b"".join(r.stream(20, True)),
    "read1(3), then read(10)": lambda r: r.read1(3) + b"".join(until_end(lambda: r.read(10))),
    "as a file": lambda r: io.BufferedReader(r, 64).read(),
}
ALL_WAYS = {**WAYS, "preload": lambda r: r.data}


def unread(body, encoding, **options):
    return HTTPResponse(
        io.BytesIO(body),
        headers={"content-encoding": encoding},
        preload_content=False,
        **options,
    )


def is_complete_without_the_rest(name, coded, cut):
    """Whether *coded* less its last *cut* bytes is a whole body all the same."""
    left = coded[: len(coded) - cut]
    return left in (
        b"",
        *([gzipped(TEXT[:200])] if "two members" in name else []),
        *([zstded(TEXT[:200])] if "two frames" in name else []),
        # All of its content is there; see what is flushed but not finished.
        *([coded[:-1]] if name == "br" or name.endswith("in br") else []),
    )


def cuts(name, coded, which=None):
    """Each number of bytes that may be cut off *coded*, so that what is left is no whole body."""
    for cut in which or range(1, len(coded)):
        if not is_complete_without_the_rest(name, coded, cut):
            yield cut


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CODINGS)
def test_a_coded_body_cut_anywhere_is_an_error(name, way):
    encoding, apply = CODINGS[name]
    coded = apply(TEXT)
    assert WAYS[way](unread(coded, encoding)) == TEXT
    for cut in cuts(name, coded):
        with pytest.raises(DecodeError):
            WAYS[way](unread(coded[:-cut], encoding))


@pytest.mark.parametrize("name", CODINGS)
def test_a_coded_body_cut_anywhere_is_an_error_of_the_constructor_that_preloads(name):
    encoding, apply = CODINGS[name]
    coded = apply(TEXT)
    for cut in cuts(name, coded):
        with pytest.raises(DecodeError):
            HTTPResponse(io.BytesIO(coded[:-cut]), headers={"content-encoding": encoding})


@pytest.mark.parametrize("enforce", [True, False])
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("way", ALL_WAYS)
def test_a_coded_body_cut_within_sound_framing_is_an_error(way, framing, enforce):
    for name, (encoding, apply) in CODINGS.items():
        coded = apply(TEXT)
        for cut in cuts(name, coded, (1, 3, 8, len(coded) // 2)):
            prepared = wire(coded[:-cut], framing, encoding, 40)
            with pytest.raises(DecodeError):
                with answer(
                    prepared, preload_content=way == "preload", enforce_content_length=enforce
                ) as (response, _):
                    ALL_WAYS[way](response)


@pytest.mark.parametrize("enforce", [True, False])
@pytest.mark.parametrize("way", ALL_WAYS)
def test_a_coded_body_whose_transfer_was_cut_is_an_error(way, enforce):
    for encoding, apply in CODINGS.values():
        coded = apply(TEXT)
        for framing in (
            head(f"Content-Encoding: {encoding}", f"Content-Length: {len(coded)}") + coded[:-5],
            head(f"Content-Encoding: {encoding}", "Transfer-Encoding: chunked")
            + in_chunks(coded, 40)[:-15],
        ):
            with pytest.raises((DecodeError, ProtocolError)):
                with answer(
                    framing,
                    ends=True,
                    preload_content=way == "preload",
                    enforce_content_length=enforce,
                ) as (response, _):
                    ALL_WAYS[way](response)


@given(
    data=st.binary(max_size=400),
    name=st.sampled_from(sorted(CODINGS)),
    way=st.sampled_from(sorted(WAYS)),
    cut=st.integers(0, 500),
)
def test_no_body_comes_out_short_without_an_error(data, name, way, cut):
    encoding, apply = CODINGS[name]
    coded = apply(data)
    left = coded[: max(1, len(coded) - cut)]
    try:
        out = WAYS[way](unread(left, encoding))
    except DecodeError:
        assert len(left) < len(coded)
    else:
        # A br body from which only its empty last block is missing ends as a live feed does, and
        # what begins anew within a body may begin where it was cut.
        whole = [data, *([data[:200]] if "two" in name else [])]
        assert out in whole


# ---------------------------------------------------------------- what is handed out before


@pytest.mark.parametrize("way", ["read", "read1", "stream"])
@pytest.mark.parametrize("name", CODINGS)
def test_what_can_be_decoded_is_handed_out_before_the_error(name, way):
    encoding, apply = CODINGS[name]
    coded = apply(TEXT)
    response, pieces = unread(coded[: -next(cuts(name, coded))], encoding), []
    read = {
        "read": lambda: iter(lambda: response.read(9), None),
        "read1": lambda: iter(lambda: response.read1(9), None),
        "stream": lambda: response.stream(9),
    }[way]
    with pytest.raises(DecodeError, match="incomplete"):
        pieces.extend(read())
    assert all(pieces)
    out = b"".join(pieces)
    assert TEXT.startswith(out)
    if encoding in ("gzip", "deflate") and name != "raw deflate":
        assert out == TEXT  # the trailer alone is missing


@pytest.mark.parametrize("name", CODINGS)
def test_the_end_of_a_short_body_is_an_error_however_often_it_is_asked_for(name):
    encoding, apply = CODINGS[name]
    coded = apply(TEXT)
    response = unread(coded[: -next(cuts(name, coded))], encoding)
    with pytest.raises(DecodeError):
        until_end(lambda: response.read(50))
    for again in (lambda: response.read(50), response.read, lambda: list(response.stream())):
        with pytest.raises(DecodeError):
            again()


def flushed_brotli(*texts):
    coder = brotli.Compressor(quality=5)
    return b"".join(coder.process(text) + coder.flush() for text in texts)


@pytest.mark.parametrize("texts", [[TEXT], [TEXT * 60], [TEXT, TEXT * 40, b"x"], [NOISE, NOISE]])
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("way", ALL_WAYS)
def test_a_br_body_that_is_flushed_but_not_finished_is_whole(way, framing, texts):
    # A live feed ends so.
    coded = flushed_brotli(*texts)
    with answer(wire(coded, framing, "br", 3000), preload_content=way == "preload") as (
        response,
        _,
    ):
        assert ALL_WAYS[way](response) == b"".join(texts)


def test_what_was_flushed_into_br_comes_out_before_more_of_the_wire_is_read():
    class Feed(io.BytesIO):
        """Gives one flushed part at a time, and fails if it is asked for one too early."""

        def read(self, amt=-1):
            assert not owed, "the wire is read while decoded bytes wait"
            part = next(parts, b"")
            owed.extend(part and [len(TEXT * 60)])
            return coder.process(part) + coder.flush() if part else b""

    parts, owed, coder = iter([TEXT * 60] * 3), [], brotli.Compressor(quality=5)
    response = HTTPResponse(Feed(), headers={"content-encoding": "br"}, preload_content=False)
    out = b""
    for _ in range(3):
        while True:
            out += response.read(1000 if not owed or owed[0] >= 1000 else owed[0])
            owed[0] -= min(owed[0], 1000)
            if not owed[0]:
                owed.clear()
                break
    assert out == TEXT * 180


def test_brotli_libraries_that_cannot_say_whether_a_stream_is_finished_are_believed(monkeypatch):
    true = brotli.Decompressor

    class Old:
        def __init__(self):
            self.process = true().process

    monkeypatch.setattr("urllib3._body.decoders.brotli.Decompressor", Old)
    decoder = BrotliDecoder()
    out = decoder.decompress(brotlied(TEXT)[:-1]) + decoder.flush()
    assert TEXT.startswith(out)


# ---------------------------------------------------------------- what stays as it is


ENCODINGS = sorted({encoding for encoding, _ in CODINGS.values()})


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("status", "lines", "method"),
    [
        ("200 OK", ["Content-Length: 0"], "GET"),
        ("200 OK", ["Content-Length: 77"], "HEAD"),
        ("200 OK", ["Transfer-Encoding: chunked"], "HEAD"),
        ("204 No Content", [], "GET"),
        ("304 Not Modified", ["Content-Length: 77"], "GET"),
    ],
)
def test_an_answer_without_a_body_is_none_cut_short(encoding, status, lines, method):
    prepared = head(f"Content-Encoding: {encoding}", *lines, status=status)
    for way, read in ALL_WAYS.items():
        if "read1" in way and encoding.startswith("zstd"):
            continue  # an error there, as in 2.8.0
        with answer(prepared, method=method, preload_content=way == "preload") as (response, pool):
            assert read(response) == b""
            if way != "preload":
                assert pool.kept[0].sock is not None


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\0",
        b"\0" * 700,
        b"?",
        b"garbage",
        b"\x1f?",
        b"\x1f\x8b?",
        b"\x1f\x8b\x08\xff",
        b"PK\x03\x04",
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_rubbish_behind_gzip_is_ignored(way, rubbish):
    assert WAYS[way](unread(gzipped(TEXT) + rubbish, "gzip")) == TEXT
    assert WAYS[way](unread(gzipped(TEXT) * 2 + rubbish, "gzip")) == TEXT * 2
    assert WAYS[way](unread(gzipped(b"") + rubbish, "gzip")) == b""


@pytest.mark.parametrize("rubbish", [b"\0", b"garbage", zlib.compress(TEXT)])
@pytest.mark.parametrize("way", WAYS)
def test_rubbish_behind_deflate_is_ignored(way, rubbish):
    for coded in (zlib.compress(TEXT), raw_deflate(TEXT)):
        assert WAYS[way](unread(coded + rubbish, "deflate")) == TEXT


@pytest.mark.parametrize("name", CODINGS)
def test_undecoded_reading_does_not_mind_a_cut(name):
    encoding, apply = CODINGS[name]
    cut = apply(TEXT)[:-1]
    for framing in FRAMINGS:
        for read in (
            lambda r: r.read(decode_content=False),
            lambda r: b"".join(until_end(lambda: r.read(9, decode_content=False))),
            lambda r: b"".join(r.stream(9, decode_content=False)),
            lambda r: b"".join(until_end(lambda: r.read1(9, decode_content=False))),
        ):
            with answer(wire(cut, framing, encoding)) as (response, _):
                assert read(response) == cut
        with answer(wire(cut, framing, encoding), preload_content=True, decode_content=False) as (
            response,
            _,
        ):
            assert response.data == cut


@pytest.mark.parametrize("name", CODINGS)
@pytest.mark.parametrize("framing", FRAMINGS)
def test_draining_never_fails_and_leaves_nothing_to_complain_about(name, framing):
    encoding, apply = CODINGS[name]
    for begin in (lambda r: None, lambda r: r.read(3), lambda r: r.read1(3)):
        with answer(wire(apply(TEXT)[:-1], framing, encoding)) as (response, pool):
            with contextlib.suppress(DecodeError):
                begin(response)
            response.drain_conn()
            assert pool.kept
            assert response.read() == response.read(5) == b""
            assert list(response.stream(5)) == []


@pytest.mark.parametrize("name", CODINGS)
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_body_that_was_given_up_on_purpose_is_no_error_afterwards(name, framing):
    encoding, apply = CODINGS[name]

    def leave_the_stream(response):
        stream = response.stream(3, True)
        next(stream)
        stream.close()
        response.close()

    for give_up in (lambda r: (r.read(3), r.close()), leave_the_stream):
        with answer(wire(apply(TEXT * 20), framing, encoding)) as (response, _):
            give_up(response)
            if framing == "chunked" and give_up is not leave_the_stream:
                assert (TEXT * 20).find(b"".join(response.stream(5, True))) in (0, 3)
            for read in (
                lambda r: until_end(lambda: r.read(100)),
                lambda r: list(r.stream(5, True)),
                lambda r: until_end(r.read1),
                lambda r: r.read(),
            ):
                with contextlib.suppress(ProtocolError):  # the wire ends early, the coding does not
                    read(response)


def test_an_iteration_that_stops_early_closes_without_a_word():
    with answer(wire(gzipped(TEXT)[:-1], "chunked", "gzip")) as (response, _):
        for line in response:
            assert line == b"line 0\n"
            break
    with answer(wire(gzipped(TEXT)[:-1], "length", "gzip")) as (response, _):
        with response:
            assert response.readline() == b"line 0\n"


# ---------------------------------------------------------------- connections afterwards


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("way", WAYS)
def test_the_connection_of_a_short_body_in_sound_framing_serves_the_next_request(way, framing):
    with answer(wire(gzipped(TEXT)[:-9], framing, "gzip")) as (response, pool):
        with pytest.raises(DecodeError):
            WAYS[way](response)
        [connection] = pool.kept
        if framing == "chunked" and ("stream" in way or way == "iteration"):
            assert connection.sock is None  # as after any error of a stream of chunks
            return
        assert connection.is_connected
        pool.peers[0].sendall(wire(b"next"))
        connection.request("GET", "/")
        assert connection.getresponse().data == b"next"


# ---------------------------------------------------------------- identity


@pytest.mark.parametrize("way", ALL_WAYS)
def test_an_uncoded_body_that_is_short_is_an_error(way):
    for prepared in (
        head("Content-Length: 20") + b"hello",
        head("Transfer-Encoding: chunked") + b"14\r\nhello",
        head("Transfer-Encoding: chunked") + b"5\r\nhello\r\n",
        head("Transfer-Encoding: chunked") + b"5\r\nhello\r\n0",
    ):
        with pytest.raises(ProtocolError):
            with answer(prepared, ends=True, preload_content=way == "preload") as (response, _):
                ALL_WAYS[way](response)


def test_read1_takes_a_short_body_for_whole_only_if_lengths_are_not_enforced():
    short = head("Content-Length: 20") + b"hello"
    for amt in (None, 5, 100):
        with answer(short, ends=True, enforce_content_length=False) as (response, _):
            assert [response.read1(amt), response.read1(amt)] == [b"hello", b""]
        with answer(short, ends=True) as (response, pool):
            assert response.read1(amt) == b"hello"
            with pytest.raises(ProtocolError, match="5 bytes read, 15 more expected"):
                response.read1(amt)
            assert pool.kept[0].sock is None


# ---------------------------------------------------------------- data


def begun(pieces):
    next(pieces)
    return pieces


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", ["plain", "gzip", "br"])
@pytest.mark.parametrize(
    "begin",
    [
        lambda r: r.read(10),
        lambda r: r.read1(10),
        lambda r: r.readinto(bytearray(10)),
        lambda r: begun(r.stream(10, True)),
        lambda r: begun(iter(r)),
        lambda r: r.readline(),
    ],
)
def test_the_rest_of_a_body_that_was_begun_never_becomes_its_data(begin, name, framing):
    encoding, apply = CODINGS.get(name, (None, bytes))
    with answer(wire(apply(TEXT), framing, encoding)) as (response, _):
        kept = begin(response)
        rest = response.read(cache_content=True)
        assert len(rest) < len(TEXT)
        assert response.data == b""
        del kept


def test_the_rest_of_chunks_that_were_begun_never_becomes_the_data():
    with answer(wire(TEXT, "chunked", chunk=10)) as (response, _):
        chunks = response.read_chunked()
        assert next(chunks) == TEXT[:10]
        response.read(cache_content=True)
        assert response.data == b""
