"""Until when an idle connection may be used again.

Knows the limits of a pool and what a server has announced.  Knows no clock, connection or pool.
The rule: of all limits that there are, the earliest holds.
"""

from __future__ import annotations

# Seconds.  The server began to count before its answer reached us.
_MARGIN = 1


def expires_at(
    now: float,
    idle_timeout: float | None,
    max_age: float | None,
    hint: int | None,
    opened: float | None,
) -> float | None:
    """The time from which on a connection that becomes idle *now* is not used again; None = never.

    All times are those of one clock, in seconds.

    :param idle_timeout: how long the pool keeps an idle connection, None = for ever
    :param max_age: how long it uses one connection at all, None = for ever
    :param hint: how long the server has said that it keeps an idle connection, None = not said
    :param opened: when the connection was opened, None = not known: then its age begins now
    """
    limit = None if idle_timeout is None else now + idle_timeout
    if hint is not None:
        limit = _earlier(limit, now + max(hint - _MARGIN, 0))
    if max_age is not None:
        limit = _earlier(limit, (now if opened is None else opened) + max_age)
    return limit


def _earlier(limit: float | None, other: float) -> float:
    return other if limit is None else min(limit, other)
