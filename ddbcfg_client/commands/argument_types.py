"""What arguments are converted to; argparse names these functions in "invalid ... value"."""

from __future__ import annotations


def seconds(text: str) -> float:
    """Return the number of seconds in ``text``; raise ValueError if it is not one."""
    number = float(text)
    if not 0 <= number < 1e9:
        raise ValueError
    return number


seconds.__name__ = "number of seconds"

#: What ``auto`` is converted to, where it stands for a number of seconds.
AUTO = -1.0


def seconds_or_auto(text: str) -> float:
    """Return the number of seconds in ``text``, or AUTO; raise ValueError if it is neither."""
    return AUTO if text == "auto" else seconds(text)


seconds_or_auto.__name__ = "number of seconds or auto"


def revision(text: str) -> int:
    """Return the revision in ``text``; raise ValueError if it is not a number from 1 on."""
    return _number(text)


def generation(text: str) -> int:
    """Return the generation in ``text``; raise ValueError if it is not a number from 1 on."""
    return _number(text)


def _number(text: str) -> int:
    # Not int() alone: it takes "1_0", " 1" and digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text)):
        raise ValueError
    return int(text)
