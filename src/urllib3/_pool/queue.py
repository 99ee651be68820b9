"""The queues of pools: who may have a connection now, and which.

Both classes are a ``queue.LifoQueue`` to everybody who asks, and neither ever holds a lock.  An
item comes and goes by one operation of a list (``append``, ``pop``, ``insert``, ``copy``), which
CPython promises to be atomic, with and without the GIL.  ``remove`` is atomic too where comparing
the items runs no Python code: connections, slots and claims are compared by identity.  Two such
operations are never taken for one: the second finds out if another thread was faster.  So a signal
handler, a finalizer or a child of ``fork`` may use a queue in the middle of any of its operations.
Waiting is done on a ``SimpleQueue``, whose ``put`` is re-entrant.

They are for the threads of the standard library; :func:`queue_class` decides whether these are.
"""

from __future__ import annotations

import _thread
import contextlib
import queue
import threading
import time
import types
import typing
import weakref

from .. import _seams

T = typing.TypeVar("T")

# Taken at import, like everything below that is for threads and must not become gevent's later.
_SimpleQueue = queue.SimpleQueue


def threads_are_standard() -> bool:
    """Whether nobody has replaced the threads of this process, as gevent and eventlet do."""
    return (
        queue.LifoQueue.__module__ == "queue"
        and queue.SimpleQueue.__module__ in ("_queue", "queue")
        and all(
            type(function) is types.BuiltinFunctionType
            for function in (_thread.allocate_lock, _thread.start_new_thread, _thread.get_ident)
        )
        and type(threading.Lock()).__module__ == "_thread"
    )


def queue_class(
    asked: type[queue.Queue[typing.Any]], is_bounded: bool
) -> type[queue.Queue[typing.Any]]:
    """The class of queue for a new pool whose ``QueueCls`` is *asked*.

    Decided when the pool is made: gevent and eventlet may patch before urllib3 is imported, or
    after.  Anything but the standard library's own class was asked for by somebody.

    :param is_bounded: the pool blocks, and has at most a certain number of connections
    """
    if asked is not _seams.queue_LifoQueue:
        return asked
    if not threads_are_standard():
        return queue.LifoQueue
    return SlotQueue if is_bounded else LifoQueue


class _Waiters:
    """Those who wait for one thing, an item or room for one.

    Someone who provides it and someone who is about to wait cannot miss each other.  The one who
    waits first enters :attr:`places` and then looks once more; the one who provides is done first,
    and then looks whether there is anybody in :attr:`places`.
    """

    __slots__ = ("places", "wakes")

    def __init__(self) -> None:
        self.places: list[object] = []
        #: Wakes one of them.  One wake is enough for any number of items: who has been woken and
        #: has found something wakes the next.
        self.wakes: queue.SimpleQueue[object] = _SimpleQueue()

    def wait_until(
        self,
        attempt: typing.Callable[[], typing.Any],
        block: bool,
        timeout: float | None,
        failure: type[Exception],
    ) -> typing.Any:
        """What *attempt* returns, once it neither raises IndexError nor returns None.

        Raises *failure* if that takes longer than *timeout* seconds.
        """
        if block and timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        end = None if timeout is None else time.monotonic() + timeout
        place = object()
        try:
            self.places.append(place)
            while True:
                with contextlib.suppress(IndexError):
                    found = attempt()
                    if found is not None:
                        return found
                if not block:
                    raise failure
                left = _left_until(end, failure)
                with contextlib.suppress(queue.Empty):
                    self.wakes.get(timeout=left)
        finally:
            # However this ends, it may have used up a wake that the next one needs.
            with contextlib.suppress(ValueError):
                self.places.remove(place)
            self.wake()

    def wake(self) -> None:
        """Wake one of those who wait; nothing is kept for those who may wait some day."""
        if not self.places:
            while self.wakes.qsize():
                with contextlib.suppress(queue.Empty):
                    self.wakes.get_nowait()
        # Looked at again, for somebody may have come whose wake was just thrown away.
        if self.places and not self.wakes.qsize():
            self.wakes.put(None)


def _left_until(end: float | None, failure: type[Exception]) -> float | None:
    """Seconds left, None if there is no *end*; raises *failure* if there are none left."""
    left = None if end is None else end - time.monotonic()
    if left is not None and left <= 0:
        raise failure
    return left


