"""A server that is a list of bytes.

    with serve([b"HTTP/1.1 200 OK..."], [Recv(), Reset()]) as server: ...

Each argument is the script of one connection: a list of steps, done in order, after which the
server closes its side.  Bytes alone mean "read one request, then send this".  With ``handler=`` every
connection is served for as long as it lasts by a function from request to bytes.

Only the standard library, so that the real urllib3 can be driven against it as well.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import typing


class Recv:
    """Read one request: head and body."""


class Stall:
    """Hold the connection open until the test ends."""


class Close:
    """Close now (FIN)."""


class Reset:
    """Close with a reset (RST)."""


class Send(typing.NamedTuple):
    """Send bytes without reading anything."""

    data: bytes


class Wait(typing.NamedTuple):
    """Wait until the test sets an event."""

    event: threading.Event


class Call(typing.NamedTuple):
    """Do anything with the socket."""

    function: typing.Callable[[socket.socket], object]


class Request:
    """A request as the server received it."""

    def __init__(self, head: bytes, body: bytes, raw: bytes) -> None:
        self.head = head
        self.body = body
        self.raw = raw
        line, *fields = head.decode("latin-1").split("\r\n")
        self.line = line
        self.headers = [
            (name, value.strip()) for name, _, value in (f.partition(":") for f in fields if f)
        ]

    def get(self, name: str) -> str | None:
        """The first value of a header."""
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None


class Gone(Exception):
    """The client closed the connection."""


class _Reader:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.data = b""
        self.taken = b""

    def more(self) -> None:
        received = self.sock.recv(65536)
        if not received:
            raise Gone
        self.data += received

    def until(self, mark: bytes) -> bytes:
        while mark not in self.data:
            self.more()
        return self.exactly(self.data.index(mark) + len(mark))

    def exactly(self, size: int) -> bytes:
        while len(self.data) < size:
            self.more()
        found, self.data = self.data[:size], self.data[size:]
        self.taken += found
        return found

    def request(self) -> Request:
        self.taken = b""
        head = self.until(b"\r\n\r\n")[:-4]
        request = Request(head, b"", b"")
        if "chunked" in (request.get("transfer-encoding") or "") and not request.get(
            "content-length"
        ):
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                body += self.exactly(size + 2)[:-2]
            self.until(b"\r\n")
        else:
            body = self.exactly(int(request.get("content-length") or 0))
        return Request(head, body, self.taken)


class Server:
    """A running server and what it has seen."""

    def __init__(
        self,
        scripts: tuple[typing.Any, ...],
        handler: typing.Callable[[Request], bytes | None] | None,
        tls: ssl.SSLContext | None,
        host: str,
    ) -> None:
        self._scripts = list(scripts)
        self._handler = handler
        self._tls = tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=100)
        self.host, self.port = host, self._listener.getsockname()[1]
        self.requests: list[Request] = []
        self.connections = 0
        self.errors: list[BaseException] = []
        self._over = threading.Event()
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def raw(self) -> bytes:
        """Everything that was received as requests."""
        return b"".join(request.raw for request in self.requests)

    def url(self, path: str = "/") -> str:
        """An absolute URL of this server."""
        scheme = "https" if self._tls else "http"
        host = "localhost" if self._tls else f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{path}"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            if self._over.is_set():
                sock.close()
                return
            with self._lock:
                self.connections += 1
                script = self._scripts.pop(0) if self._scripts else None
                self._open.append(sock)
            if script is None and self._handler is None:
                self.errors.append(AssertionError("a connection more than the test expects"))
                sock.close()
                continue
            thread = threading.Thread(target=self._serve, args=(sock, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, script: typing.Any) -> None:
        raw = sock
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.append(sock)
            if script is None:
                self._handle(sock)
            else:
                self._play(sock, script)
        except (Gone, OSError):
            pass  # the client has had enough
        except BaseException as error:
            self.errors.append(error)
        finally:
            for each in (sock, raw):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_WR)
                each.close()

    def _handle(self, sock: socket.socket) -> None:
        reader = _Reader(sock)
        while True:
            request = reader.request()
            self.requests.append(request)
            reply = typing.cast(typing.Any, self._handler)(request)
            if reply is None:
                return
            sock.sendall(reply)

    def _play(self, sock: socket.socket, script: list[typing.Any]) -> None:
        reader = _Reader(sock)
        for step in script:
            if isinstance(step, type):
                step = step()
            if isinstance(step, (bytes, Recv)):
                self.requests.append(reader.request())
            if isinstance(step, bytes):
                sock.sendall(step)
            elif isinstance(step, Send):
                sock.sendall(step.data)
            elif isinstance(step, Wait):
                step.event.wait(30)
            elif isinstance(step, Stall):
                self._over.wait(30)
            elif isinstance(step, Call):
                step.function(sock)
            elif isinstance(step, Reset):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
                return
            elif isinstance(step, Close):
                return

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self._over.set()
        with contextlib.suppress(OSError):
            # Wakes the accepting thread; closing the listener alone does not.
            socket.create_connection((self.host, self.port), 5).close()
        self._accepting.join(5)
        self._listener.close()
        with self._lock:
            left = list(self._open)
        for sock in left:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for sock in left:
            sock.close()


@contextlib.contextmanager
def serve(
    *scripts: typing.Any,
    handler: typing.Callable[[Request], bytes | None] | None = None,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> typing.Iterator[Server]:
    """Run a server for the length of a ``with`` block; errors in it surface at its end."""
    server = Server(scripts, handler, tls, host)
    try:
        yield server
    finally:
        server.stop()
    if server.errors:
        raise server.errors[0]
