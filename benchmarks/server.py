"""The servers that the clients are measured against, on loopback, in processes of their own.

nginx, if it is installed, gives the ordinary answers over HTTP and over TLS.  A small server in
Python does what nginx is not made for, chunks of a given size and bodies that are thrown away, and
the rest too where there is no nginx.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import os
import random
import secrets
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
MIB = 1 << 20
LARGE = 100 * MIB
NAMES = ("Ada", "Barbara", "Edsger", "Grace", "Ken", "Niklaus", "Radia", "Vint")


def records(size: int) -> bytes:
    """So many bytes that look like the JSON of an API, and compress about as well."""
    chance = random.Random(7)
    lines, have = ["["], 1
    while have < size:
        lines.append(
            f'{{"id": {chance.randrange(10**9)}, "name": "{chance.choice(NAMES)}", '
            f'"score": {chance.random():.3f}, "active": {chance.choice(("true", "false"))}}},\n'
        )
        have += len(lines[-1])
    return "".join(lines).encode()[:size]


def gzip_large() -> bytes:
    """100 MiB in one gzip member, made of one MiB whose compressed form is repeated."""
    block, times = records(MIB), LARGE // MIB
    squeeze = zlib.compressobj(wbits=-15)
    # After a full flush nothing refers back: the same bits mean the same again.
    pressed = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    check = 0
    for _ in range(times):
        check = zlib.crc32(block, check)
    head = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    return head + pressed * times + b"\x03\x00" + struct.pack("<LL", check, LARGE)


UNIQUE = "$request_id"  # in a field: nginx puts a new value there each time


def pages() -> dict[str, tuple[dict[str, str], bytes]]:
    """Path -> (header fields, body); the body of ``large`` is zeros, made where it is needed."""
    gzipped = {"Content-Encoding": "gzip"}
    return {
        "tiny": ({}, b"x" * 100),
        "ids": ({"X-Request-Id": UNIQUE}, b"x" * 100),
        "api": (API_FIELDS, records(3000)),
        "gzip100k": (gzipped, gzip.compress(records(100_000))),
        "large": ({}, b""),
        "gzip_large": (gzipped, gzip_large()),
    }


# Path -> size of the body once decoded.
SIZES = {
    "tiny": 100,
    "ids": 100,
    "api": 3000,
    "gzip100k": 100_000,
    "large": LARGE,
    "gzip_large": LARGE,
    "chunked_gzip100k": 100_000,
    "chunked8k": LARGE,
    "chunked1k": LARGE // 5,
    "up": 2,
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(folder: Path, cpu: int | None) -> Iterator[dict[str, str]]:
    """Run servers until the block ends; gives their base URLs by what they are for, and a kind."""
    folder.chmod(0o755)  # nginx reads it as another user
    with contextlib.ExitStack() as stack:
        plain, secure = start(stack, python, folder, cpu)
        sink, kind = plain, "a server in Python"
        if shutil.which("nginx"):
            plain, secure = start(stack, nginx, folder, cpu)
            kind = nginx_version()
        yield {
            "http": f"http://localhost:{plain}",
            "https": f"https://localhost:{secure}",
            "sink": f"http://localhost:{sink}",
            "kind": kind,
        }


def start(
    stack: contextlib.ExitStack,
    program: Callable[[Path, int, int], subprocess.Popen[bytes]],
    folder: Path,
    cpu: int | None,
) -> tuple[int, int]:
    """Run PROGRAM on two ports, which are given, until STACK is left."""
    plain, secure = free_port(), free_port()
    with pinned(cpu):
        process = program(folder, plain, secure)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    wait_for(plain, process)
    wait_for(secure, process)
    return plain, secure


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
        f"""daemon off; worker_processes 1; worker_rlimit_nofile 8192;
pid {folder}/pid; error_log {folder}/log crit;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; {temporary}
keepalive_requests 1000000000; keepalive_timeout 1h;
default_type application/json;
ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
{listen} }}
"""
    )
    return subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/log"])


def nginx_version() -> str:
    found = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    return found.strip().rpartition(" ")[2]


# ---------------------------------------------------------------- Python


def python(folder: Path, plain: int, secure: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, str(folder), str(plain), str(secure)]
    return subprocess.Popen(command)


Answer = list[tuple[bytes, int]]  # pieces, and how often each is sent


def answers() -> dict[bytes, Answer]:
    """Path -> the answer, made beforehand: the server should cost little."""
    found: dict[bytes, Answer] = {}
    for name, (fields, body) in pages().items():
        zeros = LARGE // MIB if name == "large" else 0
        length = len(body) + zeros * MIB
        found[name.encode()] = [(head(length, fields), 1), (body, 1), (bytes(MIB), zeros)]
        if name == "gzip100k":
            pieces = b"".join(chunk(body[at : at + 8192]) for at in range(0, len(body), 8192))
            found[b"chunked_gzip100k"] = [(head(None, fields), 1), (pieces + chunk(b""), 1)]
    for path, size, times in ((b"chunked8k", 8192, LARGE // MIB), (b"chunked1k", 1024, 20)):
        block = chunk(bytes(size)) * (MIB // size)
        found[path] = [(head(None, {}), 1), (block, times), (chunk(b""), 1)]
    found[b"up"] = [(head(2, {}) + b"ok", 1)]
    return found


def head(length: int | None, fields: dict[str, str]) -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    every = {"Content-Type": "application/json", **SERVED_BY_NGINX, **fields}
    lines = [f"{key}: {value}\r\n" for key, value in every.items()]
    return f"HTTP/1.1 200 OK\r\n{framing}\r\n{''.join(lines)}\r\n".encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def listen(port: int, context: ssl.SSLContext | None, replies: dict[bytes, Answer]) -> None:
    with socket.create_server(("127.0.0.1", port), backlog=1024) as server:
        while True:
            client, _ = server.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=talk, args=(client, context, replies), daemon=True).start()


def talk(
    client: socket.socket, context: ssl.SSLContext | None, replies: dict[bytes, Answer]
) -> None:
    with contextlib.suppress(OSError, EOFError), client:
        sock = context.wrap_socket(client, server_side=True) if context else client
        with sock:
            while data := sock.recv(65536):
                while b"\r\n\r\n" not in data:
                    data += more(sock)
                request, _, rest = data.partition(b"\r\n\r\n")
                path = request.split(b" ", 2)[1][1:].partition(b"?")[0]
                request = request.lower()
                swallow(sock, request, rest)
                closing = b"connection: close" in request
                for piece, times in replies[path]:
                    if closing:
                        piece = piece.replace(b": keep-alive", b": close", 1)  # noqa: PLW2901
                    if path == b"ids":
                        another = secrets.token_hex(16).encode()
                        piece = piece.replace(UNIQUE.encode(), another)  # noqa: PLW2901
                    for _ in range(times):
                        sock.sendall(piece)
                if closing:
                    return


def swallow(sock: socket.socket, request: bytes, rest: bytes) -> None:
    """Receive the body of a request and forget it; all bodies are zeros."""
    if b"transfer-encoding: chunked" in request:
        while not rest.endswith(b"0\r\n\r\n"):
            rest = rest[-5:] + more(sock)
    elif b"content-length: " in request:
        left = int(request.partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(rest)
        while left:
            left -= len(more(sock))


def more(sock: socket.socket) -> bytes:
    data = sock.recv(1 << 18)
    if not data:
        raise EOFError
    return data


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
