"""Waiting for real sockets, by poll and by select."""

from __future__ import annotations

import contextlib
import importlib.util
import select
import signal
import socket
import sys
import threading
import types

import pytest

from tests.support.tables import check, rows
from urllib3 import _seams
from urllib3.util import wait

needs_poll = pytest.mark.skipif(not hasattr(select, "poll"), reason="no poll on this system")


@pytest.fixture
def fresh(monkeypatch):
    """The module as it is before anything has waited."""
    found = importlib.util.spec_from_file_location("urllib3.util.fresh_wait", wait.__file__)
    module = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, found.name, module)
    for name in ("connection_wait_for_read", "util_wait_wait_for_socket"):
        monkeypatch.setattr(_seams, name, getattr(_seams, name))  # it records its own
    found.loader.exec_module(module)
    return module


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@needs_poll
def test_the_table_of_waits(fresh, pair):
    one, other = pair
    gone = socket.socket()
    gone.close()

    def first():
        before = fresh.wait_for_socket.__name__
        fresh.wait_for_write(one, 0)
        return before, fresh.wait_for_socket.__name__

    # One pair for all, so the rows stand in this order.
    for param in rows("wait"):
        check(param.values[0], {"W": fresh, "a": one, "b": other, "closed": gone, "first": first})


WAYS = [
    pytest.param(wait.select_wait_for_socket, id="select"),
    pytest.param(wait.poll_wait_for_socket, id="poll", marks=needs_poll),
    pytest.param(wait.wait_for_socket, id="chosen"),
]
each_way = pytest.mark.parametrize("way", WAYS)


@each_way
def test_a_socket_is_ready_once_there_is_something_to_read(way, pair):
    one, other = pair
    assert way(one, read=True, timeout=0) is False
    other.sendall(b"x")
    assert way(one, read=True) is True
    assert way(one.fileno(), read=True) is True


def fill(sock):
    with contextlib.suppress(BlockingIOError):
        while sock.send(b"x" * 65536):
            pass


@each_way
def test_a_full_socket_is_not_ready_to_be_written(way, pair):
    one, _ = pair
    one.setblocking(False)
    assert way(one, write=True, timeout=0) is True
    fill(one)
    assert way(one, write=True, timeout=0) is False
    assert way(one, read=True, write=True, timeout=0.01) is False


@each_way
def test_a_peer_that_has_gone_makes_a_socket_ready(way, pair):
    one, other = pair
    other.close()
    assert way(one, read=True, timeout=0) is True


@each_way
def test_a_connection_that_was_refused_makes_a_socket_ready_to_be_written(way):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex(address)
        assert way(sock, write=True, timeout=10) is True
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


@each_way
def test_a_direction_must_be_wanted(way, pair):
    with pytest.raises(RuntimeError, match="at least one of read=True, write=True"):
        way(pair[0])


@each_way
def test_a_closed_socket_is_an_error_of_the_caller(way, pair):
    pair[0].close()
    with pytest.raises(ValueError, match="negative integer"):
        way(pair[0], read=True, timeout=0)


@each_way
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers")
def test_a_signal_does_not_end_a_wait(way, pair):
    one, other = pair
    seen = []

    def tick(*_):
        seen.append(1)
        if len(seen) == 3:
            other.sendall(b"x")

    before = signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        assert way(one, read=True, timeout=30) is True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(seen) >= 3


def test_both_short_forms_ask_the_function_that_is_in_the_module_now(monkeypatch, pair):
    asked = []
    monkeypatch.setattr(wait, "wait_for_socket", lambda *args, **kw: asked.append((args, kw)))
    wait.wait_for_read(pair[0], 3)
    wait.wait_for_write(pair[0])
    assert asked == [
        ((pair[0],), {"read": True, "timeout": 3}),
        ((pair[0],), {"write": True, "timeout": None}),
    ]
    assert wait.__all__ == ["wait_for_read", "wait_for_write"]


class Broken:
    def poll(self, _):
        raise OSError("does not work here")


@pytest.mark.parametrize("without", ["missing", "broken"])
def test_a_patch_of_select_counts_until_the_first_wait(monkeypatch, fresh, pair, without):
    if without == "missing":
        monkeypatch.delattr(select, "poll", raising=False)
    else:
        monkeypatch.setattr(select, "poll", Broken, raising=False)
    assert fresh.wait_for_write(pair[0], 0) is True
    assert fresh.wait_for_socket is fresh.select_wait_for_socket


def test_select_watches_for_failures_of_what_is_to_be_written(monkeypatch, pair):
    sets = []

    def windows(readers, writers, failed, timeout):
        sets.append((readers, writers, failed, timeout))
        return [], [], failed

    monkeypatch.setattr(wait, "select", types.SimpleNamespace(select=windows))
    sock = pair[0]
    assert wait.select_wait_for_socket(sock, write=True, timeout=2) is True
    assert wait.select_wait_for_socket(sock, read=True) is False
    assert sets == [([], [sock], [sock], 2), ([sock], [], [], None)]


@needs_poll
def test_a_question_that_is_kept_gives_each_time_the_answer_of_that_time(fresh, pair):
    one, other = pair
    readable = fresh.readable_now(one)
    assert not readable()
    other.sendall(b"x")
    assert readable()
    one.recv(1)
    assert not readable()


def test_a_kept_question_goes_through_whoever_has_replaced_the_wait(monkeypatch, pair):
    asked = []
    monkeypatch.setattr(wait, "wait_for_socket", lambda *_, **kw: asked.append(kw) or True)
    assert wait.readable_now(pair[0])()
    assert asked == [{"read": True, "timeout": 0.0}]


def test_a_kept_question_works_without_poll(monkeypatch, fresh, pair):
    monkeypatch.delattr(select, "poll", raising=False)
    readable = fresh.readable_now(pair[0])
    pair[1].sendall(b"x")
    assert readable()


def test_waiting_threads_do_not_disturb_each_other(fresh):
    pairs = [socket.socketpair() for _ in range(8)]
    ready = []

    def wait_for(sock):
        ready.append(fresh.wait_for_read(sock, timeout=30))

    threads = [threading.Thread(target=wait_for, args=(one,)) for one, _ in pairs]
    for thread in threads:
        thread.start()
    for _, other in pairs:
        other.sendall(b"x")
    for thread in threads:
        thread.join()
    for one, other in pairs:
        one.close()
        other.close()
    assert ready == [True] * 8
