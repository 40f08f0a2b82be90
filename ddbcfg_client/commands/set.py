"""``ddbcfg-client set``: write an option to the table."""

from __future__ import annotations

from ddbcfg_client.commands.changing import add_change_flags, as_revision, writer_for
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.target import add_flags, one_store, open_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.store_writer import Done
    from ddbcfg_client.dynamodb.table import Table

_DESCRIPTION = """\
Write a whole option to the table: keys that are not named are removed, and the output lists them.
With --merge, only the named keys are changed.  The characters before the first = of an argument
decide how the rest is read:

  KEY=TEXT          a string, whatever it looks like
  KEY:=JSON         a number with every digit, true, null, a list, an object, {"$set": [...]}, ...
  KEY:b64=BASE64    binary
  KEY-              with --merge: remove the key
"""


def _add_arguments(parser: Parser) -> None:
    parser.flags_anywhere = True
    parser.hint = " (a KEY that starts with - goes after --)"
    add_flags(parser)
    parser.add_argument("option", metavar="OPTION")
    parser.add_argument("keys", nargs="+", metavar="KEY=VALUE")
    parser.add_argument("--merge", action="store_true", help="keep the keys that are not named")
    text = "write only if the option does not exist (otherwise exit with 1)"
    parser.add_argument("--if-absent", action="store_true", help=text)
    add_change_flags(parser)


def _run(args: argparse.Namespace) -> int:
    store = one_store(args)
    if args.merge and args.if_absent:
        args.fail("--merge takes an option that is there, --if-absent one that is not")
    with open_table(args) as table:
        return _merge(args, table, store) if args.merge else _replace(args, table, store)


def _replace(args: argparse.Namespace, table: Table, store: str) -> int:
    from ddbcfg_client.commands.output import complain, counted
    from ddbcfg_client.dynamodb.items import checked_attributes
    from ddbcfg_client.notation.assignments import keys_of

    option, keys = args.option, keys_of(args.keys)
    attributes = checked_attributes(store, option, keys, table.key_names)
    done = writer_for(args, table, store).write(
        {option: attributes},
        why=args.why,
        if_absent=args.if_absent,
        if_unchanged=args.if_unchanged,
        previous=True,
    )
    if args.if_absent and not done.changed:
        complain(f"store {store!r} has an option {option!r} already; nothing was written")
        return NOT_FOUND
    _report(args, table, store, done, counted(len(keys), "key"))
    dropped = [key for key in done.before.get(option, ()) if key not in keys]
    _list("dropped", dropped)
    return FOUND


def _merge(args: argparse.Namespace, table: Table, store: str) -> int:
    from ddbcfg_client.commands.output import counted
    from ddbcfg_client.dynamodb.items import checked_attributes
    from ddbcfg_client.notation.assignments import edits_of

    option, (keys, removed) = args.option, edits_of(args.keys)
    attributes = checked_attributes(store, option, keys, table.key_names)
    # The table's own keys are refused here too.
    checked_attributes(store, option, dict.fromkeys(removed, ""), table.key_names)
    writer = writer_for(args, table, store)
    done = writer.merge(option, attributes, removed, why=args.why, if_unchanged=args.if_unchanged)
    before = done.before.get(option, ())
    gone = [key for key in removed if key in before]
    parts = [f"changed {counted(len(keys), 'key')}"] if keys else []
    parts += [f"removed {counted(len(gone), 'key')}"] if gone else []
    _report(args, table, store, done, ", ".join(parts) or "nothing to remove")
    _list("was not there", [key for key in removed if key not in before])
    return FOUND


def _report(args: argparse.Namespace, table: Table, store: str, done: Done, what: str) -> None:
    from ddbcfg_client.commands.output import say, shown

    same = "" if done.changed else " (it was the same)"
    say(f"{table.name}/{shown(store)}: set {shown(args.option)}, {what}{same}{as_revision(done)}")


def _list(verb: str, keys: list[str]) -> None:
    from ddbcfg_client.commands.output import say, shown

    for key in sorted(keys):
        say(f"  {verb}: {shown(key)}")


COMMAND = Command(
    "set",
    "write an option to the table, or some of its keys",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
