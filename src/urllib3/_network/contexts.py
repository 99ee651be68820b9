"""TLS contexts that more than one connection uses, and how none of them affects another.

OpenSSL copies what a context demands of the peer into each TLS object, when that is made; the
trusted certificates stay shared.  Two kinds of contexts are shared:

- A caller's own.  :func:`asking` changes it while a TLS object is made, and puts it back.  Pools
  that ask different things of one context wait for each other meanwhile.
- One made here from options, and kept.  Its holder (``sock.context``) may change it: then it has
  not been kept, and the next connection gets a new one.  :class:`Observed` reports the change.
"""

import abc
import itertools
import math
import os
import sys
import threading
import time
import typing
from collections.abc import Callable, Iterator

_T = typing.TypeVar("_T")

# Held for a few steps at a time: never while anything waits for the network or reads a file.
# A signal handler may interrupt its holder and connect, hence an RLock.
_lock = threading.RLock()


# ---------------------------------------------------------------- a caller's context


class _Absent:
    """Stands for an attribute that a context does not have."""

    def __bool__(self) -> bool:
        return False


_ABSENT = _Absent()


class Demand(typing.NamedTuple):
    """What a context asks of the peer: attributes of ``ssl.SSLContext``."""

    verify_mode: typing.Any
    check_hostname: typing.Any

    @classmethod
    def of(cls, context: object) -> "Demand":
        """What *context* asks at the moment."""
        return cls(*[getattr(context, name, _ABSENT) for name in cls._fields])

    def impose_on(self, context: object) -> None:
        """Let *context* ask this.

        Raises ValueError where ``ssl`` does: names of unverified certificates cannot be checked.
        """
        for name, value in zip(self._fields, self, strict=True):
            if getattr(context, name, _ABSENT) == value:
                continue
            if value is _ABSENT:
                delattr(context, name)
            else:
                setattr(context, name, value)


class _Loan:
    """A caller's context while TLS objects are made with it."""

    __slots__ = ("context", "holders", "own")

    def __init__(self, context: object) -> None:
        self.context = context
        #: What the caller wants it to ask.
        self.own = Demand.of(context)
        #: Those who make TLS objects with it: all want the same, except within one thread.
        self.holders: list[_Holder] = []


class _Holder:
    __slots__ = ("is_done", "thread", "wanted")

    wanted: Demand

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.is_done = False


# By identity: a context may be anything, and need not be hashable.
_loans: dict[int, _Loan] = {}

# Seconds between two looks at whether a context is back, when others ask something else of it.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0001, 0.01


def asking(
    context: typing.Any,
    verify_mode: typing.Any,
    ignores_name: bool,
    make: Callable[[], _T],
    sock: typing.Any = None,
) -> tuple[_T, Demand]:
    """What *make* returns while *context*, a caller's, asks this of the peer; and what it asked.

    The context is as it was afterwards, whatever happens.  Whoever asks the same of it goes on at
    the same time; whoever asks something else waits, as long as *sock* may wait for the network.

    :param ignores_name: OpenSSL is not to check the name; else it does if the caller wants that

    Raises what *make* raises, TimeoutError, and ValueError for demands that contradict each other.
    """
    holder = _Holder()
    try:
        if not _borrow(context, verify_mode, ignores_name, holder):
            pauses = _pauses(sock)
            while not _borrow(context, verify_mode, ignores_name, holder):
                next(pauses)
        return make(), holder.wanted
    finally:
        # First of all and by itself: should an exception be sent into this thread from here on,
        # the next one who uses the context puts it back.
        holder.is_done = True
        try:
            _give_back(context)
        except BaseException:
            _give_back(context)
            raise


def _borrow(context: object, verify_mode: object, ignores_name: bool, holder: _Holder) -> bool:
    """Have *context* ask this; False if it is asked something else by another thread."""
    with _lock:
        _give_back(context)  # for those who could not
        loan = _loans.get(id(context))
        if loan is None:
            loan = _loans[id(context)] = _Loan(context)
        holder.wanted = Demand(verify_mode, False if ignores_name else loan.own.check_hostname)
        # One's own thread is in there when a signal handler has interrupted it.
        for other in loan.holders:
            if other.wanted != holder.wanted and other.thread != holder.thread:
                return False
        loan.holders.append(holder)
        holder.wanted.impose_on(context)
        return True


