"""The stages by which a request gets to its origin, and who needs a tunnel."""

from __future__ import annotations

import itertools
import types

import pytest

from tests.support.tables import check, rows
from urllib3._network.route import ROUTES, Stage, route_of
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


@pytest.mark.parametrize(("target", "proxy", "forwarding"), CASES)
def test_every_case_has_one_route_and_every_route_a_case(target, proxy, forwarding):
    route = route_of(target, proxy, forwarding)
    assert route in ROUTES
    assert (route.target, route.proxy) == (target, proxy)
    assert {route_of(*case) for case in CASES} == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.target} by {route.proxy}")
def test_a_route_dials_first_and_secures_what_is_https(route):
    stages = route.stages
    assert stages[0] is Stage.DIAL
    assert (Stage.SECURE_PROXY in stages) == (route.proxy == "https")
    # In absolute form a request is the proxy's to secure; through a tunnel it is ours.
    assert (Stage.SECURE_ORIGIN in stages) == (route.target == "https" and not route.forwarding)
    assert (Stage.TUNNEL in stages) == (
        route.target == "https" and route.proxy is not None and not route.forwarding
    )
    order = [stage for stage in Stage if stage in stages]
    assert list(stages) == order


@pytest.mark.parametrize(("target", "proxy", "forwarding"), CASES)
def test_a_tunnel_is_needed_where_the_route_has_one(target, proxy, forwarding):
    url = parse_url(f"{proxy}://proxy.example:3128") if proxy else None
    config = ProxyConfig(None, forwarding, None, None)
    needed = connection_requires_http_tunnel(url, config, target)
    assert needed == (Stage.TUNNEL in route_of(target, proxy, forwarding).stages)
