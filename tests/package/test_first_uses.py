"""The first things that everybody does with a pool, each to the letter, on the loopback interface.

The names of hosts are the only thing that differs from what one would write for a site.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest

from tests.support.scripted import Close, Reset, serve
from tests.support.tls import tls_server
from urllib3 import (
    HTTPConnectionPool,
    HTTPSConnectionPool,
    Retry,
    Timeout,
    connection_from_url,
)
from urllib3.exceptions import ClosedPoolError, HostChangedError, MaxRetryError, SSLError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def echo(request):
    """What was asked, and what came with it."""
    body = request.line.encode() + b"\n" + request.body
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture
def site():
    with serve(handler=echo) as server:
        yield server


@pytest.fixture
def secure_site(certificates):
    with serve(handler=echo, tls=certificates.localhost.server_context()) as server:
        yield server


@pytest.fixture
def trusted(certificates, monkeypatch):
    """The system's trust store holds our authority, and it alone."""
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca)
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")


def get_and_post(pool):
    """A GET and a POST of fields, as everybody's first two requests."""
    response = pool.urlopen("GET", "/get")
    assert response.status == 200
    assert response.data == b"GET /get HTTP/1.1\n"
    response = pool.urlopen("POST", "/post", fields={"key": "value"})
    assert response.status == 200
    return response.data


# ---------------------------------------------------------------- a plain pool


def test_a_get_and_a_post_of_fields_share_a_connection(site):
    pool = HTTPConnectionPool(site.host, port=site.port)
    told = get_and_post(pool)
    assert told.startswith(b"POST /post HTTP/1.1\n--")
    assert b'Content-Disposition: form-data; name="key"\r\n\r\nvalue\r\n--' in told
    kind = site.requests[1].get("Content-Type")
    assert kind.startswith("multipart/form-data; boundary=")
    assert site.connections == pool.num_connections == 1
    assert pool.num_requests == 2
    pool.close()


def test_port_80_needs_no_port():
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 80)))
        except OSError as error:
            pytest.skip(f"port 80 cannot be had: {error}")
        hosts = []

        def serve_one_connection():
            with listener.accept()[0] as sock, sock.makefile("rb") as lines:
                for _ in range(2):
                    length = 0
                    while (line := lines.readline()).rstrip():
                        name, _, value = line.partition(b": ")
                        if name == b"Host":
                            hosts.append(value.strip())
                        if name == b"Content-Length":
                            length = int(value)
                    lines.read(length)
                    sock.sendall(OK)

        server = threading.Thread(target=serve_one_connection, daemon=True)
        server.start()
        with HTTPConnectionPool("127.0.0.1") as pool:
            assert pool.urlopen("GET", "/get").data == b"ok"
            assert pool.urlopen("POST", "/post", fields={"key": "value"}).data == b"ok"
            assert pool.num_connections == 1
        server.join(10)
        assert hosts == [b"127.0.0.1"] * 2


def test_every_setting_of_a_pool_at_once(site):
    pool = HTTPConnectionPool(
        site.host,
        port=site.port,
        maxsize=10,
        block=True,
        timeout=Timeout(connect=2.0, read=5.0),
        retries=Retry(total=3, backoff_factor=0.3),
        headers={"User-Agent": "my-app/1.0"},
    )
    get_and_post(pool)
    assert [request.get("User-Agent") for request in site.requests] == ["my-app/1.0"] * 2
    leased = [pool._get_conn(timeout=1) for _ in range(10)]
    assert {conn.timeout for conn in leased[1:]} == {2.0}
    for conn in leased:
        pool._put_conn(conn)
    assert (pool.timeout.connect_timeout, pool.timeout.read_timeout) == (2.0, 5.0)
    assert (pool.retries.total, pool.retries.backoff_factor) == (3, 0.3)
    assert pool.pool.qsize() == 10
    pool.close()


def test_three_retries_are_three_connections_more_and_then_an_error():
    # A back-off factor like the one above, in thousandths: the pauses are not the point.
    retries = Retry(total=3, backoff_factor=0.0003)
    with serve(*[[Reset()]] * 4) as server:
        with HTTPConnectionPool(server.host, server.port, retries=retries) as pool:
            with pytest.raises(MaxRetryError, match="Max retries exceeded with url: /get"):
                pool.urlopen("GET", "/get")
        assert server.connections == 4


