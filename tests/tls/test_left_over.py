"""Bytes behind an answer that wait inside a TLS object, where poll() does not see them.

They were sent by somebody who would have the next request answered with them.
"""

from __future__ import annotations

import contextlib
import socket
import ssl

import pytest

from tests.support.tls import InnerServer, tls_server
from urllib3 import HTTPSConnectionPool
from urllib3._http1.receiver import Receiver
from urllib3.util import wait_for_read
from urllib3.util.ssltransport import SSLTransport

RECORD = 16384
FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nFORGED"
REAL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal"


def talk(size, framing, beyond=FORGED):
    """Answer the first request with *size* bytes, their end and *beyond* in one record."""
    first = [True]

    def serve(sock):
        while sock.recv(65536):
            if not first:
                sock.sendall(REAL)
                continue
            first.clear()
            body = b"x" * size
            if framing == "length":
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
                end = beyond
            else:
                sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size)
                end = b"\r\n0\r\n\r\n" + beyond
            whole = (size - 1) // RECORD * RECORD
            sock.sendall(body[:whole])
            sock.sendall(body[whole:] + end)

    return serve


def into(response, size):
    buffer = bytearray(size)
    return bytes(buffer[: response.readinto(buffer)])


READ = {
    "read": lambda response, size: response.read(),
    "read(n)": lambda response, size: response.read(size),
    "stream": lambda response, size: b"".join(response.stream(size)),
    "stream by 1000": lambda response, size: b"".join(response.stream(1000)),
    "readinto": into,
    "data": lambda response, size: response.data,
}


@contextlib.contextmanager
def spoken_by(kind):
    if kind == "pyOpenSSL":
        pyopenssl = pytest.importorskip("urllib3.contrib.pyopenssl")
        pyopenssl.inject_into_urllib3()
        try:
            yield
        finally:
            pyopenssl.extract_from_urllib3()
    else:
        yield


@pytest.mark.parametrize("kind", ["ssl", "pyOpenSSL"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", [1, 2 * RECORD, 40000, 5 * 8192])
@pytest.mark.parametrize("way", READ)
def test_what_waits_in_the_tls_object_answers_no_request(certificates, kind, framing, size, way):
    context = certificates.localhost.server_context()
    with spoken_by(kind), tls_server(context, talk(size, framing)) as server:
        pool = HTTPSConnectionPool(
            "localhost", server.port, ca_certs=certificates.ca, timeout=10, retries=False
        )
        with pool:
            response = pool.urlopen("GET", "/", preload_content=False)
            assert READ[way](response, size) == b"x" * size
            response.drain_conn()
            response.release_conn()
            assert pool.urlopen("GET", "/").data == b"real"
            assert pool.num_connections == 1


@pytest.mark.parametrize("kind", ["ssl", "pyOpenSSL"])
def test_a_connection_with_nothing_behind_the_answer_is_used_again(certificates, kind):
    context = certificates.localhost.server_context()
    with spoken_by(kind), tls_server(context, talk(40000, "length", b"")) as server:
        pool = HTTPSConnectionPool(
            "localhost", server.port, ca_certs=certificates.ca, timeout=10, retries=False
        )
        with pool:
            assert len(pool.urlopen("GET", "/").data) == 40000
            [conn] = pool.pool.queue
            sock = conn.sock
            assert pool.urlopen("GET", "/").data == b"real"
            assert conn.sock is sock


def test_session_tickets_do_not_make_a_connection_unfit(certificates):
    with tls_server(certificates.localhost.server_context()) as server:
        context = ssl.create_default_context(cafile=certificates.ca)
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as sock:
                assert sock.version() == "TLSv1.3"
                receiver = Receiver(sock)
                assert wait_for_read(sock, 10)  # the tickets
                assert receiver.is_fit()
                assert sock.gettimeout() == 10
                sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert wait_for_read(sock, 10)
                while receiver.is_fit():  # the other ticket may have come apart
                    assert wait_for_read(sock, 10)  # then an answer that nobody reads


# ---------------------------------------------------------------- TLS in TLS


@contextlib.contextmanager
def inner_stream(certificates, say):
    inner_context = certificates.example.server_context()
    server_side = certificates.localhost.server_context()
    with tls_server(server_side, lambda sock: say(InnerServer(sock, inner_context))) as server:
        context = ssl.create_default_context(cafile=certificates.ca)
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as outer:
                yield SSLTransport(outer, context, server_hostname="example.com")


@pytest.mark.parametrize("records", [1, 2], ids=["in one record", "in two records"])
def test_what_waits_in_tls_in_tls_makes_the_connection_unfit(certificates, records):
    def say(inner):
        inner.recv(1)
        for piece in [b"answer" + FORGED] if records == 1 else [b"answer", FORGED]:
            inner.do(inner.tls.write, piece) if records == 1 else inner.tls.write(piece)
        inner.flush()
        inner.recv(1)

    with inner_stream(certificates, say) as sock:
        receiver = Receiver(sock)
        sock.sendall(b"?")
        assert sock.recv(6) == b"answer"
        assert not receiver.is_fit()
        assert sock._pending() == len(FORGED)
        buffer = bytearray(4)
        assert sock.recv_into(buffer) == 4
        assert bytes(buffer) + sock.recv(100) == FORGED
        assert sock._pending() == 0


def test_the_end_of_tls_in_tls_makes_the_connection_unfit(certificates):
    def say(inner):
        inner.recv(1)
        inner.tls.write(b"answer")
        with contextlib.suppress(ssl.SSLWantReadError):
            inner.tls.unwrap()
        inner.flush()
        inner.outer.recv(1)

    with inner_stream(certificates, say) as sock:
        receiver = Receiver(sock)
        sock.sendall(b"?")
        assert sock.recv(6) == b"answer"
        assert not receiver.is_fit()
        assert sock.recv(1) == b""


def test_tls_in_tls_with_nothing_behind_the_answer_is_fit(certificates):
    def say(inner):
        inner.recv(1)
        inner.sendall(b"answer")
        inner.recv(1)

    with inner_stream(certificates, say) as sock:
        receiver = Receiver(sock)
        sock.sendall(b"?")
        assert sock.recv(6) == b"answer"
        assert sock._pending() == 0
        assert receiver.is_fit()
