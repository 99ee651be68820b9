"""The benchmarks: how ratios are taken, what is measured, and that the documentation shows it."""

from __future__ import annotations

import gzip
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support import benchmarks as scripts

SVG = "{http://www.w3.org/2000/svg}"

benchmarks = scripts.load()


def test_noise_that_meets_a_whole_round_does_not_change_the_ratio() -> None:
    baseline = [100e-6, 300e-6, 100e-6]  # the machine was busy in the second round
    ours = [50e-6, 150e-6, 50e-6]
    figures = benchmarks.run.figures(baseline, ours)
    assert (figures["ratio"], figures["low"], figures["high"]) == (2.0, 2.0, 2.0)
    assert figures["cost"] == pytest.approx(50e-6)


def test_one_round_is_enough_for_a_figure() -> None:
    assert benchmarks.run.figures([3e-6], [1e-6])["ratio"] == pytest.approx(3)


def test_figures_are_kept_beside_those_of_earlier_runs(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    bench = benchmarks.run.Bench(tmp_path, tmp_path, {"kind": "none"}, None, 1, file)
    bench.keep("scenarios", {"tiny": {"ours": {"ratio": 3.0}}})
    bench.keep("scenarios", {"api": {"ours": {"ratio": 2.0}}})
    bench.keep("steps", {"block": {"ratio": 0.9}})
    bench.keep("steps", {"block": {"more": 0.1}})
    kept = benchmarks.report.json.loads(file.read_text("utf-8"))
    assert list(kept["scenarios"]) == ["tiny", "api"]
    assert kept["steps"] == {"block": {"ratio": 0.9, "more": 0.1}}


# ---------------------------------------------------------------- what is measured


@pytest.mark.parametrize("name", benchmarks.scenarios.SCENARIOS)
def test_every_scenario_can_be_done_by_urllib3_and_asks_for_a_page_that_there_is(name) -> None:
    scenario = benchmarks.scenarios.SCENARIOS[name]
    assert hasattr(benchmarks.clients.CLIENTS["urllib3"], scenario.do)
    assert scenario.url.rpartition("/")[2] in benchmarks.server.SIZES
    assert {row.client for row in benchmarks.run.entrants_of(name, ["urllib3", "ours"])} <= {
        "urllib3",
        "ours",
    }


def test_the_first_entrant_of_a_scenario_is_urllib3_or_one_of_a_kind() -> None:
    entrants = {
        name: benchmarks.run.entrants_of(name, list(benchmarks.clients.CLIENTS))[0].label
        for name in benchmarks.scenarios.SCENARIOS
    }
    assert set(entrants.values()) == {"urllib3", "1"}


@pytest.fixture(scope="module")
def answers() -> dict[bytes, list[tuple[bytes, int]]]:
    return benchmarks.server.answers()


def test_the_reply_to_an_api_call_bears_twenty_fields(answers) -> None:
    assert answers[b"api"][0][0].count(b"\r\n") == 1 + 20 + 1


@pytest.mark.parametrize("path", ["gzip_large", "gzip100k"])
def test_a_compressed_page_is_one_gzip_member_of_the_size_that_is_told(path, answers) -> None:
    body = answers[path.encode()][1][0]
    plain = gzip.decompress(body)
    assert len(plain) == benchmarks.server.SIZES[path]
    assert len(body) < len(plain) / 2


@pytest.mark.parametrize("path", ["chunked8k", "chunked1k", "large"])
def test_a_page_made_of_repeated_pieces_is_of_the_size_that_is_told(path, answers) -> None:
    size = 0
    for piece, times in answers[path.encode()][1:]:
        size += piece.count(b"\0") * times
    assert size == benchmarks.server.SIZES[path]


# ---------------------------------------------------------------- what is shown


def test_the_chart_is_logarithmic_and_has_the_baseline_between_cheaper_and_dearer() -> None:
    rows = {
        "urllib3": {"ratio": 1.0},
        "ours": {"ratio": 4.0},
        "requests": {"ratio": 0.5},
        "http.client": {"ratio": 2.0},
    }
    tree = ET.fromstring(benchmarks.chart.draw({"tiny": rows}))
    place = {
        mark.attrib["data-client"]: float(mark.attrib["transform"][10:].split()[0])
        for mark in tree.iter(f"{SVG}g")
        if "data-client" in mark.attrib
    }
    base = next(
        float(line.attrib["x1"]) for line in tree.iter(f"{SVG}line") if line.get("class") == "base"
    )
    step = place["http.client"] - base
    assert place["ours"] - base == pytest.approx(2 * step, abs=0.2)
    assert place["requests"] - base == pytest.approx(-step, abs=0.2)


def test_every_client_but_the_baseline_has_a_mark_and_an_entry_in_the_legend() -> None:
    names = set(benchmarks.clients.CLIENTS) - {"urllib3"}
    assert {"ours", *benchmarks.chart.MARKS} == names
    tree = ET.fromstring(benchmarks.chart.draw({}))
    assert {mark.attrib["data-legend"] for mark in tree.iter(f"{SVG}g")} == names


@pytest.mark.parametrize("file", benchmarks.report.outcome(), ids=lambda file: file.name)
def test_the_documentation_shows_the_figures_that_were_kept(file: Path) -> None:
    written = benchmarks.report.outcome()[file]
    assert file.read_text("utf-8") == written, "run `python benchmarks/report.py`"


def test_every_scenario_and_every_step_has_figures() -> None:
    known = benchmarks.report.known()
    assert {*known["scenarios"], *known["flat"]} == set(benchmarks.scenarios.SCENARIOS)
    assert set(known["steps"]) == set(benchmarks.steps.STEPS)
