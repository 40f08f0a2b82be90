"""The commands of ``ddbcfg-client`` that use DynamoDB itself.

``cli`` loads this only when one of them is named, or help is wanted.  They need boto3, the extra
``ddbcfg[daemon]``.
"""

from __future__ import annotations

import argparse

from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.parser import Formatter
from ddbcfg_client.printable import without_passwords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # Name, function and description, and the parsers whose flags it has, as parents=.
    MakesCommand = Callable[..., argparse.ArgumentParser]

_TABLE_FLAGS = {
    "--table": ("T", "the table's name (DDBCFG_TABLE)"),
    "--region": ("R", "the AWS region (DDBCFG_REGION)"),
    "--endpoint-url": ("U", "another DynamoDB (DDBCFG_ENDPOINT_URL)"),
    "--store-key": ("K", "the table's hash key (DDBCFG_STORE_KEY, _store)"),
    "--option-key": ("K", "the table's range key (DDBCFG_OPTION_KEY, _option)"),
}
_IMPORT = """\
Make stores as a JSON file says: print what would change, names and types only, then write it.
Options of FILE replace the table's whole.  Others are kept, or with --replace deleted, after a
question.  Without --store and DDBCFG_STORE, every store in FILE is imported.
"""
_CHECK = """\
Say what the daemon's guards would refuse: in FILE, or without FILE in the table.  With FILE and a
table, also whether too many of the table's options are missing from FILE.  Exits with 1 if anything
is refused.
"""
_SET = """\
Write an option to the table, whole: keys that are not named are gone.  What stands before the first
= of an argument says how the rest is read:

  KEY=TEXT          a string, whatever it looks like
  KEY:=JSON         a number with every digit, true, null, a list, an object, {"$set": [...]}, ...
  KEY:b64=BASE64    binary
"""


