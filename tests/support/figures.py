"""Shows at the end of a run what tests counted: kill points, publications, reads, workers."""

from __future__ import annotations

import pytest

_WIDTH = 150  # of a line; a list of kill points is longer


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each figure that a test gave to ``record_property``."""
    passed = terminalreporter.stats.get("passed", [])
    figures = [(report.nodeid, report.user_properties) for report in passed]
    if not any(properties for _, properties in figures):
        return
    terminalreporter.section("figures")
    for nodeid, properties in figures:
        for name, value in properties:
            values = value if isinstance(value, list | tuple) else [value]
            counted = f"{len(values)}: " if len(values) > 1 else ""
            text = counted + ", ".join(map(str, values))
            test = nodeid.rpartition("::")[2].partition("[")[0]
            terminalreporter.line(f"{test}: {name} {_shortened(text)}")


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
