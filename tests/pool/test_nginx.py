"""The server that most of the web runs on: nginx, plain and with TLS, in HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
from types import SimpleNamespace

import pytest

from tests.support.programs import need, running
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Retry, http2
from urllib3.http2 import probe

pytestmark = pytest.mark.external("nginx")

MEGABYTE = 1 << 20
LARGE = 50 * MEGABYTE
TEXT = "".join(f"line {number}\n" for number in range(10_000)).encode()

NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 64; }}
http {{
    access_log off;
    default_type text/plain;
    types {{ }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    {more}
    server {{
        listen 127.0.0.1:{port}{options};
        {tls}
        root {folder}/site;
        location /squeezed/ {{ alias {folder}/site/; gzip on; gzip_types text/plain; }}
        location /connection {{ return 200 "$server_protocol $connection"; }}
        location /small-bodies {{ client_max_body_size 1k; dav_methods PUT; }}
        location /put/ {{ dav_methods PUT; }}
        location /moved {{ return 302 /text; }}
        location /kept {{ return 307 /put/kept; }}
        location /empty {{ return 204; }}
        location /failed {{ return 503 "try again"; }}
        location /seen {{ return 200 "$server_protocol $request_method $http_host $http_x_given"; }}
    }}
}}
"""


def pattern(size):
    """Bytes among which none is like those one mebibyte on, so that no loss goes unseen."""
    blocks = -(-size // MEGABYTE)
    return b"".join(b"%7d\n" % number * (MEGABYTE // 8) for number in range(blocks))[:size]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    program = need("nginx")

    def start(identity=None, more=""):
        folder = tmp_path_factory.mktemp("nginx")
        (folder / "site" / "put").mkdir(parents=True)
        (folder / "site" / "text").write_bytes(TEXT)
        (folder / "site" / "large").write_bytes(pattern(LARGE))
        tls = options = ""
        if identity is not None:
            options = " ssl http2"
            tls = f"ssl_certificate {identity.certificate}; ssl_certificate_key {identity.key};"

        def command(port):
            text = NGINX.format(folder=folder, port=port, options=options, tls=tls, more=more)
            (folder / "nginx.conf").write_text(text)
            return [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]

        @contextlib.contextmanager
        def site():
            with running(command, folder) as port:
                yield SimpleNamespace(port=port, folder=folder / "site")

        return site()

    return start


@pytest.fixture(scope="module")
def plain(start):
    with start() as site:
        yield site


@pytest.fixture(scope="module")
def secure(start, certificates):
    with start(certificates.localhost) as site:
        yield site


@contextlib.contextmanager
def in_http_2():
    http2.inject_into_urllib3()
    try:
        yield
    finally:
        http2.extract_from_urllib3()
        probe._reset()


def pool_for(site, certificates):
    return HTTPSConnectionPool("localhost", site.port, timeout=20, ca_certs=certificates.ca)


@pytest.fixture(params=["plain", "TLS", "HTTP/2"])
def pool(request, certificates):
    """A pool for nginx, and what it should speak."""
    with contextlib.ExitStack() as stack:
        if request.param == "plain":
            site = request.getfixturevalue("plain")
            pool = HTTPConnectionPool("127.0.0.1", site.port, timeout=20)
        else:
            if request.param == "HTTP/2":
                stack.enter_context(in_http_2())
            site = request.getfixturevalue("secure")
            pool = pool_for(site, certificates)
        pool.folder = site.folder
        pool.speaks = "HTTP/2.0" if request.param == "HTTP/2" else "HTTP/1.1"
        yield stack.enter_context(pool)


def test_requests_of_many_kinds_share_a_connection(pool):
    with pool:
        assert pool.request("GET", "/text").data == TEXT
        answer = pool.request("HEAD", "/text")
        assert (answer.status, answer.data) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(TEXT))
        assert pool.request("GET", "/empty").status == 204
        assert pool.request("GET", "/no-such-thing").status == 404
        assert pool.request("GET", "/moved").data == TEXT
        assert pool.request("PUT", "/put/a", body=b"abc").status in {201, 204}
        answer = pool.request("GET", "/text", headers={"Range": "bytes=5-12"})
        assert (answer.status, answer.data) == (206, TEXT[5:13])
        seen = pool.request("GET", "/seen", headers={"X-Given": "x y"}).data.decode()
        host = "localhost" if pool.scheme == "https" else "127.0.0.1"
        assert seen == f"{pool.speaks} GET {host}:{pool.port} x y"
        assert pool.num_connections == 1


def test_what_has_not_changed_is_not_sent_again(pool):
    first = pool.request("GET", "/text")
    for name, value in (
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ):
        answer = pool.request("GET", "/text", headers={name: value})
        assert (answer.status, answer.data) == (304, b"")
    assert pool.request("GET", "/text").data == TEXT
    assert pool.num_connections == 1


def test_squeezed_on_the_way(pool):
    accepts = {"Accept-Encoding": "gzip"}
    for _ in range(2):
        answer = pool.request("GET", "/squeezed/text", headers=accepts)
        assert answer.headers["Content-Encoding"] == "gzip"
        if pool.speaks == "HTTP/2.0":  # whose answers are given as they came, as in 2.8.0
            assert gzip.decompress(answer.data) == TEXT
        else:
            assert answer.headers["Transfer-Encoding"] == "chunked"
            assert answer.data == TEXT
    raw = pool.request("GET", "/squeezed/text", headers=accepts, decode_content=False)
    assert gzip.decompress(raw.data) == TEXT
    assert pool.num_connections == 1


def test_a_large_file_in_pieces(pool):
    expected = hashlib.sha256(pattern(LARGE)).digest()
    got, length = hashlib.sha256(), 0
    answer = pool.request("GET", "/large", preload_content=False)
    for piece in answer.stream(MEGABYTE):
        got.update(piece)
        length += len(piece)
    assert length == LARGE
    assert got.digest() == expected
    answer.release_conn()
    assert pool.request("GET", "/text").data == TEXT
    assert pool.num_connections == 1


@pytest.mark.parametrize("kind", ["bytes", "file", "pieces"])
def test_a_large_upload(pool, kind):
    data = pattern(LARGE)
    body = {
        "bytes": lambda: data,
        "file": lambda: io.BytesIO(data),
        "pieces": lambda: (data[at : at + 100_000] for at in range(0, LARGE, 100_000)),
    }[kind]()
    assert pool.request("PUT", f"/put/{kind}", body=body).status in {201, 204}
    place = pool.folder / "put" / kind
    assert place.read_bytes() == data
    assert pool.request("GET", "/text").data == TEXT
    place.unlink()
    assert pool.num_connections == 1


def test_redirects(pool):
    assert pool.request("GET", "/moved").data == TEXT
    assert pool.request("PUT", "/kept", body=io.BytesIO(b"kept")).status in {201, 204}
    assert (pool.folder / "put" / "kept").read_bytes() == b"kept"


def test_too_large_a_body_is_refused_with_an_answer(pool):
    # Small enough for the system's buffers, so that the refusal never meets a reset.
    assert pool.request("PUT", "/small-bodies", body=b"x" * 2000).status == 413
    assert pool.request("GET", "/text").data == TEXT


def test_the_promise_of_a_body_is_answered_before_it_and_nobody_notices(pool):
    headers = {"Expect": "100-continue"}
    for _ in range(2):
        answer = pool.request("PUT", "/put/expected", body=b"expected", headers=headers)
        assert answer.status in {201, 204}
    assert (pool.folder / "put" / "expected").read_bytes() == b"expected"
    assert pool.request("PUT", "/small-bodies", body=b"x" * 2000, headers=headers).status == 413
    assert pool.request("GET", "/text").data == TEXT


def test_a_status_to_retry_is_retried(pool):
    retries = Retry(2, status_forcelist=[503], raise_on_status=False)
    answer = pool.request("GET", "/failed", retries=retries)
    assert (answer.status, answer.data) == (503, b"try again")
    assert len(answer.retries.history) == 2
    assert pool.num_connections == 1


def test_connections_that_nginx_has_had_enough_of_are_replaced_unseen(start, certificates):
    with start(certificates.localhost, "keepalive_requests 3;") as site:
        for speaks in ("HTTP/1.1", "HTTP/2.0"):
            with contextlib.ExitStack() as stack:
                if speaks == "HTTP/2.0":
                    stack.enter_context(in_http_2())  # where it says GOAWAY
                pool = stack.enter_context(pool_for(site, certificates))
                answers = [pool.request("GET", "/connection") for _ in range(10)]
                assert [answer.status for answer in answers] == [200] * 10
                told = [answer.data.decode().split() for answer in answers]
                assert {protocol for protocol, _ in told} == {speaks}
                assert len({connection for _, connection in told}) == 4


def test_a_manager_finds_both_sites(plain, secure, certificates):
    with PoolManager(timeout=20, ca_certs=certificates.ca) as manager:
        for _ in range(2):
            assert manager.request("GET", f"http://127.0.0.1:{plain.port}/text").data == TEXT
            assert manager.request("GET", f"https://localhost:{secure.port}/text").data == TEXT
        assert len(manager.pools) == 2
