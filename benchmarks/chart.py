"""A bar chart as SVG text: a group for each scenario, a bar for each client, longer is cheaper."""

from __future__ import annotations

from html import escape

ROW, GAP, LEFT, WIDTH = 18, 26, 110, 520
CAPTION = "Times less CPU for each request or megabyte than urllib3 2.8.0"
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600 }
.bar { fill: #9fb3c8 } .ours { fill: #2f6fab } .base { fill: #c9c9c9 }
line { stroke: #888; stroke-dasharray: 2 3 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }
"""
KINDS = {"ours": "bar ours", "urllib3": "bar base"}


def draw(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """``{scenario: {client: {"ratio": times less CPU than the baseline, ...}}}`` as a chart."""
    longest = max(row["ratio"] for clients in results.values() for row in clients.values())
    parts: list[str] = []
    top = 20
    for scenario, clients in results.items():
        parts.append(f'<text class="title" x="4" y="{top}">{escape(scenario)}</text>')
        for name, row in sorted(clients.items(), key=lambda item: -item[1]["ratio"]):
            top += ROW
            parts.append(bar(name, row, top, WIDTH / longest))
        top += GAP
    mark = LEFT + WIDTH / longest
    height = top
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 110}" height="{height}" '
        f'role="img" aria-label="CPU of clients compared with urllib3 2.8.0">\n'
        f"<style>{STYLE}</style>\n"
        + "\n".join(parts)
        + f'\n<line x1="{mark:.1f}" x2="{mark:.1f}" y1="8" y2="{height - GAP}"/>\n'
        f'<text x="4" y="{height - 6}">{CAPTION}</text>\n</svg>\n'
    )


def bar(name: str, row: dict[str, float], top: int, scale: float) -> str:
    width = row["ratio"] * scale
    kind = KINDS.get(name, "bar")
    figures = f"{row['ratio']:.2f}x ({row['us']:.0f} µs)"
    return (
        f'<text x="{LEFT - 6}" y="{top}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="{kind}" x="{LEFT}" y="{top - 11}" width="{width:.1f}" height="13"/>'
        f'<text x="{LEFT + width + 5:.1f}" y="{top}">{figures}</text>'
    )
