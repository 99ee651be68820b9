"""A hundred megabytes pass through, whichever way, and leave memory as flat as one does."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import random
import shutil
import struct
import tracemalloc
import zlib

import pytest

from tests.support.scripted import Call, Recv, Send, serve
from tests.support.tls import tunnel_to
from urllib3 import PoolManager, ProxyManager

MEGABYTE = 1 << 20
LARGE = 100 * MEGABYTE
BOUND = 3 * MEGABYTE  # both ends, buffers of the proxy included
# Squeezed it is half as long: what one read of the socket gives is not much more then.
BLOCK = random.Random(0).randbytes(32768).hex().encode()
BLOCKS = LARGE // len(BLOCK)
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def head(*fields):
    return "\r\n".join(["HTTP/1.1 200 OK", *fields, "", ""]).encode()


def plain():
    yield head(f"Content-Length: {LARGE}")
    for _ in range(BLOCKS):
        yield BLOCK


def chunked(blocks=None):
    if blocks is None:
        yield head("Transfer-Encoding: chunked")
        blocks = (BLOCK for _ in range(BLOCKS))
    for block in blocks:
        yield b"%x\r\n%b\r\n" % (len(block), block)
    yield b"0\r\n\r\n"


def squeezed():
    """A block squeezed once, many times over (RFC 1951, 3.2.3; RFC 1952)."""
    yield head("Transfer-Encoding: chunked", "Content-Encoding: gzip")
    squeezer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = squeezer.compress(BLOCK) + squeezer.flush(zlib.Z_FULL_FLUSH)
    check = 0
    for _ in range(BLOCKS):
        check = zlib.crc32(BLOCK, check)
    trailer = squeezer.flush() + struct.pack("<LL", check, LARGE)
    begin = gzip.compress(b"")[:10]
    yield from chunked(itertools.chain([begin], itertools.repeat(block, BLOCKS), [trailer]))


def until_close():
    yield head()
    for _ in range(BLOCKS):
        yield BLOCK


ANSWERS = {"length": plain, "chunks": chunked, "gzip": squeezed, "close": until_close}


class Count:
    """A file that keeps nothing."""

    def __init__(self):
        self.length = 0

    def write(self, data):
        self.length += len(data)


def streamed(response):
    return sum(map(len, response.stream(decode_content=True)))


def streamed_finely(response):
    return sum(map(len, response.stream(10_000, decode_content=True)))


def read(response):
    return sum(map(len, iter(lambda: response.read(200_000), b"")))


def read_as_it_comes(response):
    return sum(map(len, iter(response.read1, b"")))


def read_into(response):
    buffer, length = bytearray(100_000), 0
    while count := response.readinto(buffer):
        length += count
    return length


def copied(response):
    shutil.copyfileobj(response, file := Count())
    return file.length


@contextlib.contextmanager
def site(talk, certificates, route):
    """A manager, and the URL of a site to which ROUTE leads, where TALK has the socket."""
    secure = certificates.localhost.server_context
    with contextlib.ExitStack() as stack:
        tls = None if route == "plain" else secure()
        server = stack.enter_context(serve([Call(talk)], tls=tls))
        options = {"ca_certs": certificates.ca, "timeout": 30, "retries": False}
        if route in {"plain", "TLS"}:
            manager = PoolManager(**options)
        else:
            script = [Recv(), Send(ESTABLISHED), Call(tunnel_to(server.port))]
            scheme = "https" if route == "TLS in TLS" else "http"
            tls = secure() if route == "TLS in TLS" else None
            proxy = stack.enter_context(serve(script, tls=tls))
            manager = ProxyManager(f"{scheme}://localhost:{proxy.port}", **options)
        stack.enter_context(manager)
        yield manager, server.url()


def peak_of(function):
    tracemalloc.start()
    try:
        result = function()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def pour(framing):
    def talk(sock):
        sock.recv(65536)
        for piece in ANSWERS[framing]():
            sock.sendall(piece)

    return talk


def download(manager, url, consume):
    response = manager.request("GET", url, preload_content=False)
    try:
        return consume(response)
    finally:
        response.close()


@pytest.mark.parametrize("route", ["plain", "TLS", "CONNECT", "TLS in TLS"])
@pytest.mark.parametrize("framing", ["length", "chunks", "gzip"])
def test_a_download_by_every_route_is_streamed(certificates, route, framing):
    with site(pour(framing), certificates, route) as (manager, url):
        length, peak = peak_of(lambda: download(manager, url, streamed))
    assert length == LARGE
    assert peak < BOUND


@pytest.mark.parametrize(
    "consume",
    [streamed_finely, read, read_as_it_comes, read_into, copied],
    ids=lambda way: way.__name__,
)
@pytest.mark.parametrize("framing", ANSWERS)
def test_a_download_is_read_in_every_way(certificates, framing, consume):
    with site(pour(framing), certificates, "plain") as (manager, url):
        length, peak = peak_of(lambda: download(manager, url, consume))
    assert length == LARGE
    assert peak < BOUND


class Endless:
    """A file of a hundred megabytes that is not there."""

    def __init__(self):
        self.left = LARGE

    def read(self, size=-1):
        assert size > 0, "asked for everything at once"
        piece = BLOCK[: min(size, self.left)]
        self.left -= len(piece)
        return piece


BODIES = {
    "file": Endless,
    "pieces": lambda: (BLOCK for _ in range(BLOCKS)),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("route", ["plain", "TLS", "CONNECT", "TLS in TLS"])
def test_an_upload_by_every_route_is_streamed(certificates, route, body):
    def talk(sock):
        sock.settimeout(30)
        buffer, end = bytearray(65536), b""
        while end != b"\r\n0\r\n\r\n" and (count := sock.recv_into(buffer)):
            received[0] += count
            end = (end + buffer[max(0, count - 7) : count])[-7:]
        sock.sendall(OK)

    received = [0]
    with site(talk, certificates, route) as (manager, url):
        answer, peak = peak_of(lambda: manager.request("PUT", url, body=BODIES[body]()).data)
    assert answer == b"ok"
    assert received[0] > LARGE
    assert peak < BOUND
