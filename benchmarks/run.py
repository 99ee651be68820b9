"""Compare clients side by side: ``python benchmarks/run.py --scenario tiny,api --rounds 7``.

Every client has a process of its own, on one core; the server has another.  In each round each
client does the same amount of work, one after the other, in an order that rotates, so that noise
of the machine affects all alike.  Printed is the CPU time (user and system, all threads) for each
request or megabyte, as the median of the rounds, and the median of the *ratios* to the baseline
within a round, with its quartiles.  The baseline is urllib3 2.8.0.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import functools
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import chart  # noqa: E402 -- its folder has just been put on the path
import server  # noqa: E402
from clients import CLIENTS  # noqa: E402
from scenarios import FLAT, SCENARIOS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Environment -> what is installed there.  Ours runs in that of urllib3, before it on the path.
ENVIRONMENTS = {
    "urllib3": ["urllib3==2.8.0", "requests", "certifi", "trustme"],
    "httpx": ["httpx", "certifi"],
    "pycurl": ["pycurl", "certifi"],
}
# What would lead a client to another package, proxy or list of authorities.
AMBIENT = {
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_DIR",
    *(f"{scheme}_{end}" for scheme in ("http", "https", "all") for end in ("proxy", "PROXY")),
    *(f"{scheme}_PROXY" for scheme in ("HTTP", "HTTPS", "ALL")),
}
Figures = dict[str, float]
# Unit of a scenario -> (unit of its figures, how many of them a second or byte is)
SHOWN = {"process": ("ms", 1e3), "connection": ("KB", 1e-3), "pool": ("KB", 1e-3)}


class Entrant(NamedTuple):
    """Who takes part in a scenario: a client, under a label, perhaps with a setting."""

    label: str
    client: str
    setting: dict[str, Any]


@functools.lru_cache
def environment(folder: Path, name: str) -> Path:
    """The Python of an environment, which is made once and kept in FOLDER.

    Without urllib3 nothing can be measured; without another client only that one is left out.
    """
    python = folder / name / "bin" / "python"
    complete = folder / name / "complete"
    if not complete.exists():
        print(f"installing {', '.join(ENVIRONMENTS[name])}", file=sys.stderr)
        venv.create(folder / name, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        done = subprocess.run([*install, *ENVIRONMENTS[name]], check=name == "urllib3")
        if done.returncode == 0:
            complete.touch()
    return python


def certificates(python: Path, folder: Path) -> str:
    """Make a certificate for localhost; its authority is added to a list of the usual size."""
    code = """
import pathlib, sys, certifi, trustme
folder = pathlib.Path(sys.argv[1])
authority = trustme.CA()
leaf = authority.issue_cert("localhost")
leaf.private_key_pem.write_to_path(folder / "server.key")
leaf.cert_chain_pems[0].write_to_path(folder / "server.pem")
usual = pathlib.Path(certifi.where()).read_bytes()
(folder / "ca.pem").write_bytes(usual + authority.cert_pem.bytes())
"""
    subprocess.run([str(python), "-c", code, str(folder)], check=True)
    return str(folder / "ca.pem")


# ---------------------------------------------------------------- entrants at work


class Worker:
    """An entrant in its own process, which does slice after slice; see ``worker.py``."""

    def __init__(
        self, bench: Bench, scenario: str, entrant: Entrant, under: Sequence[str] = ()
    ) -> None:
        self.label = entrant.label
        with server.pinned(bench.cpu):
            self.process = subprocess.Popen(
                [
                    *under,
                    *(str(bench.python(entrant.client)), str(HERE / "worker.py"), entrant.client),
                    *(scenario, json.dumps(bench.urls), json.dumps(entrant.setting)),
                ],
                env=bench.variables(entrant.client),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline() == "ready\n"

    def slice(self, share: float = 1.0) -> float | None:
        """What each unit of one slice costs; None if the client cannot do this."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(f"{share}\n")
            self.process.stdin.flush()
            return float(self.process.stdout.readline())
        except (OSError, ValueError):
            return None

    def stop(self) -> str:
        """End the process; what it last complained of."""
        self.process.kill()
        complaint = self.process.communicate()[1].strip().splitlines()
        return complaint[-1] if complaint else ""


