"""Whatever is raised, wherever: the pool keeps its slots, and every request gets its own answer.

A trace function stands for what may come between any two instructions of a program: the exception
of a signal handler or of another thread, a request that a signal handler makes, a fork.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import socket
import subprocess
import sys
import textwrap
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import urllib3
from tests.shape.project import ROOT
from tests.support.scripted import serve
from tests.support.sockets import open_sockets
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.exceptions import HTTPError

SOURCE = Path(urllib3.__file__).parent.parent

# What is dropped between two instructions is closed at once, by nobody but its last reference.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

#: Functions that are interrupted before each instruction, and not only before each line.
LEASES = {
    "_attempt",
    "_connection_for",
    "_discard",
    "_get_conn",
    "_put_conn",
    "close",
    "free",
    "give_up",
    "lease",
    "put",
    "release_conn",
    "wait_until",
    "wake",
    "_claim",
    "_lease_or_claim",
    "_taken",
}


class Cut(BaseException):
    """What no part of urllib3 knows."""


class At:
    """Do something at the NTH event within urllib3 while a block runs."""

    def __init__(self, nth, act, instructions):
        self.left = nth
        self.act = act
        self.instructions = instructions

    def __enter__(self):
        sys.settrace(self.trace)
        return self

    def __exit__(self, *error):
        sys.settrace(None)

    def trace(self, frame, event, argument):
        if "urllib3" not in frame.f_globals.get("__name__", ""):
            return None
        if self.instructions:
            if frame.f_code.co_name not in LEASES:
                return None
            frame.f_trace_opcodes = True
        self.left -= 1
        if self.left == 0:
            self.act()
        return self.trace

    @property
    def was_reached(self):
        return self.left <= 0


def echo(request):
    body = request.line.split(" ")[1].encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def preloaded(pool, path):
    return pool.request("GET", path, pool_timeout=0).data


def streamed(pool, path):
    response = pool.request("GET", path, preload_content=False, pool_timeout=0)
    try:
        return b"".join(response.stream(2))
    finally:
        response.release_conn()


def dropped(pool, path):
    response = pool.request("GET", path, preload_content=False, pool_timeout=0)
    body = response.read(1)
    return body + response.read()


def cut():
    raise Cut


def blocking(server):
    return HTTPConnectionPool(server.host, server.port, maxsize=1, block=True, retries=False)


def apart(function):
    """Run FUNCTION in a thread of its own.

    Where a trace function raises between the last instructions of a handler, CPython may take the
    exception for one that is still being handled, for as long as the thread lasts.
    """

    @functools.wraps(function)
    def run(*args, **kw):
        with ThreadPoolExecutor(1) as executor:
            executor.submit(function, *args, **kw).result()

    return run


def clients_sockets(server):
    found = []
    for sock in open_sockets():
        try:
            peer = sock.getpeername()
        except OSError:
            continue
        if peer == (server.host, server.port):
            found.append(sock)
    return found


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else traces")
@pytest.mark.parametrize("instructions", [False, True], ids=["lines", "instructions"])
@pytest.mark.parametrize("request_", [preloaded, streamed, dropped])
@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
@apart
def test_an_exception_costs_no_slot_and_mixes_nothing_up(is_warm, request_, instructions):
    with serve(handler=echo) as server:
        pool = blocking(server)
        for nth in itertools.count(1):
            if is_warm:
                request_(pool, "/warm")
            else:
                pool.close()
                pool = blocking(server)
            with At(nth, cut, instructions) as point:
                with contextlib.suppress(Cut):
                    request_(pool, f"/{nth}")
            if not point.was_reached:
                break
            assert pool.pool.qsize() == 1, f"at {nth}"
            assert request_(pool, f"/{nth}/next") == f"/{nth}/next".encode(), f"at {nth}"
            assert pool.pool.qsize() == 1, f"at {nth}"
            assert len(clients_sockets(server)) <= 1, f"at {nth}"
        assert nth > 50
        pool.close()


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else traces")
@pytest.mark.parametrize("request_", [preloaded, streamed])
def test_a_signal_handler_may_make_a_request_at_any_moment(request_):
    """On the same manager, whose one pool has room for one more."""
    with serve(handler=echo) as server, PoolManager(maxsize=2, block=True) as manager:
        inner = []

        def handle():
            inner.append(manager.request("GET", server.url("/inner"), pool_timeout=0).data)

        for nth in itertools.count(1):
            inner.clear()
            pool = manager.connection_from_url(server.url())
            with At(nth, handle, False) as point:
                outer = request_(pool, f"/{nth}")
            assert outer == f"/{nth}".encode()
            if not point.was_reached:
                break
            assert inner == [b"/inner"]
            assert pool.pool.qsize() == 2
        assert nth > 50


FORKS = """
    import os, signal, threading
    import urllib3
    from tests.pool.test_interruptions import At, echo
    from tests.support.scripted import serve

    with serve(handler=echo) as server:
        for nth in range(1, 2000, 23):
            manager = urllib3.PoolManager(block=True, maxsize=2)
            there, go_on = threading.Event(), threading.Event()

            def pause():
                there.set()
                go_on.wait()

            def work():
                with At(nth, pause, False) as point:
                    manager.request("GET", server.url("/thread"))
                reached.append(point.was_reached)
                there.set()

            reached = []
            thread = threading.Thread(target=work)
            thread.start()
            there.wait()
            child = os.fork()
            if child == 0:
                signal.alarm(20)  # its default action ends a child that hangs
                answer = manager.request("GET", server.url("/child"), retries=False)
                os._exit(answer.data != b"/child")
            go_on.set()
            thread.join()
            status = os.waitpid(child, 0)[1]
            assert status == 0, f"at {nth}: {status}"
            manager.clear()
            if reached == [False]:
                break
    print("forked at", nth)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_of_fork_waits_for_nobody():
    """It is made while a thread of its parent stands at one point or another of a request."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(SOURCE)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "forked at" in done.stdout, done.stderr


def test_a_socket_of_an_error_that_is_kept_is_closed():
    with serve(handler=lambda request: b"junk\r\n\r\n") as server:
        pool = blocking(server)
        kept = []
        for _ in range(3):
            try:
                pool.request("GET", "/", pool_timeout=0)
            except Exception as error:
                kept.append(error)
        assert [type(error).__name__ for error in kept] == ["ProtocolError"] * 3
        assert clients_sockets(server) == []
        assert pool.pool.qsize() == 1


def test_nothing_of_a_failed_request_is_left_to_the_collector():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    for retries in (False, 0, 2):
        pool = HTTPConnectionPool("127.0.0.1", port, retries=retries)
        left = weakref.ref(pool)
        with contextlib.suppress(HTTPError):
            pool.request("GET", "/")
        del pool
        assert left() is None
