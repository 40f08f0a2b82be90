"""``ddbcfg-client create-table``: create the table if it does not exist."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.target import add_table_flags, open_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser


def _units(text: str) -> int:
    units = int(text)
    if units < 1:
        raise ValueError
    return units


# argparse shows this name in "invalid ... value".
_units.__name__ = "number of units"


def _add_arguments(parser: Parser) -> None:
    add_table_flags(parser)
    parser.add_argument("--read-units", type=_units, metavar="N", help="provisioned (1)")
    parser.add_argument("--write-units", type=_units, metavar="N", help="provisioned (1)")
    parser.add_argument("--on-demand", action="store_true", help="bill by request instead")


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import say
    from ddbcfg_client.commands.progress import progress
    from ddbcfg_client.dynamodb.creation import ensure_table

    read, write = args.read_units, args.write_units
    if args.on_demand and (read or write):
        args.fail("--on-demand takes neither --read-units nor --write-units")
    units = (None, None) if args.on_demand else (read or 1, write or 1)
    with open_table(args) as table, progress(lambda: f"creating table {table.name}"):
        created = ensure_table(table, *units)
    if created:
        store_key, option_key = table.key_names
        say(f"created table {table.name}, keys {store_key} and {option_key}")
    else:
        say(f"table {table.name} already exists; nothing was changed")
    return FOUND


COMMAND = Command("create-table", "create the table", _run, _add_arguments)
