"""``ddbcfg-client reload``: make the daemon poll now."""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import seconds
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import emit, emit_json
from ddbcfg_client.commands.reading import add_flags, open_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.config import Config


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--accept", action="store_true", help="publish even what a guard refuses")
    which.add_argument("--full", action="store_true", help="read the whole store from DynamoDB")
    text = "wait S seconds (5)"
    parser.add_argument("--timeout", type=seconds, default=5.0, metavar="S", help=text)
    text = "print one JSON object, with the time of the poll"
    parser.add_argument("--json", action="store_true", help=text)


def _run(args: argparse.Namespace) -> int:
    config = open_config(args)
    config.reload(args.timeout, accept=args.accept, full=args.full)
    if args.json:
        emit_json(_document(config))
        return FOUND
    emit(f"generation {config.generation}")
    return FOUND


def _document(config: Config) -> str:
    from ddbcfg_client.commands.change_document import time_of
    from ddbcfg_client.notation.writer import dumps

    status = config.status()
    document = {
        "at": None if status.polled_at is None else time_of(status.polled_at),
        "namespace": status.namespace,
        "store": status.store,
        "generation": status.generation,
        "digest": status.digest,
        "revision": status.revision or None,
    }
    return dumps(document, typed=False)


COMMAND = Command("reload", "make the daemon poll now, and wait for it", _run, _add_arguments)
