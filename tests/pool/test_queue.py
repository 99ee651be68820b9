"""The pool's queue means what ``queue.LifoQueue`` means."""

from __future__ import annotations

import _thread
import copy
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import urllib3
from tests.support.answers import head
from tests.support.scripted import serve
from urllib3 import HTTPConnectionPool
from urllib3._pool.queue import LifoQueue, Slot, SlotQueue, threads_are_standard
from urllib3.connection import HTTPConnection


def test_it_is_a_lifo_queue_of_the_standard_library():
    assert isinstance(LifoQueue(), queue.LifoQueue)


def test_the_last_one_in_is_the_first_one_out():
    q = LifoQueue(2)
    q.put("a")
    q.put("b")
    assert (q.qsize(), q.full(), q.get(), q.get(), q.empty()) == (2, True, "b", "a", True)


def test_without_waiting_a_full_queue_refuses_and_an_empty_one_has_nothing():
    q = LifoQueue(1)
    with pytest.raises(queue.Empty):
        q.get(block=False)
    q.put_nowait(1)
    with pytest.raises(queue.Full):
        q.put(2, block=False)


def test_waiting_ends_when_the_time_is_up():
    q = LifoQueue(1)
    with pytest.raises(queue.Empty):
        q.get(timeout=0)
    q.put(1)
    with pytest.raises(queue.Full):
        q.put(2, timeout=0.001)


@pytest.mark.parametrize("method", ["get", "put"])
def test_a_negative_timeout_is_refused(method):
    q = LifoQueue(1)
    if method == "put":
        q.put(1)
    with pytest.raises(ValueError, match="'timeout' must be a non-negative number"):
        q.get(True, -1) if method == "get" else q.put(1, True, -1)


def test_a_getter_waits_for_a_putter():
    q = LifoQueue(1)
    got = []
    thread = threading.Thread(target=lambda: got.append(q.get(timeout=30)))
    thread.start()
    q.put("x")
    thread.join()
    assert got == ["x"]


def test_a_putter_waits_for_a_getter():
    q = LifoQueue(1)
    q.put(1)
    thread = threading.Thread(target=q.put, args=(2,), kwargs={"timeout": 30})
    thread.start()
    assert q.get(timeout=30) in (1, 2)
    thread.join()
    assert q.qsize() == 1


def test_many_threads_lose_nothing_and_make_nothing_up():
    q = LifoQueue(3)
    seen = []

    def produce(start):
        for n in range(start, start + 200):
            q.put(n, timeout=30)

    def consume():
        for _ in range(200):
            seen.append(q.get(timeout=30))

    threads = [threading.Thread(target=produce, args=(i * 200,)) for i in range(4)]
    threads += [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(800))
    assert q.empty()


class Interrupted(list):
    """Items of a queue; right after the next one is added, somebody else has a turn."""

    def __init__(self, turn):
        super().__init__()
        self.turn = turn

    def append(self, item):
        super().append(item)
        turn, self.turn = self.turn, lambda: None
        turn()


def test_two_that_add_at_once_when_there_is_room_for_one_do_not_both_succeed():
    q = LifoQueue(1)
    refused = []

    def add_another():
        try:
            q.put("b", block=False)
        except queue.Full:
            refused.append("b")

    q.queue = Interrupted(add_another)
    q.put("a", block=False)
    assert (q.queue, refused) == (["a"], ["b"])


def test_an_item_too_many_may_be_had_before_it_is_taken_back():
    q = LifoQueue(1)
    q.queue = Interrupted(lambda: None)
    q.put("a")
    q.queue.turn = lambda: got.append(q.get())
    got = []
    q.put("b", block=False)
    assert (got, q.queue) == (["b"], ["a"])


def test_tasks_are_not_counted():
    q = LifoQueue()
    with pytest.raises(NotImplementedError):
        q.task_done()
    with pytest.raises(NotImplementedError):
        q.join()


def test_threads_that_ask_for_the_mutex_at_once_get_the_same():
    for _ in range(50):
        pool, start, found = LifoQueue(), threading.Barrier(4), []

        def ask(pool=pool, start=start, found=found):
            start.wait()
            found.append(pool.mutex)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(map(id, found))) == 1


