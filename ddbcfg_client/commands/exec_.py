"""``ddbcfg-client exec``: replace this process by a command that has options as variables."""

from __future__ import annotations

import errno
import os

from ddbcfg_client.commands import variable_flags
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import NO_COMMAND, NOT_EXECUTED
from ddbcfg_client.commands.output import complain
from ddbcfg_client.commands.reading import add_flags, open_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.config import Config

_DESCRIPTION = """\
Run a command with the options as environment variables, as they are now: the key "host" of the
option "db" is DB_HOST.  Variables that are set already stay as they are.
"""


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    variable_flags.add_flags(parser)
    text = "the command, after --, and its arguments"
    parser.add_argument("command", nargs="+", metavar="-- CMD", help=text)
    parser.hint = "; put -- before the command"


def _run(args: argparse.Namespace) -> int:
    environment = _environment(args, open_config(args))
    _default_signals()
    name = args.command[0]
    try:
        os.execvpe(name, args.command, environment)  # noqa: S606 - no shell is the point
    except FileNotFoundError:
        complain(f"{name}: no such command")
        return NO_COMMAND
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno == errno.E2BIG:
            reason = "the options are too large for variables; read them with ddbcfg-client get"
        complain(f"{name}: {reason}")
        return NOT_EXECUTED


def _environment(args: argparse.Namespace, config: Config) -> dict[bytes, bytes]:
    """Return this process's variables and those of the options; raise VariableRefused."""
    found = variable_flags.variables_of(args, config.snapshot(), config.status().store)
    # As bytes, because a locale can lack a character of a value.
    return {**{name.encode(): text.encode() for name, text in found.items()}, **os.environb}


def _default_signals() -> None:
    """Handle signals as a shell's child does: Python ignores these two, and exec keeps that."""
    import signal

    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


COMMAND = Command(
    "exec",
    "run a command with the options as environment variables",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
