"""What many rounds amount to, and how a figure is written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

TIMES = "\N{MULTIPLICATION SIGN}"
_DIGITS = 5  # of a sample that is kept: more than any clock here is good for


@dataclass(frozen=True, slots=True)
class Figures:
    """Median, least and 90th percentile of some samples, in their unit."""

    median: float
    least: float
    p90: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Figures:
        """The figures of at least one sample."""
        ordered = sorted(samples)
        return cls(median(ordered), ordered[0], ordered[math.ceil(0.9 * len(ordered)) - 1])


@dataclass(frozen=True, slots=True)
class Both:
    """A figure as the rounds typically had it, and as it is when nobody disturbs."""

    typical: float
    quiet: float


def quotient(over: Sequence[float], under: Sequence[float]) -> Both:
    """How many times *under* is in *over*: of each round, and the median; and of the least."""
    rounds = [a / b for a, b in zip(over, under, strict=True)]
    return Both(median(rounds), min(over) / min(under))


def rounded(number: float) -> float:
    """*number* with as many digits as are worth keeping."""
    return float(f"{number:.{_DIGITS}g}")


def short(number: float) -> str:
    """Three digits, without an exponent: ``0.123``, ``4.56``, ``12.3``, ``45,678``."""
    if number == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(number))))
    return f"{number:,.{places}f}"


def duration(nanoseconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{short(nanoseconds / size)} {unit}"
    return f"{short(nanoseconds)} ns"


def durations(nanoseconds: Sequence[float]) -> str:
    """The median of some times, and in brackets the least and the 90th percentile."""
    figures = Figures.of(nanoseconds)
    spread = f"{duration(figures.least)} \N{EN DASH} {duration(figures.p90)}"
    return f"{duration(figures.median)} ({spread})"


def memory(size: float) -> str:
    """Bytes in the unit that suits them."""
    for unit, worth in (("MB", 1e6), ("kB", 1e3)):
        if size >= worth:
            return f"{short(size / worth)} {unit}"
    return f"{short(size)} B"


def ratio(number: float) -> str:
    """How many times as much."""
    return f"{short(number)} {TIMES}"


def count(number: int) -> str:
    """``10,000``."""
    return f"{number:,}"
