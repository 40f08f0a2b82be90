"""Results, kept as JSON, and written as tables and plots into a folder.

In ``performance.md``, and ``fleet.md`` for the fleet, each table stands between two comments that
name its part, and only what is between them is replaced.  The tables of a part that was not
measured stay as they are.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, versions
from benchmarks.tables import table
from benchmarks.targets import targets

PARTS = (
    "read",
    "objects",
    "integrations",
    "take-up",
    "throughput",
    "threads",
    "publish",
    "layers",
    "poll",
    "daemon-memory",
    "start",
    "capacity",
    "fleet",
    "waking",
)
#: The document of each part's tables that are not in performance.md.
_DOCUMENTS = {"fleet": "fleet.md"}
_PACKAGES = (
    "msgpack",
    "boto3",
    "aws-lambda-powertools",
    "cachetools",
    "diskcache",
    "lmdb",
    "moto",
    "pymemcache",
    "redis",
    "hiredis",
)

_NAMES = ("targets", *PARTS, "machine")

#: By part: what it measured, and on what.
Results = dict[str, dict[str, Any]]


def module_of(part: str) -> Any:
    """The module that measures a part."""
    return import_module(f"benchmarks.{part.replace('-', '_')}")


def result(measured: object, before: Mapping[str, str]) -> dict[str, Any]:
    """A part's result, as it is kept."""
    return {"machine": dict(before), "measured": measured}


def surroundings() -> dict[str, str]:
    """The machine and the versions of all that is measured, as they are now."""
    return machine() | versions(_PACKAGES)


def kept(folder: Path) -> Results:
    """The results that earlier runs left in *folder*.

    Without those of parts that measure something else by now; their tables stay as they are.
    """
    try:
        results: Results = json.loads((folder / "performance.json").read_text())
    except FileNotFoundError:
        return {}
    return {part: found for part, found in results.items() if _fits(part, found["measured"])}


def _fits(part: str, measured: Any) -> bool:
    """Whether today's tables can be made of it."""
    try:
        module_of(part).tables(measured)
    except (KeyError, ImportError):
        print(f"the figures of {part} that were kept are of an earlier kind", file=sys.stderr)
        return False
    return True


def keep(folder: Path, results: Results) -> None:
    """Write the results, one figure's samples a line."""
    text = json.dumps(results, indent=1, ensure_ascii=False)
    # A list of numbers is one line: there are thousands of them.
    text = re.sub(r"\[[^][{}\"]*\]", lambda found: " ".join(found[0].split()), text)
    (folder / "performance.json").write_text(f"{text}\n")


def write(folder: Path, results: Results) -> None:
    """Put the tables into their documents, which are made if they are not there."""
    tables = _tables(results)
    for document in ("performance.md", *_DOCUMENTS.values()):
        path = folder / document
        names = [name for name in _NAMES if _DOCUMENTS.get(name, "performance.md") == document]
        text = path.read_text() if path.exists() else _blank(names)
        for name in names:
            if name not in tables:
                continue
            start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
            before, rest = text.split(start)
            _, after = rest.split(end)
            text = f"{before}{start}\n{tables[name]}\n{end}{after}"
        path.write_text(text)


def _blank(names: Sequence[str]) -> str:
    return "\n".join(f"## {name}\n\n<!-- {name} -->\n<!-- end of {name} -->\n" for name in names)


def _tables(results: Results) -> dict[str, str]:
    """Each part's tables, the targets' and the machine's."""
    measured = {part: found["measured"] for part, found in results.items()}
    tables = {part: module_of(part).tables(measured[part]) for part in measured}
    return {**tables, "targets": targets(measured), "machine": _machines(results)}


def _machines(results: Results) -> str:
    """A row for each thing to know of the machine, with every value that it had for some part."""
    values: dict[str, list[str]] = {}
    for found in results.values():
        for name, value in found["machine"].items():
            if value not in values.setdefault(name, []):
                values[name].append(value)
    loads = sorted(values.pop("load before", []), key=float)
    values["load average before the parts"] = [f"{loads[0]} to {loads[-1]}"] if loads else []
    rows = [(name, ", ".join(found)) for name, found in values.items()]
    return table(("", "measured with"), rows)
