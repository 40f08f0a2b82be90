"""The flags of every command that changes a store, and the writer for it."""

from __future__ import annotations

import os

from ddbcfg_client.commands.argument_types import revision

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.store_writer import Done, StoreWriter
    from ddbcfg_client.dynamodb.table import Table


def add_author_flags(parser: Parser) -> None:
    """Add the flags for the record of a change, in a store that has revisions."""
    add = parser.add_argument
    add("--why", default="", metavar="TEXT", help="the reason, for the history")
    text = "the name of the writer (DDBCFG_BY; by default the AWS caller, else user@host)"
    add("--by", metavar="NAME", help=text)


def add_change_flags(parser: Parser) -> None:
    """Add the flags of a command that writes options."""
    add_author_flags(parser)
    text = "write only if no option changed since this revision (otherwise exit with 7)"
    parser.add_argument("--if-unchanged", type=revision, metavar="REV", help=text)


def writer_for(args: argparse.Namespace, table: Table, store: str) -> StoreWriter:
    """Return the writer of the store, with the name from the flags."""
    from ddbcfg_client.commands.output import shown
    from ddbcfg_client.commands.waiting import waiting_for
    from ddbcfg_client.dynamodb.store_writer import StoreWriter

    on_wait = waiting_for(f"{table.name}/{shown(store)}")
    return StoreWriter(table, store, by=_named(args), on_wait=on_wait)


def author(args: argparse.Namespace, table: Table) -> str:
    """Return the name of the writer: from the flags, or that of the caller."""
    from ddbcfg_client.dynamodb.caller import caller_of

    return _named(args) or caller_of(table.client)


def as_revision(done: Done) -> str:
    """Return the end of a message that says which revision has a change, if one has."""
    return "" if done.revision is None else f", revision {done.revision}"


def _named(args: argparse.Namespace) -> str:
    return args.by if args.by is not None else os.environ.get("DDBCFG_BY", "")
