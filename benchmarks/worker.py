"""One client in one process: reads the name of a scenario, does a slice of it, writes the cost.

python worker.py CLIENT '{"http": "http://...", "https": "https://...", "ca": "/path"}'
"""

from __future__ import annotations

import gc
import json
import os
import socket
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from server import LARGE, sizes

CLOSE = {"Connection": "close"}

# name -> (scheme, path, requests in a slice, how)
SCENARIOS = {
    "tiny": ("http", "tiny", 500, "get"),
    "api": ("http", "api", 400, "get"),
    "tls_tiny": ("https", "tiny", 500, "get"),
    "tls_new": ("https", "tiny", 20, "get_and_close"),
    "threads8": ("http", "tiny", 1600, "threads"),
    "gzip100k": ("http", "gzip100k", 100, "get"),
    "stream100m": ("http", "large", 1, "stream"),
}


SIZES = sizes()  # path -> bytes of the decoded body


class Urllib3:
    def __init__(self, ca: str) -> None:
        import urllib3

        self.http = urllib3.PoolManager(maxsize=8, block=True)

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        return len(self.http.request("GET", url, headers=headers).data)

    def stream(self, url: str) -> int:
        with self.http.request("GET", url, preload_content=False) as response:
            return sum(map(len, response.stream(65536)))


class Requests:
    def __init__(self, ca: str) -> None:
        import requests

        self.session = requests.Session()
        self.session.verify = ca
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=8, pool_block=True)
        self.session.mount("http://", adapter)

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        return len(self.session.get(url, headers=headers).content)

    def stream(self, url: str) -> int:
        return sum(map(len, self.session.get(url, stream=True).iter_content(65536)))


class Httpx:
    def __init__(self, ca: str) -> None:
        import httpx

        self.client = httpx.Client(
            verify=ssl.create_default_context(), limits=httpx.Limits(max_connections=8)
        )

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        return len(self.client.get(url, headers=headers).content)

    def stream(self, url: str) -> int:
        with self.client.stream("GET", url) as response:
            return sum(map(len, response.iter_bytes(65536)))


class Bare:
    """What the two clients below share: one connection for each thread and origin."""

    def __init__(self, ca: str) -> None:
        self.local = threading.local()
        self.context: ssl.SSLContext | None = None

    def tls(self) -> ssl.SSLContext:
        self.context = self.context or ssl.create_default_context()
        return self.context

    def kept(self, url: str) -> tuple[Any, str]:
        scheme, _, rest = url.partition("://")
        netloc, _, path = rest.partition("/")
        key = f"{scheme}://{netloc}"
        if key not in self.local.__dict__:
            host, _, port = netloc.partition(":")
            self.local.__dict__[key] = self.connect(scheme, host, int(port))
        return self.local.__dict__[key], "/" + path

    def connect(self, scheme: str, host: str, port: int) -> Any:
        raise NotImplementedError

    def forget(self) -> None:
        for connection in self.local.__dict__.values():
            connection.close()
        self.local.__dict__.clear()


class HttpClient(Bare):
    def connect(self, scheme: str, host: str, port: int) -> Any:
        import http.client

        if scheme == "https":
            return http.client.HTTPSConnection(host, port, context=self.tls())
        return http.client.HTTPConnection(host, port)

    def answer(self, url: str, headers: dict[str, str] | None = None) -> Any:
        connection, path = self.kept(url)
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse()

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        body = self.answer(url, headers).read()
        if url.endswith("gzip100k"):
            import gzip

            body = gzip.decompress(body)
        return len(body)

    def stream(self, url: str) -> int:
        response, size = self.answer(url), 0
        while piece := response.read(65536):
            size += len(piece)
        return size


class Socket(Bare):
    """The floor: requests made of one string, answers read by their length and not looked at."""

    def connect(self, scheme: str, host: str, port: int) -> Any:
        sock = socket.create_connection((host, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.tls().wrap_socket(sock, server_hostname=host) if scheme == "https" else sock

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        if url.endswith("gzip100k"):
            message = "this client does not decode"
            raise NotImplementedError(message)
        sock, path = self.kept(url)
        fields = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())
        data = sock.recv(65536)
        end = data.index(b"\r\n\r\n") + 4
        start = data.lower().index(b"content-length: ") + 16
        length = int(data[start : data.index(b"\r", start)])
        have = len(data) - end
        buffer = bytearray(65536)
        while have < length:
            have += sock.recv_into(buffer)
        if headers:
            self.forget()
        return length

    stream = get


class Pycurl:
    def __init__(self, ca: str) -> None:
        import pycurl

        self.pycurl, self.ca, self.local = pycurl, ca, threading.local()

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        curl = self.local.__dict__.setdefault("curl", self.pycurl.Curl())
        pieces: list[bytes] = []
        curl.setopt(curl.URL, url)
        curl.setopt(curl.CAINFO, self.ca)
        curl.setopt(curl.ENCODING, "gzip" if url.endswith("gzip100k") else "identity")
        curl.setopt(
            curl.HTTPHEADER, [f"{name}: {value}" for name, value in (headers or {}).items()]
        )
        curl.setopt(curl.WRITEFUNCTION, pieces.append)
        curl.perform()
        return sum(map(len, pieces))

    stream = get


CLIENTS = {
    "ours": Urllib3,
    "urllib3": Urllib3,
    "requests": Requests,
    "httpx": Httpx,
    "http.client": HttpClient,
    "pycurl": Pycurl,
    "socket": Socket,
}


def work(client: Any, scenario: str, base: dict[str, str], share: float = 1.0) -> int:
    """Do a slice of the scenario; how many units (requests, or megabytes) that was."""
    scheme, path, count, how = SCENARIOS[scenario]
    url, count = f"{base[scheme]}/{path}", max(1, int(count * share))
    if how == "stream":
        size = client.stream(url)
        if size != LARGE:
            message = f"{size} bytes instead of {LARGE}"
            raise RuntimeError(message)
        return size // 1_000_000
    if how == "threads":
        with ThreadPoolExecutor(8) as threads:
            jobs = [threads.submit(repeat, client, url, count // 8) for _ in range(8)]
            for job in jobs:
                job.result()
    else:
        repeat(client, url, count, CLOSE if how == "get_and_close" else None)
    return count


def repeat(client: Any, url: str, count: int, headers: dict[str, str] | None = None) -> None:
    expected = SIZES[url.rpartition("/")[2]]
    for _ in range(count):
        size = client.get(url, headers)
        if size != expected:
            message = f"{size} bytes instead of {expected}"
            raise RuntimeError(message)


def main() -> None:
    client_name, base = sys.argv[1], json.loads(sys.argv[2])
    if "cpu" in base and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {base["cpu"]})
    client = CLIENTS[client_name](base["ca"])
    print("ready", flush=True)
    for line in sys.stdin:
        scenario, share = line.split()
        gc.collect()
        wall, cpu = time.perf_counter(), time.process_time()
        units = work(client, scenario, base, float(share))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(json.dumps({"cpu": cpu / units, "wall": wall / units}), flush=True)


if __name__ == "__main__":
    main()
