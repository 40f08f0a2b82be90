"""``ddbcfg-client wait``: wait until there is a snapshot."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND
from ddbcfg_client.commands.output import emit
from ddbcfg_client.commands.reading import add_flags, open_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser

_PATIENCE = 60.0  # seconds


def _add_arguments(parser: Parser) -> None:
    add_flags(parser, wait=_PATIENCE)


def _run(args: argparse.Namespace) -> int:
    emit(f"generation {open_config(args).generation}")
    return FOUND


COMMAND = Command(
    "wait", f"wait for a snapshot ({_PATIENCE:g} s without --wait)", _run, _add_arguments
)