# ---------------------------------------------------------------- which queue a pool has


def test_a_pool_has_our_queue_where_threads_are_the_standard_ones():
    assert type(HTTPConnectionPool("h").pool) is LifoQueue
    assert type(HTTPConnectionPool("h", block=True).pool) is SlotQueue


@pytest.mark.parametrize("block", [False, True])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (_thread, "allocate_lock"),
        (_thread, "start_new_thread"),
        (_thread, "get_ident"),
        (threading, "Lock"),
    ],
)
def test_where_somebody_has_replaced_threads_the_queue_is_not_ours(
    monkeypatch, block, module, name
):
    original = getattr(module, name)

    class Lock:
        pass

    patched = Lock if name == "Lock" else lambda *args: original(*args)
    monkeypatch.setattr(module, name, patched)
    if name == "Lock":
        assert not threads_are_standard()
        return
    pool = HTTPConnectionPool("h", block=block, maxsize=2)
    assert type(pool.pool) is queue.LifoQueue
    assert pool.pool.qsize() == 2


def test_a_queue_that_somebody_put_in_the_place_of_the_standard_one_is_used(monkeypatch):
    class Theirs(queue.LifoQueue):
        __module__ = "theirs"

    monkeypatch.setattr(queue, "LifoQueue", Theirs)
    assert type(HTTPConnectionPool("h", block=True).pool) is Theirs


def test_the_queue_that_a_pool_asks_for_is_used():
    class Own(queue.LifoQueue):
        pass

    class Pool(HTTPConnectionPool):
        QueueCls = Own

    assert type(Pool("h", block=True).pool) is Own


