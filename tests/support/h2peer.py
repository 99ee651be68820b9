"""The server's side of HTTP/2, on a socket that :mod:`tests.support.tls` has secured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events

Fields = list[tuple[str, str]]
OK: tuple[Fields, bytes] = ([(":status", "200")], b"ok")


@dataclass
class Request:
    """A request as the server has received it."""

    stream: int
    fields: Fields
    body: bytearray = field(default_factory=bytearray)

    def __getitem__(self, name: str) -> str:
        return dict(self.fields)[name]


class Peer:
    """One connection, seen from the server: h2's frames and events on a blocking socket."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self.conn = h2.connection.H2Connection(config)
        self.conn.initiate_connection()
        self.flush()

    def flush(self) -> None:
        if data := self.conn.data_to_send():
            self.sock.sendall(data)

    def events(self, acknowledge: bool = True) -> Iterator[h2.events.Event]:
        """What the client sends, until it closes."""
        while data := self.sock.recv(65536):
            for event in self.conn.receive_data(data):
                if acknowledge and isinstance(event, h2.events.DataReceived):
                    self.conn.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                self.flush()
                yield event
            self.flush()

    def requests(self) -> Iterator[Request]:
        """Each request, once it is complete."""
        begun: dict[int, Request] = {}
        for event in self.events():
            if isinstance(event, h2.events.RequestReceived):
                fields = [(str(name), str(value)) for name, value in event.headers]
                begun[event.stream_id] = Request(event.stream_id, fields)
            elif isinstance(event, h2.events.DataReceived):
                begun[event.stream_id].body += event.data
            elif isinstance(event, h2.events.StreamEnded):
                yield begun.pop(event.stream_id)

    def head(self, stream: int, *fields: tuple[str, str], end: bool = False) -> None:
        self.conn.send_headers(stream, fields, end_stream=end)
        self.flush()

    def data(self, stream: int, data: bytes, end: bool = True) -> None:
        """Send a body as fast as the client's windows allow."""
        view = memoryview(data)
        while view:
            room = min(
                self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size
            )
            if room <= 0:
                received = self.sock.recv(65536)
                if not received:
                    return
                self.conn.receive_data(received)
                continue
            self.conn.send_data(stream, bytes(view[:room]))
            self.flush()
            view = view[room:]
        if end:
            self.conn.end_stream(stream)
            self.flush()


def answering(
    handler: Callable[[Request], tuple[Fields, bytes]], seen: list[Request]
) -> Callable[[Any], None]:
    """What :func:`tests.support.tls.tls_server` is to do: answer every request by the handler."""

    def talk(sock: Any) -> None:
        peer = Peer(sock)
        for request in peer.requests():
            seen.append(request)
            fields, body = handler(request)
            peer.head(request.stream, *fields, end=not body)
            if body:
                peer.data(request.stream, body)

    return talk
