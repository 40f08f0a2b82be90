"""``ddbcfg-client status``: as text for a person, or as JSON lines for a script."""

from __future__ import annotations

import time

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NO_SNAPSHOT, TOO_OLD
from ddbcfg_client.commands.output import complain, emit, say
from ddbcfg_client.commands.reading import add_flags, open_config, stores_named
from ddbcfg_client.config import Config
from ddbcfg_client.connecting import all_names_of, file_named, trust_in, with_those_here
from ddbcfg_client.errors import LayoutMismatch, NothingPublished, SnapshotError
from ddbcfg_client.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.shm.status import Status
    from ddbcfg_client.shm.trust import Trust


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    text = "print one JSON object a line for each store"
    parser.add_argument("--json", action="store_true", help=text)


def _run(args: argparse.Namespace) -> int:
    """Print the status of the named stores, or of all stores on this host; return the exit code.

    It is 3 if a store has no snapshot, 4 if a snapshot is too old, and 0 otherwise.
    """
    import json

    trust = trust_in(args.owner)
    code = FOUND
    for number, config in enumerate(_configs(args, trust)):
        try:
            status = config.status()
        except (SnapshotError, LayoutMismatch) as unreadable:
            # A store that cannot be read must not hide the others.
            complain(str(with_those_here(unreadable, trust)))
            code = max(code, NO_SNAPSHOT)
            continue
        if args.json:
            emit(json.dumps(status.to_dict()))
        else:
            say(("\n" if number else "") + status_text(status))
        if status.generation == 0:
            code = max(code, NO_SNAPSHOT)
        elif args.max_age is not None and (status.age is None or status.age > args.max_age):
            code = max(code, TOO_OLD)
    return code


def _configs(args: argparse.Namespace, trust: Trust) -> list[Config]:
    """Return the named stores: of the file if ``DDBCFG_FILE`` is set, else of this host."""
    if file_named():
        return [open_config(args)]
    stores, refused = all_names_of(args.table, stores_named(args), args.namespace, trust)
    if not stores:
        raise refused[0] if refused else NothingPublished([])
    for error in refused:
        complain(str(error))
    return [Config(names, trust) for names in stores]


def status_text(status: Status) -> str:
    """Return the status as text for a person."""
    generation = "none yet"
    if status.generation:
        generation = f"{status.generation}, read {_time(status.read_at)}"
    if status.published != status.generation:
        generation += f"; published is {status.published}"
    held = ""
    if status.held:
        held = f"since {_time(status.held_since)}: {status.held}"
    rows = {
        "store": f"{status.namespace}/{status.store}",
        "generation": generation,
        "digest": status.digest or "-",
        "content": f"{status.options} options, {status.bytes} bytes",
        "age": f"{_seconds(status.age)} ({_polled(status)} every {status.interval:g} s)",
        "source": status.source or "-",
        "revision": _revision(status),
        "in doubt": ""
        if status.in_doubt_since is None
        else f"since {_time(status.in_doubt_since)}: {status.revision_note or 'not proved yet'}",
        "read units": _units(status),
        "polls": f"{status.polls}"
        + (f", the last {status.failures} failed" if status.failures else ""),
        "last error": status.error or "none",
        "held": held,
        "disk copy": status.copy_error or "",
        "skipped": f"{status.skipped} items" if status.skipped else "",
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


def _polled(status: Status) -> str:
    return "looked at" if status.file else "polled"


_HOW = {
    "log": "in the revision item",
    "change items": "in change items",
    "query": "by reading the whole store",
    "strong query": "by reading the whole store consistently",
    "in doubt": "in doubt",
    "no revision": "without a revision",
}


def _revision(status: Status) -> str:
    if not status.table_revision:
        none = "none, so each poll reads the whole store"
        note = f" ({status.revision_note})" if status.revision_note else ""
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
    full = f"{status.full_polls} polls read the whole store"
    if status.full_age is not None:
        full += f", the last one {_seconds(status.full_age)} ago"
    return f"{text}; {full}"


def _daemon(status: Status) -> str:
    text = status.daemon
    if text == "hidden":
        text = "cannot be seen from here (another PID namespace, or a hidden /proc)"
    elif status.daemon_pid:
        text += f" (pid {status.daemon_pid})"
    return f"{text}, replaced by a newer one" if status.replaced else text


def _time(seconds: float | None) -> str:
    """Return a time in this host's time zone, with the zone."""
    if seconds is None:
        return "never"
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(seconds))


def _seconds(age: float | None) -> str:
    if age is None:
        return "unknown"
    if age < 120:
        return f"{age:.1f} s"
    minutes, seconds = divmod(int(age), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


COMMAND = Command("status", "show the status of the store and its daemon", _run, _add_arguments)
