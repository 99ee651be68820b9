"""The CONNECT exchange: how a connection to a proxy becomes one to the origin (RFC 9110, 9.3.6).

The same bytes on every Python version, and an answer that is bounded and strict.
"""

from __future__ import annotations

import typing

from .._http1 import syntax
from .._http1.receiver import Receiver

if typing.TYPE_CHECKING:

    class Tunneled(typing.Protocol):
        """What a connection must offer to be made into a tunnel."""

        sock: typing.Any
        debuglevel: int
        max_response_headers: int | None
        _tunnel_host: str | None
        _tunnel_port: int | None
        _tunnel_headers: dict[str, str]
        _raw_proxy_headers: list[bytes] | None

        def send(self, data: bytes) -> None: ...

        def close(self) -> None: ...


def tunnel(conn: Tunneled) -> None:
    """Ask the proxy at the other end of *conn* for a tunnel to the host set by ``set_tunnel``.

    Raises ValueError, before anything is sent, for a host or headers that would break the request
    apart; OSError if the proxy refuses (any status but 200), with the connection closed;
    ``http.client.HTTPException`` if its answer is not HTTP, or goes on behind its head.
    """
    assert conn._tunnel_host is not None
    assert conn._tunnel_port is not None
    conn.send(syntax.connect_request(conn._tunnel_host, conn._tunnel_port, conn._tunnel_headers))
    receiver = Receiver(conn.sock)
    most = conn.max_response_headers
    head = receiver.final_head(receiver.read_head(most), 0, most)
    conn._raw_proxy_headers = [
        f"{name}: {value}\r\n".encode("latin-1") for name, value in head.fields
    ] + [b"\r\n"]
    if conn.debuglevel > 0:
        for line in conn._raw_proxy_headers:
            print("header:", line.decode("latin-1"))
    early = receiver.pending
    if head.status != 200:
        conn.close()
        raise OSError(f"Tunnel connection failed: {head.status} {head.reason}")
    if early:
        # The origin speaks only when spoken to: whoever sent this is in between (CVE-2023-40217).
        raise syntax.MalformedMessage(f"proxy sent {len(early)} bytes behind its answer to CONNECT")
