"""The same calls on urllib3 2.8.0 and on this package: what differs is known, and written down.

``known.toml`` lists every difference, with its reason and with words of the row of
``docs/differences.md`` that tells users of it.  An entry that nothing needs any more is an error too.

The real urllib3 runs in an interpreter of its own: that of ``WIREPOOL_PARITY_PYTHON``, or of an
environment made once, with pip, beneath ``~/.cache/wirepool``.  ``python -m tests.parity.test_parity``
prints every difference.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import typing
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

import urllib3
from tests.parity.cases import every_case
from tests.shape.project import ROOT, tomllib
from tests.support.certificates import make

HERE = Path(__file__).parent
NEEDED = ["urllib3==2.8.0", "idna", "brotli", "backports.zstd; python_version < '3.14'"]

pytestmark = pytest.mark.timeout(600)


# ---------------------------------------------------------------- the other interpreter


def other_python() -> str:
    """An interpreter that imports urllib3 2.8.0; the test is skipped if there is none."""
    named = os.environ.get("WIREPOOL_PARITY_PYTHON")
    if named:
        return named
    name = f"parity-{sys.version_info[0]}.{sys.version_info[1]}"
    folder = Path("~/.cache/wirepool").expanduser() / name
    python = folder / "bin" / "python"
    if not python.exists():
        install(folder)
    return str(python)


def install(folder: Path) -> None:
    # In a name of its own at first: another worker may be about the same.
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=folder.parent))
    venv.create(making, with_pip=True, symlinks=True)
    done = subprocess.run(
        [making / "bin" / "python", "-m", "pip", "install", "-q", *NEEDED],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"urllib3 2.8.0 cannot be installed: {done.stderr.strip()[-300:]}")
    try:
        making.rename(folder)
    except OSError:
        assert (folder / "bin" / "python").exists()


def run(python: str, cases: list[dict[str, typing.Any]], path: list[str]) -> dict[str, typing.Any]:
    done = subprocess.run(
        [python, "-W", "ignore", HERE / "driver.py"],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, typing.Any] = json.loads(done.stdout)
    return answer


# ---------------------------------------------------------------- differences


@dataclass(frozen=True)
class Difference:
    """A place in the result of a case at which the two are not the same."""

    case: str
    place: str
    real: str
    ours: str

    def __str__(self) -> str:
        return f"{self.case} | {self.place}\n    2.8.0: {self.real}\n    here:  {self.ours}"


def differences(case: str, real: typing.Any, ours: typing.Any, place: str = "") -> typing.Iterator[Difference]:  # fmt: skip
    """The innermost places at which *real* and *ours* differ."""
    if real == ours:
        return
    if isinstance(real, dict) and isinstance(ours, dict) and real.keys() == ours.keys():
        for key in real:
            yield from differences(case, real[key], ours[key], f"{place}.{key}")
    elif isinstance(real, list) and isinstance(ours, list) and len(real) == len(ours):
        for index, pair in enumerate(zip(real, ours, strict=True)):
            yield from differences(case, *pair, f"{place}[{index}]")
    else:
        yield Difference(case, place, json.dumps(real), json.dumps(ours))


def compare(folder: Path) -> list[Difference]:
    cases = every_case(make(folder))
    python = other_python()
    real = run(python, cases, [])
    here = run(sys.executable, cases, [str(Path(urllib3.__file__).parents[1])])
    assert (real["urllib3"], Path(here["file"])) == ("2.8.0", Path(urllib3.__file__))
    assert Path(real["file"]) != Path(here["file"]), "the other interpreter has this package too"
    if real["python"] != here["python"]:
        pytest.skip(f"{python} is Python {real['python']}, this is {here['python']}")
    return [
        difference
        for case, *results in zip(cases, real["results"], here["results"], strict=True)
        for difference in differences(case["id"], *results)
    ]


@dataclass(frozen=True)
class Known:
    """An entry of ``known.toml``: patterns for all four parts of a difference."""

    why: str
    row: str
    case: str
    place: str = ""
    real: str = ""
    ours: str = ""
    since: str = ""  # the first version of Python with the difference
    before: str = ""  # the first without it again

    def covers(self, difference: Difference) -> bool:
        return all(
            re.search(getattr(self, part), getattr(difference, part), re.DOTALL)
            for part in ("case", "place", "real", "ours")
        )


def known() -> list[Known]:
    here = sys.version_info[:2]
    listed = tomllib.loads((HERE / "known.toml").read_text("utf-8"))
    entries = [Known(**entry) for entry in listed["difference"]]
    return [
        entry
        for entry in entries
        if (not entry.since or here >= version(entry.since))
        and (not entry.before or here < version(entry.before))
    ]


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def test_what_differs_from_urllib3_2_8_0_is_known_and_told(tmp_path):
    found = compare(tmp_path)
    entries = known()
    used = [[entry for entry in entries if entry.covers(each)] for each in found]
    unknown = [str(each) for each, by in zip(found, used, strict=True) if not by]
    assert not unknown, f"{len(unknown)} differences that nobody knows of:\n" + "\n".join(unknown)
    needed = {entry for by in used for entry in by}
    unused = [entry for entry in entries if entry not in needed]
    assert not unused, f"no longer different: {unused}"
    page = " ".join((ROOT / "docs" / "differences.md").read_text("utf-8").split())
    untold = [entry for entry in entries if entry.row not in page]
    assert not untold, f"docs/differences.md does not tell: {untold}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        everything = compare(Path(scratch))
    entries = known()
    for each in everything:
        if "--all" in sys.argv or not any(entry.covers(each) for entry in entries):
            print(each)
