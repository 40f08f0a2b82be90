"""The condition of a store in one word, with the reason, for a person and for a probe."""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import AUTO
from ddbcfg_client.commands.status_text import age_text, pin_text, time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.shm.status import Status

FRESH, PINNED, HELD, IN_DOUBT, FAILING, STALE, EMPTY, DEAD, UNREADABLE = (
    "fresh",
    "pinned",
    "held",
    "in doubt",
    "failing",
    "stale",
    "empty",
    "dead",
    "unreadable",
)

#: A daemon that works polls once an interval; a poll itself may take one more.
STALE_AFTER = 3  # intervals
#: What probes and alerts allow at least, in seconds: the time of a few failed polls.
PROBE_AT_LEAST = 300.0


def condition_of(status: Status) -> tuple[str, str]:
    """Return the worst condition that applies, as a word, and the reason; "" if it is fresh."""
    daemon = _no_daemon(status)
    if daemon:
        return DEAD, daemon
    error = f": {status.error}" if status.error else ""
    if status.generation == 0:
        return EMPTY, f"there is no snapshot yet{error}"
    if status.reader_error:
        return STALE, status.reader_error
    if status.failures:
        polls = "poll" if status.failures == 1 else f"{status.failures} polls"
        return FAILING, f"the last {polls} failed{error}"
    if status.age is None:
        return STALE, "its age is unknown"
    interval = _interval_of(status)
    if not status.file and status.age > STALE_AFTER * interval:
        what = "it is" if interval == status.interval else "each of its layers is"
        every = f"although {what} polled every {interval:g} s"
        return STALE, f"its age is {age_text(status.age)}, {every}{error}"
    if status.pinned:
        return PINNED, pin_text(status)
    if status.held:
        return HELD, f"since {time_text(status.held_since)}: {status.held}"
    if status.in_doubt_since is not None:
        why = status.revision_note or "no revision explains what is published"
        return IN_DOUBT, f"since {time_text(status.in_doubt_since)}: {why}"
    return FRESH, ""


def too_old(status: Status, max_age: float | None) -> str:
    """Return why the snapshot is older than ``max_age`` allows; "" if it is not.

    ``AUTO`` allows three intervals of the store, and at least five minutes.
    """
    if max_age is None or status.generation == 0:
        return ""
    if max_age == AUTO:
        max_age = max(PROBE_AT_LEAST, STALE_AFTER * _interval_of(status))
    if status.age is not None and status.age <= max_age:
        return ""
    _, reason = condition_of(status)
    limit = f"its age is {age_text(status.age)}, more than {max_age:g} s"
    return f"{limit}; {reason}" if reason else limit


def _interval_of(status: Status) -> float:
    """Return how often all of the store is read: a layer can have a longer interval."""
    return max(status.interval, status.longest_interval)


def _no_daemon(status: Status) -> str:
    """Return what happened to the daemon; "" if one serves the store, or if that is not known."""
    if status.file or status.replaced:
        return ""
    again = f"start it, or remove the store: {_removing(status)}"
    if status.daemon == "gone":
        return f"its daemon (pid {status.daemon_pid}) was killed; {again}"
    if status.daemon == "stopped":
        return f"its daemon stopped; {again}"
    return ""


def _removing(status: Status) -> str:
    """Return the command that removes the store, for a shell."""
    import shlex

    flags = ["--namespace", status.namespace]
    return shlex.join(["ddbcfg-client", "remove", *flags, status.store])
