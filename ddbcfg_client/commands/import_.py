"""``ddbcfg-client import``: write whole stores from a file."""

from __future__ import annotations

import sys

from ddbcfg_client.commands.changing import add_change_flags, as_revision, writer_for
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.confirming import confirmed
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.output import complain, counted, say, shown
from ddbcfg_client.commands.target import add_flags, open_table, stores_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.items import CheckedStores
    from ddbcfg_client.dynamodb.table import Table
    from ddbcfg_client.notation.files import Stores
    from ddbcfg_client.notation.import_changes import Changes

_DESCRIPTION = """\
Write the stores of a JSON file: print the changes, names and types only, then write them.
An option in FILE replaces the whole option in the table.  Other options are kept; with --replace
they are deleted after a confirmation.  Without --store and DDBCFG_STORE, every store in FILE is
imported.
"""


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("file", metavar="FILE", help="- for standard input")
    text = "delete options that are not in FILE"
    parser.add_argument("--replace", action="store_true", help=text)
    parser.add_argument("--dry-run", action="store_true", help="only print what would change")
    parser.add_argument("--yes", action="store_true", help="delete without asking")
    add_change_flags(parser)


def _run(args: argparse.Namespace) -> int:
    """Print the changes, then write the stores of the file."""
    from ddbcfg_client.dynamodb.items import checked_stores, options_in
    from ddbcfg_client.errors import NotationError
    from ddbcfg_client.notation.import_changes import Changes, counts

    chosen = stores_named(args)
    if args.if_unchanged is not None and len(chosen) != 1:
        args.fail("--if-unchanged is a revision of one store: name it with --store STORE")
    with open_table(args) as table:
        contents = _contents(args.file, table)
        stores = {store: contents[store] for store in chosen or contents if store in contents}
        if missing := [store for store in chosen if store not in stores]:
            there = ", ".join(map(repr, contents)) or "none"
            reason = f"has no store {missing[0]!r}; the stores in it: {there}"
            raise NotationError(args.file, reason)
        # Before any request, so that a file is never refused after a part was written.
        attributes = checked_stores(stores, table.key_names)
        plan = {
            store: Changes(options_in(table, store), options, replace=args.replace)
            for store, options in stores.items()
        }
        _announce(table.name, plan)
        if left_out := [shown(store) for store in contents if store not in stores]:
            say(f"not imported, because not named: {', '.join(left_out)}")
        if args.dry_run:
            say(f"dry run, nothing was written: {counts(plan.values())}")
            return FOUND
        deleted = sum(len(changes.deleted) for changes in plan.values())
        if deleted and not confirmed(args, f"delete {counted(deleted, 'option')}"):
            complain("nothing was written")
            return NOT_FOUND
        _write(args, table, plan, attributes)
    say(counts(plan.values()))
    return FOUND


def _contents(file: str, table: Table) -> Stores:
    from ddbcfg_client.errors import NotationError
    from ddbcfg_client.notation.files import load_bytes, load_file

    if file != "-":
        return load_file(file, table.key_names)
    if sys.stdin is None:
        raise NotationError("standard input", "it is closed")
    try:
        data = sys.stdin.buffer.read()
    except OSError as error:
        raise NotationError("standard input", error.strerror or str(error)) from None
    return load_bytes(data, "standard input", table.key_names)


def _announce(table: str, plan: dict[str, Changes]) -> None:
    for store, changes in plan.items():
        lines = list(changes.lines())
        if lines:
            say("\n".join((f"{table}/{shown(store)}", *lines)))


def _write(
    args: argparse.Namespace, table: Table, plan: dict[str, Changes], attributes: CheckedStores
) -> None:
    """Write each store as one change; without revisions, say how far it came if it fails."""
    from ddbcfg_client.errors import RevisionError

    total = sum(len(c.added) + len(c.changed) + len(c.deleted) for c in plan.values())
    done = 0
    source = "standard input" if args.file == "-" else args.file
    for store, changes in plan.items():
        options = {name: attributes[store, name] for name in (*changes.added, *changes.changed)}
        writer = writer_for(args, table, store)
        try:
            made = writer.write(
                options | dict.fromkeys(changes.deleted),
                why=args.why or f"import of {source}",
                if_unchanged=args.if_unchanged,
            )
        except RevisionError:
            if done:
                complain(f"{done} of {total} options were written, those of the stores before")
            raise
        except BaseException:
            done += writer.written
            complain(f"{done} of {total} options were written; import again to write the others")
            raise
        done += len(options) + len(changes.deleted)
        if made.revision is not None:
            say(f"{table.name}/{shown(store)}: {counted(len(made.changed), 'option')}"
                f"{as_revision(made)}")  # fmt: skip


COMMAND = Command(
    "import",
    "write the stores of a JSON file",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
