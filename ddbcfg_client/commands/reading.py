"""The flags that select the published store to read, and the connection to it."""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import AUTO, seconds, seconds_or_auto
from ddbcfg_client.connecting import attach
from ddbcfg_client.format.names import stores_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.config import Config


def add_flags(parser: Parser, *, wait: float = 0.0, auto: bool = False) -> None:
    """Add the flags of every command that reads; ``wait`` is the default of ``--wait``.

    With ``auto``, ``--max-age`` takes ``auto`` too.
    """
    add_store_flags(parser, several="; status accepts several")
    add = parser.add_argument
    add("--wait", type=seconds, default=wait, metavar="S", help="wait S seconds for a snapshot")
    text = "fail if the last successful poll is older"
    if auto:
        text += "; auto: than three intervals, and at least 300"
    kind = seconds_or_auto if auto else seconds
    add("--max-age", type=kind, metavar="S", help=text)


def add_store_flags(parser: Parser, *, several: str = "") -> None:
    """Add the flags that select a published store; ``several`` is for the help of ``--store``."""
    parser.add_argument("--store", action="append", help=f"the store's name{several}")
    add_host_flags(parser)


def add_host_flags(parser: Parser) -> None:
    """Add the flags that select what is published on this host, except the store's name."""
    add = parser.add_argument
    add("--table", help="the table's name")
    add("--namespace", help="the daemon's --namespace, if it has one")
    add("--owner", help="a user or uid to trust besides root and this user (DDBCFG_OWNER)")


def stores_named(args: argparse.Namespace) -> list[str]:
    """Return the stores in ``--store``."""
    return stores_in(",".join(args.store or ()))


def open_config(args: argparse.Namespace) -> Config:
    """Attach to the named store or the only one on this host; raise as ``connect()`` does."""
    return attach(
        args.table,
        stores_named(args),
        namespace=args.namespace,
        owner=args.owner,
        wait=args.wait,
        max_age=None if args.max_age == AUTO else args.max_age,
    )
