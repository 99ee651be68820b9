"""The CONNECT exchange: how a connection to a proxy becomes one to the origin (RFC 9110, 9.3.6).

Knows the bytes that are sent and received, and nothing of what the tunnel is for.  The rule: the
same bytes on every Python version, and an answer that is bounded and strict.
"""

from __future__ import annotations

import http.client
import typing

from .._http1 import syntax
from .._http1.receiver import Receiver

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    class Connected(typing.Protocol):
        """What a connection to a proxy offers."""

        sock: typing.Any
        debuglevel: int
        max_response_headers: int | None
        response_class: typing.Any
        _method: str

        def send(self, data: bytes) -> None: ...


class ProxyAnswer:
    """What a proxy has answered to CONNECT.

    :param head: of the final answer
    :param early: what came behind it
    """

    __slots__ = ("_early", "_head", "lines")

    def __init__(self, head: syntax.Head, early: bytes) -> None:
        self._head = head
        self._early = early
        #: Its fields as ``http.client`` keeps them, the empty line included.
        self.lines = [f"{name}: {value}\r\n".encode("latin-1") for name, value in head.fields]
        self.lines.append(b"\r\n")

    @property
    def is_refusal(self) -> bool:
        """Whether there is no tunnel: any status but 200."""
        return self._head.status != 200

    def check(self) -> None:
        """Raise OSError for a refusal, ``http.client.HTTPException`` if anything came behind."""
        if self.is_refusal:
            raise OSError(f"Tunnel connection failed: {self._head.status} {self._head.reason}")
        if self._early:
            # The origin does not speak first: whoever sent this is in between (CVE-2023-40217).
            count = len(self._early)
            raise syntax.MalformedMessage(f"proxy sent {count} bytes behind its answer to CONNECT")


def ask_for_tunnel(
    conn: Connected, host: str, port: int, headers: Mapping[str, str]
) -> ProxyAnswer:
    """Ask the proxy at the other end of *conn* for a tunnel to *host*.

    Raises ValueError, before anything is sent, for a host or headers that would break the request
    apart; ``http.client.HTTPException`` if the answer is not HTTP.
    """
    conn.send(syntax.connect_request(host, port, headers))
    receiver = Receiver(conn.sock)
    most = conn.max_response_headers
    head = receiver.final_head(receiver.read_head(most), 0, most)
    answer = ProxyAnswer(head, receiver.pending)
    if conn.debuglevel > 0:
        for line in answer.lines:
            print("header:", line.decode("latin-1"))
    return answer


def ask_by_response_class(
    conn: Connected, host: str, port: int, headers: Mapping[str, str]
) -> ProxyAnswer:
    """:func:`ask_for_tunnel` by a ``response_class`` that a program has put on *conn*.

    ``http.client`` has that class read the status line, and reads the fields from its ``fp``;
    botocore's stands there, and test doubles.  The strict rules hold for what it has read.
    """
    conn.send(syntax.connect_request(host, port, headers))
    response = conn.response_class(conn.sock, method=conn._method)
    try:
        version, status, reason = response._read_status()
        lines = [f"{version} {status} {reason}\r\n", *_field_lines(response.fp)]
        head = syntax.careful_head(lines)
        return ProxyAnswer(head, _received_beyond(response.fp, conn.sock))
    finally:
        response.close()


def _field_lines(file: typing.Any) -> list[str]:
    lines: list[str] = []
    while len(lines) <= syntax.max_fields():
        line: bytes = file.readline(syntax.max_line() + 1)
        if line in (b"\r\n", b"\n"):
            return lines
        if len(line) > syntax.max_line():
            raise http.client.LineTooLong("header line")
        if not line:
            raise syntax.MalformedMessage("the answer to CONNECT ended in its head")
        lines.append(line.decode("latin-1"))
    raise http.client.HTTPException(f"got more than {syntax.max_fields()} headers")


def _received_beyond(file: typing.Any, sock: typing.Any) -> bytes:
    """What *file* has read of *sock* beyond what was wanted, without a wait for more."""
    peek = getattr(file, "peek", None)
    if peek is None:
        return b""
    limit = sock.gettimeout()
    sock.settimeout(0)
    try:
        return bytes(peek())
    except OSError:
        return b""  # nothing is there
    finally:
        sock.settimeout(limit)
