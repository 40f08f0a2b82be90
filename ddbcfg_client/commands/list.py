"""``ddbcfg-client list``: print the options' names."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import emit_json, emit_name
from ddbcfg_client.commands.reading import add_flags, open_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def _run(args: argparse.Namespace) -> int:
    config = open_config(args)
    if args.json:
        from ddbcfg_client.notation.writer import dumps

        emit_json(dumps(list(config), typed=False))
        return FOUND
    for option in config:
        emit_name(option)
    return FOUND


COMMAND = Command("list", "print the options' names, one a line", _run, _add_arguments)
