"""``ddbcfg-client diff``: what changed between two revisions."""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import revision
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.target import add_flags, one_store, open_access

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.revision.content import Entry
    from ddbcfg_client.notation.import_changes import Options

_DESCRIPTION = """\
Show what changed from one revision to another, or to the present one: names and types, and values
only with --show-values.
"""


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    add = parser.add_argument
    add("first", type=revision, metavar="REV")
    add("last", type=revision, nargs="?", metavar="REV")
    add("--show-values", action="store_true", help="print values too; they can be secrets")
    add("--json", action="store_true", help="print JSON")


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import emit_json, say, shown
    from ddbcfg_client.dynamodb.revision.history import current_revision, diff
    from ddbcfg_client.notation.writer import dumps

    store = one_store(args)
    with open_access(args, store) as (table, access):
        last = args.last or current_revision(access).rev
        entries = diff(access, args.first, last)
    if args.json:
        about = {"from": args.first, "to": last, "options": _options(entries, args.show_values)}
        emit_json(dumps(about, typed=False, indent=2))
        return FOUND
    lines = lines_of(entries, values=args.show_values)
    head = f"{table.name}/{shown(store)}: revision {args.first} to {last}"
    say("\n".join((head, *(lines or ["  nothing changed"]))))
    return FOUND


def lines_of(entries: Sequence[Entry], *, values: bool = False) -> list[str]:
    """Return a line for each option that changed, followed by one for each of its keys."""
    from ddbcfg_client.notation.import_changes import Changes

    before, after = sides_of(entries)
    return list(Changes(before, after, replace=True).lines(values=values))


def sides_of(entries: Sequence[Entry]) -> tuple[Options, Options]:
    """Return the options before and after the changes, each without those that are not there."""
    from ddbcfg_client.format.options import unpack_option

    before = {e.name: unpack_option(e.before) for e in entries if e.before is not None}
    after = {e.name: unpack_option(e.after) for e in entries if e.after is not None}
    return before, after


def _options(entries: Sequence[Entry], show_values: bool) -> dict[str, Any]:
    before, after = sides_of(entries)
    kinds = {(False, True): "added", (True, True): "changed", (True, False): "deleted"}
    options: dict[str, Any] = {}
    for entry in entries:
        name = entry.name
        options[name] = {"change": kinds[name in before, name in after]}
        if show_values:
            options[name] |= {"before": before.get(name), "after": after.get(name)}
    return options


COMMAND = Command(
    "diff",
    "show what changed between two revisions",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
