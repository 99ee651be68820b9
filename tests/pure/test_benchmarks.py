"""The benchmarks: how ratios are taken, what is measured, and that the documentation shows it."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

import urllib3
from tests.shape.project import ROOT
from tests.support.answers import head, in_chunks
from tests.support.scripted import serve

HERE = ROOT / "benchmarks"
SVG = "{http://www.w3.org/2000/svg}"
NAMES = [path.stem for path in HERE.glob("*.py")]


def load() -> SimpleNamespace:
    """The scripts as modules, forgotten again at once: their names are common ones."""
    before = set(sys.modules)
    sys.path.insert(0, str(HERE))
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})
    finally:
        sys.path.remove(str(HERE))
        for name in (set(sys.modules) - before) & set(NAMES):
            del sys.modules[name]


benchmarks = load()


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


# ---------------------------------------------------------------- what each step buys

COUNT = """
import sys, steps
if sys.argv[1]:
    steps.STEPS[sys.argv[1]].switch_off()
import urllib3
http = urllib3.PoolManager()
def once():
    http.request("PUT", sys.argv[2] + "up", body=b"x" * 2000)
    http.request("GET", sys.argv[2] + "chunked").headers
for _ in range(5):
    once()
seen = []
sys.setprofile(lambda frame, event, argument: seen.append(event))
once()
sys.setprofile(None)
print(seen.count("call") * 1000 + seen.count("c_call"))
"""


@contextlib.contextmanager
def site() -> Iterator[str]:
    small = head("Content-Length: 2", "Server: test") + b"ok"
    chunked = head("Transfer-Encoding: chunked", "Server: test") + in_chunks(b"x" * 900, 300)
    with serve(handler=lambda request: chunked if "chunked" in request.line else small) as server:
        yield server.url("/")


def output_of(code: str, *arguments: str) -> str:
    """What a program prints that imports the scripts, and the package that is tested here."""
    package = Path(urllib3.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{package}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout


def calls(step: str, url: str) -> int:
    return int(output_of(COUNT, step, url))


SWITCHES = [name for name in benchmarks.steps.STEPS if name not in {"nothing", "context_memo"}]


@pytest.mark.parametrize("step", SWITCHES)
def test_a_step_that_is_switched_off_is_taken_in_another_way(step: str) -> None:
    with site() as url:
        assert calls(step, url) not in {calls("", url), calls("nothing", url)}


def test_a_step_that_is_switched_off_builds_a_context_for_each_connection() -> None:
    code = """
import steps, sys
if sys.argv[1:]:
    steps.STEPS["context_memo"].switch_off()
from urllib3._tls import ContextMemo, TlsPolicy
import ssl
memo, policy = ContextMemo(), TlsPolicy(cert_reqs=ssl.CERT_NONE, assert_hostname=False)
print(memo.get(policy) is memo.get(policy))
"""
    said = [output_of(code), output_of(code, "off")]
    assert said == ["True\n", "False\n"]


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
