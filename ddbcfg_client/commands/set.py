"""``ddbcfg-client set``: write an option to the table."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.target import add_flags, one_store, open_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser

_DESCRIPTION = """\
Write an option to the table, whole: keys that are not named are gone.  What stands before the first
= of an argument says how the rest is read:

  KEY=TEXT          a string, whatever it looks like
  KEY:=JSON         a number with every digit, true, null, a list, an object, {"$set": [...]}, ...
  KEY:b64=BASE64    binary
"""


def _add_arguments(parser: Parser) -> None:
    parser.flags_anywhere = True
    parser.hint = " (a KEY that starts with - goes after --)"
    add_flags(parser)
    parser.add_argument("option", metavar="OPTION")
    parser.add_argument("keys", nargs="+", metavar="KEY=VALUE")
    parser.add_argument("--if-absent", action="store_true", help="only if it is not there (else 1)")


def _run(args: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import complain, counted, say, shown
    from ddbcfg_client.dynamodb.items import checked_attributes
    from ddbcfg_client.notation.assignments import keys_of

    store = one_store(args)
    keys = keys_of(args.keys)
    option = args.option
    with open_table(args) as table:
        attributes = checked_attributes(store, option, keys, table.key_names)
        if not table.put(store, option, attributes, if_absent=args.if_absent):
            complain(f"store {store!r} has an option {option!r} already; nothing was written")
            return NOT_FOUND
    say(f"{table.name}/{shown(store)}: set {shown(option)}, {counted(len(keys), 'key')}")
    return FOUND


COMMAND = Command(
    "set",
    "write an option to the table, all its keys",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
