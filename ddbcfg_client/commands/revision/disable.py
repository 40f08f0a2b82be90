"""``ddbcfg-client revision disable``: end a store's revisions."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.target import add_flags, one_store, open_access

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """\
End the revisions of a store.  Its options do not change, and hosts read it in full at each poll.
The change items stay; if revisions begin again, they continue after the last one.
"""


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import say, shown
    from ddbcfg_client.dynamodb.revision.enabling import disable

    store = one_store(args)
    with open_access(args, store) as (table, access):
        last = disable(access)
    say(f"{table.name}/{shown(store)}: it no longer has revisions; the last one was {last}")
    return FOUND


COMMAND = Command(
    "revision disable", "end a store's revisions", _run, add_flags, description=_DESCRIPTION
)
