"""No test may leave a socket open, nor leave closing one to the collector of cycles.

``no_open_sockets`` holds for every test (``tests/conftest.py``).  It is cheap: the constructor of
sockets notes each, and nothing is done after a test that has made none.
"""

from __future__ import annotations

import functools
import gc
import socket
import time
import typing
import weakref
from collections.abc import Iterator

import pytest

# Seconds for the threads of a server to see that their clients have gone.
PATIENCE = 10

_made: list[weakref.ref[socket.socket]] = []


_init = socket.socket.__init__


# An audit hook would do, too.  But while one runs, Python 3.11 and earlier refuse the trace function
# of another thread that starts, and with it the thread: coverage sets one for each.
@functools.wraps(_init)
def _noting_init(self: socket.socket, *args: typing.Any, **kw: typing.Any) -> None:
    _init(self, *args, **kw)
    _made.append(weakref.ref(self))


setattr(socket.socket, "__init__", _noting_init)  # noqa: B010  # not by a name that mypy protects


def open_sockets() -> list[socket.socket]:
    """The sockets made since the test began that are open."""
    made = [ref() for ref in _made.copy()]
    return [sock for sock in made if sock is not None and sock.fileno() != -1]


def soon_closed() -> bool:
    """Whether every socket is closed, or is within :data:`PATIENCE` seconds, and no cycle broken."""
    end = time.monotonic() + PATIENCE
    while open_sockets():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(autouse=True)
def no_open_sockets() -> Iterator[None]:
    """Fail the test if it leaves a socket open, or leaves closing one to the collector."""
    _made.clear()
    gc.disable()
    try:
        yield
        if soon_closed():
            return
        left = [str(sock) for sock in open_sockets()]
        gc.collect()
        kept = [str(sock) for sock in open_sockets()]
        for sock in open_sockets():
            sock.close()
    finally:
        gc.enable()
    pytest.fail(f"left open: {kept}, left to the collector: {sorted(set(left) - set(kept))}")
