"""A number of seconds, as an argument of the API."""

from __future__ import annotations

from ddbcfg_client.errors import SecondsRefused


def seconds_of(name: str, value: float) -> float:
    """Return *value* as a float; raise SecondsRefused for what is no number of seconds."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise SecondsRefused(name, f"must be a number of seconds, not a {type(value).__name__}")
    seconds = float(value)
    if not seconds >= 0:  # not a number compares false with everything
        raise SecondsRefused(name, f"must be a number of seconds from 0 on, not {seconds:g}")
    return seconds
