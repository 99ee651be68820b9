"""By which stages a request gets to its origin.  The table is the rule; the rest asks it."""

from __future__ import annotations

import enum


class Stage(enum.Enum):
    """One step of opening a connection."""

    DIAL = "dial"
    SECURE_PROXY = "secure(proxy)"
    TUNNEL = "tunnel"
    SECURE_ORIGIN = "secure(origin)"


class Route:
    """A row of the table: what is asked for, and the stages that lead there.

    :param target: scheme of the request
    :param proxy: scheme of the proxy
    :param forwarding: whether the proxy is sent requests in absolute form
    """

    __slots__ = ("forwarding", "proxy", "stages", "target")

    def __init__(
        self, target: str, proxy: str | None, forwarding: bool, stages: tuple[Stage, ...]
    ) -> None:
        self.target = target
        self.proxy = proxy
        self.forwarding = forwarding
        self.stages = stages


ROUTES = (
    Route("http", None, False, (Stage.DIAL,)),
    Route("http", "http", True, (Stage.DIAL,)),
    Route("https", None, False, (Stage.DIAL, Stage.SECURE_ORIGIN)),
    Route("http", "https", True, (Stage.DIAL, Stage.SECURE_PROXY)),
    Route("https", "https", True, (Stage.DIAL, Stage.SECURE_PROXY)),
    Route("https", "http", False, (Stage.DIAL, Stage.TUNNEL, Stage.SECURE_ORIGIN)),
    Route(
        "https",
        "https",
        False,
        (Stage.DIAL, Stage.SECURE_PROXY, Stage.TUNNEL, Stage.SECURE_ORIGIN),
    ),
)
_BY_CASE = {(route.target, route.proxy, route.forwarding): route for route in ROUTES}


def route_of(target: str, proxy: str | None, forwarding: bool = False) -> Route:
    """The row for a request with the scheme *target*, through a proxy with the scheme *proxy*.

    :param forwarding: whether an https proxy is sent https requests in absolute form
    """
    forwarded = proxy is not None and (target == "http" or (forwarding and proxy == "https"))
    return _BY_CASE[target, proxy, forwarded]
