"""``ddbcfg-client check``: what the daemon's guards would say, before it is pushed.

For CI pipelines: a file, a table, or what the file would do to the table.
"""

from __future__ import annotations

from ddbcfg_client.codec import option_of, pack_option, unpack_option
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.output import counted, say, shown
from ddbcfg_client.commands.target import (
    keys_named,
    open_table,
    some_stores,
    stores_named,
    table_named,
)
from ddbcfg_client.dynamodb.item import checked_attributes
from ddbcfg_client.errors import NameRefused, ValueRefused
from ddbcfg_client.notation_file import load_file
from ddbcfg_client.schema import Schema
from ddbcfg_client.shrink import shrinkage

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from typing import Any

    Options = Mapping[str, Mapping[str, Any]]


def check(given: argparse.Namespace) -> int:
    """Print a line for each thing that a guard would refuse; 1 when there is any, else 0."""
    schema = Schema(given.schema) if given.schema else None
    refused = 0
    for store, options, before in _stores(given):
        problems = [*_problems(given, store, options, schema)]
        if before is not None:
            suspicion = shrinkage(before, options, given.max_shrink, given.allow_empty)
            problems += [suspicion] if suspicion else []
        for problem in problems:
            say(f"{shown(store)}: {problem}")
        if not problems:
            say(f"{shown(store)}: {counted(len(options), 'option')}, nothing to refuse")
        refused += len(problems)
    return NOT_FOUND if refused else FOUND


def _stores(given: argparse.Namespace) -> Iterator[tuple[str, Options, Options | None]]:
    """Each store, its options, and what it would follow: None when that is not to be compared."""
    if given.file is None:
        for store in some_stores(given):
            yield store, _in_table(given, store), None
        return
    contents = load_file(given.file, *keys_named(given))
    for store in stores_named(given) or contents:
        # A store that is not in the file is what an emptied file would leave of it.
        before = _in_table(given, store) if table_named(given) else None
        yield store, contents.get(store, {}), before


def _in_table(given: argparse.Namespace, store: str) -> Options:
    with open_table(given) as table:
        keys = (table.store_key, table.option_key)
        items = table.items(store, consistent=True)
        names = ((item[table.option_key]["S"], item) for item in items)
        return {name: option_of(item, name, *keys) for name, item in names}


def _problems(
    given: argparse.Namespace, store: str, options: Options, schema: Schema | None
) -> Iterator[str]:
    """What cannot be stored, and what violates the schema."""
    kept = {}
    for option, keys in options.items():
        try:
            attributes = checked_attributes(store, option, keys, *keys_named(given))
        except (NameRefused, ValueRefused) as error:
            yield str(error)
        else:
            # As a reader will have them: the schema is about that.
            kept[option] = unpack_option(pack_option(option, attributes))
    for option in sorted(schema.options) if schema else ():
        violation = schema.violation(option, kept.get(option)) if schema else None
        if violation and (option in kept or option not in options):
            yield violation
