"""Scenarios of Gherkin as parameters of a test, and their steps as functions.

It does not use pytest-bdd, whose tags would have to be markers of this project.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gherkin import Compiler, Parser


@dataclass(frozen=True)
class Scenario:
    """A scenario: one row of an outline; each step has a text and the rows of its table."""

    name: str
    tags: frozenset[str]
    steps: tuple[tuple[str, list[dict[str, str]]], ...]


def scenarios_in(path: Path) -> list[Scenario]:
    """All scenarios of a feature file."""
    document: Any = Parser().parse(path.read_text())
    document["uri"] = str(path)
    return [_scenario(pickle) for pickle in Compiler().compile(document)]


def _scenario(pickle: Any) -> Scenario:
    tags = frozenset(tag["name"] for tag in pickle["tags"])
    steps = tuple((step["text"], _table(step)) for step in pickle["steps"])
    return Scenario(pickle["name"], tags, steps)


def _table(step: Any) -> list[dict[str, str]]:
    rows = step.get("argument", {}).get("dataTable", {}).get("rows", [])
    cells = [[cell["value"] for cell in row["cells"]] for row in rows]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


class Steps:
    """Functions by the pattern of the steps that they do; groups are their arguments."""

    def __init__(self) -> None:
        self._functions: list[tuple[re.Pattern[str], Callable[..., None]]] = []

    def __call__(self, pattern: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
        def registered(function: Callable[..., None]) -> Callable[..., None]:
            self._functions.append((re.compile(pattern), function))
            return function

        return registered

    def run(self, scenario: Scenario, world: Any) -> None:
        """Run all steps; fail if a step has no function, or more than one."""
        for text, table in scenario.steps:
            matches = [(m, f) for p, f in self._functions if (m := p.fullmatch(text))]
            assert len(matches) == 1, f"{len(matches)} functions for the step {text!r}"
            ((match, function),) = matches
            function(world, *match.groups(), *([table] if table else []))
