"""``ddbcfg-client delete``: remove an option from the table."""

from __future__ import annotations

from ddbcfg_client.commands.changing import add_change_flags, as_revision, writer_for
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.target import add_flags, one_store, open_table
from ddbcfg_client.errors import OptionNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("option", metavar="OPTION")
    add_change_flags(parser)


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import say, shown
    from ddbcfg_client.dynamodb.limits import checked_option

    store, option = one_store(args), checked_option(args.option)
    with open_table(args) as table:
        writer = writer_for(args, table, store)
        done = writer.write({option: None}, why=args.why, if_unchanged=args.if_unchanged)
        if not done.changed:
            raise OptionNotFound(option, store)
    say(f"{table.name}/{shown(store)}: deleted {shown(option)}{as_revision(done)}")
    return FOUND


COMMAND = Command("delete", "remove an option from the table", _run, _add_arguments)
