"""The server that the clients are measured against: nginx if installed, else a small one.

Both give the same answers on loopback, over HTTP and over TLS, in a process of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import random
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A reply to an API call bears twenty header fields, as those of large public APIs do.
API_FIELDS = {
    "Cache-Control": "private, max-age=60",
    "Vary": "Accept, Authorization, Cookie, Accept-Encoding",
    "X-Request-Id": "7F3A:1B2C:9D8E7F:0A1B2C",
    "X-RateLimit-Limit": "5000",
    "X-RateLimit-Remaining": "4321",
    "X-RateLimit-Reset": "1800000000",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Frame-Options": "deny",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Content-Security-Policy": "default-src 'none'",
    "Set-Cookie": "session=abcdef0123456789; Path=/; HttpOnly",
}
SERVED_BY_NGINX = {
    "Server": "bench",
    "Date": "Thu, 01 Jan 2026 00:00:00 GMT",
    "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
    "ETag": '"0123456789abcdef"',
    "Accept-Ranges": "bytes",
    "Connection": "keep-alive",
}
LARGE = 100_000_000


def pages() -> dict[str, tuple[dict[str, str], bytes]]:
    """Path -> (header fields, body); the body of ``large`` is zeros, made where it is needed."""
    chance = random.Random(7)
    record = [{"id": chance.randrange(10**9), "name": f"user-{i}"} for i in range(60)]
    text = json.dumps([chance.randrange(10**6) for _ in range(13_000)]).encode()[:100_000]
    return {
        "tiny": ({}, b"x" * 100),
        "api": (API_FIELDS, json.dumps(record).encode()),
        "gzip100k": ({"Content-Encoding": "gzip"}, gzip.compress(text)),
        "large": ({}, b""),
    }


def sizes() -> dict[str, int]:
    """Path -> size of the body once decoded."""
    return {
        name: len(gzip.decompress(body) if "Content-Encoding" in fields else body)
        for name, (fields, body) in pages().items()
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(folder: Path, cpu: int | None) -> Iterator[dict[str, str]]:
    """Run a server until the block ends; gives its base URLs by scheme, and its ``kind``."""
    plain, secure = free_port(), free_port()
    kind = "nginx" if shutil.which("nginx") else "python"
    start = nginx if kind == "nginx" else python
    folder.chmod(0o755)  # nginx reads it as another user
    with pinned(cpu):
        process = start(folder, plain, secure)
    try:
        wait_for(plain, process)
        wait_for(secure, process)
        yield {
            "http": f"http://localhost:{plain}",
            "https": f"https://localhost:{secure}",
            "kind": kind,
        }
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def pinned(cpu: int | None) -> Iterator[None]:
    """Processes started in this block run on that core."""
    if cpu is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        if process.poll() is not None:
            message = f"the server ended with status {process.returncode}"
            raise RuntimeError(message)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    message = "the server does not listen"
    raise RuntimeError(message)


# ---------------------------------------------------------------- nginx


def nginx(folder: Path, plain: int, secure: int) -> subprocess.Popen[bytes]:
    (folder / "www").mkdir(exist_ok=True)
    places = []
    for name, (fields, body) in pages().items():
        file = folder / "www" / name
        file.write_bytes(body)
        if name == "large":
            with file.open("r+b") as sparse:
                sparse.truncate(LARGE)
        extra = " ".join(f'add_header {key} "{value}";' for key, value in fields.items())
        places.append(f"location = /{name} {{ {extra} }}")
    listen = "\n".join(
        f"server {{ listen 127.0.0.1:{port}{mode}; root {folder}/www; {' '.join(places)} }}"
        for port, mode in ((plain, ""), (secure, " ssl"))
    )
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"""daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log crit;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000; {temporary}
default_type application/json;
ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
{listen} }}
"""
    )
    return subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/log"])


# ---------------------------------------------------------------- Python


def python(folder: Path, plain: int, secure: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, str(folder), str(plain), str(secure)]
    return subprocess.Popen(command)


def answers() -> dict[bytes, bytes]:
    """Request line -> the whole answer, made beforehand: the server should cost little."""
    found = {}
    for name, (fields, body) in pages().items():
        length = LARGE if name == "large" else len(body)
        every = {"Content-Type": "application/json", **SERVED_BY_NGINX, **fields}
        lines = [f"{key}: {value}\r\n" for key, value in every.items()]
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{''.join(lines)}\r\n"
        found[f"GET /{name} HTTP/1.1".encode()] = head.encode() + (body or bytes(LARGE))
    return found


def listen(port: int, context: ssl.SSLContext | None, replies: dict[bytes, bytes]) -> None:
    with socket.create_server(("127.0.0.1", port), backlog=256) as server:
        while True:
            client, _ = server.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=talk, args=(client, context, replies), daemon=True).start()


def talk(
    client: socket.socket, context: ssl.SSLContext | None, replies: dict[bytes, bytes]
) -> None:
    with contextlib.suppress(OSError), client:
        sock = context.wrap_socket(client, server_side=True) if context else client
        with sock:
            while request := sock.recv(65536):
                reply = replies[request[: request.index(b"\r\n")]]
                if b"connection: close" in request.lower():
                    sock.sendall(reply.replace(b": keep-alive", b": close", 1))
                    return
                sock.sendall(reply)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("plain", type=int)
    parser.add_argument("secure", type=int)
    arguments = parser.parse_args()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.folder / "server.pem", arguments.folder / "server.key")
    replies = answers()
    plain = threading.Thread(target=listen, args=(arguments.plain, None, replies), daemon=True)
    plain.start()
    listen(arguments.secure, context, replies)


if __name__ == "__main__":
    main()
