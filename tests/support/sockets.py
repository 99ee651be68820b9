"""No test may leave a socket open, nor leave closing one to the collector of cycles.

``no_open_sockets`` holds for every test (``tests/conftest.py``).  It is cheap: an audit hook notes
each socket that is made, and nothing is done after a test that has made none.
"""

from __future__ import annotations

import gc
import socket
import sys
import time
import weakref
from collections.abc import Iterator

import pytest

# Seconds for the threads of a server to see that their clients have gone.
PATIENCE = 10

_made: list[weakref.ref[socket.socket]] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.__new__" and isinstance(arguments[0], socket.socket):
        _made.append(weakref.ref(arguments[0]))


sys.addaudithook(_note)


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
