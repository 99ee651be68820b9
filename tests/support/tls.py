"""TLS servers that record the handshakes they saw, and the server's side of TLS in TLS."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_T = typing.TypeVar("_T")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class TlsServer:
    """What :func:`tls_server` gives; the lists grow by one for each handshake it saw begin."""

    port: int
    names: list[str | None] = field(default_factory=list)  # SNI
    protocols: list[str | None] = field(default_factory=list)  # ALPN agreed on
    clients: list[bytes | None] = field(default_factory=list)  # certificates in DER
    host: str = "localhost"


@contextlib.contextmanager
def tls_server(
    context: ssl.SSLContext,
    talk: Callable[[ssl.SSLSocket], None] | None = None,
) -> Iterator[TlsServer]:
    """A TLS server on loopback that answers each request with ``ok``.

    :param talk: what to do with the secured socket instead
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = TlsServer(port=listener.getsockname()[1])
    talk = talk or answer_each
    context.sni_callback = lambda sock, name, ctx: server.names.append(name)
    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(raw: socket.socket) -> None:
        # A client that rejects the certificate breaks off: that is expected.
        with contextlib.suppress(OSError), raw, context.wrap_socket(raw, server_side=True) as sock:
            server.protocols.append(sock.selected_alpn_protocol())
            server.clients.append(sock.getpeercert(binary_form=True))
            # From here on it may be closed beneath us: those two would miss what it then lacks.
            open_sockets.append(sock)
            talk(sock)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = listener.accept()
                open_sockets.append(raw)
                threads.append(threading.Thread(target=serve, args=(raw,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        hang_up(listener)
        acceptor.join(5)
        for sock in open_sockets:
            hang_up(sock)
        for thread in threads:
            thread.join(5)


def hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    sock.close()


def answer_each(sock: ssl.SSLSocket) -> None:
    received = b""
    while chunk := sock.recv(65536):
        received += chunk
        while b"\r\n\r\n" in received:
            received = received.partition(b"\r\n\r\n")[2]
            sock.sendall(OK)


def tunnel_to(port: int) -> Callable[[socket.socket], None]:
    """What a proxy does after ``CONNECT``: carry bytes, both ways, until one side closes."""

    def between(client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", port)) as target:
            pairs = {client: target, target: client}
            while True:
                try:
                    ready, _, _ = select.select(list(pairs), [], [], 30)
                except ValueError:  # closed beneath us, when the test was over
                    return
                for sock in ready:
                    sock.settimeout(0)
                    try:
                        data = sock.recv(65536)
                    except (ssl.SSLWantReadError, BlockingIOError):
                        continue
                    finally:
                        sock.settimeout(30)
                    if not data:
                        hang_up(target)
                        return
                    pairs[sock].sendall(data)

    return between


class InnerServer:
    """The far end of TLS in TLS: a secured stream within the secured stream of *outer*."""

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext) -> None:
        self.outer = outer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.do(self.tls.do_handshake)

    def do(self, operation: Callable[..., _T], *args: object) -> _T:
        while True:
            try:
                result = operation(*args)
            except ssl.SSLWantReadError:
                self.flush()
                received = self.outer.recv(65536)
                if received:
                    self.incoming.write(received)
                else:
                    self.incoming.write_eof()
            else:
                self.flush()
                return result

    def flush(self) -> None:
        if self.outgoing.pending:
            self.outer.sendall(self.outgoing.read())

    def recv(self, count: int) -> bytes:
        return self.do(self.tls.read, count)

    def recv_exactly(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            received += self.recv(count - len(received)) or b"<EOF>"
        return received

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self.do(self.tls.write, view) :]
