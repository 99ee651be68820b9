"""Compare clients side by side: ``python benchmarks/run.py --scenario tiny,api --rounds 7``.

Every client has a process of its own. In each round each of them does the same slice of work, one
after the other, in an order that rotates; so noise of the machine meets all alike. Told are the
client's CPU time (user and system, all threads) for each request or megabyte, as the median of the
rounds, and the median of the *ratios* to urllib3 2.8.0 within a round, with its quartiles.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import chart  # noqa: E402 -- its folder has just been put on the path
import server  # noqa: E402
from worker import CLIENTS, SCENARIOS  # noqa: E402

BASELINE = "urllib3"
PEERS = ["urllib3==2.8.0", "certifi", "httpx", "requests", "trustme"]
OPTIONAL_PEERS = ["pycurl"]
# What would lead a client to another package, proxy or list of authorities.
AMBIENT = {
    "PYTHONPATH",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_DIR",
    *(f"{scheme}_{end}" for scheme in ("http", "https", "all") for end in ("proxy", "PROXY")),
    *(f"{scheme}_PROXY" for scheme in ("HTTP", "HTTPS", "ALL")),
}


def environment(folder: Path) -> Path:
    """A Python that has the peers, made once and kept in FOLDER."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing the peers in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*install, *PEERS], check=True)
        for peer in OPTIONAL_PEERS:
            subprocess.run([*install, peer], check=False, stderr=subprocess.DEVNULL)
        (folder / "complete").touch()
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


class Worker:
    """A client in its own process; see ``worker.py``."""

    def __init__(self, python: Path, name: str, base: dict[str, Any]) -> None:
        paths = {"PYTHONPATH": str(HERE.parent / "src")} if name == "ours" else {}
        kept = {key: value for key, value in os.environ.items() if key not in AMBIENT}
        self.name = name
        self.process = subprocess.Popen(
            [str(python), str(HERE / "worker.py"), name, json.dumps(base)],
            env={**kept, "SSL_CERT_FILE": base["ca"], **paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> bool:
        """Whether the client could be imported and made."""
        assert self.process.stdout is not None
        return self.process.stdout.readline() == "ready\n"

    def slice(self, scenario: str, share: float = 1.0) -> dict[str, float] | None:
        """Seconds for each unit of one slice; None if the client cannot do this scenario."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(f"{scenario} {share}\n")
            self.process.stdin.flush()
            answer: dict[str, float] = json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            return None
        return answer

    def stop(self) -> str:
        """End the process; what it last complained of."""
        self.process.kill()
        complaint = self.process.communicate()[1].strip().splitlines()
        return complaint[-1] if complaint else ""


def measure(
    python: Path, names: list[str], scenario: str, rounds: int, base: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Client -> its figures in one scenario."""
    workers = [Worker(python, name, base) for name in names]
    try:
        able = [worker for worker in workers if worker.ready() and worker.slice(scenario, 0.2)]
        if BASELINE not in {worker.name for worker in able}:
            message = f"{BASELINE} cannot do {scenario}: {workers[0].stop()}"
            raise RuntimeError(message)
        times: dict[str, list[float]] = {worker.name: [] for worker in able}
        for turn in range(rounds):
            start = turn % len(able)
            for worker in able[start:] + able[:start]:
                result = worker.slice(scenario)
                if result is None:
                    message = f"{worker.name} failed in {scenario}"
                    raise RuntimeError(message)
                times[worker.name].append(result["cpu"])
    finally:
        complaints = {worker.name: worker.stop() for worker in workers}
    for name in set(names) - set(times):
        print(f"{scenario}: {name} left out: {complaints[name]}", file=sys.stderr)
    return {name: figures(times[BASELINE], mine) for name, mine in times.items()}


def figures(baseline: list[float], mine: list[float]) -> dict[str, float]:
    ratios = [base / own for base, own in zip(baseline, mine, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return {
        "us": statistics.median(mine) * 1e6,
        "ratio": middle,
        "low": low,
        "high": high,
    }


def table(scenario: str, results: dict[str, dict[str, float]]) -> str:
    unit = "MB" if SCENARIOS[scenario][3] == "stream" else "request"
    lines = [f"\n{scenario}: CPU of the client for each {unit}; times less than {BASELINE} 2.8.0"]
    lines += [
        f"  {name:12} {row['us']:10.1f} µs   {row['ratio']:6.2f}x   "
        f"[{row['low']:.2f}, {row['high']:.2f}]"
        for name, row in sorted(results.items(), key=lambda item: -item[1]["ratio"])
    ]
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--scenario", default="tiny,api", help=f"of: {','.join(SCENARIOS)}; or all")
    parser.add_argument("--client", default="all", help=f"of: {','.join(CLIENTS)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--svg", type=Path, help="draw a bar chart into this file")
    parser.add_argument(
        "--environment",
        type=Path,
        default=Path(tempfile.gettempdir()) / f"wirepool-benchmarks-{sys.version_info.minor}",
        help="folder of the environment with the peers",
    )
    return parser.parse_args()


def main() -> None:
    options = arguments()
    scenarios = list(SCENARIOS) if options.scenario == "all" else options.scenario.split(",")
    names = list(CLIENTS) if options.client == "all" else options.client.split(",")
    names = list(dict.fromkeys([BASELINE, *names]))
    python = environment(options.environment)
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ca = certificates(python, folder)
        with server.serving(folder, cpus[1] if len(cpus) > 1 else None) as urls:
            print(
                f"server: {urls['kind']}; Python {sys.version.split()[0]}; {options.rounds} rounds"
            )
            base = {**urls, "ca": ca, **({"cpu": cpus[0]} if len(cpus) > 1 else {})}
            for scenario in scenarios:
                results[scenario] = measure(python, names, scenario, options.rounds, base)
                print(table(scenario, results[scenario]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    if options.svg:
        options.svg.write_text(chart.draw(results), "utf-8")


if __name__ == "__main__":
    main()
