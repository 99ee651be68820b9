"""Write what was measured into the documentation: ``python benchmarks/report.py``.

Reads ``docs/benchmarks.json``, which ``run.py`` and ``steps.py`` fill; draws
``docs/benchmarks.svg`` and writes the tables between ``<!-- name -->`` and ``<!-- /name -->`` in
the pages below.  ``tests/pure/test_benchmarks.py`` fails while any of them is out of date.
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

FEW = (
    *("tiny", "tls_tiny", "api", "threads8", "put2k", "gzip100k", "chunked_stream", "data"),
    *("new", "tls_new", "import", "tls_memory", "requests_tiny"),
)
PEERS = [name for name in CLIENTS if name not in ("urllib3", "ours")]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def summary(figures: dict[str, Any]) -> str:
    """The few rows of the README."""
    rows = []
    for name in FEW:
        if name not in figures["scenarios"]:
            continue
        found = figures["scenarios"][name]
        base, ours = found["urllib3"], found["ours"]
        what = SCENARIOS[name].what.removeprefix("… ")
        rows.append(
            [
                f"{what} (`{name}`)",
                shown(name, base["cost"]),
                shown(name, ours["cost"]),
                f"**{chart.times(ours['ratio'])}**",
            ]
        )
    return table(["CPU of the client, or memory", "urllib3 2.8.0", "here", "less"], rows)


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
    rows = [
        [
            f"`{name}`: {SCENARIOS[name].what}",
            count,
            shown(name, row["cost"]),
            f"{row['ratio']:.2f}",
        ]
        for name, found in figures["flat"].items()
        for count, row in found.items()
    ]
    return table(["with so many", "", "for each request", "times less than with 1"], rows)


def steps(figures: dict[str, Any]) -> str:
    rows = []
    for name, step in STEPS.items():
        row = figures["steps"].get(name)
        if row is None:
            continue
        low, high = 1 / row["high"] - 1, 1 / row["low"] - 1
        rows.append(
            [
                f"{step.what}, not {step.instead}",
                f"`{step.scenario}`",
                f"{row['more']:+.1%}" if "more" in row else "",
                f"{1 / row['ratio'] - 1:+.0%} [{low:+.0%}, {high:+.0%}]",
            ]
        )
    head = ["step", "scenario", "instructions without it", "CPU without it [quartiles]"]
    return table(head, rows)


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