def test_leaving_the_block_closes_the_pool(site):
    with HTTPConnectionPool(site.host, site.port) as pool:
        assert pool.urlopen("GET", "/get").status == 200
        conn = pool._get_conn()
        pool._put_conn(conn)
        assert conn.sock is not None
    assert conn.sock is None
    with pytest.raises(ClosedPoolError):
        pool.urlopen("GET", "/get")


def test_a_pool_is_closed_by_hand_even_if_a_request_failed(site):
    pool = HTTPConnectionPool(site.host, site.port, retries=False)

    def ask():
        try:
            assert pool.urlopen("GET", "/get").status == 200
            pool.urlopen("GET", "http://another.example/")
        finally:
            pool.close()

    with pytest.raises(HostChangedError):
        ask()
    assert pool.pool is None
    assert site.connections == 1


def test_a_pool_knows_its_own_host(site):
    with HTTPConnectionPool("example.com") as pool:
        assert pool.is_same_host("/path")
        assert pool.is_same_host("http://example.com/path")
        assert pool.is_same_host("http://EXAMPLE.com:80/")
        assert not pool.is_same_host("http://other.com/")
        assert not pool.is_same_host("https://example.com/")
    with HTTPConnectionPool(site.host, site.port) as pool:
        assert pool.is_same_host(site.url("/x"))
        assert not pool.is_same_host(f"http://{site.host}/x")


def test_a_url_makes_the_pool_that_it_is_for(site):
    with connection_from_url(site.url("/ignored"), maxsize=3) as pool:
        assert type(pool) is HTTPConnectionPool
        assert pool.urlopen("GET", "/get").status == 200
        assert pool.pool.maxsize == 3


# ---------------------------------------------------------------- with TLS


@pytest.mark.usefixtures("trusted")
def test_the_system_is_trusted_by_default(secure_site):
    with HTTPSConnectionPool("localhost", secure_site.port) as pool:
        get_and_post(pool)
        assert [conn.is_verified for conn in pool.pool.queue] == [True]
    assert secure_site.connections == 1


def test_whom_the_system_does_not_trust_is_refused(secure_site):
    with HTTPSConnectionPool("localhost", secure_site.port, retries=False) as pool:
        with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            pool.urlopen("GET", "/get")
    assert secure_site.requests == []


@pytest.mark.usefixtures("trusted")
def test_a_host_that_the_certificate_does_not_name_is_refused(secure_site):
    with HTTPSConnectionPool("127.0.0.1", secure_site.port, retries=False) as pool:
        with pytest.raises(SSLError, match="IP address mismatch"):
            pool.urlopen("GET", "/get")
    assert secure_site.requests == []


@pytest.mark.usefixtures("trusted")
def test_every_setting_of_a_pool_at_once_with_tls(secure_site):
    with HTTPSConnectionPool(
        "localhost",
        port=secure_site.port,
        maxsize=10,
        block=True,
        timeout=Timeout(connect=2.0, read=5.0),
        retries=Retry(total=3, backoff_factor=0.3),
        headers={"User-Agent": "my-app/1.0"},
    ) as pool:
        get_and_post(pool)
    assert [request.get("User-Agent") for request in secure_site.requests] == ["my-app/1.0"] * 2


def told(context):
    """All that can be seen of a context."""
    plain = ("verify_mode", "check_hostname", "options", "verify_flags", "minimum_version")
    return [getattr(context, name) for name in plain] + [
        context.maximum_version,
        context.post_handshake_auth,
        context.cert_store_stats(),
        context.get_ciphers(),
    ]


def test_the_caller_s_own_context_is_used_and_left_as_it_was(certificates, secure_site):
    context = ssl.create_default_context(cafile=certificates.ca)
    before = told(context)
    with HTTPSConnectionPool("localhost", secure_site.port, ssl_context=context) as pool:
        get_and_post(pool)
        [conn] = pool.pool.queue
        assert conn.ssl_context is context
        assert conn.sock.context is context
        assert conn.is_verified
    assert told(context) == before


