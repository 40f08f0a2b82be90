"""``ddbcfg-client list``: print the options' names."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import emit_name
from ddbcfg_client.commands.reading import add_flags, open_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def _run(args: argparse.Namespace) -> int:
    for option in open_config(args):
        emit_name(option)
    return FOUND


COMMAND = Command("list", "print the options' names, one a line", _run, add_flags)
