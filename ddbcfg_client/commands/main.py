"""``ddbcfg-client``: run one command; its imports are done when it runs.

Reading imports neither boto3 nor json, so a ``get`` takes little longer than the start of Python.
"""

from __future__ import annotations

import sys

from ddbcfg_client.commands.exits import (
    FAULT,
    FOUND,
    INTERRUPTED,
    MEANINGS,
    OUTPUT_FAILED,
    TERMINATED,
    code_of,
)
from ddbcfg_client.commands.output import check_output, complain, flush, silence
from ddbcfg_client.commands.registry import COMMANDS, GROUPS, load
from ddbcfg_client.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import NoReturn

    from ddbcfg_client.commands.command import Command

_EPILOG = """\
--table, --store and --namespace default to DDBCFG_TABLE, DDBCFG_STORE and DDBCFG_NAMESPACE.
Reading does not need them if only one store is published on this host.
If DDBCFG_FILE names a JSON or TOML file, the commands up to exec read that file.

The commands from set on use DynamoDB itself: table and store must be named.  Region, endpoint and
keys default to DDBCFG_REGION, DDBCFG_ENDPOINT_URL, DDBCFG_STORE_KEY and DDBCFG_OPTION_KEY.
Credentials come from the usual AWS sources.

exit codes:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except ConfigError as error:
        code = code_of(error)
        if code == OUTPUT_FAILED:
            silence(sys.stdout)
        complain(str(error))
        return code
    except KeyboardInterrupt as interrupt:
        return TERMINATED if type(interrupt).__name__ == "Terminated" else INTERRUPTED
    except BrokenPipeError:
        # The reader of the output closed the pipe.
        silence(sys.stdout)
        return FOUND
    except Exception as fault:  # noqa: BLE001 - Python would exit with 1: "no such option"
        return _report(fault)


def _report(fault: Exception) -> int:
    """Print where a bug in ddbcfg occurred, without its message, which may contain a value."""
    import traceback

    frames = traceback.extract_tb(fault.__traceback__)
    where = ", ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
    complain(f"a bug in ddbcfg, please report it: {type(fault).__name__} at {where}")
    return FAULT


def _run(arguments: Sequence[str]) -> int:
    try:
        command, args = _parse(arguments)
    except SystemExit:
        if sys.stdout is not None:
            flush()  # the help
        raise
    check_output()
    code = command.run(args)
    flush()
    return code


def _parse(arguments: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    words = 2 if arguments and arguments[0] in GROUPS else 1
    name = " ".join(arguments[:words])
    if name not in COMMANDS:
        _explain(arguments)
    # Only the parser of this command, because creating each one takes time.
    command = load(name)
    return command, command.parse(arguments[words:])


def _explain(arguments: Sequence[str]) -> NoReturn:
    """Print help or version, or a usage error if the first argument is not a command."""
    from ddbcfg_client.commands.parser import Parser, nearest
    from ddbcfg_client.version import VERSION

    codes = "".join(f"  {code:<3} {meaning}\n" for code, meaning in MEANINGS.items())
    group = arguments[0] if arguments and arguments[0] in GROUPS else ""
    prefix = f"{group} " if group else ""
    program = f"ddbcfg-client {group}".rstrip()
    parser = Parser(
        prog=program,
        description="Read configuration that ddbcfg-daemon publishes on this host, and write it.",
        epilog=_EPILOG + codes,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
    # With prog=, argparse does not format a usage line and look up the terminal's size.
    commands = parser.add_subparsers(metavar="COMMAND", prog=program)
    names = []
    for name in COMMANDS:
        if name.startswith(prefix):
            names.append(name.removeprefix(prefix))
            commands.add_parser(names[-1], help=load(name).summary, add_help=False)
    rest = arguments[1:] if group else arguments
    lists = f"there are {', '.join(names)}; '{program} --help' describes them"
    if not rest:
        parser.error(f"no command is named; {lists}")
    if not rest[0].startswith("-"):
        parser.error(f"no command {rest[0]!r}{nearest(rest[0], names)}; {lists}")
    parser.parse(rest)
    parser.error("COMMAND must be the first argument")
