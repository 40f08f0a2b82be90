"""``ddbcfg-client reload``: make the daemon poll now."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import emit
from ddbcfg_client.commands.reading import add_flags, open_config, seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--accept", action="store_true", help="publish even what a guard refuses")
    which.add_argument("--full", action="store_true", help="read the whole store from DynamoDB")
    parser.add_argument("--timeout", type=seconds, default=5.0, metavar="S", help="(5)")


def _run(args: argparse.Namespace) -> int:
    config = open_config(args)
    config.reload(args.timeout, accept=args.accept, full=args.full)
    emit(f"generation {config.generation}")
    return FOUND


COMMAND = Command("reload", "make the daemon poll now, and wait for it", _run, _add_arguments)