class LifoQueue(queue.LifoQueue[T]):
    """Last in, first out, thread-safe, with the interface and the meaning of ``queue.LifoQueue``.

    Nothing counts tasks: :meth:`join` and :meth:`task_done` are not for pools.
    """

    maxsize: int

    def __init__(self, maxsize: int = 0) -> None:
        self.maxsize = maxsize
        self._init(maxsize)
        self._getters = _Waiters()
        self._putters = _Waiters()

    @property
    def mutex(self) -> threading.RLock:  # type: ignore[override]
        """A lock for programs that hold the parent's while they look at :attr:`queue`."""
        # One operation of a dict: of threads that ask for the first time at once, all get the same.
        lock: threading.RLock = self.__dict__.setdefault("_mutex", threading.RLock())
        return lock

    def qsize(self) -> int:
        """How many items there are."""
        return len(self.queue)

    def empty(self) -> bool:
        """Whether there is no item."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Whether there is no room."""
        return 0 < self.maxsize <= self.qsize()

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        """Add *item*; ``queue.Full`` if there is no room, or none within *timeout* seconds."""
        items = self.queue
        items.append(item)
        if 0 < self.maxsize < len(items) and self._take_back(item):
            self._putters.wait_until(lambda: self._add(item), block, timeout, queue.Full)
        if self._getters.places:
            self._getters.wake()

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Remove and return the newest item; ``queue.Empty`` after *timeout* seconds without."""
        try:
            item = self.queue.pop()
        except IndexError:
            item = self._getters.wait_until(self.queue.pop, block, timeout, queue.Empty)
        if self._putters.places:
            self._putters.wake()
        return item

    def _add(self, item: T) -> bool | None:
        """Add *item*; None if there is no room."""
        self.queue.append(item)
        return None if self.full() and self._take_back(item) else True

    def _take_back(self, item: T) -> bool:
        """Remove *item*, for which there is no room; False if somebody else has got it."""
        if len(self.queue) <= self.maxsize:
            return False  # so has another
        try:
            self.queue.remove(item)
        except ValueError:
            return False
        return True

    def take_expired(self, now: float) -> list[T]:
        """Remove and return the connections that may be kept no longer; their slots stay."""
        old = [conn for conn in self.queue if (getattr(conn, "_expires", None) or now + 1) <= now]
        return [conn for conn in old if self.take_out(conn)]

    def take_out(self, item: T) -> bool:
        """Remove *item*, leaving None in its place; False if somebody else has got it."""
        try:
            self.queue.remove(item)
        except ValueError:
            return False
        self.queue.insert(0, typing.cast("T", None))
        return True

    def task_done(self) -> typing.NoReturn:
        """NotImplementedError: nobody waits until the connections of a pool are done."""
        raise NotImplementedError("The queue of a pool does not count tasks.")

    def join(self) -> typing.NoReturn:
        """NotImplementedError, likewise."""
        self.task_done()


class Slot:
    """The right to one connection of a blocking pool.

    It belongs to the connection (``conn._slot``), idle or leased, and is free again as soon as
    nobody refers to it: however a lease ends, be it by an exception between any two instructions,
    its slot cannot be lost.
    """

    __slots__ = ("__weakref__", "home", "is_idle", "is_outside", "is_over")

    def __init__(self, home: object) -> None:
        #: Which queue it is of.  Not the queue itself: idle connections would be in a cycle.
        self.home = home
        #: The connection is in the queue.
        self.is_idle = False
        #: The connection was taken by :meth:`SlotQueue.get`; another may be put in its place.
        self.is_outside = False
        #: The connection was closed for good; :meth:`SlotQueue.put` of None frees the slot.
        self.is_over = False


class SlotQueue(LifoQueue[typing.Any]):
    """The queue of a pool that blocks: idle connections, and *maxsize* slots for them.

    To others it is a queue that was filled with None, which stands for a connection yet to be made.
    There are no such items in truth.  A slot is taken when a connection is made, and counted as
    taken as long as it is referred to.

    A pool calls :meth:`lease` and :meth:`put`; :meth:`get` is for pools that lease by themselves.
    """

    def _init(self, maxsize: int) -> None:
        self._idle: list[typing.Any] = []
        self._limit = maxsize
        self._home = object()
        #: Weak references to the slots taken, in the order in which they were claimed.  Those that
        #: are dead count for nothing, and go with the next claim.
        self._claims: list[weakref.ref[Slot]] = []
        #: Slots taken by :meth:`get` without a connection that they could belong to.
        self._unnamed: list[Slot] = []

    @property
    def queue(self) -> list[typing.Any]:  # type: ignore[override]
        """A copy of the items: None for each free slot, then the idle connections."""
        idle = self._idle.copy()
        return [None] * (self.qsize() - len(idle)) + idle

    def qsize(self) -> int:
        """How many connections could be leased without waiting."""
        taken = sum([claim() is not None for claim in self._claims.copy()])
        return min(self._limit, max(0, self._limit - taken) + len(self._idle))

    def lease(self, block: bool = True, timeout: float | None = None) -> typing.Any:
        """An idle connection, the newest, or a :class:`Slot` for one to be made.

        ``queue.Empty`` if there is neither, or neither within *timeout* seconds.
        """
        try:
            conn = self._idle.pop()
        except IndexError:
            conn = None
        if conn is None:
            # Not in the handler: interrupted as it returns, CPython 3.10 would keep the slot.
            return self._getters.wait_until(self._lease_or_claim, block, timeout, queue.Empty)
        conn._slot.is_idle = False
        return conn

    def _lease_or_claim(self) -> typing.Any:
        if not self._idle:
            return self._claim()
        conn = self._idle.pop()
        conn._slot.is_idle = False
        return conn

    def _claim(self) -> Slot | None:
        """A slot, if one is free.

        Of threads that claim at once those succeed that come first in :attr:`_claims`.
        """
        if self._taken() >= self._limit:
            return None
        slot = Slot(self._home)
        # The call back is a function of C: nothing can interrupt it, and it may come at any time.
        claim = weakref.ref(slot, self._getters.wakes.put)
        self._claims.append(claim)
        if self._taken(claim) < self._limit:
            return slot
        self._claims.remove(claim)
        del claim  # before the slot, which thus wakes nobody
        return None

    def _taken(self, before: weakref.ref[Slot] | None = None) -> int:
        """How many slots are taken, or were claimed *before* that one."""
        taken = 0
        for claim in self._claims.copy():
            if claim is before:
                break
            if claim() is not None:
                taken += 1
            else:
                with contextlib.suppress(ValueError):
                    self._claims.remove(claim)
        return taken

    def put(
        self,
        item: typing.Any,
        block: bool = True,  # noqa: ARG002  # what is leased has its slot: there is room
        timeout: float | None = None,  # noqa: ARG002
    ) -> None:
        """End the lease of the connection *item*, or, with None, of one that is closed for good.

        ``queue.Full``, at once, if it is not leased and there is no slot for it.
        """
        if item is None:
            self._free_any()
            return
        slot = getattr(item, "_slot", False)
        if type(slot) is not Slot or slot.home is not self._home or slot.is_over:
            if slot is None and self.full():
                item.close()  # its slot was freed when a copy of its response was collected
                return
            slot = item._slot = self._slot_of_another()
        elif slot.is_idle:
            raise queue.Full  # given back twice
        slot.is_outside = False
        slot.is_idle = True
        self._idle.append(item)
        if self._getters.places:
            self._getters.wake()

    def get(self, block: bool = True, timeout: float | None = None) -> typing.Any:
        """Remove and return an idle connection, or None, to be put back unless a connection is.

        ``queue.Empty`` if there is neither, or neither within *timeout* seconds.
        """
        item = self.lease(block, timeout)
        if type(item) is not Slot:
            item._slot.is_outside = True
            return item
        self._unnamed.append(item)
        return None

    def take_out(self, item: typing.Any) -> bool:
        """Remove *item*, which frees its slot; False if somebody else has got it."""
        try:
            self._idle.remove(item)
        except ValueError:
            return False
        self.free(item)
        return True

    def free(self, conn: typing.Any) -> None:
        """Free the slot of *conn*, which is closed for good but may still be referred to."""
        slot = getattr(conn, "_slot", None)
        if type(slot) is Slot and slot.home is self._home:
            conn._slot = None
            self._drop(slot)

    def end(self) -> None:
        """Give out no more slots: the pool is closed."""
        self._limit = 0

    def _slot_of_another(self) -> Slot:
        """A slot for a connection without, which a pool that leases by itself has made, say.

        It is that of a connection that went without, or a free one, or that of a connection taken
        by :meth:`get`.  ``queue.Full`` if there is none.
        """
        if self.full():
            raise queue.Full
        if self._unnamed:
            return self._unnamed.pop()
        slot = self._claim()
        if slot is None and (replaced := self._find("is_outside")) is not None:
            self._drop(replaced)
            slot = self._claim()
        if slot is None:
            raise queue.Full
        return slot

    def _find(self, mark: str) -> Slot | None:
        for claim in self._claims.copy():
            slot = claim()
            if slot is not None and getattr(slot, mark):
                return slot
        return None

    def _free_any(self) -> None:
        slot = self._find("is_over")
        if slot is not None:
            self._drop(slot)
        elif self._unnamed:
            self._drop(self._unnamed.pop())
        elif self.full():
            raise queue.Full
        else:
            # A connection was taken away: whoever has it still has said that it is not coming back.
            slot = self._find("is_outside")
            if slot is not None:
                self._drop(slot)

    def _drop(self, slot: Slot) -> None:
        slot.is_over = True
        for claim in self._claims.copy():
            if claim() is slot:
                with contextlib.suppress(ValueError):
                    self._claims.remove(claim)
        self._getters.wake()
