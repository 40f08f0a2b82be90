"""``ddbcfg-client import``: write whole stores from a file."""

from __future__ import annotations

import sys

from ddbcfg_client.commands.changing import add_change_flags, as_revision, writer_for
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.confirming import confirmed
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.output import complain, counted, say, shown
from ddbcfg_client.commands.progress import progress
from ddbcfg_client.commands.target import add_flags, open_table, stores_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.items import CheckedStores
    from ddbcfg_client.dynamodb.revision.comparing import ReadAt
    from ddbcfg_client.dynamodb.store_writer import Done, StoreWriter
    from ddbcfg_client.dynamodb.table import Table
    from ddbcfg_client.notation.files import Stores
    from ddbcfg_client.notation.import_changes import Changes, Options

_DESCRIPTION = """\
Write the stores of a JSON file: print the changes, names and types only, then write them.
An option in FILE replaces the whole option in the table.  Other options are kept; with --replace
they are deleted after a confirmation.  Without --store and DDBCFG_STORE, every store in FILE is
imported.
"""
_PLANS = 5  # attempts to import into a store that others are changing


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
    from ddbcfg_client.dynamodb.items import checked_stores
    from ddbcfg_client.errors import NotationError
    from ddbcfg_client.notation.import_changes import counts

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
        with progress(lambda: "reading the table"):
            plans = {name: _plan(args, table, name, file) for name, file in stores.items()}
        for store_plan in plans.values():
            store_plan.announce()
        if left_out := [shown(store) for store in contents if store not in stores]:
            say(f"not imported, because not named: {', '.join(left_out)}")
        if args.dry_run:
            changes = counts(plan.changes for plan in plans.values())
            say(f"dry run, nothing was written: {changes}")
            return FOUND
        deleted = sum(len(plan.changes.deleted) for plan in plans.values())
        if deleted and not confirmed(args, f"delete {counted(deleted, 'option')}"):
            complain("nothing was written")
            return NOT_FOUND
        _write(args, table, plans, attributes)
    say(counts(plan.changes for plan in plans.values()))
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


class _Plan:
    """What the import changes in a store, and what that depends on."""

    def __init__(self, name: str, changes: Changes, read: ReadAt | None) -> None:
        self.name = name
        self.changes = changes
        self.read = read

    def announce(self) -> None:
        if lines := list(self.changes.lines()):
            say("\n".join((self.name, *lines)))


def _plan(args: argparse.Namespace, table: Table, store: str, file: Options) -> _Plan:
    from ddbcfg_client.commands.whole_store import readable_options, whole_options
    from ddbcfg_client.dynamodb.revision.comparing import ReadAt
    from ddbcfg_client.notation.import_changes import Changes

    name = f"{table.name}/{shown(store)}"
    if args.dry_run:
        options = readable_options(table, store)
        return _Plan(name, Changes(options, file, replace=args.replace), None)
    options, at = whole_options(table, store)
    # Also what the file has and the store too, which is not written.
    needed = None if args.replace else frozenset(file)
    read = None if at is None else ReadAt(at, needed)
    return _Plan(name, Changes(options, file, replace=args.replace), read)


def _write(
    args: argparse.Namespace, table: Table, plans: dict[str, _Plan], attributes: CheckedStores
) -> None:
    """Write each store as one change; without revisions, say how far it came if it fails."""
    from ddbcfg_client.errors import RevisionError

    total = sum(plan.changes.written for plan in plans.values())
    done = 0
    for store in plans:
        writer = writer_for(args, table, store)
        try:
            made = _write_store(args, table, writer, plans, store, attributes)
        except RevisionError:
            if done:
                complain(f"{done} of {total} options were written, those of the stores before")
            raise
        except BaseException:
            done += writer.written
            complain(f"{done} of {total} options were written; import again to write the others")
            raise
        done += plans[store].changes.written
        if made.revision is not None:
            what = counted(len(made.changed), "option") if made.changed else "nothing to write"
            say(f"{plans[store].name}: {what}{as_revision(made)}")


def _write_store(
    args: argparse.Namespace,
    table: Table,
    writer: StoreWriter,
    plans: dict[str, _Plan],
    store: str,
    attributes: CheckedStores,
) -> Done:
    """Write a store; if it changed since it was read, plan again unless the user confirmed."""
    from functools import partial

    from ddbcfg_client.errors import ChangeConflict

    source = "standard input" if args.file == "-" else args.file
    asked = bool(plans[store].changes.deleted) and not args.yes
    for attempt in range(_PLANS):
        plan = plans[store]
        changes = plan.changes
        options = {name: attributes[store, name] for name in (*changes.added, *changes.changed)}
        number = counted(len(options) + len(changes.deleted), "option")
        try:
            with progress(partial(_written, number, writer)):
                return writer.write(
                    options | dict.fromkeys(changes.deleted),
                    why=args.why or f"import of {source}",
                    if_unchanged=args.if_unchanged,
                    read=plan.read,
                )
        except ChangeConflict:
            if asked or args.if_unchanged is not None or attempt == _PLANS - 1:
                raise
        plans[store] = _plan(args, table, store, changes.file)
        complain(f"{plan.name} has changed since it was read; the changes are now:")
        plans[store].announce()
    raise AssertionError


def _written(number: str, writer: StoreWriter) -> str:
    so_far = f", {writer.written} of them done" if writer.written else ""
    return f"writing {number}{so_far}"


COMMAND = Command(
    "import",
    "write the stores of a JSON file",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
