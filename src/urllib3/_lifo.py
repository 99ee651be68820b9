"""A ``queue.LifoQueue`` that costs what a pool uses of it: one lock, until somebody must wait."""

from __future__ import annotations

import queue
import threading
import time
import typing

T = typing.TypeVar("T")


class LifoQueue(queue.LifoQueue[T]):
    """Last in, first out, thread-safe, with the interface and the meaning of ``queue.LifoQueue``.

    The parent makes three conditions for every queue and signals them at every step.  Here they are
    made when a thread first has to wait, and a queue that nobody waits for never pays for them.
    """

    maxsize: int

    def __init__(self, maxsize: int = 0) -> None:
        self.maxsize = maxsize
        self.mutex = threading.Lock()
        self.unfinished_tasks = 0
        self._waits: dict[str, threading.Condition] = {}
        self._init(maxsize)

    # The parent's methods, task_done() and join() among them, find their conditions here.

    def _wait_for(self, what: str) -> threading.Condition:
        # setdefault decides between two threads that come at once.
        return self._waits.get(what) or self._waits.setdefault(
            what, threading.Condition(self.mutex)
        )

    @property
    def not_empty(self) -> threading.Condition:  # type: ignore[override]
        return self._wait_for("not_empty")

    @property
    def not_full(self) -> threading.Condition:  # type: ignore[override]
        return self._wait_for("not_full")

    @property
    def all_tasks_done(self) -> threading.Condition:  # type: ignore[override]
        return self._wait_for("all_tasks_done")

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Add *item*; ``queue.Full`` if there is no room, or none within *timeout* seconds."""
        with self.mutex:
            if 0 < self.maxsize <= len(self.queue):
                self._await(self._has_room, "not_full", queue.Full, block, timeout)
            self.queue.append(item)
            self.unfinished_tasks += 1
            if self._waits:
                self._signal("not_empty")

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Remove and return the newest item; ``queue.Empty`` after *timeout* seconds without."""
        with self.mutex:
            if not self.queue:
                self._await(self._has_item, "not_empty", queue.Empty, block, timeout)
            item = self.queue.pop()
            if self._waits:
                self._signal("not_full")
            return item

    def _has_room(self) -> bool:
        return len(self.queue) < self.maxsize

    def _has_item(self) -> bool:
        return bool(self.queue)

    def _signal(self, what: str) -> None:
        condition = self._waits.get(what)
        if condition is not None:
            condition.notify()

    def _await(
        self,
        ready: typing.Callable[[], bool],
        what: str,
        failure: type[Exception],
        block: bool,
        timeout: float | None,
    ) -> None:
        """Wait, the lock being held, until *ready*; raise *failure* when that takes too long."""
        if not block:
            raise failure
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        end = None if timeout is None else time.monotonic() + timeout
        condition = self._wait_for(what)
        while not ready():
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise failure
            condition.wait(left)