def _give_back(context: object) -> None:
    """Have *context* ask what those want who are not done with it, or else its owner."""
    with _lock:
        loan = _loans.get(id(context))
        if loan is None:
            return
        loan.holders = [holder for holder in loan.holders if not holder.is_done]
        _last_wish(loan).impose_on(context)
        if not loan.holders:
            del _loans[id(context)]


def _last_wish(loan: _Loan) -> Demand:
    return loan.holders[-1].wanted if loan.holders else loan.own


def _pauses(sock: typing.Any) -> Iterator[None]:
    """Pauses of growing length; TimeoutError after as long as *sock* may wait.

    Pauses, and no condition variable: what waits there can be left with its lock held by an
    exception that is sent into its thread.  Rare: TLS objects are made in microseconds, unless a
    context of somebody else's makes the handshake, too.
    """
    limit = getattr(sock, "gettimeout", lambda: None)()
    end = time.monotonic() + limit if isinstance(limit, (int, float)) else math.inf
    pause = _SHORTEST_PAUSE
    while time.monotonic() < end:
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        yield
    raise TimeoutError("timed out waiting for others who use the same ssl_context")


def own_verify_mode(context: typing.Any) -> typing.Any:
    """The verify mode that the caller has given *context*, whatever others ask of it just now."""
    with _lock:
        loan = _loans.get(id(context))
        if loan is None or loan.own.verify_mode is _ABSENT:
            return context.verify_mode
        return loan.own.verify_mode


def _begin_anew() -> None:
    """In a child of fork: the threads that had borrowed contexts are not there any more."""
    global _lock
    _lock = threading.RLock()
    me = threading.get_ident()
    for loan in list(_loans.values()):
        for holder in loan.holders:
            holder.is_done = holder.is_done or holder.thread != me
        _give_back(loan.context)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


# ---------------------------------------------------------------- TLS objects in two steps

# Their ``wrap_socket`` can leave the handshake for later, and returns a socket with that context.
_NATIVE = frozenset({"ssl", "gevent.ssl", "gevent._ssl3", "eventlet.green.ssl"})


def is_native(context: object) -> bool:
    """Whether *context* is one of ``ssl``, or of what stands for it in gevent and eventlet.

    Not if its ``wrap_socket`` is somebody else's: then nobody knows when it reads its settings.
    """
    wrap = getattr(type(context), "wrap_socket", None)
    return getattr(wrap, "__module__", None) in _NATIVE


class _TwoSteps(abc.ABC):
    """Stands for a native context where TLS objects are made: first the object, then the handshake.

    The first step is guarded; the second waits for the network and is not.
    """

    #: The context that the object was made with, and what it asks of the peer.
    context: typing.Any
    demand: Demand

    @abc.abstractmethod
    def _guarded(self, make: Callable[[typing.Any], _T]) -> _T:
        """What *make* returns for the context, which nobody else changes meanwhile."""

    def wrap_socket(self, sock: typing.Any, server_hostname: str | None = None) -> typing.Any:
        """As ``ssl.SSLContext.wrap_socket``."""
        secured = self._guarded(
            lambda context: context.wrap_socket(
                sock, do_handshake_on_connect=False, server_hostname=server_hostname
            )
        )
        try:
            secured.do_handshake()
        except BaseException:
            secured.close()
            raise
        return secured

    def wrap_bio(
        self, incoming: typing.Any, outgoing: typing.Any, server_hostname: str | None = None
    ) -> typing.Any:
        """As ``ssl.SSLContext.wrap_bio``, which leaves the handshake to its caller."""
        return self._guarded(
            lambda context: context.wrap_bio(incoming, outgoing, server_hostname=server_hostname)
        )


