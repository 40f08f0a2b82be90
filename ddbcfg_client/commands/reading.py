"""Which published store a command reads: the flags that say so, and the connection to it."""

from __future__ import annotations

from ddbcfg_client.connecting import attach
from ddbcfg_client.format.names import stores_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.config import Config


def add_flags(parser: Parser, *, wait: float = 0.0) -> None:
    """Add the flags of every command that reads; ``wait`` is the default of ``--wait``."""
    add = parser.add_argument
    add("--table", help="the table's name")
    add("--store", action="append", help="the store's name; for status also several")
    add("--namespace", help="what the daemon was given with --namespace")
    add("--owner", help="a user or uid to believe besides root and this one (DDBCFG_OWNER)")
    add("--wait", type=seconds, default=wait, metavar="S", help="wait S seconds for a snapshot")
    add("--max-age", type=seconds, metavar="S", help="fail when the last good poll is older")


def stores_named(given: argparse.Namespace) -> list[str]:
    """Return the stores that ``--store`` names."""
    return stores_in(",".join(given.store or ()))


def open_config(given: argparse.Namespace) -> Config:
    """Attach to the store that is named, or the only one here; raise as ``connect()`` does."""
    return attach(
        given.table,
        stores_named(given),
        namespace=given.namespace,
        owner=given.owner,
        wait=given.wait,
        max_age=given.max_age,
    )


def seconds(text: str) -> float:
    """Return the number of seconds that ``text`` says; ValueError for any other text."""
    number = float(text)
    if not 0 <= number < 1e9:
        raise ValueError
    return number


# argparse names the type in "invalid ... value".
seconds.__name__ = "number of seconds"