GREEN = """
{patch_before}
import urllib3
{patch_after}
import queue
for block in (False, True):
    pool = urllib3.HTTPConnectionPool("h", block=block)
    assert type(pool.pool) is queue.LifoQueue, type(pool.pool)
    assert {package!r} in type(pool.pool).__module__, type(pool.pool)
print("theirs")
"""
PATCHES = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("package", PATCHES)
def test_the_queue_is_that_of_whoever_has_patched_threads(package, when):
    pytest.importorskip(package)
    patch = {"patch_before": "", "patch_after": "", f"patch_{when}": PATCHES[package]}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GREEN.format(package=package, **patch)],
        env={**os.environ, "PYTHONPATH": str(Path(urllib3.__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "theirs\n", done.stderr


# ---------------------------------------------------------------- slots


class Connection:
    """What a slot can belong to."""

    def close(self):
        pass


def made(slots):
    """A connection leased from SLOTS, where none is idle."""
    slot = slots.lease(block=False)
    assert type(slot) is Slot
    conn = Connection()
    conn._slot = slot
    return conn


def test_a_slot_is_free_again_when_its_connection_is_collected():
    slots = SlotQueue(1)
    conn = made(slots)
    with pytest.raises(queue.Empty):
        slots.lease(block=False)
    assert slots.qsize() == 0
    del conn
    assert slots.qsize() == 1
    made(slots)


def test_one_that_waits_is_woken_by_a_collected_connection():
    slots = SlotQueue(1)
    held = [made(slots)]
    got = []
    thread = threading.Thread(target=lambda: got.append(slots.lease(timeout=30)))
    thread.start()
    while not slots._getters.places:
        time.sleep(0)
    held.clear()
    thread.join()
    assert [type(each) for each in got] == [Slot]


def test_every_one_that_waits_is_served():
    slots = SlotQueue(2)
    out, counts, failures = [], [], []

    def work():
        try:
            for turn in range(100):
                conn = slots.lease(timeout=30)
                if type(conn) is Slot:
                    slot, conn = conn, Connection()
                    conn._slot = slot
                    del slot
                out.append(None)
                counts.append(len(out))
                out.pop()
                if turn % 3:
                    slots.put(conn)
                del conn  # which frees the slot of one that was not put back
        except BaseException as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failures, len(counts), slots.qsize()) == ([], 600, 2)
    assert max(counts) <= 2


def test_a_connection_is_given_back_once():
    slots = SlotQueue(2)
    conn = made(slots)
    slots.put(conn)
    with pytest.raises(queue.Full):
        slots.put(conn)
    assert slots.lease() is conn
    slots.put(conn)
    assert slots.qsize() == 2


def test_what_was_not_leased_finds_no_room():
    slots = SlotQueue(1)
    for stranger in (None, Connection()):
        with pytest.raises(queue.Full):
            slots.put(stranger)
    other = SlotQueue(1)
    with pytest.raises(queue.Full):
        slots.put(made(other))
    assert slots.queue == [None]


def test_a_pool_may_take_an_item_and_make_the_connection_itself():
    slots = SlotQueue(1)
    for _ in range(3):
        assert slots.get(block=False) is None
        with pytest.raises(queue.Empty):
            slots.get(block=False)
        slots.put(None)
    assert slots.get(block=False) is None
    conn = Connection()
    slots.put(conn)
    assert (slots.queue, slots.get(), slots.qsize()) == ([conn], conn, 0)
    slots.put(conn)


def test_an_end_of_a_lease_frees_its_own_slot_and_no_other():
    slots = SlotQueue(2)
    assert slots.get(block=False) is None  # somebody has it, who has not made the connection yet
    conn = made(slots)
    conn._slot.is_over = True
    slots.put(None)
    assert slots.qsize() == 1
    slots.free(conn)
    assert slots.qsize() == 1
    slots.put(None)
    assert slots.qsize() == 2


def test_an_ended_queue_gives_out_no_slot():
    slots = SlotQueue(2)
    conn = made(slots)
    slots.end()
    with pytest.raises(queue.Empty):
        slots.lease(timeout=0)
    del conn
    with pytest.raises(queue.Empty):
        slots.lease(timeout=0)


def test_expired_connections_leave_their_slots():
    slots = SlotQueue(2)
    old, fresh = made(slots), made(slots)
    old._expires, fresh._expires = 1, 3
    slots.put(old)
    slots.put(fresh)
    assert slots.take_expired(2) == [old]
    assert slots.queue == [None, fresh]


def test_programs_may_hold_the_mutex_while_they_look():
    q = LifoQueue(1)
    with q.mutex:
        q.put(None)
        assert q.queue == [None]


def connection() -> HTTPConnection:
    return HTTPConnection("127.0.0.1")


def filled(size: int) -> tuple[SlotQueue, list[HTTPConnection]]:
    """A queue with an idle connection for each of its slots."""
    connections = SlotQueue(size)
    made = [connection() for _ in range(size)]
    for _ in made:
        connections.get()
    for conn in made:
        connections.put(conn)
    return connections, made


def test_none_may_be_put_for_connections_that_are_still_referred_to():
    connections, made = filled(2)
    for _ in made:
        connections.get(block=False)
    assert connections.qsize() == 0
    for size in (1, 2):
        connections.put(None)
        assert connections.qsize() == size
    with pytest.raises(queue.Full):
        connections.put(None)


def test_another_connection_may_be_put_in_the_place_of_one_that_is_still_referred_to():
    connections, made = filled(2)
    taken = connections.get()
    connections.put(connection())
    assert connections.full()
    with pytest.raises(queue.Full):
        connections.put(taken)
    assert connections.qsize() == len(made)


def test_who_puts_none_does_not_free_the_slot_of_one_that_was_leased():
    connections, made = filled(2)
    leased = connections.lease()
    outside = connections.get()
    connections.put(None)
    assert connections.qsize() == 1
    connections.put(leased)
    assert connections.qsize() == 2
    assert outside in made


def test_a_copy_of_a_response_that_is_collected_costs_no_slot():
    with serve(handler=lambda request: head("Content-Length: 3") + b"abc") as server:
        with HTTPConnectionPool(server.host, server.port, maxsize=1, block=True) as pool:
            response = pool.request("GET", "/", preload_content=False)
            copy.copy(response)
            response.release_conn()
            assert pool.pool.qsize() == 1
            assert pool.request("POST", "/", pool_timeout=5).data == b"abc"
