"""The clients, each behind the same few methods.  What a client cannot do it has no method for.

Methods return the size of the decoded body, which the worker compares with what was sent.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from functools import lru_cache
from http.client import HTTPConnection
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from scenarios import CLOSE, FIELDS

LOOKED_AT = ("Content-Type", "ETag", "X-RateLimit-Remaining")
VALUE = {"name": "widget", "tags": ["a", "b"], "count": 42, "nested": {"x": 1.5, "y": None}}
THREADS = 8
PIECE = 65536


def upload(kind: str, size: int) -> Any:
    """A body to send, as bytes, as a file or as an iterable."""
    if kind == "file":
        return BytesIO(zeros(size))
    if kind == "iterable":
        return (zeros(PIECE) for _ in range(size // PIECE))
    return zeros(size)


@lru_cache
def zeros(size: int) -> bytes:
    return bytes(size)


class Urllib3:
    IMPORT = "import urllib3"
    FIRST = "import urllib3; urllib3.PoolManager().request('GET', {url!r}).data"

    def __init__(self, ca: str) -> None:
        import urllib3

        self.urllib3, self.ca = urllib3, ca
        self.http = urllib3.PoolManager(maxsize=THREADS, block=True)
        self.pools: dict[str, Any] = {}

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        return len(self.http.request("GET", url, headers=headers).data)

    def get_options(self, url: str) -> int:
        return len(self.http.request("GET", url, timeout=5.0, retries=3, headers=FIELDS).data)

    def get_headers(self, url: str) -> int:
        response = self.http.request("GET", url)
        for name in LOOKED_AT:
            assert response.headers.get(name)
        assert response.headers.items()
        return len(response.data)

    def put(self, url: str, kind: str, size: int) -> int:
        return len(self.http.request("PUT", url, body=upload(kind, size)).data)

    def post_json(self, url: str) -> int:
        return len(self.http.request("POST", url, json=VALUE).data)

    def stream(self, url: str, amt: int) -> int:
        with self.http.request("GET", url, preload_content=False) as response:
            return sum(map(len, response.stream(amt)))

    def readinto(self, url: str) -> int:
        buffer, size = bytearray(PIECE), 0
        with self.http.request("GET", url, preload_content=False) as response:
            while count := response.readinto(buffer):
                size += count
        return size

    def pool(self, url: str) -> tuple[Any, str]:
        start = url.index("/", 8)
        if url[:start] not in self.pools:
            self.pools[url[:start]] = self.urllib3.connection_from_url(url)
        return self.pools[url[:start]], url[start:]

    def pool_urlopen(self, url: str) -> int:
        pool, path = self.pool(url)
        return len(pool.urlopen("GET", path).data)

    def pool_request(self, url: str) -> int:
        pool, path = self.pool(url)
        return len(pool.request("GET", path).data)

    def by_requests(self, url: str) -> int:
        if "requests" not in self.__dict__:
            self.requests = Requests(self.ca)
        return self.requests.get(url)

    # ------------------------------------------------------------ memory: what is to be kept

    def open_connections(self, url: str, count: int) -> Any:
        place = urlsplit(url)
        pool = self.urllib3.HTTPSConnectionPool(place.hostname, place.port, maxsize=count)
        responses = [pool.urlopen("GET", "/tiny", preload_content=False) for _ in range(count)]
        for response in responses:
            response.read()
            response.release_conn()
        return pool

    def idle_pools(self, url: str, count: int) -> Any:
        return [self.urllib3.HTTPConnectionPool(f"h{n}.example") for n in range(count)]

    # ------------------------------------------------------------ before it is used

    def own_context(self) -> None:
        context = ssl.create_default_context()
        self.http = self.urllib3.PoolManager(ssl_context=context)

    def like_sentry(self) -> None:
        """Wrap two methods of ``http.client``, as tracers do."""
        put, receive = HTTPConnection.putrequest, HTTPConnection.getresponse

        def putrequest(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
            self.__dict__["span"] = [method, url]
            put(self, method, url, *args, **kwargs)

        def getresponse(self: Any, *args: Any, **kwargs: Any) -> Any:
            response = receive(self, *args, **kwargs)
            self.__dict__.pop("span").append(response.status)
            return response

        HTTPConnection.putrequest = putrequest  # type: ignore[assignment]
        HTTPConnection.getresponse = getresponse  # type: ignore[method-assign]

    def like_botocore(self) -> None:
        """Connections that send head and body their own way."""

        class Connection(self.urllib3.connection.HTTPConnection):  # type: ignore[misc,name-defined]
            def _send_output(self, message_body: Any = None, *args: Any, **kwargs: Any) -> None:
                message = b"\r\n".join([*self._buffer, b"", b""])
                del self._buffer[:]
                self.send(message + (message_body or b""))

        self.urllib3.HTTPConnectionPool.ConnectionCls = Connection


class Requests:
    IMPORT = "import requests"
    FIRST = "import requests; requests.get({url!r}).content"

    def __init__(self, ca: str) -> None:
        import requests

        self.session = requests.Session()
        self.session.verify = ca
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=THREADS, pool_block=True)
        self.session.mount("http://", adapter)

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        return len(self.session.get(url, headers=headers).content)

    def get_options(self, url: str) -> int:
        return len(self.session.get(url, headers=FIELDS, timeout=5.0).content)

    def get_headers(self, url: str) -> int:
        response = self.session.get(url)
        for name in LOOKED_AT:
            assert response.headers.get(name)
        return len(response.content)

    def put(self, url: str, kind: str, size: int) -> int:
        return len(self.session.put(url, data=upload(kind, size)).content)

    def post_json(self, url: str) -> int:
        return len(self.session.post(url, json=VALUE).content)

    def stream(self, url: str, amt: int) -> int:
        return sum(map(len, self.session.get(url, stream=True).iter_content(amt)))


class Httpx:
    IMPORT = "import httpx"
    FIRST = "import httpx; httpx.get({url!r}).content"

    def __init__(self, ca: str) -> None:
        import httpx

        self.client = httpx.Client(
            verify=ssl.create_default_context(), limits=httpx.Limits(max_connections=THREADS)
        )

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        return len(self.client.get(url, headers=headers).content)

    def get_options(self, url: str) -> int:
        return len(self.client.get(url, headers=FIELDS, timeout=5.0).content)

    def get_headers(self, url: str) -> int:
        response = self.client.get(url)
        for name in LOOKED_AT:
            assert response.headers.get(name)
        return len(response.content)

    def put(self, url: str, kind: str, size: int) -> int:
        return len(self.client.put(url, content=upload(kind, size)).content)

    def post_json(self, url: str) -> int:
        return len(self.client.post(url, json=VALUE).content)

    def stream(self, url: str, amt: int) -> int:
        with self.client.stream("GET", url) as response:
            return sum(map(len, response.iter_bytes(amt)))


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
    IMPORT = "import http.client"
    FIRST = (
        "import http.client; c = http.client.HTTPConnection({host!r}, {port}); "
        "c.request('GET', '/tiny'); c.getresponse().read()"
    )

    def connect(self, scheme: str, host: str, port: int) -> Any:
        import http.client

        if scheme == "https":
            return http.client.HTTPSConnection(host, port, context=self.tls())
        return http.client.HTTPConnection(host, port)

    def answer(self, method: str, url: str, body: Any = None, headers: Any = None) -> Any:
        connection, path = self.kept(url)
        connection.request(method, path, body=body, headers=headers or {})
        return connection.getresponse()

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        body = self.answer("GET", url, headers=headers).read()
        return len(gzip.decompress(body) if "gzip" in url else body)

    def get_options(self, url: str) -> int:
        return self.get(url, FIELDS)

    def get_headers(self, url: str) -> int:
        response = self.answer("GET", url)
        for name in LOOKED_AT:
            assert response.headers.get(name)
        return len(response.read())

    def put(self, url: str, kind: str, size: int) -> int:
        return len(self.answer("PUT", url, upload(kind, size)).read())

    def post_json(self, url: str) -> int:
        fields = {"Content-Type": "application/json"}
        return len(self.answer("POST", url, json.dumps(VALUE).encode(), fields).read())

    def stream(self, url: str, amt: int) -> int:
        if "gzip" in url:
            raise NotImplementedError("decodes nothing")
        response, size = self.answer("GET", url), 0
        while piece := response.read(amt):
            size += len(piece)
        return size

    def readinto(self, url: str) -> int:
        response, buffer, size = self.answer("GET", url), bytearray(PIECE), 0
        while count := response.readinto(buffer):
            size += count
        return size


class Socket(Bare):
    """The floor: requests made of one string, answers read by their length and not looked at."""

    IMPORT = "import socket"
    FIRST = (
        "import socket; s = socket.create_connection(({host!r}, {port})); "
        "s.sendall(b'GET /tiny HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'); s.recv(65536)"
    )

    def connect(self, scheme: str, host: str, port: int) -> Any:
        sock = socket.create_connection((host, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.tls().wrap_socket(sock, server_hostname=host) if scheme == "https" else sock

    def start(self, url: str, method: str = "GET", fields: Any = (), body: bytes = b"") -> Any:
        """Send a request; the socket, the first of the answer's body, and the length of it all."""
        if "gzip" in url or "chunked" in url:
            raise NotImplementedError("neither decodes nor takes chunks apart")
        sock, path = self.kept(url)
        lines = "".join([f"{name}: {value}\r\n" for name, value in fields])
        sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode() + body)
        data = sock.recv(PIECE)
        while (end := data.find(b"\r\n\r\n") + 4) == 3:
            data += sock.recv(PIECE)
        start = data.lower().index(b"content-length: ") + 16
        return sock, data[end:], int(data[start : data.index(b"\r", start)])

    def whole(self, sock: Any, data: bytes, length: int) -> int:
        if (have := len(data)) < length:
            whole = bytearray(length)
            whole[:have] = data
            view = memoryview(whole)
            while have < length:
                have += sock.recv_into(view[have:])
        return have

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        size = self.whole(*self.start(url, "GET", headers.items() if headers else ()))
        if headers is CLOSE:
            self.forget()
        return size

    def get_options(self, url: str) -> int:
        return self.get(url, FIELDS)

    def put(self, url: str, kind: str, size: int) -> int:
        if kind != "bytes":
            raise NotImplementedError("sends bytes")
        return self.send("PUT", url, upload(kind, size))

    def post_json(self, url: str) -> int:
        return self.send("POST", url, json.dumps(VALUE).encode())

    def send(self, method: str, url: str, body: bytes) -> int:
        return self.whole(*self.start(url, method, [("Content-Length", len(body))], body))

    def stream(self, url: str, amt: int) -> int:
        sock, data, length = self.start(url)
        have = len(data)
        while have < length:
            have += len(sock.recv(amt))
        return have

    def readinto(self, url: str) -> int:
        sock, data, length = self.start(url)
        have, buffer = len(data), bytearray(PIECE)
        while have < length:
            have += sock.recv_into(buffer)
        return have


