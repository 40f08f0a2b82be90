"""What the commands about pins share: their flags, and the request to the daemon."""

from __future__ import annotations

import os

from ddbcfg_client.commands.argument_types import seconds
from ddbcfg_client.commands.reading import add_store_flags, stores_named
from ddbcfg_client.connecting import names_of, trust_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.format.request import Response

# The daemon gives up on a hanging disk after 10 s; a pin lists, reads and writes.
TIMEOUT = 40.0


def add_flags(parser: Parser) -> None:
    """Add the flags that select a published store, and ``--timeout``."""
    add_store_flags(parser)
    text = f"wait S seconds for the daemon ({TIMEOUT:g})"
    parser.add_argument("--timeout", type=seconds, default=TIMEOUT, metavar="S", help=text)


def ask_daemon(
    args: argparse.Namespace,
    op: str,
    *,
    generation: int | None = None,
    revision: int | None = None,
) -> tuple[Names, Response]:
    """Send the request to the daemon; return the store's names and the response."""
    from ddbcfg_client.format.request import Request
    from ddbcfg_client.shm.pinning import steer

    trust = trust_in(args.owner)
    names = names_of(args.table, stores_named(args), args.namespace, trust)
    request = Request(op, generation=generation, revision=revision, by=_user())
    return names, steer(names, trust, request, args.timeout)


def _user() -> str:
    """Return the name of the user, for the daemon's log; under sudo, also the user who ran it."""
    from getpass import getuser

    try:
        user = getuser()
    except (KeyError, OSError, ImportError):  # depends on the version; a uid without an entry
        user = str(os.getuid())
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} as {user}" if behind and behind != user else user
