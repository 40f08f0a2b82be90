"""What commands print: results on standard output, complaints on standard error."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print a line; what the terminal's encoding does not have is escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def complain(text: str) -> None:
    """Print a line on standard error."""
    print(f"ddbcfg-client: {text}", file=sys.stderr)


def shown(name: str) -> str:
    """Return a name as a line of output can hold it: quoted when it is anything but a word."""
    return name if name.replace("-", "_").replace(".", "_").isidentifier() else repr(name)


def counted(number: int, noun: str) -> str:
    """Return how many of something, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
