"""``python -m benchmarks [PART ...]``: measure, and write tables and plots."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.children import ROOT, environment
from benchmarks.effort import FULL, QUICK, Effort


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the parts that are named, or all."""
    wanted = _parser().parse_args(arguments)
    effort = _effort(wanted)
    # A part of a part, or a hasty one, is not what the documentation is to show.
    whole = effort == FULL
    folder: Path = wanted.output or (ROOT / "docs" if whole else ROOT / ".cache" / "performance")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= environment()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through all that cleans up
    results = report.kept(folder)
    for part in wanted.part or report.PARTS:
        before = report.surroundings()
        started = time.monotonic()
        print(f"{part} …", end=" ", file=sys.stderr, flush=True)
        measured = report.module_of(part).measure(effort)
        print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
        results[part] = report.result(measured, before)
        print(f"\n## {part}\n\n{report.module_of(part).tables(measured)}", flush=True)
        report.keep(folder, results)
    report.write(folder, results)
    _draw(folder, results)
    print(f"written to {folder}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parts = ", ".join(report.PARTS)
    parser.add_argument("part", nargs="*", type=_part, metavar="PART", help=parts)
    parser.add_argument("--quick", action="store_true", help="few rounds, small stores")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each figure")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="ways to read with this name"
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to write results")
    return parser


def _part(text: str) -> str:
    if text not in report.PARTS:
        raise argparse.ArgumentTypeError(f"no such part: {text!r}")
    return text


def _effort(wanted: argparse.Namespace) -> Effort:
    effort = QUICK if wanted.quick else FULL
    if wanted.rounds:
        effort = replace(effort, rounds=wanted.rounds)
    return replace(effort, only=tuple(wanted.only))


def _draw(folder: Path, results: report.Results) -> None:
    try:
        from benchmarks.plots import draw
    except ImportError as error:
        print(f"no plots: no Python package {error.name}", file=sys.stderr)
        return
    draw(folder, {part: found["measured"] for part, found in results.items()})


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
