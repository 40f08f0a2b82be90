"""``ddbcfg-client export`` and ``import``: whole stores, to a file and from one."""

from __future__ import annotations

import sys

from ddbcfg_client.commands.exits import FOUND, NOT_FOUND, USAGE
from ddbcfg_client.commands.output import complain, counted, flush, say, shown
from ddbcfg_client.commands.target import open_table, some_stores, stores_named
from ddbcfg_client.dynamodb.items import checked_attributes, options_in
from ddbcfg_client.errors import NotationError, OutputFailed
from ddbcfg_client.notation.canonical import as_file
from ddbcfg_client.notation.import_changes import Changes, counts
from ddbcfg_client.notation.files import load_bytes, load_file, save_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from ddbcfg_client.dynamodb.responses import Item
    from ddbcfg_client.dynamodb.table import Table
    from ddbcfg_client.notation.import_changes import Options
    from ddbcfg_client.notation.files import Stores


def export(given: argparse.Namespace) -> int:
    """Write the stores that are named; nothing when one of them is not there."""
    names = some_stores(given)
    with open_table(given) as table:
        stores = {name: options_in(table, name) for name in names}
        # What some emulators hold and DynamoDB does not could not be imported again.
        _attributes(stores, table)
    for name, options in stores.items():
        if not options:
            # Most likely a slip, and a file that would delete everything when it is imported.
            complain(f"store {name!r} has no options in table {table.name!r}; nothing was written")
            return NOT_FOUND
    data = as_file(stores).encode()
    try:
        if given.file == "-":
            sys.stdout.buffer.write(data)
        else:
            save_file(given.file, data)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        if given.file == "-":
            raise OutputFailed(reason) from None
        complain(f"{given.file}: {reason}")
        return USAGE
    return FOUND


def import_file(given: argparse.Namespace) -> int:
    """Make the stores as the file says, after saying what that changes."""
    chosen = stores_named(given)
    with open_table(given) as table:
        contents = _contents(given.file, table)
        stores = {store: contents[store] for store in chosen or contents if store in contents}
        if missing := [store for store in chosen if store not in stores]:
            there = ", ".join(map(repr, contents)) or "none"
            reason = f"has no store {missing[0]!r}; the stores in it: {there}"
            raise NotationError(given.file, reason)
        # Before anything is sent, so that a file is never refused half-way.
        attributes = _attributes(stores, table)
        plan = {
            store: Changes(options_in(table, store), options, replace=given.replace)
            for store, options in stores.items()
        }
        _announce(table.name, plan)
        if left_out := [shown(store) for store in contents if store not in stores]:
            say(f"not imported, for they were not named: {', '.join(left_out)}")
        if given.dry_run:
            say(f"dry run, nothing was written: {counts(plan.values())}")
            return FOUND
        deleted = sum(len(changes.deleted) for changes in plan.values())
        if deleted and not given.yes and not _confirmed(given, deleted):
            complain("nothing was written")
            return NOT_FOUND
        _write(table, plan, attributes)
    say(counts(plan.values()))
    return FOUND


def _attributes(stores: Mapping[str, Options], table: Table) -> dict[tuple[str, str], Item]:
    """Return the attribute values of every option of the stores; raise for what no item can be."""
    return {
        (store, option): checked_attributes(store, option, keys, table.key_names)
        for store, options in stores.items()
        for option, keys in options.items()
    }


def _contents(file: str, table: Table) -> Stores:
    if file != "-":
        return load_file(file, table.key_names)
    return load_bytes(sys.stdin.buffer.read(), "standard input", table.key_names)


def _announce(table: str, plan: dict[str, Changes]) -> None:
    for store, changes in plan.items():
        lines = list(changes.lines())
        if lines:
            say("\n".join((f"{table}/{shown(store)}", *lines)))


def _confirmed(given: argparse.Namespace, deleted: int) -> bool:
    what = counted(deleted, "option")
    if given.file == "-" or sys.stdin is None or not sys.stdin.isatty():
        given.fail(f"this deletes {what} and there is no terminal to ask on: add --yes")
    flush()
    print(f"Delete {what}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _write(table: Table, plan: dict[str, Changes], attributes: dict[tuple[str, str], Item]) -> None:
    total = sum(len(c.added) + len(c.changed) + len(c.deleted) for c in plan.values())
    done = 0
    try:
        for store, changes in plan.items():
            for option in (*changes.added, *changes.changed):
                table.put(store, option, attributes[store, option])
                done += 1
        # Last, so that at no time there is less than before and after.
        for store, changes in plan.items():
            for option in changes.deleted:
                table.delete(store, option)
                done += 1
    except BaseException:
        complain(f"{done} of {total} options were written; import again to write the others")
        raise