def test_the_caller_s_own_context_decides_whom_to_trust(secure_site):
    context = ssl.create_default_context()
    pool = HTTPSConnectionPool("localhost", secure_site.port, ssl_context=context, retries=False)
    with pool, pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        pool.urlopen("GET", "/get")


def test_both_sides_show_a_certificate(certificates):
    context = certificates.localhost.server_context(client_ca=certificates.ca)
    with tls_server(context) as server:
        with HTTPSConnectionPool(
            "localhost",
            server.port,
            cert_file=certificates.client.certificate,
            key_file=certificates.client.key,
            ca_certs=certificates.ca,
        ) as pool:
            for _ in range(2):
                assert pool.urlopen("GET", "/get").data == b"ok"
    assert server.clients == [certificates.client.der]
    assert server.names == ["localhost"]


def test_verification_may_be_asked_for_by_its_name(certificates, secure_site):
    options = {"cert_reqs": "CERT_REQUIRED", "ca_certs": certificates.ca}
    with HTTPSConnectionPool("localhost", secure_site.port, **options) as pool:
        get_and_post(pool)
        [conn] = pool.pool.queue
        assert conn.is_verified
        assert conn.sock.context.verify_mode is ssl.CERT_REQUIRED
    with HTTPSConnectionPool(
        "localhost", secure_site.port, cert_reqs="CERT_REQUIRED", retries=False
    ) as pool:
        with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            pool.urlopen("GET", "/get")


def test_a_url_with_another_port_makes_a_pool_for_it(certificates, secure_site):
    pool = connection_from_url("https://example.com:8443")
    assert type(pool) is HTTPSConnectionPool
    assert (pool.scheme, pool.host, pool.port) == ("https", "example.com", 8443)
    pool.close()
    with connection_from_url(
        f"https://localhost:{secure_site.port}", ca_certs=certificates.ca
    ) as pool:
        get_and_post(pool)


# ---------------------------------------------------------------- shared, and unreliable


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_many_threads_share_one_pool(certificates, secure):
    threads, each, size = 16, 25, 4

    def answer(request):
        path = request.line.split()[1].encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path)

    kind, options, tls = HTTPConnectionPool, {}, None
    if secure:
        kind, options = HTTPSConnectionPool, {"ca_certs": certificates.ca}
        tls = certificates.localhost.server_context()
    wrong = []
    with serve(handler=answer, tls=tls) as server:
        with kind("localhost", server.port, maxsize=size, block=True, **options) as pool:

            def work(number):
                for turn in range(each):
                    path = f"/{number}/{turn}"
                    try:
                        answered = pool.urlopen("GET", path, timeout=30).data.decode()
                    except Exception as error:
                        answered = repr(error)
                    if answered != path:
                        wrong.append((path, answered))

            workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(50)
            assert wrong == []
            assert pool.num_requests == threads * each
            assert pool.num_connections <= size
            assert pool.pool.qsize() == size
        assert len(server.requests) == threads * each
        assert server.connections <= size


@pytest.mark.parametrize(
    "failure",
    [[OK, Close()], [OK, Reset()], [OK + b"HTTP/1.1 408 Idle\r\n\r\n", Close()]],
    ids=["closed", "reset", "closed with a last word"],
)
def test_a_connection_that_failed_is_replaced_unseen(failure):
    with serve(failure, failure, [OK]) as server:
        with HTTPConnectionPool(server.host, server.port) as pool:
            answers = [pool.urlopen("GET", "/get") for _ in range(3)]
            assert [(answer.status, answer.data) for answer in answers] == [(200, b"ok")] * 3
            assert pool.num_requests >= 3
            assert pool.pool.qsize() == 1
        assert server.connections == 3


def test_a_connection_that_failed_is_replaced_unseen_with_tls(certificates):
    with serve([OK], [OK], [OK], tls=certificates.localhost.server_context()) as server:
        with HTTPSConnectionPool("localhost", server.port, ca_certs=certificates.ca) as pool:
            answers = [pool.urlopen("GET", "/get") for _ in range(3)]
            assert [(answer.status, answer.data) for answer in answers] == [(200, b"ok")] * 3
            assert pool.pool.qsize() == 1
        assert server.connections == 3
