"""The pool's queue means what ``queue.LifoQueue`` means."""

from __future__ import annotations

import queue
import threading

import pytest

from urllib3._pool.queue import LifoQueue


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
