"""``ddbcfg-client remove``: remove what a daemon left of a store that is no longer served."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.confirming import confirmed
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.output import complain, counted, say, shown
from ddbcfg_client.commands.reading import add_host_flags
from ddbcfg_client.connecting import names_of, trust_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser

_DESCRIPTION = """\
Remove a store from this host's shared memory, as root or the daemon's user, if no daemon serves it.
DynamoDB is not changed, nor the files on disk: the copy, the generations and a pin.
"""


def _add_arguments(parser: Parser) -> None:
    add = parser.add_argument
    add("store", metavar="STORE")
    add_host_flags(parser)
    add("--yes", action="store_true", help="do not ask")


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.shm.removal import is_pinned, objects_of, remove

    trust = trust_in(args.owner)
    names = names_of(args.table, [args.store], args.namespace, trust)
    name = f"{shown(names.namespace)}/{shown(names.store)}"
    if not objects_of(names):
        complain(f"store {name} has nothing in the shared memory of this host")
        return NOT_FOUND
    if not confirmed(args, f"remove store {name} from the shared memory of this host"):
        return NOT_FOUND
    pinned = is_pinned(names, trust)
    removed = remove(names, trust)
    say(f"removed {counted(removed, 'object')} of store {name}")
    if pinned:
        say(
            "its pin is on disk, so it stays pinned when a daemon serves it again; then "
            "'ddbcfg-client unpin' ends that"
        )
    return FOUND


COMMAND = Command(
    "remove",
    "remove a store that no daemon serves from shared memory",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
