"""Bodies whose framing or coding is broken or unusual, and answers that have none."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import tracemalloc
from pathlib import Path

import pytest

from tests.support.answers import (
    BODY,
    answer,
    brotlied,
    encode,
    gzipped,
    head,
    in_chunks,
    until_end,
    wire,
    zstded,
)
from tests.support.reading import WAYS, told
from tests.support.scripted import Recv, Reset, Send, Stall, serve
from urllib3 import HTTPConnectionPool, Timeout
from urllib3.exceptions import (
    DecodeError,
    InvalidChunkLength,
    InvalidHeader,
    ProtocolError,
    ReadTimeoutError,
)

CHUNKED = head("Transfer-Encoding: chunked")
TABLE = json.loads(
    (Path(__file__).parents[1] / "data" / "response-framing.json").read_text("utf-8")
)


def given(row):
    return eval(row["answer"], {"head": head, "CHUNKED": CHUNKED})


# ---------------------------------------------------------------- broken framing


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["id"])
def test_what_each_way_of_reading_makes_of_a_framing(row, way):
    with answer(given(row), ends=True, **row.get("options", {})) as (response, pool):
        assert told(WAYS[way], response) == row[way]
        failed = row[way] and row[way][-1].startswith("raises")
        assert pool.kept  # broken or not, the slot is back
        if failed:
            assert response.closed
            assert pool.kept[0].sock is None
            if row["id"] != "RX-E1":
                assert response.read() == b""


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["id"])
def test_draining_never_fails_and_leaves_a_connection_that_can_be_used(row):
    with answer(given(row), ends=True, **row.get("options", {})) as (response, pool):
        response.drain_conn()
        [connection] = pool.kept
        assert (connection.sock is not None) is row["reusable"]


def test_the_cause_of_a_bad_chunk_size_tells_line_response_and_position():
    with answer(CHUNKED + b"3\r\nabc\r\nxx\r\n") as (response, _):
        with pytest.raises(ProtocolError) as caught:
            list(response.stream())
        cause = caught.value.__cause__
        assert isinstance(cause, InvalidChunkLength)
        assert (cause.response, cause.length, cause.partial, cause.expected) == (
            response,
            b"xx\r\n",
            0,
            None,
        )
        assert repr(cause) == r"InvalidChunkLength(got length b'xx\r\n', 0 bytes read)"


def test_lines_of_chunks_are_bounded_and_no_longer_one_is_ever_held():
    longest = b"5;" + b"x" * (65536 - 4) + b"\r\n"
    with answer(CHUNKED + longest + b"hello\r\n0\r\n\r\n") as (response, _):
        assert list(response.stream()) == [b"hello"]
    for longer in (b"5;x" + longest[2:], b"1;" + longest * 2):
        with answer(CHUNKED + longer + b"hello\r\n0\r\n\r\n") as (response, pool):
            with pytest.raises(
                ProtocolError, match=r"^Response chunk size line exceeded maximum allowed length$"
            ):
                list(response.stream())
            assert pool.kept[0].sock is None


@pytest.mark.parametrize(
    "body",
    [
        head("Content-Length: 4611686018427387904") + b"0123456789",
        CHUNKED + b"3fffffffffffffff\r\n0123456789",
        CHUNKED + b"ffffffffffffffff\r\n0123456789",
        CHUNKED + b"40000000\r\n0123456789",
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_no_memory_is_set_aside_for_what_is_only_announced(body, way):
    with answer(body, ends=True) as (response, _):
        tracemalloc.start()
        try:
            pieces = told(WAYS[way], response)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 8 << 20
    if way != "read1()":
        assert pieces[-1].startswith("raises ProtocolError")


def test_chunked_with_a_length_is_read_as_chunked_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING, "urllib3.response"):
        with answer(
            head("Transfer-Encoding: chunked", "Content-Length: 99") + in_chunks(b"hello", 5)
        ) as (response, _):
            assert response.length_remaining is None
            assert response.read() == b"hello"
    assert any("expressly forbidden by RFC 7230" in r.getMessage() for r in caplog.records)


def test_what_came_before_the_end_can_be_fetched_after_the_error():
    with answer(head("Content-Length: 20") + b"hello world", ends=True) as (response, _):
        assert response.read(8) == b"hello wo"
        with pytest.raises(ProtocolError):
            response.read(8)
        assert [response.read(2), response.read(1)] == [b"rl", b"d"]
        with pytest.raises(ProtocolError):
            response.read(5)


def test_a_sized_read1_notices_a_short_body():
    with answer(head("Content-Length: 20") + b"hello world", ends=True) as (response, _):
        assert [response.read1(5) for _ in range(3)] == [b"hello", b" worl", b"d"]
        with pytest.raises(
            ProtocolError, match=r"IncompleteRead\(11 bytes read, 9 more expected\)"
        ):
            response.read1(5)


def stalled(body):
    return serve([Recv(), Send(body), Stall()])


@pytest.mark.parametrize(
    "read", [lambda r: r.read(), lambda r: r.read(8), lambda r: list(r.stream(8))]
)
def test_a_server_that_stalls_is_a_read_timeout_of_the_pool(read):
    with stalled(head("Content-Length: 20") + b"hello") as server:
        with HTTPConnectionPool(server.host, server.port, timeout=Timeout(read=0.05)) as pool:
            response = pool.urlopen("GET", "/", preload_content=False, retries=False)
            with pytest.raises(ReadTimeoutError) as caught:
                read(response)
            assert str(caught.value) == (
                f"HTTPConnectionPool(host='{server.host}', port={server.port}): Read timed out."
            )
            assert caught.value.url is None
            assert response.connection is None
            [connection] = [conn for conn in pool.pool.queue if conn]
            assert connection.sock is None


def test_a_timeout_while_preloading_has_the_same_text_and_class():
    with stalled(head("Content-Length: 20") + b"hello") as server:
        with HTTPConnectionPool(server.host, server.port, timeout=Timeout(read=0.05)) as pool:
            with pytest.raises(ReadTimeoutError, match=r": Read timed out\.$"):
                pool.urlopen("GET", "/", retries=False)


def test_a_reset_is_a_protocol_error():
    with serve([Recv(), Send(head("Content-Length: 20") + b"hello"), Reset()]) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            response = pool.urlopen("GET", "/", preload_content=False, retries=False)
            with pytest.raises(ProtocolError) as caught:
                response.read()
            assert isinstance(caught.value.__cause__, ConnectionResetError)
            assert str(caught.value.args[0]).startswith("Connection broken: ConnectionResetError(")


def test_draining_a_server_that_stalls_gives_up_at_the_timeout():
    with stalled(head("Content-Length: 20") + b"hello") as server:
        with HTTPConnectionPool(server.host, server.port, timeout=Timeout(read=0.05)) as pool:
            response = pool.urlopen("GET", "/", preload_content=False, retries=False)
            response.drain_conn()
            [connection] = [conn for conn in pool.pool.queue if conn]
            assert connection.sock is None


# ---------------------------------------------------------------- broken codings


def garbled(body, framing="length", encoding="gzip"):
    return wire(body, framing, encoding, 7)


NOT_GZIP, NOT_DEFLATE = "incorrect header check", "invalid block type"
BROKEN = {
    "RX-D1": ("gzip", b"garbage" * 20, NOT_GZIP),
    "RX-D4": ("gzip", gzipped(BODY)[:-8] + b"wrongcrc", "incorrect data check"),
    "RX-D7": ("deflate", b"garbage" * 20, NOT_DEFLATE),
    "RX-D9": ("br", b"garbage" * 20, "decoder failed"),
    "RX-D11": ("br", brotlied(BODY) + b"garbage", "decoder failed|data"),
    "RX-D12": ("zstd", b"garbage" * 20, "nknown frame descriptor"),
    "RX-D14": ("zstd", zstded(BODY) + b"garbage", "nknown frame descriptor"),
}


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_decoded_is_a_decode_error_in_every_way_of_reading(name, framing):
    encoding, body, text = BROKEN[name]
    for read in (
        lambda r: r.read(),
        lambda r: r.data,
        lambda r: until_end(lambda: r.read(400)),
        lambda r: list(r.stream(400, True)),
        lambda r: until_end(r.read1),
    ):
        with answer(wire(body, framing, encoding)) as (response, _):
            with pytest.raises(DecodeError, match=text) as caught:
                read(response)
            message, cause = caught.value.args
            assert message == (
                f"Received response with content-encoding: {encoding}, but failed to decode it."
            )
            assert caught.value.__cause__ is cause


@pytest.mark.parametrize("name", ["RX-D1", "RX-D9", "RX-D7"])
def test_after_a_decode_error_comes_the_end_and_no_error_of_the_library(name):
    # 2.8.0 lets `brotli.error` out at every later call.
    encoding, body, _ = BROKEN[name]
    for read in ("read", "read1"):
        with answer(wire(body, "length", encoding)) as (response, pool):
            with pytest.raises(DecodeError):
                getattr(response, read)(5000)
            for _ in range(3):
                with contextlib.suppress(DecodeError):
                    assert getattr(response, read)(5000) == b""
            assert pool.kept


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        pytest.param("gzip", gzipped(BODY) + b"garbage", BODY, id="RX-D5"),
        pytest.param("gzip", gzipped(BODY) + b"\0" * 100, BODY, id="RX-D5 zeros"),
        pytest.param("gzip", gzipped(BODY) * 2, BODY * 2, id="RX-D6"),
        pytest.param("deflate", encode("zlib") + b"garbage", BODY, id="RX-D8"),
        pytest.param("zstd", zstded(BODY) * 2, BODY * 2, id="RX-D15"),
        pytest.param("gzip", b"", b"", id="RX-D16"),
        pytest.param("br", b"", b"", id="RX-D16 br"),
    ],
)
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_what_can_be_made_of_an_unusual_body_is_made_of_it(encoding, body, expected, framing):
    for read in (
        lambda r: r.read(),
        lambda r: r.data,
        lambda r: b"".join(until_end(lambda: r.read(400))),
        lambda r: b"".join(r.stream(400, True)),
        lambda r: b"".join(until_end(r.read1)),
    ):
        with answer(wire(body, framing, encoding)) as (response, _):
            assert read(response) == expected


INCOMPLETE = r"^Zstandard data is incomplete$"


def test_zstd_of_no_bytes_is_incomplete_where_the_decoder_is_flushed():
    # As in 2.8.0; whatever was begun is incomplete by every way of reading.
    for read, framing, noticed in (
        (lambda r: r.read(), "length", False),
        (lambda r: r.data, "length", False),
        (lambda r: r.read(400), "length", False),
        (lambda r: list(r.stream(400, True)), "length", False),
        (lambda r: list(r.stream(400, True)), "close", False),
        (lambda r: list(r.stream(400, True)), "chunked", True),
        (lambda r: r.read1(), "length", True),
    ):
        with answer(wire(b"", framing, "zstd")) as (response, _):
            if noticed:
                with pytest.raises(DecodeError, match=INCOMPLETE):
                    read(response)
            else:
                assert read(response) in (b"", [])


def test_a_wrong_checksum_shows_at_the_end_of_a_body_read_in_pieces():
    body = gzipped(BODY)[:-8] + b"wrongcrc"
    with answer(wire(body, "length", "gzip")) as (response, _):
        assert [len(response.read(400)), len(response.read(400))] == [400, 400]
        with pytest.raises(DecodeError, match="incorrect data check"):
            response.read(400)
        assert response.read(400) == b""


def test_a_decode_error_of_a_chunked_stream_closes_the_connection():
    with answer(wire(b"garbage" * 20, "chunked", "gzip")) as (response, pool):
        with pytest.raises(DecodeError):
            list(response.stream(10, True))
        assert pool.kept[0].sock is None


def test_a_decode_error_of_a_read_leaves_the_response_open():
    with answer(wire(b"garbage" * 20, "length", "gzip")) as (response, pool):
        with pytest.raises(DecodeError):
            response.read(8)
        assert (response.closed, pool.kept) == (False, [])
        assert response.read() == b""
        assert pool.kept


def test_a_decode_error_while_preloading_is_raised_as_it_is_and_not_retried():
    with serve([wire(b"garbage" * 20, "length", "gzip")]) as server:
        with HTTPConnectionPool(server.host, server.port, retries=3) as pool:
            with pytest.raises(DecodeError):
                pool.urlopen("GET", "/")
            assert [conn for conn in pool.pool.queue if conn and conn.sock] == []
        assert len(server.requests) == 1


# ---------------------------------------------------------------- no body, odd lengths


@pytest.mark.parametrize(
    "body",
    [
        head(status="204 No Content"),
        head("Content-Length: 0", status="204 No Content"),
        head("Content-Length: 5", status="204 No Content") + b"hello",
        head("Content-Length: 100", status="304 Not Modified"),
    ],
)
def test_an_answer_that_has_no_body_is_released_by_the_first_read(body):
    with answer(body) as (response, pool):
        assert (response.length_remaining, response.closed, pool.kept) == (0, False, [])
        assert response.read() == b""
        assert pool.kept


def test_a_204_has_no_chunks_whatever_it_says():
    # 2.8.0 waits for one until the read times out.
    with answer(head("Transfer-Encoding: chunked", status="204 No Content")) as (response, pool):
        assert response.length_remaining == 0
        assert response.read() == b""
        assert pool.kept[0].sock is not None


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 100"],
        ["Transfer-Encoding: chunked"],
        ["Content-Encoding: gzip", "Content-Length: 5"],
        ["Content-Encoding: zstd", "Content-Length: 5"],
        ["Content-Encoding: zstd", "Transfer-Encoding: chunked"],
    ],
)
def test_an_answer_to_head_has_no_body(lines):
    for read in (lambda r: r.read(), lambda r: b"".join(r.stream()), lambda r: r.data):
        with answer(head(*lines), method="HEAD") as (response, pool):
            assert response.length_remaining == 0
            assert response.chunked == ("Transfer-Encoding: chunked" in lines)
            assert read(response) == b""
            assert pool.kept[0].sock is not None
    with answer(head(*lines), method="HEAD", preload_content=True) as (response, _):
        assert response.chunked == ("Transfer-Encoding: chunked" in lines)


def test_an_answer_to_head_with_length_and_chunks_has_no_body_either():
    # 2.8.0 warns, and takes the length for unknown.
    lines = ["Transfer-Encoding: chunked", "Content-Length: 5"]
    with answer(head(*lines), method="HEAD") as (response, _):
        assert (response.length_remaining, response.read()) == (0, b"")


def test_head_in_lower_case_is_a_method_like_any_other():
    with answer(head("Content-Length: 5"), method="head", ends=True) as (response, _):
        assert response.length_remaining == 5
        with pytest.raises(ProtocolError):
            response.read()


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_interim_answers_are_skipped(interim):
    # 2.8.0 skips 100 alone, and lets the next request meet the real answer.
    with answer(head(status=interim) * 2 + wire(b"ok")) as (response, pool):
        assert (response.status, response.read()) == (200, b"ok")
        assert pool.kept[0].sock is not None


def test_switching_protocols_unasked_is_an_answer_without_a_body():
    with answer(head(status="101 Switching Protocols")) as (response, pool):
        assert (response.status, response.read(), pool.kept) == (101, b"", [])


def test_without_a_length_the_body_ends_when_the_server_closes():
    with answer(wire(b"hello", "close")) as (response, pool):
        assert (response.length_remaining, response.read()) == (None, b"hello")
        assert pool.kept[0].sock is None


@pytest.mark.parametrize(
    "lines", [["Content-Length: 5, 5"], ["Content-Length: 5", "Content-Length: 5"]]
)
def test_a_length_said_twice_is_that_length(lines):
    with answer(head(*lines) + b"hello") as (response, _):
        assert (response.length_remaining, response.read()) == (5, b"hello")


def test_contradicting_lengths_are_raised_as_they_are_and_not_retried():
    with serve([head("Content-Length: 5, 6") + b"hello"]) as server:
        with HTTPConnectionPool(server.host, server.port, retries=3) as pool:
            with pytest.raises(
                InvalidHeader,
                match=r"^Content-Length contained multiple unmatching values \(5, 6\)$",
            ):
                pool.urlopen("GET", "/")
        assert len(server.requests) == 1


@pytest.mark.parametrize("length", ["-5", "foo", "", "5.0", "+5"])
def test_a_length_that_is_none_breaks_the_connection(length):
    # 2.8.0 reads `+5` as 5, and with the others until the server closes.
    with pytest.raises(ProtocolError, match="Content-Length"):
        with answer(head(f"Content-Length: {length}") + b"hello", ends=True):
            pass


def test_the_version_is_the_servers_and_its_text_the_connections():
    with answer(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok") as (response, _):
        assert (response.version, response.version_string) == (10, "HTTP/1.1")


@pytest.mark.parametrize("read", [lambda r: r.read(), lambda r: list(r.stream())])
def test_an_empty_body_holds_the_connection_until_the_first_read(read):
    with answer(wire(b"")) as (response, pool):
        assert (response.closed, pool.kept) == (False, [])
        assert read(response) in (b"", [])
        assert pool.kept


def test_a_tls_error_in_the_body_is_an_ssl_error():
    from urllib3.exceptions import SSLError

    with answer(wire(b"hello", "close")) as (response, pool):
        connection = response.connection
        response._fp.read = lambda *amount: (_ for _ in ()).throw(ssl.SSLError("bad record mac"))
        with pytest.raises(SSLError, match="bad record mac"):
            response.read()
        assert connection.sock is None or isinstance(connection.sock, socket.socket)
        assert pool.kept == [connection]
