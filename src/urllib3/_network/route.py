"""By which stages a request gets to its origin, and how far a connection has got.

The table is the rule: a connection takes the stages of its row, and what it says about itself
follows from those it has passed.  Knows no socket, no TLS and no connection.
"""

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
    :param proxy: scheme of the proxy, None = there is none
    :param tunnels: whether the origin is reached by CONNECT; else a proxy is sent requests in
        absolute form
    """

    __slots__ = ("proxy", "stages", "target", "tunnels")

    def __init__(self, target: str, proxy: str | None, tunnels: bool, *stages: Stage) -> None:
        self.target = target
        self.proxy = proxy
        self.tunnels = tunnels
        self.stages = stages


ROUTES = (
    Route("http", None, False, Stage.DIAL),
    Route("http", "http", False, Stage.DIAL),
    Route("http", "http", True, Stage.DIAL, Stage.TUNNEL),
    Route("https", None, False, Stage.DIAL, Stage.SECURE_ORIGIN),
    Route("http", "https", False, Stage.DIAL, Stage.SECURE_PROXY),
    Route("https", "https", False, Stage.DIAL, Stage.SECURE_PROXY),
    Route("https", "http", True, Stage.DIAL, Stage.TUNNEL, Stage.SECURE_ORIGIN),
    Route(
        "https", "https", True, Stage.DIAL, Stage.SECURE_PROXY, Stage.TUNNEL, Stage.SECURE_ORIGIN
    ),
)
_BY_CASE = {(route.target, route.proxy, route.tunnels): route for route in ROUTES}


def route_of(target: str, proxy: str | None, *, tunnels: bool) -> Route:
    """The row for a request with the scheme *target*, through a proxy with the scheme *proxy*."""
    return _BY_CASE[target, proxy, tunnels]


class Progress:
    """How far a connection has got on its *route*."""

    __slots__ = ("_passed", "route")

    def __init__(self, route: Route) -> None:
        self.route = route
        self._passed: dict[Stage, bool] = {}

    def passed(self, stage: Stage, proof: bool = False) -> None:
        """Note that *stage* is done.

        :param proof: whether it has proved that the other end is who it should be
        """
        self._passed[stage] = proof

    @property
    def has_reached_proxy(self) -> bool:
        """Whether there is a proxy and it can be spoken to; until then every fault is its own."""
        needed = Stage.SECURE_PROXY if self.route.proxy == "https" else Stage.DIAL
        return self.route.proxy is not None and needed in self._passed

    @property
    def proxy_is_verified(self) -> bool:
        """Whether the proxy has proved who it is."""
        return self._passed.get(Stage.SECURE_PROXY, False)

    @property
    def is_verified(self) -> bool | None:
        """Whether the origin has proved who it is; None before it was asked, if it is at all."""
        return self._passed.get(Stage.SECURE_ORIGIN)
