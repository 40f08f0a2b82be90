"""``ddbcfg-client export``: write whole stores to a file."""

from __future__ import annotations

import sys

from ddbcfg_client.commands import variable_flags
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND, USAGE
from ddbcfg_client.commands.output import complain
from ddbcfg_client.commands.progress import progress
from ddbcfg_client.commands.target import add_flags, one_store, open_table, some_stores

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ddbcfg_client.commands.parser import Parser

_OF_VARIABLES = ("env", "dotenv")
_FORMATS = ("json", "toml", "yaml", *_OF_VARIABLES)


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    text = "toml, yaml, env (for a shell), dotenv, or json, which is the default"
    parser.add_argument("--format", default="json", metavar="F", help=text)
    variable_flags.add_flags(parser)
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="(standard output)")


def _run(args: argparse.Namespace) -> int:
    """Write the named stores; write nothing if one of them does not exist."""
    from ddbcfg_client.commands.whole_store import readable_options
    from ddbcfg_client.dynamodb.items import checked_stores
    from ddbcfg_client.errors import OutputFailed
    from ddbcfg_client.notation.files import save_file

    _check_flags(args)
    names = [one_store(args)] if args.format in _OF_VARIABLES else some_stores(args)
    with open_table(args) as table, progress(lambda: "reading the table"):
        stores = {name: readable_options(table, name) for name in names}
        # Some emulators hold values that DynamoDB does not; these could not be imported again.
        checked_stores(stores, table.key_names)
    for name, options in stores.items():
        if not options:
            # Most likely a mistyped name, and importing the file could delete everything.
            complain(f"store {name!r} has no options in table {table.name!r}; nothing was written")
            return NOT_FOUND
    data = _text(args, stores).encode()
    try:
        if args.file == "-":
            sys.stdout.buffer.write(data)
        else:
            save_file(args.file, data)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        if args.file == "-":
            raise OutputFailed(reason) from None
        complain(f"{args.file}: {reason}")
        return USAGE
    return FOUND


def _check_flags(args: argparse.Namespace) -> None:
    # Not choices=, which would check the value of a repeated flag first.
    if args.format not in _FORMATS:
        args.fail(f"argument --format: it is one of {', '.join(_FORMATS)}")
    if args.format in _OF_VARIABLES:
        return
    for flag, value in (("--prefix", args.prefix), ("--json-option", args.json_option)):
        if value:
            args.fail(f"{flag} goes with --format env or dotenv")


def _text(
    args: argparse.Namespace, stores: Mapping[str, Mapping[str, Mapping[str, object]]]
) -> str:
    """Return the file in its format; raise ValueRefused or VariableRefused."""
    if args.format == "json":
        from ddbcfg_client.notation.canonical import as_file

        return as_file(stores)
    if args.format == "toml":
        from ddbcfg_client.notation.toml_writer import as_toml

        return as_toml(stores)
    if args.format == "yaml":
        from ddbcfg_client.notation.yaml import as_yaml

        return as_yaml(stores)
    from ddbcfg_client.notation.environment import as_dotenv, as_shell

    ((store, options),) = stores.items()
    found = variable_flags.variables_of(args, options, store)
    return as_shell(found) if args.format == "env" else as_dotenv(found)


COMMAND = Command("export", "write whole stores to a file", _run, _add_arguments)
