"""GOAWAY is taken out of what h2 is given, however the stream of frames is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("h2", reason="h2 is not installed")

from urllib3.http2.connection import HTTP2Connection, StreamFailed

GOAWAY = 7


def frame(kind, payload, stream=1):
    head = len(payload).to_bytes(3, "big") + bytes([kind, 0]) + stream.to_bytes(4, "big")
    return head + payload


def goaway(last, code=0, debug=b""):
    return frame(GOAWAY, last.to_bytes(4, "big") + code.to_bytes(4, "big") + debug, 0)


def waiting(stream):
    conn = HTTP2Connection("h")
    conn._h2_stream = stream
    return conn


others = st.builds(
    frame, st.integers(0, 20).filter(lambda kind: kind != GOAWAY), st.binary(max_size=20)
)
farewells = st.builds(goaway, st.integers(3, 2**31 - 1), st.integers(0, 20), st.binary(max_size=5))


@given(st.lists(st.one_of(others, farewells), max_size=6), st.lists(st.integers(1, 30)))
def test_the_other_frames_pass_whole_and_in_order(frames, sizes):
    conn = waiting(3)
    rest, passed = b"".join(frames), b""
    for size in [*sizes, len(rest)]:
        piece, rest = rest[:size], rest[size:]
        passed += conn._without_goaway(piece)
    assert passed == b"".join(each for each in frames if each[3] != GOAWAY)
    assert conn._cut_short == b""
    assert conn._going_away == any(each[3] == GOAWAY for each in frames)


@pytest.mark.parametrize(
    ("code", "name"), [(0, "NO_ERROR"), (11, "ENHANCE_YOUR_CALM"), (4711, "4711")]
)
def test_a_stream_that_will_not_be_answered_has_failed(code, name):
    with pytest.raises(StreamFailed, match=f"^GOAWAY from peer: {name}$"):
        waiting(3)._without_goaway(goaway(1, code))
    # The reserved bit is no part of the number.
    with pytest.raises(StreamFailed):
        waiting(3)._without_goaway(goaway(0x80000001, code))


@pytest.mark.parametrize("stream", [None, 1, 3])
def test_streams_up_to_the_last_one_are_still_answered(stream):
    conn = waiting(stream)
    assert conn._without_goaway(goaway(3)) == b""
    assert not conn.is_connected


def test_what_is_malformed_is_for_h2_to_refuse():
    short = frame(GOAWAY, b"1234", 0)
    assert waiting(1)._without_goaway(short) == short
    # A frame that is too long is handed over at once, not collected.
    endless = b"\xff\xff\xff\0\0\0\0\0\1" + b"x" * 100
    conn = waiting(1)
    assert conn._without_goaway(endless) == endless
    assert conn._cut_short == b""
