"""``ddbcfg-client get``: print an option, one of its keys, or all options, as JSON."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.output import complain, emit, emit_json
from ddbcfg_client.commands.reading import add_flags, open_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("option", nargs="?", metavar="OPTION")
    parser.add_argument("key", nargs="?", metavar="KEY")


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.notation.writer import dumps

    config = open_config(args)
    if args.option is None:
        emit_json(dumps(config.get(), typed=False, indent=2))
        return FOUND
    option = config.get(args.option)
    if args.key is None:
        emit_json(dumps(option, typed=False))
        return FOUND
    if args.key not in option:
        complain(f"option {args.option!r} has no key {args.key!r}")
        return NOT_FOUND
    value = option[args.key]
    # For a shell's $(...): a string without quotes, other values as in JSON.
    if isinstance(value, str):
        emit(value)
    else:
        emit_json(dumps(value, typed=False))
    return FOUND


COMMAND = Command(
    "get", "print an option as JSON, one of its keys bare, or all", _run, _add_arguments
)
