"""Until when an idle connection may be used again."""

from __future__ import annotations

import pytest

from urllib3._pool.expiry import expires_at

NOW = 1000.0


@pytest.mark.parametrize(
    ("idle_timeout", "max_age", "hint", "opened", "expires"),
    [
        # no limit, or one
        (None, None, None, None, None),
        (None, None, None, 900.0, None),
        (90.0, None, None, None, 1090.0),
        (0, None, None, None, 1000.0),
        (None, None, 10, None, 1009.0),
        (None, 60.0, None, 990.0, 1050.0),
        # the server's clock started before ours, but nothing expires before now
        (None, None, 1, None, 1000.0),
        (None, None, 0, None, 1000.0),
        # age counts from the opening; without it, from now
        (None, 60.0, None, None, 1060.0),
        (None, 60.0, None, 0.0, 60.0),
        (None, 0, None, 1000.0, 1000.0),
        # the earliest of several
        (90.0, None, 10, None, 1009.0),
        (5.0, None, 10, None, 1005.0),
        (90.0, 60.0, None, 990.0, 1050.0),
        (5.0, 60.0, None, 990.0, 1005.0),
        (90.0, 60.0, 10, 990.0, 1009.0),
        (90.0, 60.0, 10, 941.0, 1001.0),
        (5.0, 60.0, 10, 990.0, 1005.0),
        (None, 60.0, 10, 941.0, 1001.0),
    ],
)
def test_the_earliest_limit_holds(
    idle_timeout: float | None,
    max_age: float | None,
    hint: int | None,
    opened: float | None,
    expires: float | None,
) -> None:
    assert expires_at(NOW, idle_timeout, max_age, hint, opened) == expires
