"""The picture of the dashboard in the documents; ``make dashboard-picture`` takes it.

python -m support.dashboard_picture [FOLDER]

It is drawn from the dashboard's JSON (places, titles, expressions, units, thresholds) over a real
Prometheus, in a Chromium.  Grafana draws it more finely; there is none here.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from support.browser import browser, page_of
from support.contrib import CONTRIB
from support.dashboard_scene import Fleet, a_fleet
from support.page_pictures import IMAGES

DASHBOARD = json.loads((CONTRIB / "grafana/dashboard.json").read_text())
NOTE = (
    "contrib/grafana/dashboard.json, drawn by tests/support/dashboard_picture.py, not by Grafana: "
    "four real daemons and a real Prometheus"
)
RANGE, STEP = 100, 1  # seconds
_CELL, _ROW, _GAP = 50, 34, 8  # pixels
_COLOURS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#b877d9", "#56a64b", "#fade2a")
_NAMED = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2"}
_CSS = """
body { margin: 0; background: #111217; color: #ccccdc; font: 12px sans-serif; position: relative }
section { position: absolute; background: #181b1f; border: 1px solid #2c3235; overflow: hidden;
  box-sizing: border-box; padding: 6px 8px }
h2 { font-size: 12px; margin: 0 0 4px; font-weight: 600; white-space: nowrap }
b { display: block; text-align: center; font-size: 44px; line-height: 76px; font-weight: 500 }
ul { list-style: none; margin: 2px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 10px;
  font-size: 10px } li::before { content: "\\25AC "; color: var(--its) }
td, th { text-align: left; padding: 2px 8px 2px 0; font-size: 11px }
footer { position: absolute; left: 8px; font-size: 11px; color: #8e8e9c }
text { fill: #8e8e9c; font-size: 10px }
"""

Series = tuple[str, list[tuple[float, float]]]


def _asked(expression: str) -> str:
    """Return the expression with what Grafana puts in the place of its variables."""
    for name, value in (("$__rate_interval", "30s"), ("$namespace", ".*"), ("$store", ".*")):
        expression = expression.replace(name, value)
    return expression


def _legend(pattern: str, metric: dict[str, str]) -> str:
    for name, value in metric.items():
        pattern = pattern.replace("{{" + name + "}}", value)
    return pattern


def _text(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 1024:.1f} KiB"
    return f"{value:.3g}{' s' if unit == 's' else ''}"


class Picture:
    """The dashboard as HTML; ``end`` is the time of its right edge."""

    def __init__(self, fleet: Fleet, end: float) -> None:
        self._fleet, self._end = fleet, end
        lowest = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in DASHBOARD["panels"])
        self.width, self._bottom = 24 * _CELL + _GAP, lowest * _ROW + _GAP

    def html(self) -> str:
        """Return the page."""
        panels = "".join(map(self._panel, DASHBOARD["panels"]))
        note = f'<footer style="top:{self._bottom}px">{escape(NOTE)}</footer>'
        size = f"width:{self.width}px;height:{self._bottom + 24}px"
        return f'<style>{_CSS}</style><body style="{size}">{panels}{note}'

    def _panel(self, panel: dict[str, Any]) -> str:
        place = panel["gridPos"]
        width, height = place["w"] * _CELL - _GAP, place["h"] * _ROW - _GAP
        left, top = place["x"] * _CELL + _GAP, place["y"] * _ROW + _GAP
        draw = {"stat": self._stat, "timeseries": self._chart, "table": self._table}[panel["type"]]
        inside = draw(panel, width - 18, height - 28)
        where = f"left:{left}px;top:{top}px;width:{width}px;height:{height}px"
        return f'<section style="{where}"><h2>{escape(panel["title"])}</h2>{inside}</section>'

    def _now(self, panel: dict[str, Any]) -> list[dict[str, Any]]:
        expression = _asked(panel["targets"][0]["expr"])
        return self._fleet.query("query", query=expression, time=self._end)

    def _stat(self, panel: dict[str, Any], width: int, height: int) -> str:
        found = self._now(panel)
        value = float(found[0]["value"][1]) if found else 0.0
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        colour = [step["color"] for step in steps if value >= (step["value"] or 0)][-1]
        return f'<b style="color:{_NAMED[colour]}">{value:g}</b>'

    def _table(self, panel: dict[str, Any], width: int, height: int) -> str:
        rows = ["<tr><th>instance<th>namespace<th>store<th>since"]
        for found in self._now(panel):
            cells = [found["metric"][name] for name in ("instance", "namespace", "store")]
            cells.append(f"{self._end - float(found['value'][1]) / 1000:.0f} seconds ago")
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}" for cell in cells))
        return f"<table>{''.join(rows)}</table>"

    def _series(self, panel: dict[str, Any]) -> Iterator[Series]:
        for target in panel["targets"]:
            for found in self._fleet.query(
                "query_range",
                query=_asked(target["expr"]),
                start=self._end - RANGE,
                end=self._end,
                step=STEP,
            ):
                points: Any = found["values"]
                metric: Any = found["metric"]
                name = _legend(target["legendFormat"], metric)
                yield name, [(float(at), float(value)) for at, value in points]

    def _chart(self, panel: dict[str, Any], width: int, height: int) -> str:
        series = list(self._series(panel))
        defaults = panel["fieldConfig"]["defaults"]
        stacked = defaults["custom"]["stacking"]["mode"] == "normal"
        sums: dict[float, float] = {}
        drawn: list[tuple[str, list[tuple[float, float, float]]]] = []
        for name, points in series:
            placed = []
            for at, value in points:
                low = sums.get(at, 0.0) if stacked else 0.0
                sums[at] = low + value
                placed.append((at, low, low + value))
            drawn.append((name, placed))
        top = max([high for _, points in drawn for *_, high in points], default=0.0) * 1.1 or 1.0
        return self._svg(drawn, top, defaults, width, height - 18 - 13 * (len(series) // 4))

    def _svg(
        self,
        drawn: Sequence[tuple[str, list[tuple[float, float, float]]]],
        top: float,
        defaults: dict[str, Any],
        width: int,
        height: int,
    ) -> str:
        left, bottom = 54, height - 16

        def at(moment: float, value: float) -> str:
            x = left + (moment - self._end + RANGE) / RANGE * (width - left)
            return f"{x:.1f},{bottom - value / top * (bottom - 4):.1f}"

        parts, legend = [], []
        for share in (0.0, 0.5, 1.0):
            y = bottom - share * (bottom - 4)
            label = _text(top * share, defaults.get("unit", "short"))
            parts.append(f'<path d="M{left},{y}H{width}" stroke="#2c3235"/>')
            parts.append(f'<text x="{left - 4}" y="{y + 4}" text-anchor="end">{label}</text>')
        for seconds in range(0, RANGE, 20):
            moment = self._end - RANGE + seconds
            x = at(moment, 0).partition(",")[0]
            label = time.strftime("%H:%M:%S", time.gmtime(moment))
            parts.append(f'<text x="{x}" y="{height - 2}" text-anchor="middle">{label}</text>')
        opacity = defaults["custom"]["fillOpacity"] / 100
        for number, (name, points) in enumerate(drawn):
            colour = _COLOURS[number % len(_COLOURS)]
            line = " ".join(at(moment, high) for moment, _, high in points)
            if opacity:
                back = " ".join(at(moment, low) for moment, low, _ in reversed(points))
                shape = f'points="{line} {back}" fill="{colour}" fill-opacity="{opacity}"'
                parts.append(f"<polygon {shape}/>")
            shape = f'points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"'
            parts.append(f"<polyline {shape}/>")
            legend.append(f'<li style="--its:{colour}">{escape(name)}')
        image = f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'
        return f"{image}<ul>{''.join(legend)}</ul>"


def main() -> None:
    """Take the picture."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    with tempfile.TemporaryDirectory() as scene, a_fleet(Path(scene)) as fleet:
        picture = Picture(fleet, time.time())
        text = picture.html()
    with browser() as chromium, page_of(chromium, picture.width, "dark") as view:
        view.set_content(text)
        view.screenshot(path=folder / "dashboard.png", full_page=True)


if __name__ == "__main__":
    main()
