"""Opening a TCP connection to a host.

Knows names, addresses and sockets, and nothing of HTTP or TLS.  The rule: streamlink, yt-dlp and
others replace :func:`allowed_gai_family`, :data:`HAS_IPV6`, :func:`_set_socket_options` and
:func:`create_connection` in this module, so all of them are looked up here at each call.
"""

from __future__ import annotations

import socket
import typing

from ..exceptions import LocationParseError
from .timeout import _DEFAULT_TIMEOUT, _TYPE_TIMEOUT

if typing.TYPE_CHECKING:
    from .._base_connection import BaseHTTPConnection

_TYPE_SOCKET_OPTIONS = list[tuple[int, int, int | bytes]]


def is_connection_dropped(conn: BaseHTTPConnection) -> bool:
    """Whether an idle connection can no longer be used."""
    return not conn.is_connected


def create_connection(
    address: tuple[str, int],
    timeout: _TYPE_TIMEOUT = _DEFAULT_TIMEOUT,
    source_address: tuple[str, int] | None = None,
    socket_options: _TYPE_SOCKET_OPTIONS | None = None,
) -> socket.socket:
    """A socket connected to the first of the host's addresses that answers.

    :param address: ``(host, port)``; brackets around an IPv6 address are allowed
    :param timeout: seconds for each address, None = no limit, the marker = the socket default
    :param source_address: to bind before connecting
    :param socket_options: argument tuples for ``setsockopt``

    Raises ``LocationParseError`` for a name with an empty or too long label, the resolver's error,
    or the OSError of the last address tried.
    """
    host, port = address
    if host.startswith("["):
        host = host.strip("[]")
    _check_labels(host)
    failure: OSError | None = None
    try:
        for family, kind, proto, _, place in socket.getaddrinfo(
            host, port, allowed_gai_family(), socket.SOCK_STREAM
        ):
            try:
                return _open((family, kind, proto), place, timeout, source_address, socket_options)
            except OSError as error:  # noqa: PERF203  # the next address may answer
                failure = error
        raise failure or OSError("getaddrinfo returns an empty list")
    finally:
        # The traceback of an error holds this frame and all below it, the pool's included: kept
        # here, also after a later address has answered, it would be a cycle that only the
        # garbage collector frees, and the sockets of the pool with it.
        failure = None


def _check_labels(host: str) -> None:
    # The checks of the idna codec for an ASCII name, without importing the codec.
    if host.isascii():
        fine = (
            ".." not in host
            and host[:1] != "."
            and (len(host) < 64 or max(map(len, host.split("."))) < 64)
        )
    else:
        try:
            host.encode("idna")
            fine = True
        except UnicodeError:
            fine = False
    if not fine:
        raise LocationParseError(f"'{host}', label empty or too long")


def _open(
    kind: tuple[int, int, int],
    place: typing.Any,
    timeout: _TYPE_TIMEOUT,
    source_address: tuple[str, int] | None,
    socket_options: _TYPE_SOCKET_OPTIONS | None,
) -> socket.socket:
    sock = socket.socket(*kind)
    try:
        _set_socket_options(sock, socket_options)
        if timeout is not _DEFAULT_TIMEOUT:
            sock.settimeout(timeout)
        if source_address:
            sock.bind(source_address)
        sock.connect(place)
    except BaseException:
        sock.close()
        raise
    return sock


def _set_socket_options(sock: socket.socket, options: _TYPE_SOCKET_OPTIONS | None) -> None:
    for option in options or ():
        sock.setsockopt(*option)


def allowed_gai_family() -> socket.AddressFamily:
    """The address family that the resolver is asked for."""
    return socket.AF_UNSPEC if HAS_IPV6 else socket.AF_INET


def _has_ipv6(host: str) -> bool:
    """Whether an IPv6 socket can be bound to *host*."""
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind((host, 0))
    except Exception:  # whatever went wrong, IPv6 cannot be used
        return False
    return True


HAS_IPV6 = _has_ipv6("::1")
