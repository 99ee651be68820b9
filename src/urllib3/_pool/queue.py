"""A ``queue.LifoQueue`` that costs what a pool uses of it: no lock, until somebody must wait."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import typing

T = typing.TypeVar("T")


class LifoQueue(queue.LifoQueue[T]):
    """Last in, first out, thread-safe, with the interface and the meaning of ``queue.LifoQueue``.

    The parent takes a lock at every step and signals three conditions.  Here an item comes and goes
    by one operation of a list, which no other thread sees half done; the lock is for those who find
    no item or no room.  Nothing counts tasks: :meth:`join` and :meth:`task_done` are not for pools.

    A step without the lock and a thread that is about to wait cannot miss each other.  The thread
    first makes its condition, then looks once more, and holds the lock until it waits; the step is
    done first, then looks for conditions, and signals under the lock.
    """

    maxsize: int

    def __init__(self, maxsize: int = 0) -> None:
        self.maxsize = maxsize
        self.mutex = threading.Lock()
        self._waits: dict[str, threading.Condition] = {}
        self._init(maxsize)

    def _wait_for(self, what: str) -> threading.Condition:
        # setdefault decides between two threads that come at once.
        return self._waits.get(what) or self._waits.setdefault(
            what, threading.Condition(self.mutex)
        )

    # The parent's names for them.

    @property
    def not_empty(self) -> threading.Condition:  # type: ignore[override]
        return self._wait_for("not_empty")

    @property
    def not_full(self) -> threading.Condition:  # type: ignore[override]
        return self._wait_for("not_full")

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Add *item*; ``queue.Full`` if there is no room, or none within *timeout* seconds."""
        items = self.queue
        items.append(item)
        if 0 < self.maxsize < len(items):
            self._put_in_turn(item, block, timeout)
        if self._waits:
            self._signal("not_empty")

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Remove and return the newest item; ``queue.Empty`` after *timeout* seconds without."""
        try:
            item = self.queue.pop()
        except IndexError:
            item = self._get_in_turn(block, timeout)
        if self._waits:
            self._signal("not_full")
        return item

    def _put_in_turn(self, item: T, block: bool, timeout: float | None) -> None:
        """Settle which of the threads that have added too much at once must take it back."""
        with self.mutex:
            if self._fits(item):
                return
            for _ in self._attempts("not_full", block, timeout):
                self.queue.append(item)
                if self._fits(item):
                    return
        raise queue.Full

    def _fits(self, item: T) -> bool:
        """Whether there is room for *item*, which has been added; if not, it is out again."""
        if len(self.queue) <= self.maxsize:
            return True
        try:
            self.queue.remove(item)
        except ValueError:
            return True  # somebody has got it
        return False

    def _get_in_turn(self, block: bool, timeout: float | None) -> T:
        with self.mutex:
            for _ in self._attempts("not_empty", block, timeout):
                with contextlib.suppress(IndexError):
                    return self.queue.pop()
        raise queue.Empty

    def _attempts(
        self, what: str, block: bool, timeout: float | None
    ) -> typing.Generator[None, None, None]:
        """When to look again, the lock being held, until the time is up."""
        if not block:
            return
        if timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        end = None if timeout is None else time.monotonic() + timeout
        condition = self._wait_for(what)
        while True:
            yield
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return
            condition.wait(left)

    def _signal(self, what: str) -> None:
        condition = self._waits.get(what)
        if condition is not None:
            with self.mutex:
                condition.notify()

    def task_done(self) -> typing.NoReturn:
        """NotImplementedError: nobody waits until the connections of a pool are done."""
        raise NotImplementedError("The queue of a pool does not count tasks.")

    def join(self) -> typing.NoReturn:
        """NotImplementedError, likewise."""
        self.task_done()
