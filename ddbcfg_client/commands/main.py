"""``ddbcfg-client``: reads what this host's daemon publishes; ``commands/writing`` has what writes.

Reading imports neither boto3 nor json: a whole ``get`` costs little more than Python's own start.
"""

from __future__ import annotations

import argparse
import sys

from ddbcfg_client import __version__
from ddbcfg_client.commands.exits import (
    DYNAMODB_FAILED,
    FOUND,
    NO_SNAPSHOT,
    NOT_FOUND,
    NOT_RELOADED,
    OUTPUT_FAILED,
    TOO_OLD,
    USAGE,
)
from ddbcfg_client.commands.output import (
    check_output,
    complain,
    emit,
    emit_json,
    emit_name,
    flush,
    silence,
)
from ddbcfg_client.commands.parser import Formatter
from ddbcfg_client.connecting import attach
from ddbcfg_client.errors import (
    ConfigError,
    LayoutMismatch,
    MalformedValue,
    MisconfiguredSchemaException,
    OptionNotFound,
    OutputFailed,
    ReloadFailed,
    SnapshotError,
    SnapshotTooStale,
    StoreNotNamed,
    TableError,
)
from ddbcfg_client.format.names import stores_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddbcfg_client.config import Config

_EPILOG = """\
--table, --store and --namespace can come from DDBCFG_TABLE, DDBCFG_STORE and DDBCFG_NAMESPACE; with
one store published on this host they are not needed to read.

set, delete, create-table, export, import and check use DynamoDB itself: table and store must be
named.  Region, endpoint and keys can come from DDBCFG_REGION, DDBCFG_ENDPOINT_URL,
DDBCFG_STORE_KEY and DDBCFG_OPTION_KEY, credentials come the ordinary AWS way.

exit codes: 0 found or done; 1 no such option or key, or there is one (--if-absent), or you said no;
2 usage; 3 no snapshot that can be read; 4 too old (--max-age); 5 not reloaded;
6 DynamoDB refused or failed; 74 the output cannot be written
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except OptionNotFound as error:
        return _fail(error, NOT_FOUND)
    except StoreNotNamed as error:
        return _fail(error, USAGE if error.published else NO_SNAPSHOT)
    except SnapshotTooStale as error:
        return _fail(error, TOO_OLD)
    except ReloadFailed as error:
        return _fail(error, NOT_RELOADED)
    except (SnapshotError, LayoutMismatch) as error:
        return _fail(error, NO_SNAPSHOT)
    except (TableError, MisconfiguredSchemaException, MalformedValue) as error:
        return _fail(error, DYNAMODB_FAILED)
    except OutputFailed as error:
        silence(sys.stdout)
        return _fail(error, OUTPUT_FAILED)
    except ConfigError as error:
        return _fail(error, USAGE)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of the output has seen enough.
        silence(sys.stdout)
        return FOUND


def _run(arguments: Sequence[str]) -> int:
    try:
        given = _parse(arguments)
    except SystemExit:
        if sys.stdout is not None:
            flush()  # the help
        raise
    check_output()
    code: int = given.run(given)
    flush()
    return code


def _fail(error: ConfigError, code: int) -> int:
    complain(str(error))
    return code


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False, formatter_class=Formatter)
    add = common.add_argument
    add("--table", help="the table's name")
    add("--store", help="the store's name")
    add("--namespace", help="what the daemon was given with --namespace")
    add("--owner", help="a user or uid to believe besides root and this one (DDBCFG_OWNER)")
    add("--wait", type=_seconds, metavar="S", help="wait S seconds for a snapshot")
    add("--max-age", type=_seconds, metavar="S", help="fail when the last good poll is older")

    parser = argparse.ArgumentParser(
        prog="ddbcfg-client",
        description="Read configuration that ddbcfg-daemon publishes on this host, and write it.",
        epilog=_EPILOG,
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    # prog= spares argparse a usage line, and the process the terminal's size.
    commands = parser.add_subparsers(metavar="COMMAND", required=True, prog="ddbcfg-client")

    def command(
        name: str, run: object, text: str, *, parents: Sequence[argparse.ArgumentParser] = (common,)
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=text,
            description=text,
            parents=parents,
            allow_abbrev=False,
            formatter_class=Formatter,
        )
        made.set_defaults(run=run)
        return made

    # Each parser takes its time: of those that read, only the one that is wanted.
    wanted = arguments[0] if arguments else ""
    for name in (wanted,) if wanted in _READING else _READING:
        run, text, add_arguments = _READING[name]
        add_arguments(command(name, run, text))
    if wanted in _READING:
        return parser.parse_args(arguments)

    from ddbcfg_client.commands import writing

    writing.add_commands(command)
    return writing.parse(parser, arguments)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1e9:
        raise ValueError
    return seconds


# argparse names the type in "invalid ... value".
_seconds.__name__ = "number of seconds"


def _connect(given: argparse.Namespace, wait: float = 0.0) -> Config:
    return attach(
        given.table,
        stores_in(given.store or ""),
        namespace=given.namespace,
        owner=given.owner,
        # Not a default of the parser's: all commands share the flag, and so would they its default.
        wait=wait if given.wait is None else given.wait,
        max_age=given.max_age,
    )


def _get(given: argparse.Namespace) -> int:
    from ddbcfg_client.notation.writer import dumps

    config = _connect(given)
    if given.option is None:
        emit_json(dumps(config.get(), typed=False, indent=2))
        return FOUND
    option = config.get(given.option)
    if given.key is None:
        emit_json(dumps(option, typed=False))
        return FOUND
    if given.key not in option:
        complain(f"option {given.option!r} has no key {given.key!r}")
        return NOT_FOUND
    value = option[given.key]
    # Bare, for a shell's $(...): a string without quotes, all else as in JSON.
    if isinstance(value, str):
        emit(value)
    else:
        emit_json(dumps(value, typed=False))
    return FOUND


def _list(given: argparse.Namespace) -> int:
    for option in _connect(given):
        emit_name(option)
    return FOUND


def _wait(given: argparse.Namespace) -> int:
    config = _connect(given, wait=60.0)
    emit(f"generation {config.generation}")
    return FOUND


def _reload(given: argparse.Namespace) -> int:
    config = _connect(given)
    config.reload(given.timeout, accept=given.accept)
    emit(f"generation {config.generation}")
    return FOUND


def _status(given: argparse.Namespace) -> int:
    from ddbcfg_client.commands.status import print_status

    return print_status(given)


def _watch(given: argparse.Namespace) -> int:
    from ddbcfg_client.commands.watch import watch

    return watch(_connect(given), given.option)


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def _add_get_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("option", nargs="?", metavar="OPTION")
    parser.add_argument("key", nargs="?", metavar="KEY")


def _add_status_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each store")


def _add_watch_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("option", nargs="?", metavar="OPTION")


def _add_reload_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--accept", action="store_true", help="publish what a guard refuses, too")
    parser.add_argument("--timeout", type=_seconds, default=5.0, metavar="S", help="(5)")


# The commands that read: what runs them, what help says, their own arguments.
_READING = {
    "get": (_get, "print an option as JSON, one of its keys bare, or all", _add_get_arguments),
    "list": (_list, "print the options' names, one a line", _no_arguments),
    "status": (_status, "print how the store and its daemon fare", _add_status_arguments),
    "wait": (_wait, "wait for a snapshot (60 s unless --wait says)", _no_arguments),
    "watch": (
        _watch,
        "print a line for each generation, or OPTION when it changes",
        _add_watch_arguments,
    ),
    "reload": (_reload, "have the daemon poll now, and wait for it", _add_reload_arguments),
}