class Fresh:
    """An entrant that needs a new process for each slice; the interface of :class:`Worker`."""

    def __init__(self, bench: Bench, scenario: str, entrant: Entrant) -> None:
        self.label = entrant.label
        self.again = (bench, scenario, entrant)
        self.ready = hasattr(CLIENTS[entrant.client], SCENARIOS[scenario].do)

    def slice(self, share: float = 1.0) -> float | None:
        bench, scenario, entrant = self.again
        if SCENARIOS[scenario].measure == "memory":
            worker = Worker(bench, scenario, entrant)
            try:
                return worker.slice(share)
            finally:
                worker.stop()
        url = SCENARIOS[scenario].url.format(**bench.urls)
        code = getattr(CLIENTS[entrant.client], SCENARIOS[scenario].do)
        code = code.format(url=url, host="localhost", port=urlsplit(url).port)
        with server.pinned(bench.cpu):
            process = subprocess.Popen(
                [str(bench.python(entrant.client)), "-c", code],
                env=bench.variables(entrant.client),
            )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        return None if status else used.ru_utime + used.ru_stime

    def stop(self) -> str:
        return ""


class Bench(NamedTuple):
    """Servers that run, environments, and where figures are kept."""

    folder: Path
    source: Path
    urls: dict[str, str]
    cpu: int | None
    rounds: int
    file: Path | None

    def python(self, client: str) -> Path:
        return environment(self.folder, client if client in ENVIRONMENTS else "urllib3")

    def variables(self, client: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in AMBIENT}
        kept.update(SSL_CERT_FILE=self.urls["ca"], PYTHONHASHSEED="0")
        return {**kept, "PYTHONPATH": str(self.source)} if client == "ours" else kept

    def measure(self, scenario: str, entrants: list[Entrant]) -> dict[str, Figures]:
        """Label -> figures; the first entrant is the baseline, and must be able."""
        kind = Fresh if SCENARIOS[scenario].fresh else Worker
        workers = [kind(self, scenario, entrant) for entrant in entrants]
        try:
            able = [worker for worker in workers if worker.ready and worker.slice(0.2)]
            if workers[0] not in able:
                raise RuntimeError(f"no baseline in {scenario}: {workers[0].stop()}")
            costs: dict[str, list[float]] = {worker.label: [] for worker in able}
            for turn in range(self.rounds):
                start = turn % len(able)
                for worker in able[start:] + able[:start]:
                    cost = worker.slice()
                    if cost is None:
                        raise RuntimeError(f"{worker.label} failed in {scenario}")
                    costs[worker.label].append(cost)
        finally:
            complaints = {worker.label: worker.stop() for worker in workers}
        for label in set(complaints) - set(costs):
            print(f"{scenario}: {label} left out: {complaints[label]}", file=sys.stderr)
        return {label: figures(costs[entrants[0].label], mine) for label, mine in costs.items()}

    def keep(self, part: str, found: dict[str, dict[str, Any]]) -> None:
        """Write name -> figures into a part of the file, beside those that it holds."""
        if self.file is None:
            return
        known = json.loads(self.file.read_text("utf-8")) if self.file.exists() else {}
        known["about"] = {**about(), "server": self.urls["kind"], "rounds": self.rounds}
        for name, figures in found.items():
            known.setdefault(part, {}).setdefault(name, {}).update(figures)
        text = json.dumps(known, indent=1)
        # A line for each row of figures: so a new run is a change that can be read.
        text = re.sub(r"\{([^{}]*)\}", lambda row: "{" + " ".join(row[1].split()) + "}", text)
        self.file.write_text(text + "\n", "utf-8")


def units(scenario: str) -> float:
    """Units of one call."""
    row = SCENARIOS[scenario]
    if row.unit != "MB":
        return 1
    page = row.url.rpartition("/")[2]
    return float(row.options.get("size", server.SIZES[page])) / 1e6