class Borrowed(_TwoSteps):
    """Stands for a caller's native *context*; see :func:`asking` for the parameters."""

    def __init__(
        self, context: typing.Any, verify_mode: typing.Any, ignores_name: bool, sock: typing.Any
    ) -> None:
        self.context = context
        self._wish = verify_mode, ignores_name
        self._sock = sock

    def __getattr__(self, name: str) -> typing.Any:
        return getattr(self.context, name)

    def _guarded(self, make: Callable[[typing.Any], _T]) -> _T:
        context = self.context
        made, self.demand = asking(context, *self._wish, lambda: make(context), self._sock)
        return made


class Kept(_TwoSteps):
    """Stands for *context*, which is kept and observed.

    :param find_next: gives another one of the same kind, if somebody has begun to change this one
    """

    def __init__(self, context: typing.Any, find_next: Callable[[], typing.Any]) -> None:
        self.context = context
        self._find_next = find_next

    def _guarded(self, make: Callable[[typing.Any], _T]) -> _T:
        while True:
            with _lock:
                if not is_changed(self.context):
                    self.demand = Demand.of(self.context)
                    return make(self.context)
            self.context = self._find_next()


# ---------------------------------------------------------------- a context that is kept

# Methods that change a context begin so.
_CHANGING = ("set_", "load_", "_set_", "_load_")
# Of these, those that change what a context shares with its TLS objects: whom they trust.
_TRUSTING = ("load_verify_", "load_default_", "set_default_verify_", "_load_windows_")


class Observed:
    """Mixed into the class of a context that is kept: notes that somebody begins to change it.

    It is noted under the lock, before the change: who makes a TLS object under the lock and finds
    nothing noted has one of an unchanged context.
    """

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        _note(self)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        _note(self)
        super().__delattr__(name)

    def __getattribute__(self, name: str) -> typing.Any:
        if name.startswith(_CHANGING):
            _note(self, trust=name.startswith(_TRUSTING))
        return super().__getattribute__(name)


def _note(context: object, trust: bool = False) -> None:
    with _lock:
        notes = vars(context)
        notes["_is_changed"] = True
        if trust:
            notes["_is_trust_changed"] = True


_observed_classes: dict[type, type] = {}


def observe(context: object) -> bool:
    """Note from now on whether *context* is changed; False if that cannot be done."""
    if not is_native(context):
        return False
    cls = type(context)
    try:
        observed = _observed_classes.get(cls)
        if observed is None:
            body = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__}
            observed = _observed_classes[cls] = type(cls.__name__, (Observed, cls), body)
        # Now and not from the start, when it would have noted how the context was built.
        context.__class__ = observed
    except TypeError:  # a class that will not be inherited from
        return False
    vars(context)["_demand_when_kept"] = Demand.of(context)
    return True


# The first micro versions in which that is safe while a handshake looks into a directory and adds
# what it finds (gh-114572); later minor versions all are.
_COUNTING_IS_SAFE_FROM = {(3, 10): 14, (3, 11): 9, (3, 12): 3}
_counting_is_safe = sys.version_info[2] >= _COUNTING_IS_SAFE_FROM.get(sys.version_info[:2], 0)
_unknown = itertools.count(start=-1, step=-1)


def count_certificates(context: typing.Any) -> int:
    """Those that *context*, a native one, has.  Another number each time if that cannot be said."""
    if _counting_is_safe and is_native(context):
        return typing.cast("int", context.cert_store_stats()["x509"])
    return next(_unknown)


def is_changed(context: object) -> bool:
    """Whether somebody has begun to change *context*, which is observed.

    What it demands is compared, too: a call past the instance, such as
    ``ssl.SSLContext.verify_mode.__set__(context, ...)``, is not noted.
    """
    notes = vars(context)
    return "_is_changed" in notes or Demand.of(context) != notes["_demand_when_kept"]


def is_trust_changed(context: object) -> bool:
    """Whether somebody has begun to change whom *context* trusts, if it is observed."""
    return isinstance(context, Observed) and "_is_trust_changed" in vars(context)
