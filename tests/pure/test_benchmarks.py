"""The arithmetic of the benchmarks: ratios are taken within rounds, and the chart is drawn from them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from tests.shape.project import ROOT


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The scripts as modules, forgotten again afterwards: their names are common ones."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import chart
    import run
    import server
    import worker

    yield SimpleNamespace(run=run, chart=chart, server=server, worker=worker)
    for name in set(sys.modules) - before & {"run", "chart", "server", "worker"}:
        del sys.modules[name]


def test_noise_that_meets_a_whole_round_does_not_change_the_ratio(benchmarks) -> None:
    baseline = [100e-6, 300e-6, 100e-6]  # the machine was busy in the second round
    ours = [50e-6, 150e-6, 50e-6]
    figures = benchmarks.run.figures(baseline, ours)
    assert (figures["ratio"], figures["low"], figures["high"]) == (2.0, 2.0, 2.0)
    assert figures["us"] == pytest.approx(50)


def test_one_round_is_enough_for_a_figure(benchmarks) -> None:
    assert benchmarks.run.figures([3e-6], [1e-6])["ratio"] == pytest.approx(3)


def test_the_chart_has_a_bar_for_each_client_as_long_as_its_ratio(benchmarks) -> None:
    rows = {"ours": {"ratio": 4.0, "us": 30.0}, "urllib3": {"ratio": 1.0, "us": 120.0}}
    tree = ET.fromstring(benchmarks.chart.draw({"tiny": rows}))
    bars = [float(bar.attrib["width"]) for bar in tree.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars[0] == pytest.approx(4 * bars[1])


def test_every_scenario_asks_for_a_page_that_the_server_has(benchmarks) -> None:
    pages = {path for _, path, _, _ in benchmarks.worker.SCENARIOS.values()}
    assert pages <= set(benchmarks.server.sizes())


def test_the_reply_to_an_api_call_bears_twenty_fields(benchmarks) -> None:
    head = benchmarks.server.answers()[b"GET /api HTTP/1.1"].split(b"\r\n\r\n")[0]
    assert head.count(b"\r\n") == 20
