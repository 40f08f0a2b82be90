"""How many reads a second, by number of processes, while a new generation comes every 10 ms."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from statistics import fmean
from typing import Any

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.figures import Both, Figures, count, quotient, ratio, rounded, short
from benchmarks.tables import table

INTERVAL = 0.01  # seconds between two generations
DDBCFG, CONTROL = "ddbcfg", "dict"
_SECONDS = 0.1  # that one turn lasts
_HEAD_START = 0.02  # seconds in which every reader gets to know when to start


def measure(effort: Effort) -> dict[str, Any]:
    """For each kind and number of readers, in each round: reads of each reader, by wall and CPU.

    Also how many reads were torn in all, and how many generations were published a second.
    """
    cores = len(os.sched_getaffinity(0))
    most = cores + 2
    rates: dict[str, dict[str, list[list[float]]]] = {DDBCFG: {}, CONTROL: {}}
    by_cpu: dict[str, list[float]] = {}
    torn = generations = 0
    with ExitStack() as stack:
        publishing = stack.enter_context(Child("racing", "publish", str(INTERVAL)))
        readers = [
            stack.enter_context(Child("racing", "read", publishing.ready)) for _ in range(most)
        ]
        published, started = publishing.ask("count"), time.monotonic()
        for _ in range(2 * effort.few):
            for number in range(1, most + 1):
                for kind, found in rates.items():
                    start = time.monotonic() + _HEAD_START
                    for reader in readers[:number]:
                        reader.tell(kind, start, _SECONDS)
                    answers = [reader.answer() for reader in readers[:number]]
                    each = [rounded(answer["rate"]) for answer in answers]
                    found.setdefault(str(number), []).append(each)
                    torn += sum(answer["torn"] for answer in answers)
                    if kind == DDBCFG:
                        generations += sum(answer["generations"] for answer in answers)
                        each_by_cpu = fmean(answer["rate by CPU"] for answer in answers)
                        by_cpu.setdefault(str(number), []).append(rounded(each_by_cpu))
        published = publishing.ask("count") - published
        per_second = rounded(published / (time.monotonic() - started))
    return {
        "cores": cores,
        "rates": rates,
        "rates by CPU": by_cpu,
        "torn": torn,
        "seen": generations,
        "published per second": per_second,
    }


def total(measured: Mapping[str, Any], kind: str, number: int) -> Figures:
    """Reads a second of all readers together."""
    return Figures.of([sum(each) for each in measured["rates"][kind][str(number)]])


def speed_up(measured: Mapping[str, Any], kind: str, number: int) -> Both:
    """How many times what one reader reads, all do together; quiet: each in its best round."""
    many, one = (
        [sum(each) for each in measured["rates"][kind][str(readers)]] for readers in (number, 1)
    )
    return Both(quotient(many, one).typical, max(many) / max(one))


def speed_up_by_cpu(measured: Mapping[str, Any], number: int) -> Both:
    """The same, of reads in each reader's CPU time: as if every reader had a core to itself."""
    many, one = (measured["rates by CPU"][str(readers)] for readers in (number, 1))
    return Both(number * quotient(many, one).typical, number * max(many) / max(one))


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each number of readers."""
    rows = []
    for text in measured["rates"][DDBCFG]:
        number = int(text)
        together = total(measured, DDBCFG, number).median
        by_cpu = Figures.of(measured["rates by CPU"][text]).median
        ours, control = (speed_up(measured, kind, number) for kind in (DDBCFG, CONTROL))
        rows.append(
            (
                text,
                f"{short(together / 1e6)} million",
                f"{short(together / number / 1e6)} million",
                f"{short(by_cpu / 1e6)} million",
                *(ratio(times) for times in (ours.typical, ours.quiet)),
                *(ratio(times) for times in (control.typical, control.quiet)),
            )
        )
    headings = (
        "readers",
        "reads a second, all",
        "each",
        "each, by its CPU time",
        "all, to one reader",
        "in the best rounds",
        "a dict: all, to one reader",
        "in the best rounds",
    )
    return table(headings, rows) + (
        f"\nTorn reads: {count(measured['torn'])}. Generations published a second:"
        f" {short(measured['published per second'])}; taken up by readers, in all:"
        f" {count(measured['seen'])}.\n"
    )
