"""``ddbcfg-client list``: print the options' names, or those of an option's keys."""

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
    text = "print the names of this option's keys"
    parser.add_argument("option", nargs="?", metavar="OPTION", help=text)
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def _run(args: argparse.Namespace) -> int:
    config = open_config(args)
    names = list(config) if args.option is None else sorted(config[args.option])
    if args.json:
        from ddbcfg_client.notation.writer import dumps

        emit_json(dumps(names, typed=False))
        return FOUND
    for name in names:
        emit_name(name)
    return FOUND


COMMAND = Command(
    "list", "print the names of the options, or of OPTION's keys", _run, _add_arguments
)
