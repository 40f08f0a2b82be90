"""``ddbcfg-client unpin``: follow the table again."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import say, shown
from ddbcfg_client.commands.steering import add_flags, ask_daemon
from ddbcfg_client.connecting import trust_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """\
End "ddbcfg-client pin": the daemon polls now, and publishes what the table has unless a guard
refuses it.  For root and the daemon's user.
"""


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.config import Config
    from ddbcfg_client.format.request import UNPIN

    names, _ = ask_daemon(args, UNPIN)
    config = Config(names, trust_in(args.owner))
    try:
        # The daemon polls anyway; this waits for it, and raises ReloadFailed if it fails.
        config.reload(args.timeout)
    finally:
        # In any case: it is unpinned even if DynamoDB is unreachable, or a guard holds the content.
        store = f"{shown(names.namespace)}/{shown(names.store)}"
        say(f"store {store} is no longer pinned; generation {config.generation}")
    return FOUND


COMMAND = Command(
    "unpin", "end a pin and follow the table again", _run, add_flags, description=_DESCRIPTION
)
