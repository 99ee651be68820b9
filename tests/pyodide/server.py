"""What the requests made inside Pyodide meet: a site that answers, stalls, and streams on cue."""

from __future__ import annotations

import gzip
import http.server
import json
import queue
import threading
from pathlib import Path

EVERY_BYTE = bytes(range(256)) * 8000  # about 2 MB: more than the worker's shared memory holds

# Any page may read any answer (CORS), and a page of ours may share memory with its workers.
HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-store",
}
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".json": "application/json",
}


class Site(http.server.ThreadingHTTPServer):
    """A loopback site. *folders* are served below /files/NAME/."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, folders: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folders = folders
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.stopped = threading.Event()
        self.cues: dict[str, threading.Event] = {}
        self.reports: queue.Queue[dict[str, object]] = queue.Queue()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.stopped.set()
        for cue in self.cues.values():
            cue.set()
        self.shutdown()
        self.server_close()
        self.thread.join()

    def cue(self, name: str) -> threading.Event:
        with self.lock:
            return self.cues.setdefault(name, threading.Event())

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave early are part of the tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes, *fields: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in [*HEADERS.items(), *fields, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def start_chunks(self) -> None:
        self.send_response(200)
        for name, value in [*HEADERS.items(), ("Transfer-Encoding", "chunked")]:
            self.send_header(name, value)
        self.end_headers()

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, word, *rest = self.path.partition("?")[0].split("/")
        page = getattr(self, f"page_{word}", None)
        if page is None:
            self.answer(404, b"no such page")
        else:
            page(body, *rest)

    do_GET = do_HEAD = do_POST = do_PUT = do_any

    def do_OPTIONS(self) -> None:
        self.answer(204, b"")

    def page_echo(self, body: bytes, *rest: str) -> None:
        heard = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers.items()),
            "body": body.decode("latin-1"),
        }
        self.answer(200, json.dumps(heard).encode(), ("Content-Type", "application/json"))

    def page_status(self, body: bytes, status: str) -> None:
        self.answer(int(status), b"" if status == "204" else f"status {status}".encode())

    def page_redirect(self, body: bytes, status: str) -> None:
        self.answer(int(status), b"elsewhere", ("Location", "/echo/landed"))

    def page_cookies(self, body: bytes) -> None:
        self.answer(200, b"", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Seen", "yes"))

    def page_gzip(self, body: bytes) -> None:
        self.answer(200, gzip.compress(b"unpacked " * 100), ("Content-Encoding", "gzip"))

    def page_bytes(self, body: bytes) -> None:
        self.answer(200, EVERY_BYTE, ("Content-Type", "application/octet-stream"))

    def page_silence(self, body: bytes) -> None:
        """Never answer."""
        self.server.stopped.wait()

    def page_stall(self, body: bytes) -> None:
        """Begin a body and never go on."""
        self.start_chunks()
        self.chunk(b"first")
        self.server.stopped.wait()

    def page_stream(self, body: bytes, cue: str) -> None:
        """Send the second half only when somebody has asked for /cue/NAME."""
        self.start_chunks()
        self.chunk(b"first")
        self.server.cue(cue).wait()
        self.chunk(b"second")
        self.chunk(b"")

    def page_breaks(self, body: bytes) -> None:
        """Begin a body and cut the line within it."""
        self.start_chunks()
        self.chunk(b"first")
        self.wfile.write(b"ff\r\nnot that much")
        self.close_connection = True

    def page_cue(self, body: bytes, cue: str) -> None:
        self.server.cue(cue).set()
        self.answer(200, b"")

    def page_report(self, body: bytes) -> None:
        self.server.reports.put(json.loads(body))
        self.answer(200, b"")

    def page_files(self, body: bytes, folder: str, name: str) -> None:
        path = self.server.folders[folder] / name
        if not path.is_file():
            self.answer(404, b"no such file")
            return
        kind = TYPES.get(path.suffix, "application/octet-stream")
        self.answer(200, path.read_bytes(), ("Content-Type", kind))
