"""Bodies that leave in few calls are the bytes that http.client's steps would have sent."""

from __future__ import annotations

import array
import contextlib
import io
import os
import socket
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from urllib3.connection import HTTPConnection


class Peer:
    """The far end of a socket pair: it reads everything until told that all has been sent."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.received = bytearray()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while data := self.far.recv(5000):
            self.received += data

    def all_received(self) -> bytes:
        self.near.shutdown(socket.SHUT_WR)
        self._thread.join()
        self.near.close()
        self.far.close()
        return bytes(self.received)


def sent(body, *, step_by_step=False, timeout=5.0, blocksize=16384, **options):
    peer = Peer()
    peer.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    conn = HTTPConnection("h", blocksize=blocksize, timeout=timeout)
    conn.sock = peer.near
    if step_by_step:
        send = conn.send
        conn.send = lambda data: send(data)
    try:
        conn.request("PUT", "/", body, **options)
    finally:
        received = peer.all_received()
        conn.close()
    return received


@contextlib.contextmanager
def on_disk(tmp_path, data, skip=0):
    path = tmp_path / "body"
    path.write_bytes(data)
    with path.open("rb") as file:
        file.read(skip)
        yield file


DATA = bytes(range(256)) * 5000  # more than is read ahead at once


def generated():
    yield b""
    yield "ä"
    yield from (DATA[at : at + 70_001] for at in range(0, len(DATA), 70_001))


def advanced(file, size):
    file.read(size)
    return file


KINDS = {
    "bytes": lambda: DATA,
    "bytearray": lambda: bytearray(DATA),
    "integers": lambda: array.array("I", range(200_000)),
    "in steps": lambda: memoryview(DATA)[::2],
    "text": lambda: "ä" * 100_000,
    "memory": lambda: io.BytesIO(DATA),
    "memory, from the middle": lambda: advanced(io.BytesIO(DATA), 77),
    "text file": lambda: io.StringIO("ä" * 50_000),
    "generated": generated,
    "list": lambda: [b"a", "b", bytearray(b"c"), b"", array.array("H", [1, 2])],
    "nothing": lambda: io.BytesIO(b""),
}


@pytest.mark.parametrize("timeout", [None, 5.0], ids=["without a timeout", "with one"])
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_send_the_same(kind, chunked, timeout):
    options = {"chunked": chunked, "timeout": timeout}
    if kind in ("integers", "in steps"):
        plain = memoryview(KINDS[kind]()).tobytes()
        expected = sent(plain, step_by_step=True, **options)
    else:
        expected = sent(KINDS[kind](), step_by_step=True, **options)
    assert sent(KINDS[kind](), **options) == expected


@pytest.mark.parametrize("headers", [None, "length"], ids=["chunked", "whole"])
@pytest.mark.parametrize("skip", [0, 5])
@pytest.mark.parametrize("size", [0, 10, 16384, len(DATA)])
def test_a_file_on_disk_is_sent_from_where_it_is_and_left_at_its_end(tmp_path, size, skip, headers):
    data = DATA[:size]
    length = {"Content-Length": str(max(0, size - skip))} if headers else None
    with on_disk(tmp_path, data, skip) as file:
        expected = sent(file, step_by_step=True, headers=length)
    with on_disk(tmp_path, data, skip) as file:
        assert sent(file, headers=length) == expected
        assert file.tell() == size


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 300) | st.sampled_from([65536, len(DATA)]),
    blocksize=st.integers(1, 400) | st.sampled_from([8192, 16384, 1 << 20]),
    chunked=st.booleans(),
)
def test_files_read_ahead_keep_their_blocks(size, blocksize, chunked):
    data = DATA[: min(size, blocksize * 2000)]
    headers = None if chunked else {"Content-Length": str(len(data))}
    expected = sent(io.BytesIO(data), step_by_step=True, blocksize=blocksize, headers=headers)
    assert sent(io.BytesIO(data), blocksize=blocksize, headers=headers) == expected


def test_what_a_file_grows_by_while_it_is_sent_is_not_sent(tmp_path, monkeypatch):
    sendfile = os.sendfile
    with on_disk(tmp_path, DATA) as file:

        def grow_first(*place):
            if os.fstat(file.fileno()).st_size == len(DATA):
                with open(file.name, "ab") as other:
                    other.write(b"more")
            return sendfile(*place)

        monkeypatch.setattr(os, "sendfile", grow_first)
        received = sent(file, headers={"Content-Length": str(len(DATA))})
        assert file.read() == b"more"
    assert received.endswith(b"\r\n\r\n" + DATA)


def test_a_stalled_peer_ends_an_upload_with_a_timeout(tmp_path):
    near, far = socket.socketpair()
    with near, far, on_disk(tmp_path, DATA * 4) as file:
        for body in (file, DATA * 8, io.BytesIO(DATA * 8)):
            conn = HTTPConnection("h", timeout=0.05)
            conn.sock = near
            with pytest.raises(TimeoutError):
                conn.request("PUT", "/", body, headers={"Content-Length": "99999999"})


def test_a_piece_that_was_made_leaves_before_the_next_is_made():
    near, far = socket.socketpair()
    far.settimeout(5)

    def slowly():
        head = far.recv(1 << 16)
        assert head.endswith(b"\r\n\r\n")
        yield b"first"
        assert far.recv(1 << 16) == b"5\r\nfirst\r\n"
        yield b"second"

    with near, far:
        conn = HTTPConnection("h")
        conn.sock = near
        conn.request("PUT", "/", slowly())
        assert far.recv(1 << 16) == b"6\r\nsecond\r\n0\r\n\r\n"


def test_a_file_like_object_is_read_as_its_blocks_are_sent():
    near, far = socket.socketpair()
    far.settimeout(5)

    class Talk(io.BytesIO):
        def read(self, size=-1):
            block = super().read(3)
            if not block:
                assert b"3\r\nabc\r\n3\r\ndef\r\n" in far.recv(1 << 16)
            return block

    with near, far:
        conn = HTTPConnection("h")
        conn.sock = near
        conn.request("PUT", "/", Talk(b"abcdef"))


def test_all_that_is_sent_is_audited(tmp_path, monkeypatch):
    heard = []

    # In place of a hook, which nobody can remove again.
    def audit(event, *args):
        if event == "http.client.send":
            heard.append(args[1])

    monkeypatch.setattr(sys, "audit", audit)
    for body in (DATA, io.BytesIO(DATA), generated()):
        del heard[:]
        assert sent(body) == b"".join(bytes(data) for data in heard)
    with on_disk(tmp_path, DATA) as file:
        del heard[:]
        sent(file, headers={"Content-Length": str(len(DATA))})
        assert heard[1] is file
