"""``ddbcfg-client export``: write whole stores to a file."""

from __future__ import annotations

import sys

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND, USAGE
from ddbcfg_client.commands.output import complain
from ddbcfg_client.commands.target import add_flags, open_table, some_stores

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="(standard output)")


def _run(args: argparse.Namespace) -> int:
    """Write the named stores; write nothing if one of them does not exist."""
    from ddbcfg_client.commands.whole_store import readable_options
    from ddbcfg_client.dynamodb.items import checked_stores
    from ddbcfg_client.errors import OutputFailed
    from ddbcfg_client.notation.canonical import as_file
    from ddbcfg_client.notation.files import save_file

    names = some_stores(args)
    with open_table(args) as table:
        stores = {name: readable_options(table, name) for name in names}
        # Some emulators hold values that DynamoDB does not; these could not be imported again.
        checked_stores(stores, table.key_names)
    for name, options in stores.items():
        if not options:
            # Most likely a mistyped name, and importing the file could delete everything.
            complain(f"store {name!r} has no options in table {table.name!r}; nothing was written")
            return NOT_FOUND
    data = as_file(stores).encode()
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


COMMAND = Command("export", "write whole stores as a JSON file", _run, _add_arguments)
