"""Write what was measured into the documentation: ``python benchmarks/report.py``.

Reads ``docs/benchmarks.json``, which ``run.py`` and ``steps.py`` fill; draws
``docs/benchmarks.svg`` and writes the tables between ``<!-- name -->`` and ``<!-- /name -->`` in
the pages below.  ``tests/package/test_benchmarks.py`` fails while any of them is out of date.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import chart  # noqa: E402 -- its folder has just been put on the path
from clients import CLIENTS  # noqa: E402
from run import shown  # noqa: E402
from scenarios import GROUPS, SCENARIOS  # noqa: E402
from steps import STEPS  # noqa: E402

FEW = {
    "tiny": "GET of 100 bytes",
    "tls_tiny": "… over TLS",
    "threads8": "… from 8 threads on one pool",
    "api": "GET of 3 KB of JSON with 20 header fields",
    "put2k": "PUT of 2 KB",
    "gzip100k": "GET of 100 KB, gzip",
    "stream8k": "100 MB in pieces of 8 KB, each MB",
    "chunked_stream": "100 MB in chunks of 8 KB, each MB",
    "new": "GET over a new connection",
    "tls_new": "… over a new TLS connection",
    "requests_tiny": "GET of 100 bytes by requests on top",
    "import": "import, in a new process",
    "tls_memory": "memory of an open TLS connection",
}
PEERS = [name for name in CLIENTS if name not in ("urllib3", "ours")]


def table(head: list[str], rows: list[list[str]], texts: int = 1) -> str:
    """A table whose first columns are text and the others figures."""
    rule = ["---"] * texts + ["---:"] * (len(head) - texts)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *rows])


def summary(figures: dict[str, Any]) -> str:
    """The few rows of the README."""
    rows = []
    for name, what in FEW.items():
        found = figures["scenarios"].get(name)
        if found is not None:
            costs = [shown(name, found[client]["cost"]) for client in ("urllib3", "ours")]
            rows.append([what, *costs, f"**{chart.times(found['ours']['ratio'])}**"])
    return table(["CPU of the client", "urllib3 2.8.0", "here", "less"], rows)


def everything(figures: dict[str, Any]) -> str:
    """Every scenario, with every client."""
    parts = []
    for group, scenarios in GROUPS.items():
        rows = []
        for name, scenario in scenarios.items():
            if name not in figures["scenarios"]:
                continue
            found = figures["scenarios"][name]
            ours = found["ours"]
            spread = f"{ours['ratio']:.2f} [{ours['low']:.2f}, {ours['high']:.2f}]"
            rows.append(
                [
                    f"`{name}`: {scenario.what}",
                    shown(name, found["urllib3"]["cost"]),
                    shown(name, ours["cost"]),
                    f"**{spread}**",
                    *[f"{found[peer]['ratio']:.2f}" if peer in found else "" for peer in PEERS],
                ]
            )
        head = [group, "urllib3", "here", "times less", *PEERS]
        parts.append(table(head, rows))
    return "\n\n".join(parts)


def flat(figures: dict[str, Any]) -> str:
    rows = []
    for name, found in figures["flat"].items():
        for count, row in found.items():
            what = f"{int(count):,} {SCENARIOS[name].what}"
            spread = f"{row['ratio']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"
            rows.append([what, f"`{name}`", shown(name, row["cost"]), spread])
    return table(["with", "scenario", "a request costs", "times less than with 1"], rows, 2)


def steps(figures: dict[str, Any]) -> str:
    rows = []
    for name, step in STEPS.items():
        row = figures["steps"].get(name)
        if row is not None:
            cpu = [1 / row[which] - 1 for which in ("ratio", "high", "low")]
            instructions = more(row["more"], 1) if "more" in row else ""
            spread = "{} [{}, {}]".format(*map(more, cpu))
            rows.append([step.what, step.instead, f"`{step.scenario}`", instructions, spread])
    head = ["step", "without it", "scenario", "instructions", "CPU [quartiles]"]
    return table(head, rows, 3)


def more(share: float, digits: int = 0) -> str:
    """By how much something grows."""
    return f"{share:+.{digits}%}" if share < 1 else f"times {share + 1:.1f}"


def where(figures: dict[str, Any]) -> str:
    about = figures["about"]
    return (
        f"Measured on {about['date']}: {about['machine']}, {about['server']} on one core and the "
        f"client on another, Python {about['python']}, {about['rounds']} rounds."
    )


PARTS = {"summary": summary, "everything": everything, "flat": flat, "steps": steps, "where": where}
PAGES = ("README.md", "docs/benchmarks.md", "docs/architecture.md")


def filled(text: str, figures: dict[str, Any]) -> str:
    """A page with its marked parts written anew."""
    for name, write in PARTS.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(
            pattern,
            lambda found, write=write: f"{found[1]}{write(figures)}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
    return text


def known() -> dict[str, Any]:
    """The figures that are kept."""
    found: dict[str, Any] = json.loads((ROOT / "docs" / "benchmarks.json").read_text("utf-8"))
    return found


def outcome() -> dict[Path, str]:
    """Each file that depends on the figures, as it should be."""
    figures = known()
    pages = [ROOT / page for page in PAGES]
    files = {page: filled(page.read_text("utf-8"), figures) for page in pages}
    files[ROOT / "docs" / "benchmarks.svg"] = chart.draw(figures["scenarios"])
    return files


def main() -> None:
    for file, text in outcome().items():
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
