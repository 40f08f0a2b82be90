"""The long form of ``ddbcfg-client status``: everything about one store, one line each."""

from __future__ import annotations

import time

from ddbcfg_client.printable import counted, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.shm.status import Status


def status_text(status: Status) -> str:
    """Return the status as text for a person."""
    generation = "none yet"
    if status.generation:
        generation = f"{status.generation}, read {time_text(status.read_at)}"
    if status.published != status.generation:
        generation += f"; published is {status.published}"
    longest = status.longest_interval
    held = ""
    if status.held:
        held = f"since {time_text(status.held_since)}: {status.held}"
    rows = {
        "store": f"{status.namespace}/{status.store}",
        "generation": generation,
        "digest": status.digest or "-",
        "content": f"{counted(status.options, 'option')}, {status.bytes} bytes",
        "age": f"{age_text(status.age)} ({_polled(status)} every {status.interval:g} s"
        + (f", its slowest layer every {longest:g} s)" if longest else ")"),
        "source": status.source or "-",
        "revision": _revision(status),
        "in doubt": ""
        if status.in_doubt_since is None
        else f"since {time_text(status.in_doubt_since)}: "
        + (status.revision_note or "not proved yet"),
        "read units": _units(status),
        "polls": f"{status.polls}"
        + (f", {_last(status.failures)} failed" if status.failures else ""),
        "last error": status.error or "none",
        "pinned": pin_text(status),
        "held": held,
        "disk copy": status.copy_error or "",
        "skipped": counted(status.skipped, "item") if status.skipped else "",
        "daemon": "" if status.file else _daemon(status),
        "file": status.file or "",
        "memory": ""
        if status.file
        else f"/dev/shm{status.page}, layout {status.layout_version}"
        + (f"; replaced segments hold {status.held_bytes} bytes" if status.held_bytes else ""),
        "reader": status.reader,
        "this reader": status.reader_error or "",
    }
    return "\n".join(f"{name + ':':12} {printable(text)}" for name, text in rows.items() if text)


def pin_text(status: Status) -> str:
    """Return what is pinned, since when, and by whom; "" if nothing is."""
    if not status.pinned:
        return ""
    when = f" since {time_text(status.pinned_since)}"
    read_at, since = status.polled_at or 0.0, status.pinned_since or 0.0
    # What is pinned can come from the disk, with the time of the last poll before the boot.
    read = status.polls > status.failures and read_at > since
    return pinned_text(
        status.pinned,
        status.published,
        when,
        by=status.pinned_by,
        held=bool(status.held),
        read=read,
    )


def pinned_text(
    pinned: int, published: int, when: str = "", *, by: str | None, held: bool, read: bool
) -> str:
    """Return what is pinned and what that holds.

    ``published`` is the current generation; ``read`` is whether the table was read since the pin.
    """
    what = "to generation" if pinned == published else "to the content of generation"
    user = f" by {by}" if by else ""
    newer = "newer content is held" if held else "the table has no other content"
    if not held and not read:
        newer = "it is not known yet whether the table has other content"
    return f"{what} {pinned}{when}{user}; {newer}"


def _polled(status: Status) -> str:
    return "looked at" if status.file else "polled"


def _last(failures: int) -> str:
    return "the last one" if failures == 1 else f"the last {failures}"


_HOW = {
    "log": "in the revision item",
    "change items": "in change items",
    "query": "by reading the whole store",
    "strong query": "by reading the whole store consistently",
    "in doubt": "in doubt",
    "no revision": "before the revision was followed",
}


def _revision(status: Status) -> str:
    if status.merged_layers:
        return "none, because each layer has its own"
    if not status.table_revision:
        none = "none, so each poll reads the whole store"
        # The note can be an hour old.
        looked = f" ({status.revision_note}; 'ddbcfg-client reload --full' looks again)"
        note = looked if status.revision_note else ""
        return f"{none}{note}" if status.change_by else ""
    text = f"{status.revision} of epoch {status.epoch}"
    if status.revision != status.table_revision:
        text += f"; the table's is {status.table_revision}"
    if status.change_by:
        how = _HOW.get(status.change_by, f"by {status.change_by}")
        text += f"; the last change was found {how}"
    if status.revision_note and status.in_doubt_since is None:
        text += f"; {status.revision_note}"
    return text


def _units(status: Status) -> str:
    if not status.full_polls and not status.read_units:
        return ""
    text = f"{status.poll_units:g} at the last poll, {status.read_units:g} since the daemon's start"
    full = f"{counted(status.full_polls, 'poll')} read the whole store"
    if status.full_age is not None:
        full += f", the last one {age_text(status.full_age)} ago"
    return f"{text}; {full}"


def _daemon(status: Status) -> str:
    text = status.daemon
    if text == "hidden":
        text = "cannot be seen from here (another PID namespace, or a hidden /proc)"
    elif status.daemon_pid:
        text += f" (pid {status.daemon_pid})"
    return f"{text}, replaced by a newer one" if status.replaced else text


def time_text(seconds: float | None) -> str:
    """Return a time in this host's time zone, with the zone."""
    if seconds is None:
        return "never"
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(seconds))


def age_text(age: float | None) -> str:
    """Return an age as text for a person."""
    if age is None:
        return "unknown"
    if age < 120:
        return f"{age:.1f} s"
    minutes, seconds = divmod(int(age), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
