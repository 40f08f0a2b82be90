"""``ddbcfg-client rollback``: make a store what it was at a revision, as a new change."""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import revision
from ddbcfg_client.commands.changing import add_author_flags, author
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.confirming import confirmed
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.target import add_flags, one_store, open_access

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser

_DESCRIPTION = """\
Make a store, or the named options of it, what it was at a revision: print the changes, ask for
confirmation, and write them as a new change with its own record.  It is refused if one of its
options changes meanwhile.
"""


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    add = parser.add_argument
    add("--to", type=revision, required=True, metavar="REV", help="the revision to go back to")
    add("--option", action="append", metavar="OPTION", help="only this one; may be repeated")
    add("--dry-run", action="store_true", help="only print what would change")
    add("--yes", action="store_true", help="write without asking")
    add_author_flags(parser)


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.diff import lines_of
    from ddbcfg_client.commands.output import complain, counted, say, shown
    from ddbcfg_client.dynamodb.limits import checked_option
    from ddbcfg_client.dynamodb.revision.history import past, rollback_to
    from ddbcfg_client.dynamodb.revision.importing import write
    from ddbcfg_client.dynamodb.revision.writing import entries_of
    from ddbcfg_client.errors import OptionNotFound, RevisionMissing

    store = one_store(args)
    options = None if args.option is None else [checked_option(name) for name in args.option]
    with open_access(args, store) as (table, access):
        name = f"{table.name}/{shown(store)}"
        was = past(access, args.to)
        for option in options or ():
            if option not in was.content and option not in was.current:
                raise OptionNotFound(option, store)
        by = author(args, table)
        change = rollback_to(was, by=by, why=args.why, options=options)
        entries = entries_of(change.options, was.current)
        if not entries:
            say(f"{name}: nothing to change, it is as it was at revision {args.to}")
            return FOUND
        say("\n".join((f"{name}: back to revision {args.to}", *lines_of(entries))))
        what = counted(len(entries), "option")
        if args.dry_run:
            say(f"dry run, nothing was written: {what} would change")
            return FOUND
        deleted = sum(entry.after is None for entry in entries)
        of_them = f", {deleted} of them deleted" if deleted else ""
        if not confirmed(args, f"change {what} of {name}{of_them}"):
            complain("nothing was written")
            return NOT_FOUND
        written = write(access, change)
    if written is None:
        raise RevisionMissing(table.name, store, "its revisions were ended; nothing was written")
    say(f"{name}: {what} as at revision {args.to}, revision {written.rev}")
    return FOUND


COMMAND = Command(
    "rollback",
    "make a store what it was at a revision",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
