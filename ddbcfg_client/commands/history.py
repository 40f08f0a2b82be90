"""``ddbcfg-client history``: print the changes on record; ``--purge`` deletes the record."""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import revision
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.confirming import confirmed
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.layer_places import add_layer_flags, are_named, layers_named
from ddbcfg_client.commands.output import complain, counted, emit_json, say, shown
from ddbcfg_client.commands.target import add_flags, one_store, open_access

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import Any

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.revision.access import Access
    from ddbcfg_client.dynamodb.revision.record import Record
    from ddbcfg_client.errors import HistoryGap

_DESCRIPTION = """\
Show the changes of a store that has revisions, the newest first: revision, time, writer, reason and
the options, all or only those of OPTION.  With --purge, delete the recorded values before and after
each change, which can be secrets.
"""
_MOST_NAMES = 20


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    add = parser.add_argument
    add("option", nargs="?", metavar="OPTION")
    text = "after this revision, or since this date or time (ISO 8601; UTC without a zone)"
    add("--since", type=_since, metavar="WHEN", help=text)
    add("--limit", type=revision, metavar="N", help="at most N changes")
    add_layer_flags(parser, "the changes of these stores of the table, by time")
    add("--json", action="store_true", help="print JSON, with every name")
    add("--purge", action="store_true", help="delete what is on record, after a confirmation")
    add("--before", type=revision, metavar="REV", help="with --purge: keep from this revision on")
    add("--yes", action="store_true", help="delete without asking")


def _since(text: str) -> Any:
    """Return a revision as an int, or a time with its zone."""
    if text.isascii() and text.isdigit() and not _is_date(text):
        return int(text)
    return _time(text)


def _is_date(text: str) -> bool:
    """Whether the digits are a date, as in 20261101; no store has so many revisions."""
    try:
        return len(text) == 8 and _time(text).year > 1970
    except ValueError:
        return False


_since.__name__ = "revision or time"


def _time(text: str) -> Any:
    from datetime import UTC, datetime

    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _is_before(at: str, time: Any) -> bool:
    try:
        return bool(_time(at) < time)
    except ValueError:  # it says no time
        return False


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.notation.writer import dumps

    if are_named(args):
        return _layers(args)
    store = one_store(args)
    if args.before is not None and not args.purge:
        args.fail("--before goes with --purge")
    with open_access(args, store) as (table, access):
        name = f"{table.name}/{shown(store)}"
        if args.purge:
            return _purge(args, access, name)
        damaged: list[HistoryGap] = []
        found = _found(args, access, damaged)
        if args.json:
            emit_json(dumps([_about(r, names) for r, names in found], typed=False, indent=2))
            return _reported(damaged)
        any_found = False
        for record, names in found:
            any_found = True
            say("\n".join(_lines(record, names)))
    if not any_found and not damaged:
        say(f"{name}: no change on record")
    return _reported(damaged)


def _layers(args: argparse.Namespace) -> int:
    """Print the changes of several stores, the newest first, each with the name of its store."""
    from ddbcfg_client.errors import RevisionMissing
    from ddbcfg_client.notation.writer import dumps

    layers, _ = layers_named(args)
    if args.purge or args.before is not None or isinstance(args.since, int):
        args.fail("layers take neither --purge, --before nor --since REV")
    damaged: list[HistoryGap] = []
    found: list[tuple[str, Record, tuple[str, ...] | None]] = []
    for layer in layers:
        with open_access(layer.args, layer.store) as (_, access):
            try:
                found += [(layer.name, *change) for change in _found(args, access, damaged)]
            except RevisionMissing as missing:
                complain(str(missing))
    found.sort(key=lambda change: change[1].at, reverse=True)
    found = found[: args.limit]
    if args.json:
        documents = [{"layer": name, **_about(r, names)} for name, r, names in found]
        emit_json(dumps(documents, typed=False, indent=2))
        return _reported(damaged)
    for name, record, names in found:
        say("\n".join(_lines(record, names, f"{shown(name)}: ")))
    if not found and not damaged:
        say(f"{', '.join(shown(layer.name) for layer in layers)}: no change on record")
    return _reported(damaged)


def _reported(damaged: list[HistoryGap]) -> int:
    for gap in damaged:
        complain(str(gap))
    return NOT_FOUND if damaged else FOUND


def _found(
    args: argparse.Namespace, access: Access, damaged: list[HistoryGap]
) -> Iterator[tuple[Record, tuple[str, ...] | None]]:
    """Yield the wanted changes with the names of their options, None if they are not on record."""
    from ddbcfg_client.dynamodb.revision.history import records

    after = args.since if isinstance(args.since, int) else 0
    time = None if isinstance(args.since, int) else args.since
    number = 0
    for record in records(access, since=after, damaged=damaged.append):
        # Clocks of writers differ, so a later change can be of an earlier time.
        if time is not None and _is_before(record.at, time):
            continue
        wanted = args.json or args.option is not None
        names = _names(access, record) if wanted else record.names
        # One whose options are not all on record may have changed it.
        may_have = names is None or record.gap or args.option in names
        if args.option is not None and not may_have:
            continue
        yield record, names
        number += 1
        if number == args.limit:
            return


def _names(access: Access, record: Record) -> tuple[str, ...] | None:
    from ddbcfg_client.dynamodb.revision.history import names_of
    from ddbcfg_client.errors import HistoryGap

    try:
        return tuple(names_of(access, record))
    except HistoryGap:
        return None


def _about(record: Record, names: tuple[str, ...] | None) -> dict[str, Any]:
    return {
        "revision": record.rev,
        "epoch": record.epoch,
        "at": record.at,
        "by": record.by,
        "why": record.why,
        "changed": record.changed,
        "options": None if names is None else list(names),
        "complete": not record.gap,
    }


def _lines(record: Record, names: tuple[str, ...] | None, layer: str = "") -> Iterator[str]:
    from ddbcfg_client.printable import printable

    why = f": {printable(record.why)}" if record.why else ""
    yield f"{layer}revision {record.rev}  {printable(record.at)}  by {printable(record.by)}{why}"
    if names:
        more = len(names) - _MOST_NAMES
        rest = f" and {more} more" if more > 0 else ""
        yield f"    {', '.join(map(shown, names[:_MOST_NAMES]))}{rest}"
    elif record.changed:
        yield f"    {counted(record.changed, 'option')}"
    if record.gap:
        yield (
            "    more may have changed, which is not on record"
            if record.changed
            else ("    what changed is not on record")
        )


def _purge(args: argparse.Namespace, access: Access, name: str) -> int:
    from ddbcfg_client.dynamodb.revision.history import current_revision
    from ddbcfg_client.dynamodb.revision.purging import purge

    if args.option is not None or args.since is not None:
        args.fail("--purge takes neither OPTION nor --since: use --before REV")
    before = args.before or current_revision(access).rev + 1
    if not confirmed(args, f"delete the history of {name} below revision {before}"):
        complain("nothing was deleted")
        return NOT_FOUND
    gone = purge(access, before=before)
    say(f"{name}: deleted {counted(gone, 'change item')} below revision {before}")
    return FOUND


COMMAND = Command(
    "history",
    "show who changed what and when, and why",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
