"""``ddbcfg-client pin``: serve one content on this host, and hold all newer ones."""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import generation, revision
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import say, shown
from ddbcfg_client.commands.steering import add_flags, ask_daemon

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser

_DESCRIPTION = """\
Pin the store to one content: the daemon of this host publishes it, and holds all newer content
until "ddbcfg-client unpin", across restarts and reboots.  The default is the current content;
"ddbcfg-client generations" lists the others.  For root and the daemon's user.
"""


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--generation", type=generation, metavar="N", help="a generation of this host"
    )
    which.add_argument("--revision", type=revision, metavar="N", help="a revision of the table")


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.format.request import PIN

    names, response = ask_daemon(args, PIN, generation=args.generation, revision=args.revision)
    text = f"store {shown(names.namespace)}/{shown(names.store)} is pinned to "
    if response.pinned == response.generation:
        text += f"generation {response.generation}"
    else:
        text += f"the content of generation {response.pinned}, as generation {response.generation}"
    say(f"{text}; 'ddbcfg-client unpin' ends that")
    return FOUND


COMMAND = Command(
    "pin",
    "serve one content on this host and hold newer ones",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
