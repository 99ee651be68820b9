"""Responses that have been sent before they are requested, read by a real pool and connection.

    with answer(b"HTTP/1.1 200 OK...", preload_content=False) as (response, pool): ...

The connection's ``_new_conn`` hands out one end of a socket pair, into whose other end the answer
has been written already: no thread and no port, so these tests cost a fraction of a millisecond.
"""

from __future__ import annotations

import contextlib
import importlib
import socket
import struct
import sys
import typing
import zlib
from collections.abc import Iterator

import pytest

from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

BODY = b"0123456789" * 100
FRAMINGS = ("length", "chunked", "close")


def is_installed(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def gzipped(data: bytes) -> bytes:
    # gzip.compress() writes other headers from version to version, and tests count bytes.
    stream = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    deflated = stream.compress(data) + stream.flush()
    header = b"\x1f\x8b\x08\0\0\0\0\0\2\xff"
    return header + deflated + struct.pack("<LL", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def brotlied(data: bytes) -> bytes:
    brotli = pytest.importorskip("brotli", reason="brotli is not installed")
    compressed: bytes = brotli.compress(data)
    return compressed


#: The module for zstd: of the standard library, from Python 3.14 on.
ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


def zstded(data: bytes) -> bytes:
    zstd = pytest.importorskip(ZSTD, reason="zstd is not installed")
    compressed: bytes = zstd.compress(data)
    return compressed


#: name -> Content-Encoding, and how a body gets it
CODINGS: dict[str, tuple[str | None, typing.Callable[[bytes], bytes]]] = {
    "identity": (None, bytes),
    "gzip": ("gzip", gzipped),
    "zlib": ("deflate", zlib.compress),
    "raw": ("deflate", raw_deflate),
    "br": ("br", brotlied),
    "zstd": ("zstd", zstded),
    "multi": ("gzip, deflate", lambda data: zlib.compress(gzipped(data))),
}


for name, module in (("br", "brotli"), ("zstd", ZSTD)):
    if not is_installed(module):
        del CODINGS[name]


needs_every_coding = pytest.mark.skipif(
    not {"br", "zstd"} <= CODINGS.keys(), reason="brotli, or a module for zstd, is not installed"
)


def encode(coding: str, data: bytes = BODY) -> bytes:
    return CODINGS[coding][1](data)


def in_chunks(data: bytes, size: int) -> bytes:
    """*data* as a chunked body of chunks of *size* bytes."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def wire(
    content: bytes, framing: str = "length", encoding: str | None = None, chunk: int = 300
) -> bytes:
    """A whole answer with *content* as it stands for its body."""
    lines = [] if encoding is None else [f"Content-Encoding: {encoding}"]
    if framing == "chunked":
        return head("Transfer-Encoding: chunked", *lines) + in_chunks(content, chunk)
    if framing == "length":
        lines.append(f"Content-Length: {len(content)}")
    return head(*lines) + content


def coded(coding: str, framing: str = "length", data: bytes = BODY, chunk: int = 300) -> bytes:
    """A whole answer with *data* in *coding* for its body."""
    return wire(encode(coding, data), framing, CODINGS[coding][0], chunk)


class Pool(HTTPConnectionPool):
    """A pool of one slot whose connections meet, one after the other, the given answers."""

    def __init__(self, *answers: bytes, ends: bool = True) -> None:
        super().__init__("prepared", maxsize=1, retries=False)
        self.answers = list(answers)
        self.ends = ends
        self.peers: list[socket.socket] = []
        pool = self

        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return pool.dial()

        self.ConnectionCls = Connection

    def dial(self) -> socket.socket:
        ours, peer = socket.socketpair()
        ours.settimeout(10)
        self.peers.append(peer)
        peer.sendall(self.answers.pop(0))
        if self.ends:
            peer.shutdown(socket.SHUT_WR)
        return ours

    @property
    def kept(self) -> list[HTTPConnection]:
        """The connections that are back in the pool."""
        assert self.pool is not None
        return [conn for conn in self.pool.queue if conn is not None]

    def shut(self) -> None:
        self.close()
        for peer in self.peers:
            peer.close()


@contextlib.contextmanager
def answer(
    *answers: bytes,
    method: str = "GET",
    ends: bool | None = None,
    **options: typing.Any,
) -> Iterator[tuple[typing.Any, Pool]]:
    """The response to one request, unread unless the options say otherwise, and its pool.

    :param ends: whether the peer closes after the answer; None = if it must, to end the body
    """
    if ends is None:
        ends = b"ontent-Length" not in answers[0] and b"chunked" not in answers[0]
    pool = Pool(*answers, ends=ends)
    options.setdefault("preload_content", False)
    response = None
    try:
        response = pool.urlopen(method, "/", **options)
        yield response, pool
    finally:
        if response is not None:
            connection = response.connection
            response.close()
            if connection is not None:
                connection.close()
        pool.shut()


def closed(connection: HTTPConnection) -> bool:
    return connection.sock is None


def until_end(read: typing.Callable[[], bytes]) -> list[bytes]:
    """What *read* answers until it answers nothing."""
    return list(iter(read, b""))
