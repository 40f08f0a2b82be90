"""``ddbcfg-client status``: as text for a person, or as JSON lines for a script."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NO_SNAPSHOT, TOO_OLD
from ddbcfg_client.commands.output import complain, emit, say
from ddbcfg_client.commands.reading import add_flags, open_config, stores_named
from ddbcfg_client.commands.status_text import status_text
from ddbcfg_client.config import Config
from ddbcfg_client.connecting import all_names_of, file_named, trust_in, with_those_here
from ddbcfg_client.errors import LayoutMismatch, NothingPublished, SnapshotError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.shm.trust import Trust


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    text = "print one JSON object a line for each store"
    parser.add_argument("--json", action="store_true", help=text)


def _run(args: argparse.Namespace) -> int:
    """Print the status of the named stores, or of all stores on this host; return the exit code.

    It is 3 if a store has no snapshot, 4 if a snapshot is too old, and 0 otherwise.
    """
    import json

    trust = trust_in(args.owner)
    code = FOUND
    for number, config in enumerate(_configs(args, trust)):
        try:
            status = config.status()
        except (SnapshotError, LayoutMismatch) as unreadable:
            # A store that cannot be read must not hide the others.
            complain(str(with_those_here(unreadable, trust)))
            code = max(code, NO_SNAPSHOT)
            continue
        if args.json:
            emit(json.dumps(status.to_dict()))
        else:
            say(("\n" if number else "") + status_text(status))
        if status.generation == 0:
            code = max(code, NO_SNAPSHOT)
        elif args.max_age is not None and (status.age is None or status.age > args.max_age):
            code = max(code, TOO_OLD)
    return code


def _configs(args: argparse.Namespace, trust: Trust) -> list[Config]:
    """Return the named stores: of the file if ``DDBCFG_FILE`` is set, else of this host."""
    if file_named():
        return [open_config(args)]
    stores, refused = all_names_of(args.table, stores_named(args), args.namespace, trust)
    if not stores:
        raise refused[0] if refused else NothingPublished([])
    for error in refused:
        complain(str(error))
    return [Config(names, trust) for names in stores]


COMMAND = Command("status", "show the status of the store and its daemon", _run, _add_arguments)
