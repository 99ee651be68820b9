"""The tour that the README starts with runs as it stands, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import urllib3
from tests.shape.project import ROOT

pytest.importorskip("trustme")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The quickstart, with warnings as errors, on the same urllib3 as these tests."""
    return subprocess.run(
        [
            sys.executable,
            "-X",
            "dev",
            "-W",
            "error",
            str(ROOT / "examples" / "quickstart.py"),
            *arguments,
        ],
        env={**os.environ, "PYTHONPATH": str(Path(urllib3.__file__).parents[1]), **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return run(TMPDIR=str(tmp_path_factory.mktemp("tour")))


def test_the_tour_ends_well_and_complains_of_nothing(
    tour: subprocess.CompletedProcess[str],
) -> None:
    assert (tour.returncode, tour.stderr) == (0, "")


@pytest.mark.parametrize(
    "line",
    [
        "200 OK: Hello from https://localhost:",
        'the server saw application/json, 28 bytes: {"planet":"Earth","moons":1}',
        "the server saw multipart/form-data",
        "GET /old  302  ──▶  GET /hello  200",
        "▶ 200",
        "100 %",
        "4,000,000 on disk",
        "steps 1 to 6 took 1 connection in all",
        "64 requests of 8 threads (A to H), 4 connections made",
        "certificate is not valid for 'localhost'",
        "the server was asked for nothing: 0 requests seen",
    ],
)
def test_the_tour_shows(tour: subprocess.CompletedProcess[str], line: str) -> None:
    assert line in tour.stdout


def test_the_tour_leaves_no_file_behind() -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert run(TMPDIR=folder).returncode == 0
        assert list(Path(folder).iterdir()) == []


def test_a_url_is_fetched_and_an_error_told_in_one_line() -> None:
    answer = run("http://localhost:1/")
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "Connection refused" in answer.stderr
    assert "Traceback" not in answer.stderr
