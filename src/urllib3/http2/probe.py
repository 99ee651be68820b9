"""Which origins support HTTP/2, found out by one connection for all.

Knows origins and threads, and neither sockets nor ``h2``: it imports nothing of the package, so
that a connection for HTTP/1.1 can use it.  The rule: while one thread finds out, the others wait.
"""

from __future__ import annotations

import os
import threading

__all__ = ["acquire_and_get", "set_and_release"]

Origin = tuple[str, int]


class _HTTP2ProbeCache:
    """True, False or None (unknown) for each ``(host, port)``, with a lock for the prober."""

    __slots__ = ("_cache_locks", "_cache_values", "_lock")

    def __init__(self) -> None:
        # Re-entrant, for the sake of signal handlers that make requests.
        self._lock = threading.RLock()
        self._cache_locks: dict[Origin, threading.RLock] = {}
        self._cache_values: dict[Origin, bool | None] = {}

    def acquire_and_get(self, host: str, port: int) -> bool | None:
        """Whether the origin supports HTTP/2.

        None = unknown: the caller has to find out, and must call :meth:`set_and_release`.

        Waits while another thread is probing the same origin.
        """
        origin = (host, port)
        with self._lock:
            known = self._cache_values.setdefault(origin, None)
            if known is not None:
                return known
            probing = self._cache_locks.setdefault(origin, threading.RLock())
        # Outside the first lock: a slow handshake with one origin must not hold up the others.
        probing.acquire()
        known = self._cache_values.get(origin)
        if known is not None:
            probing.release()
        return known

    def set_and_release(self, host: str, port: int, supports_http2: bool | None) -> None:
        """Report what was found out, None = nothing; then the next thread that waits may probe.

        Raises KeyError for an origin that was never acquired, ValueError for None where the answer
        is known, RuntimeError if the calling thread is not the one that probes.
        """
        origin = (host, port)
        with self._lock:
            probing = self._cache_locks[origin]
            if supports_http2 is None and self._cache_values[origin] is not None:
                raise ValueError("Cannot reset HTTP/2 support for origin after value has been set.")
            self._cache_values[origin] = supports_http2
        probing.release()

    def _values(self) -> dict[Origin, bool | None]:
        with self._lock:
            return self._cache_values.copy()

    def _reset(self) -> None:
        with self._lock:
            self._cache_locks = {}
            self._cache_values = {}

    def _begin_anew(self) -> None:
        """In a child of fork: whoever held a lock in the parent is not there to release it."""
        self._lock = threading.RLock()
        for origin, probing in self._cache_locks.items():
            if probing.acquire(blocking=False):
                probing.release()  # nobody had it, or the thread that has forked
            else:
                self._cache_locks[origin] = threading.RLock()


_HTTP2_PROBE_CACHE = _HTTP2ProbeCache()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_HTTP2_PROBE_CACHE._begin_anew)

set_and_release = _HTTP2_PROBE_CACHE.set_and_release
acquire_and_get = _HTTP2_PROBE_CACHE.acquire_and_get
_values = _HTTP2_PROBE_CACHE._values
_reset = _HTTP2_PROBE_CACHE._reset
