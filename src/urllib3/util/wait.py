"""Waiting for a socket to become readable or writable.

Knows ``select`` and ``poll``, and nothing of what is read.  The rule: the way to wait is chosen at
the first call and not at import, which may come before gevent or eventlet patch ``select``.
"""

from __future__ import annotations

import functools
import select
import sys
from typing import TYPE_CHECKING

from .. import _seams

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

__all__ = ["wait_for_read", "wait_for_write"]


def select_wait_for_socket(
    sock: socket.socket,
    read: bool = False,
    write: bool = False,
    timeout: float | None = None,
) -> bool:
    """:func:`wait_for_socket` by ``select``."""
    if not read and not write:
        raise RuntimeError("must specify at least one of read=True, write=True")
    readers = [sock] if read else []
    writers = [sock] if write else []
    # On Windows a failed connect is reported in the third set only.
    ready = select.select(readers, writers, writers, timeout)
    return any(ready)


def poll_wait_for_socket(
    sock: socket.socket,
    read: bool = False,
    write: bool = False,
    timeout: float | None = None,
) -> bool:
    """:func:`wait_for_socket` by ``poll``."""
    if not read and not write:
        raise RuntimeError("must specify at least one of read=True, write=True")
    poller = select.poll()
    poller.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
    return bool(poller.poll(None if timeout is None else timeout * 1000))


def _have_working_poll() -> bool:
    # gevent and eventlet remove poll, some systems have one that fails.
    try:
        select.poll().poll(0)
    except (AttributeError, OSError):
        return False
    return True


def wait_for_socket(
    sock: socket.socket,
    read: bool = False,
    write: bool = False,
    timeout: float | None = None,
) -> bool:
    """Wait up to *timeout* seconds (None = for ever) until *sock* is ready; return whether it is.

    Raises RuntimeError if neither direction is wanted, ValueError for a closed socket.
    """
    # Chosen at the first call and not at import, which may come before select is patched.
    global wait_for_socket
    chosen = poll_wait_for_socket if _have_working_poll() else select_wait_for_socket
    if wait_for_socket is _seams.util_wait_wait_for_socket:
        wait_for_socket = _seams.util_wait_wait_for_socket = chosen
    return chosen(sock, read, write, timeout)


def wait_for_read(sock: socket.socket, timeout: float | None = None) -> bool:
    """Wait until something can be read, or the peer has closed."""
    return wait_for_socket(sock, read=True, timeout=timeout)


def wait_for_write(sock: socket.socket, timeout: float | None = None) -> bool:
    """Wait until something can be written."""
    return wait_for_socket(sock, write=True, timeout=timeout)


def readable_now(sock: socket.socket) -> Callable[[], object]:
    """A function that returns, at each call, whether *sock* has something to read.

    It keeps the poll object that :func:`wait_for_read` makes for each call; if anything of that is
    patched, it calls :func:`wait_for_read` instead.
    """
    if wait_for_socket is not _seams.util_wait_wait_for_socket or not _have_working_poll():
        return functools.partial(wait_for_read, sock, 0.0)
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return functools.partial(poller.poll, 0)


_seams.record(".util.wait", sys.modules[__name__])
_seams.record(".connection", sys.modules[__name__])  # it imports wait_for_read
