"""The examples of the user guide run as they stand, top to bottom, against a server of our own."""

from __future__ import annotations

import contextlib
import doctest
import gzip
import inspect
import io
import json
import logging
import re
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import urllib3
from tests.shape.project import ROOT

trustme = pytest.importorskip("trustme")

GUIDES = [ROOT / "docs" / "user-guide.md", ROOT / "README.md"]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Site(BaseHTTPRequestHandler):
    """The pages that the examples ask for."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        page = getattr(self, "get_" + path[1:])
        page()

    def do_POST(self) -> None:
        self.get_echo()

    do_PUT = do_POST

    def get_hello(self) -> None:
        self.answer(b"Hello", "text/plain")

    def get_json(self) -> None:
        self.answer(b'{"planet": "Earth"}')

    def get_lines(self) -> None:
        self.answer(b"first\nsecond\n", "text/plain")

    def get_large(self) -> None:
        self.answer(gzip.compress(bytes(1_000_000)), "text/plain", ("Content-Encoding", "gzip"))

    def get_cookies(self) -> None:
        self.answer(b"", "text/plain", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))

    def get_old(self) -> None:
        self.answer(b"", "text/plain", ("Location", "/hello"), status=302)

    def get_busy(self) -> None:
        self.server.busy += 1
        self.answer(b"", "text/plain", status=503 if self.server.busy <= 2 else 200)

    def get_silent(self) -> None:
        self.server.over.wait()

    def get_echo(self) -> None:
        headers = {name.title(): value for name, value in self.headers.items()}
        seen = {"target": self.path, "headers": headers, "body": self.body().decode()}
        self.answer(json.dumps(seen).encode())

    def body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(
        self,
        body: bytes,
        kind: str = "application/json",
        *headers: tuple[str, str],
        status: int = 200,
    ) -> None:
        self.send_response(status)
        for name, value in [("Content-Type", kind), ("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Site)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.busy = 0
        self.over = threading.Event()


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    authority = trustme.CA()
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return file, context


@contextlib.contextmanager
def site(context: ssl.SSLContext) -> Iterator[int]:
    with Server(context) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def log_level_kept() -> Iterator[None]:
    logger = logging.getLogger("urllib3")
    level = logger.level
    try:
        yield
    finally:
        logger.setLevel(level)


def examples(text: str, port: int) -> str:
    """The fenced blocks that are sessions, with the stand-in host replaced by ours."""
    blocks = [block for block in BLOCK.findall(text) if block.startswith(">>>")]
    code = "\n".join(blocks).replace("://site.example", f"://localhost:{port}")
    code = code.replace('"site.example"', f'"localhost", {port}')
    if "idle_timeout" not in inspect.signature(urllib3.HTTPConnectionPool).parameters:
        code = re.sub(r"^>>> .*# added\n(?!>>>).*\n|^>>> .*# added\n", "", code, flags=re.MULTILINE)
    return code


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_every_example_shows_what_it_says(
    guide: Path, ca_file: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, context = ca_file
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    known = {"ssl": ssl, "CA_FILE": str(file)}
    output = io.StringIO()
    with site(context) as port, log_level_kept(), contextlib.redirect_stderr(io.StringIO()):
        code = examples(guide.read_text("utf-8"), port)
        test = doctest.DocTestParser().get_doctest(code, known, guide.name, str(guide), 0)
        runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
        results = runner.run(test, out=output.write, clear_globs=False)
        close_all(test.globs)
    assert output.getvalue() == ""
    assert results.failed == 0
    assert results.attempted > 0


def close_all(names: dict[str, object]) -> None:
    """Close what the examples left open: a reader of the guide may leave that to the collector."""
    for value in names.values():
        if isinstance(value, urllib3.PoolManager):
            for key in value.pools.keys():  # noqa: SIM118 -- iteration itself is refused
                value.pools[key].close()
        elif isinstance(value, urllib3.HTTPResponse):
            value.close()
    urllib3._DEFAULT_POOL.clear()
