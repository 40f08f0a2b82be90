"""Texts of the page, as HTML: durations, times, sizes and names from outside."""

from __future__ import annotations

import time
from html import escape

from ddbcfg_client.printable import printable


def duration(seconds: float) -> str:
    """Return a duration in at most two units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for unit, size, smaller, parts in (("min", 60, "s", 60), ("h", 3600, "min", 60)):
        if whole < size * 60 or (unit == "h" and whole < 86400 * 2):
            rest = whole % size * parts // size
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole // 86400} days"


def time_text(moment: float) -> str:
    """Return a moment as its time with zone, and the day unless that is today."""
    if not moment:
        return "never"
    local = time.localtime(moment)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", local)
    today = time.strftime("%F", local) == time.strftime("%F")
    text = time.strftime("%H:%M:%S" if today else "%F %H:%M:%S", local)
    zone = time.strftime("%z", local)
    return f'<time datetime="{stamp}">{text} <small>{zone}</small></time>'


def size_text(size: int) -> str:
    """Return a number of bytes."""
    for unit, factor in (("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} B"


def name_text(name: str) -> str:
    """Return a name from outside, without control characters and markup."""
    return escape(printable(name))


def class_of(condition: str) -> str:
    """Return the CSS class of a condition."""
    return condition.replace(" ", "-")