def figures(baseline: list[float], mine: list[float]) -> Figures:
    ratios = [base / own for base, own in zip(baseline, mine, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    exact = {"cost": statistics.median(mine), "ratio": middle, "low": low, "high": high}
    return {name: float(f"{value:.4g}") for name, value in exact.items()}


def about() -> dict[str, str]:
    """Where and when."""
    name = platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        name = next(line for line in lines if line.startswith("model name")).partition(": ")[2]
    return {
        "machine": f"{name}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }


# ---------------------------------------------------------------- on the command line


def shown(scenario: str, cost: float) -> str:
    unit, scale = SHOWN.get(SCENARIOS[scenario].unit, ("µs", 1e6))
    return f"{cost * scale:,.{1 if cost * scale < 100 else 0}f} {unit}"


def table(scenario: str, results: dict[str, Figures]) -> str:
    lines = [f"\n{scenario}: {SCENARIOS[scenario].what}; for each {SCENARIOS[scenario].unit}"]
    order = results.items()
    if not SCENARIOS[scenario].sizes:
        order = sorted(order, key=lambda item: -item[1]["ratio"])
    lines += [
        f"  {label:14}{shown(scenario, row['cost']):>12}   {row['ratio']:6.2f}x   "
        f"[{row['low']:.2f}, {row['high']:.2f}]"
        for label, row in order
    ]
    return "\n".join(lines)


def entrants_of(scenario: str, names: list[str]) -> list[Entrant]:
    row = SCENARIOS[scenario]
    if row.sizes:
        return [Entrant(str(size), "ours", {"size": size}) for size in row.sizes]
    return [
        Entrant(name, name, {})
        for name in names
        if (not row.only or name in row.only) and hasattr(CLIENTS[name], row.do)
    ]


def arguments(description: str | None, *, steps: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    if steps:
        parser.add_argument("--instructions", action="store_true", help="count, not time")
        parser.add_argument("--step", help="one or more, with commas; otherwise all")
    else:
        every = ",".join(SCENARIOS)
        parser.add_argument("--scenario", default="tiny,api", help=f"of: {every}; or all")
        parser.add_argument("--client", default="all", help=f"of: {','.join(CLIENTS)}")
        parser.add_argument("--svg", type=Path, help="draw a chart into this file")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="put the figures into this file")
    parser.add_argument(
        "--source", type=Path, default=HERE.parent / "src", help="where our package is"
    )
    parser.add_argument(
        "--environments",
        type=Path,
        default=Path(tempfile.gettempdir()) / f"wirepool-benchmarks-{sys.version_info.minor}",
        help="folder that keeps the environments with the other clients",
    )
    return parser.parse_args()


@contextlib.contextmanager
def ready(options: argparse.Namespace) -> Iterator[Bench]:
    """Servers on one core, the clients on another, where there are two."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the servers end with this process
    first, *others = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [None]
    with tempfile.TemporaryDirectory() as name:
        ca = certificates(environment(options.environments, "urllib3"), Path(name))
        with server.serving(Path(name), others[0] if others else None) as urls:
            print(f"{urls['kind']}; Python {platform.python_version()}; {options.rounds} rounds")
            yield Bench(
                folder=options.environments,
                source=options.source.resolve(),
                urls={**urls, "ca": ca},
                cpu=first if others else None,
                rounds=options.rounds,
                file=options.json,
            )


def main() -> None:
    options = arguments(__doc__)
    scenarios = list(SCENARIOS) if options.scenario == "all" else options.scenario.split(",")
    names = list(CLIENTS) if options.client == "all" else options.client.split(",")
    names = list(dict.fromkeys(["urllib3", *names]))
    start = time.monotonic()
    drawn = {}
    with ready(options) as bench:
        for scenario in scenarios:
            found = bench.measure(scenario, entrants_of(scenario, names))
            print(table(scenario, found), flush=True)
            bench.keep("flat" if scenario in FLAT else "scenarios", {scenario: found})
            if scenario not in FLAT:
                drawn[scenario] = found
    if options.svg:
        options.svg.write_text(chart.draw(drawn), "utf-8")
    print(f"\n{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
