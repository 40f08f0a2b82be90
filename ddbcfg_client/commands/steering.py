"""What the commands about pins share: the store's flags, and who asks."""

from __future__ import annotations

import os

from ddbcfg_client.commands.argument_types import seconds
from ddbcfg_client.commands.reading import stores_named
from ddbcfg_client.connecting import names_of, trust_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.format.request import Response

# A hanging disk is given up after 10 s, up to twice for a pin.
TIMEOUT = 30.0


def add_store_flags(parser: Parser) -> None:
    """Add the flags that select a published store, and ``--timeout``."""
    add = parser.add_argument
    add("--table", help="the table's name")
    add("--store", action="append", help="the store's name")
    add("--namespace", help="the daemon's --namespace, if it has one")
    add("--owner", help="a user or uid to trust besides root and this user (DDBCFG_OWNER)")
    add("--timeout", type=seconds, default=TIMEOUT, metavar="S", help=f"({TIMEOUT:g})")


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
    request = Request(op, generation=generation, revision=revision, by=_me())
    return names, steer(names, trust, request, args.timeout)


def _me() -> str:
    """Return who asks: with sudo, the user behind it."""
    from getpass import getuser

    try:
        user = getuser()
    except (KeyError, OSError, ImportError):  # depends on the version; a uid without an entry
        user = str(os.getuid())
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} as {user}" if behind and behind != user else user
