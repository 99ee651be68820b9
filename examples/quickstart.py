"""A tour of the client against servers of its own on loopback, each step with a picture in text.

    python examples/quickstart.py          the tour
    python examples/quickstart.py URL      fetch that URL instead

Nothing leaves the machine in the tour; certificates are made by trustme and forgotten at the end.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import ssl
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
TEXT = gzip.compress(os.urandom(2_000_000).hex().encode(), compresslevel=1)


# ---------------------------------------------------------------- what the reader sees


def paint(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def title(number: int, text: str) -> None:
    print(f"\n{paint(f' {number} ', '7')} {paint(text, '1')}")


def code(text: str) -> None:
    print(f"    {paint('>>> ' + text, '36')}")


def say(text: str) -> None:
    print(f"    {text}")


def bar(done: int, whole: int, width: int = 40) -> str:
    filled = width * done // whole
    return f"{'█' * filled}{'░' * (width - filled)} {100 * done // whole:3d} %"


# ---------------------------------------------------------------- the servers


class Site(BaseHTTPRequestHandler):
    """A small site that remembers who asked for what, on which connection, and when."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append((time.monotonic(), self.client_address[1], self.path))
        page: Callable[[], None] = {
            "/hello": self.hello,
            "/old": self.moved,
            "/busy": self.busy,
            "/text": self.text,
        }.get(self.path, self.work)
        page()

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        body = self.rfile.read(size)
        kind = self.headers["Content-Type"]
        self.answer(200, json.dumps({"type": kind, "bytes": size, "head": body[:60].decode()}))

    def hello(self) -> None:
        self.answer(200, f"Hello from {self.server.url}")

    def moved(self) -> None:
        self.answer(302, "", Location="/hello")

    def busy(self) -> None:
        """Busy for the first three callers."""
        asked = sum(path == "/busy" for _, _, path in self.server.seen)
        self.answer(503 if asked <= 3 else 200, "")

    def text(self) -> None:
        self.answer(200, TEXT, **{"Content-Encoding": "gzip"})

    def work(self) -> None:
        time.sleep(0.01)
        self.answer(200, "done")

    def answer(self, status: int, body: str | bytes, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet: the pictures tell it."""


class Server(ThreadingHTTPServer):
    """A site on a free port of the loopback, with TLS if there is a certificate."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Site)
        self.seen: list[tuple[float, int, str]] = []
        self.url = f"http{'s' if certificate else ''}://localhost:{self.server_address[1]}"
        if certificate:
            self.socket = certificate.wrap_socket(self.socket, server_side=True)


@contextlib.contextmanager
def serve(certificate: ssl.SSLContext | None = None) -> Iterator[Server]:
    with Server(certificate) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


# ---------------------------------------------------------------- the tour


def get(http: urllib3.PoolManager, site: Server) -> None:
    title(1, "GET over TLS, the certificate verified")
    code(f'response = http.request("GET", "{site.url}/hello")')
    response = http.request("GET", f"{site.url}/hello")
    say(f"{response.status} {response.reason}: {response.data.decode()}")


def post_json(http: urllib3.PoolManager, site: Server) -> None:
    title(2, "POST of JSON")
    code('http.request("POST", url, json={"planet": "Earth", "moons": 1}).json()')
    answer = http.request("POST", f"{site.url}/echo", json={"planet": "Earth", "moons": 1}).json()
    say(f"the server saw {answer['type']}, {answer['bytes']} bytes: {answer['head']}")


def post_form(http: urllib3.PoolManager, site: Server) -> None:
    title(3, "POST of a form with a file")
    fields = {"title": "A photograph", "file": ("moon.txt", b"grey, round", "text/plain")}
    code(
        'http.request("POST", url, fields={"title": ..., "file": ("moon.txt", data, "text/plain")})'
    )
    answer = http.request("POST", f"{site.url}/echo", fields=fields).json()
    say(f"the server saw {answer['type'].split(';')[0]}, {answer['bytes']} bytes")


def redirect(http: urllib3.PoolManager, site: Server) -> None:
    title(4, "A redirect, followed")
    code('http.request("GET", ".../old").retries.history')
    response = http.request("GET", f"{site.url}/old")
    hops = [
        f"{hop.method} {hop.url.removeprefix(site.url)}  {hop.status}"
        for hop in response.retries.history
    ]
    say("  ──▶  ".join([*hops, f"GET {response.geturl()}  {response.status}"]))


def retry(http: urllib3.PoolManager, site: Server) -> None:
    title(5, "503 three times: tried again, each time after a longer pause")
    code("retries = urllib3.Retry(5, status_forcelist=[503], backoff_factor=0.1)")
    code('http.request("GET", ".../busy", retries=retries)')
    retries = urllib3.Retry(5, status_forcelist=[503], backoff_factor=0.1)
    response = http.request("GET", f"{site.url}/busy", retries=retries)
    times = [when for when, _, path in site.seen if path == "/busy"]
    pauses = [after - before for before, after in pairwise(times)]
    answers = [503] * len(pauses) + [response.status]
    arrows = ["─" * round(40 * pause) + "▶" for pause in pauses]
    say(" ".join(f"{answer} {arrow}" for answer, arrow in zip(answers, [*arrows, ""], strict=True)))
    say(f"pauses: {', '.join(f'{pause:.1f} s' for pause in pauses)}")


def download(http: urllib3.PoolManager, site: Server, folder: Path) -> None:
    title(6, "gzip, unpacked on its way to the disk; memory stays small")
    code('with http.request("GET", ".../text", preload_content=False) as response:')
    code("    for piece in response.stream(2**16): file.write(piece)")
    target = folder / "text"
    with (
        target.open("wb") as file,
        http.request("GET", f"{site.url}/text", preload_content=False) as response,
    ):
        whole = int(response.headers["Content-Length"])
        for piece in response.stream(2**16):
            file.write(piece)
            if COLOUR:
                print(f"\r    {bar(response.tell(), whole)}", end="", flush=True)
    print("\r", end="")
    say(f"{bar(whole, whole)}  {whole:,} bytes on the wire, {target.stat().st_size:,} on disk")


def threads(site: Server) -> None:
    title(7, "Eight threads share a pool of four connections")
    code('pool = urllib3.HTTPConnectionPool("localhost", port, maxsize=4, block=True)')
    port = site.server_address[1]
    with urllib3.HTTPConnectionPool("localhost", port, maxsize=4, block=True) as pool:

        def fetch(letter: str) -> None:
            for _ in range(8):
                pool.request("GET", f"/{letter}")
                time.sleep(0.002)  # a real program would now use the answer

        with ThreadPoolExecutor(8) as executor:
            list(executor.map(fetch, "ABCDEFGH"))
        made, asked = pool.num_connections, pool.num_requests
    for number, connection in enumerate(dict.fromkeys(port for _, port, _ in site.seen), start=1):
        served = [path[1] for _, port, path in site.seen if port == connection]
        say(f"connection {number} ┤ {' '.join(served)}")
    say(f"{asked} requests of 8 threads (A to H), {made} connections made")


def refused(http: urllib3.PoolManager, impostor: Server) -> None:
    title(8, "A certificate for the wrong name is refused")
    code(f'http.request("GET", "{impostor.url}/hello", retries=False)')
    try:
        http.request("GET", f"{impostor.url}/hello", retries=False)
    except urllib3.exceptions.SSLError as error:
        say(f"{paint('SSLError', '31')}: {error}")
        say(f"and the server was asked for nothing: {len(impostor.seen)} requests seen")


def tour() -> int:
    try:
        import trustme
    except ModuleNotFoundError:
        print(
            "The tour makes its own certificates: pip install '.[examples]' first.", file=sys.stderr
        )
        return 2
    print(paint(f"urllib3 {urllib3.__version__}", "1"), f"at {Path(urllib3.__file__).parent}")
    authority = trustme.CA()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        authority.cert_pem.write_to_path(folder / "ca.pem")
        secure = stack.enter_context(serve(certificate(authority, "localhost")))
        impostor = stack.enter_context(serve(certificate(authority, "somebody-else.example")))
        plain = stack.enter_context(serve())
        http = stack.enter_context(urllib3.PoolManager(ca_certs=str(folder / "ca.pem")))
        get(http, secure)
        post_json(http, secure)
        post_form(http, secure)
        redirect(http, secure)
        retry(http, secure)
        download(http, secure, folder)
        say(f"steps 1 to 6 took {len({port for _, port, _ in secure.seen})} connection in all")
        threads(plain)
        refused(http, impostor)
    print()
    return 0


def certificate(authority: object, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)  # type: ignore[attr-defined]
    return context


def fetch(url: str) -> int:
    """Show what URL answers; 1 if it does not."""
    try:
        response = urllib3.request("GET", url, retries=urllib3.Retry(2, redirect=5), timeout=10)
    except urllib3.exceptions.HTTPError as error:
        reason = getattr(error, "reason", None) or error
        print(f"{paint(type(reason).__name__, '31')}: {reason}", file=sys.stderr)
        return 1
    for hop in response.retries.history if response.retries else ():
        print(paint(f"{hop.status} ──▶ {hop.redirect_location or hop.url}", "2"))
    print(paint(f"{response.status} {response.reason}", "1"))
    for name, value in response.headers.items():
        print(f"{paint(name, '36')}: {value}")
    print()
    print(response.data.decode("utf-8", "replace"))
    return 0


if __name__ == "__main__":
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.exit(fetch(sys.argv[1]) if len(sys.argv) > 1 else tour())