class Pycurl:
    IMPORT = "import pycurl"
    FIRST = (
        "import pycurl; c = pycurl.Curl(); c.setopt(c.URL, {url!r}); "
        "c.setopt(c.WRITEFUNCTION, len); c.perform()"
    )

    def __init__(self, ca: str) -> None:
        import pycurl

        self.pycurl, self.ca, self.local = pycurl, ca, threading.local()

    def prepared(self, url: str, headers: dict[str, str] | None) -> Any:
        curl = self.local.__dict__.setdefault("curl", self.pycurl.Curl())
        fields = [f"{name}: {value}" for name, value in (headers or {}).items()]
        curl.setopt(curl.URL, url)
        curl.setopt(curl.CAINFO, self.ca)
        curl.setopt(curl.ENCODING, "gzip" if "gzip" in url else "identity")
        curl.setopt(curl.HTTPHEADER, fields)
        return curl

    def get(self, url: str, headers: dict[str, str] | None = None) -> int:
        curl, pieces = self.prepared(url, headers), []
        curl.setopt(curl.WRITEFUNCTION, pieces.append)
        curl.perform()
        return len(b"".join(pieces))

    def get_options(self, url: str) -> int:
        return self.get(url, FIELDS)

    def put(self, url: str, kind: str, size: int) -> int:
        return self.send("PUT", url, upload("file", size), size)

    def post_json(self, url: str) -> int:
        body = json.dumps(VALUE).encode()
        return self.send("POST", url, BytesIO(body), len(body))

    def send(self, method: str, url: str, body: BytesIO, size: int) -> int:
        curl, pieces = self.prepared(url, {"Expect": ""}), []
        curl.setopt(curl.CUSTOMREQUEST, method)
        curl.setopt(curl.UPLOAD, 1)
        curl.setopt(curl.READDATA, body)
        curl.setopt(curl.INFILESIZE, size)
        curl.setopt(curl.WRITEFUNCTION, pieces.append)
        curl.perform()
        return len(b"".join(pieces))

    def stream(self, url: str, amt: int) -> int:
        curl, sizes = self.prepared(url, None), [0]

        def take(piece: bytes) -> None:
            sizes[0] += len(piece)

        curl.setopt(curl.BUFFERSIZE, amt)
        curl.setopt(curl.WRITEFUNCTION, take)
        curl.perform()
        return sizes[0]


CLIENTS: dict[str, Any] = {
    "urllib3": Urllib3,
    "ours": Urllib3,
    "requests": Requests,
    "httpx": Httpx,
    "http.client": HttpClient,
    "pycurl": Pycurl,
    "socket": Socket,
}