def add_commands(command: MakesCommand) -> None:
    """Add the commands to the client's parser."""
    table = argparse.ArgumentParser(add_help=False, formatter_class=Formatter)
    for flag, (metavar, text) in _TABLE_FLAGS.items():
        table.add_argument(flag, metavar=metavar, help=text)
    store = argparse.ArgumentParser(add_help=False, formatter_class=Formatter)
    text = "a store's name (DDBCFG_STORE); export and import take several"
    store.add_argument("--store", action="append", metavar="S", help=text)
    parents = (table, store)

    made = command("set", _set, "write an option to the table, all its keys", parents=parents)
    made.description = _SET
    made.add_argument("option", metavar="OPTION")
    made.add_argument("keys", nargs="+", metavar="KEY=VALUE")
    made.add_argument("--if-absent", action="store_true", help="only if it is not there (else 1)")
    made.set_defaults(fail=made.error)

    made = command("delete", _delete, "remove an option from the table", parents=parents)
    made.add_argument("option", metavar="OPTION")
    made.set_defaults(fail=made.error)

    made = command("create-table", _create_table, "create the table", parents=(table,))
    made.add_argument("--read-units", type=_units, metavar="N", help="provisioned (1)")
    made.add_argument("--write-units", type=_units, metavar="N", help="provisioned (1)")
    made.add_argument("--on-demand", action="store_true", help="billed by the request instead")
    made.set_defaults(fail=made.error)

    made = command("export", _export, "write whole stores as a JSON file", parents=parents)
    made.add_argument("file", nargs="?", default="-", metavar="FILE", help="(standard output)")
    made.set_defaults(fail=made.error)

    made = command("import", _import, "make stores as a JSON file says", parents=parents)
    made.description = _IMPORT
    made.add_argument("file", metavar="FILE", help="- for standard input")
    made.add_argument("--replace", action="store_true", help="delete options that are not in FILE")
    made.add_argument("--dry-run", action="store_true", help="only print what would change")
    made.add_argument("--yes", action="store_true", help="delete without asking")
    made.set_defaults(fail=made.error)

    made = command("check", _check, "say what the daemon's guards would refuse", parents=parents)
    made.description = _CHECK
    made.add_argument("file", nargs="?", metavar="FILE")
    made.add_argument("--schema", metavar="SCHEMA", help="JSON Schemas, one for each option's name")
    made.add_argument("--max-shrink", type=_percent, default=50.0, metavar="P", help="percent (50)")
    made.add_argument("--allow-empty", action="store_true", help="a store may lose all options")
    made.set_defaults(fail=made.error)


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Return what ``parser``, which has the commands, makes of the arguments."""
    if arguments[:1] == ["set"]:
        arguments = ["set", *_flags_first(arguments[1:])]
    given, unknown = parser.parse_known_args(arguments)
    if unknown:
        # Cut at the =: what was meant for a key may be a secret.
        names = " ".join(argument.partition("=")[0] for argument in unknown)
        fail = getattr(given, "fail", parser.error)
        hint = " (a KEY that starts with - goes after --)" if arguments[0] == "set" else ""
        fail(f"unrecognized arguments: {without_passwords(names)}{hint}")
    return given


def _flags_first(arguments: Sequence[str]) -> list[str]:
    """Move flags before OPTION and the keys, among which argparse would not find them."""
    flags: list[str] = []
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            others.extend(rest)
        elif argument.startswith("-") and argument != "-":
            flags.append(argument)
            if argument in (*_TABLE_FLAGS, "--store"):
                flags.extend(value for value in (next(rest, None),) if value is not None)
        else:
            others.append(argument)
    return [*flags, "--", *others]


def _percent(text: str) -> float:
    percent = float(text)
    if not 0 <= percent <= 100:
        raise ValueError
    return percent


_percent.__name__ = "percentage"


def _units(text: str) -> int:
    units = int(text)
    if units < 1:
        raise ValueError
    return units


_units.__name__ = "number of units"


def _set(given: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import complain, counted, say, shown
    from ddbcfg_client.commands.target import one_store, open_table
    from ddbcfg_client.dynamodb.items import checked_attributes
    from ddbcfg_client.notation.assignments import keys_of

    store = one_store(given)
    keys = keys_of(given.keys)
    option = given.option
    with open_table(given) as table:
        attributes = checked_attributes(store, option, keys, table.key_names)
        if not table.put(store, option, attributes, if_absent=given.if_absent):
            complain(f"store {store!r} has an option {option!r} already; nothing was written")
            return NOT_FOUND
    say(f"{table.name}/{shown(store)}: set {shown(option)}, {counted(len(keys), 'key')}")
    return FOUND


def _delete(given: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import say, shown
    from ddbcfg_client.commands.target import one_store, open_table
    from ddbcfg_client.dynamodb.limits import checked_option
    from ddbcfg_client.errors import OptionNotFound

    store = one_store(given)
    checked_option(given.option)
    with open_table(given) as table:
        if not table.delete(store, given.option):
            raise OptionNotFound(given.option, store)
    say(f"{table.name}/{shown(store)}: deleted {shown(given.option)}")
    return FOUND


def _create_table(given: argparse.Namespace) -> int:
    from ddbcfg_client.commands.output import say
    from ddbcfg_client.commands.target import open_table
    from ddbcfg_client.dynamodb.creation import ensure_table

    read, write = given.read_units, given.write_units
    if given.on_demand and (read or write):
        given.fail("--on-demand takes neither --read-units nor --write-units")
    units = (None, None) if given.on_demand else (read or 1, write or 1)
    with open_table(given) as table:
        created = ensure_table(table, *units)
    if created:
        store_key, option_key = table.key_names
        say(f"created table {table.name}, keys {store_key} and {option_key}")
    else:
        say(f"table {table.name} is there already; nothing was changed")
    return FOUND


def _export(given: argparse.Namespace) -> int:
    from ddbcfg_client.commands.import_ import export

    return export(given)


def _import(given: argparse.Namespace) -> int:
    from ddbcfg_client.commands.import_ import import_file

    return import_file(given)


def _check(given: argparse.Namespace) -> int:
    from ddbcfg_client.commands.check import check

    return check(given)
