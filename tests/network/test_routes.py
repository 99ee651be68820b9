"""The stages by which a request gets to its origin, and who needs a tunnel."""

from __future__ import annotations

import itertools
import types

import pytest

from tests.support.tables import check, rows
from urllib3._network.route import ROUTES, Progress, Route, Stage, route_of
from urllib3.poolmanager import ProxyConfig
from urllib3.util.proxy import connection_requires_http_tunnel
from urllib3.util.url import parse_url

NAMES = {
    "connection_requires_http_tunnel": connection_requires_http_tunnel,
    "o": types.SimpleNamespace,
    "pu": parse_url,
}
CASES = list(itertools.product(["http", "https"], [None, "http", "https"], [False, True]))


@pytest.mark.parametrize("row", rows("tunnel"))
def test_the_table_of_tunnels(row):
    check(row, NAMES)


def tunnels(target: str, proxy: str | None, forwarding: bool) -> bool:
    url = parse_url(f"{proxy}://proxy.example:3128") if proxy else None
    config = ProxyConfig(None, forwarding, None, None)
    return connection_requires_http_tunnel(url, config, target)


@pytest.mark.parametrize(("target", "proxy", "forwarding"), CASES)
def test_every_request_has_a_route(target: str, proxy: str | None, forwarding: bool) -> None:
    by_connect = tunnels(target, proxy, forwarding)
    route = route_of(target, proxy, tunnels=by_connect)
    assert (route.target, route.proxy, route.tunnels) == (target, proxy, by_connect)


def test_every_route_has_a_request_or_a_tunnel_that_a_program_sets_itself() -> None:
    of_requests = {route_of(*case[:2], tunnels=tunnels(*case)) for case in CASES}
    assert set(ROUTES) - of_requests == {route_of("http", "http", tunnels=True)}


def name_of(route: Route) -> str:
    return f"{route.target} by {route.proxy}{' tunnel' * route.tunnels}"


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_a_route_dials_first_and_secures_what_is_https(route: Route) -> None:
    stages = route.stages
    assert stages[0] is Stage.DIAL
    assert (Stage.TUNNEL in stages) == route.tunnels
    assert (Stage.SECURE_PROXY in stages) == (route.proxy == "https")
    # In absolute form a request is the proxy's to secure; through a tunnel it is ours.
    is_forwarded = route.proxy is not None and not route.tunnels
    assert (Stage.SECURE_ORIGIN in stages) == (route.target == "https" and not is_forwarded)
    assert list(stages) == [stage for stage in Stage if stage in stages]


# What is known before the first stage and after each: whether the proxy was reached, whether it
# and whether the origin has proved who it is, if every handshake proves it.
@pytest.mark.parametrize(
    ("case", "known"),
    [
        (("http", None, False), [(False, False, None)] * 2),
        (("http", "http", False), [(False, False, None), (True, False, None)]),
        (("http", "http", True), [(False, False, None), *[(True, False, None)] * 2]),
        (("https", None, False), [*[(False, False, None)] * 2, (False, False, True)]),
        (("http", "https", False), [*[(False, False, None)] * 2, (True, True, None)]),
        (("https", "https", False), [*[(False, False, None)] * 2, (True, True, None)]),
        (
            ("https", "http", True),
            [(False, False, None), *[(True, False, None)] * 2, (True, False, True)],
        ),
        (
            ("https", "https", True),
            [*[(False, False, None)] * 2, *[(True, True, None)] * 2, (True, True, True)],
        ),
    ],
)
def test_how_far_a_connection_has_got_follows_from_its_stages(
    case: tuple[str, str | None, bool], known: list[tuple[bool, bool, bool | None]]
) -> None:
    route = route_of(*case[:2], tunnels=case[2])
    progress = Progress(route)
    seen = []
    for stage in (None, *route.stages):
        if stage is not None:
            progress.passed(stage, stage in (Stage.SECURE_PROXY, Stage.SECURE_ORIGIN))
        seen.append((progress.has_reached_proxy, progress.proxy_is_verified, progress.is_verified))
    assert seen == known


def test_a_handshake_that_proves_nothing_verifies_nobody() -> None:
    progress = Progress(route_of("https", "https", tunnels=True))
    for stage in progress.route.stages:
        progress.passed(stage)
    assert progress.has_reached_proxy
    assert (progress.proxy_is_verified, progress.is_verified) == (False, False)
