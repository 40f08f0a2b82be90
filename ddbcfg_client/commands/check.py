"""``ddbcfg-client check``: run the daemon's guards before a change is pushed.

For CI pipelines: check a file, a table, or the change that the file would make to the table.
"""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.exits import FOUND, NOT_FOUND
from ddbcfg_client.commands.layer_places import add_layer_flags, are_named, layers_named
from ddbcfg_client.commands.output import counted, say, shown
from ddbcfg_client.commands.target import (
    add_flags,
    keys_named,
    open_table,
    some_stores,
    stores_named,
    table_named,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ddbcfg_client.checks.schema import Schema
    from ddbcfg_client.commands.layer_places import LayerPlace
    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.dynamodb.key_names import KeyNames

    Options = Mapping[str, Mapping[str, Any]]

_DESCRIPTION = """\
Show what the daemon's guards would refuse in FILE, or in the table if there is no FILE.  With FILE
and a table, also show if too many of the table's options are missing from FILE.  With --layers or
--config, the schema is applied to the merged layers, with those in FILE as FILE has them.  Exit
with 1 if anything is refused.
"""


def _percent(text: str) -> float:
    percent = float(text)
    if not 0 <= percent <= 100:
        raise ValueError
    return percent


# argparse shows this name in "invalid ... value".
_percent.__name__ = "percentage"


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    add = parser.add_argument
    add("file", nargs="?", metavar="FILE")
    add("--schema", metavar="SCHEMA", help="JSON Schemas, one for each option's name")
    add("--max-shrink", type=_percent, default=50.0, metavar="P", help="percent (50)")
    add("--allow-empty", action="store_true", help="a store may lose all options")
    add_layer_flags(parser, "check the merge of these stores of the table")
    add("--merge", metavar="HOW", help="options or keys (that of --config, else options)")


class _Candidate:
    """A store to check, and the options that it would replace, if there is a comparison.

    ``keys`` are the names of the table's keys.  ``missing`` is the error text if the store was not
    found: a mistyped name, or a store that a script forgot, must not pass.  ``whole`` is false for
    a layer, which the schema does not judge.
    """

    def __init__(
        self,
        store: str,
        options: Options,
        missing: str,
        before: Options | None = None,
        *,
        whole: bool = True,
        keys: KeyNames | None = None,
    ) -> None:
        self.keys = keys
        self.whole = whole
        self.store = store
        self.options = options
        self.missing = missing
        self.before = before


def _run(args: argparse.Namespace) -> int:
    """Print a line for each problem; return 1 if there is any, else 0."""
    from ddbcfg_client.checks.schema import Schema

    schema = Schema(args.schema) if args.schema else None
    refused = 0
    candidates = list(_layers(args) if are_named(args) else _candidates(args))
    if not candidates:
        say(f"{args.file}: it has no stores")
        return NOT_FOUND
    for candidate in candidates:
        problems = [*_problems(args, candidate, schema)]
        for problem in problems:
            say(f"{shown(candidate.store)}: {problem}")
        if not problems:
            options = counted(len(candidate.options), "option")
            say(f"{shown(candidate.store)}: {options}, nothing to refuse")
        refused += len(problems)
    return NOT_FOUND if refused else FOUND


def _candidates(args: argparse.Namespace) -> Iterator[_Candidate]:
    if args.file is None:
        for store in some_stores(args):
            options = _in_table(args, store)
            empty = not options and not args.allow_empty
            missing = f"has no options in table {table_named(args)!r}" if empty else ""
            yield _Candidate(store, options, missing)
        return
    from ddbcfg_client.notation.files import load_file

    contents = load_file(args.file, keys_named(args))
    there = ", ".join(map(shown, contents)) or "none"
    for store in stores_named(args) or contents:
        missing = "" if store in contents else f"is not in {args.file}; the stores in it: {there}"
        before = _in_table(args, store) if table_named(args) else None
        yield _Candidate(store, contents.get(store, {}), missing, before)


def _layers(args: argparse.Namespace) -> Iterator[_Candidate]:
    """Yield the layers that FILE has, and the result of all layers with them."""
    from ddbcfg_client.errors import NameRefused, ValueRefused
    from ddbcfg_client.format.layering import MERGES
    from ddbcfg_client.notation.files import load_file

    layers, merge = layers_named(args)
    merge = args.merge or merge or "options"
    if merge not in MERGES:
        args.fail(f"--merge is {merge!r}, but must be options or keys")
    # Tables with other keys are judged below, each layer by its own.
    contents = load_file(args.file, keys_named(layers[0].args)) if args.file else {}
    pushed = {layer.name: contents[layer.store] for layer in layers if layer.store in contents}
    if contents and not pushed:
        there = ", ".join(map(shown, contents))
        yield _Candidate(args.file, {}, f"has no store that is a layer; the stores in it: {there}")
        return
    if len(pushed) > len({layer.store for layer in layers if layer.name in pushed}):
        args.fail(f"a store in {args.file} is several layers: use --layers, for those of one table")
    before = {layer.name: _in_table(layer.args, layer.store) for layer in layers}
    for layer in layers:
        if layer.name in pushed:
            keys, was = keys_named(layer.args), before[layer.name]
            yield _Candidate(layer.name, pushed[layer.name], "", was, whole=False, keys=keys)
    after = {**before, **pushed}
    try:
        merged = _merged(layers, after, merge)
        missing = "" if merged or args.allow_empty else "has no options"
    except (NameRefused, ValueRefused) as error:
        merged, missing = {}, str(error)
    known = _merged(layers, before, merge)
    yield _Candidate("merged", merged, missing, None if missing else known)


def _merged(layers: Sequence[LayerPlace], contents: Mapping[str, Options], merge: str) -> Options:
    """Return the merged layers; raise NameRefused or ValueRefused."""
    from ddbcfg_client.dynamodb.items import checked_attributes
    from ddbcfg_client.format.layering import Layering
    from ddbcfg_client.format.options import unpack_option
    from ddbcfg_client.format.values import pack_option

    packed = []
    for layer in layers:
        keys_of = keys_named(layer.args)
        packed.append(
            {
                option: pack_option(option, checked_attributes("merged", option, keys, keys_of))
                for option, keys in contents[layer.name].items()
            }
        )
    merged = Layering.of(packed, merge).options
    return {option: unpack_option(keys) for option, keys in merged.items()}


def _in_table(args: argparse.Namespace, store: str) -> Options:
    from ddbcfg_client.commands.whole_store import readable_options

    with open_table(args) as table:
        return readable_options(table, store)


def _problems(
    args: argparse.Namespace, candidate: _Candidate, schema: Schema | None
) -> Iterator[str]:
    """Yield the problems: missing, cannot be stored, violates the schema, loses many options."""
    if candidate.missing:
        yield candidate.missing
    else:
        yield from _flaws(args, candidate, schema if candidate.whole else None)
    if candidate.before is not None:
        from ddbcfg_client.checks.shrink import shrinkage

        before, options = candidate.before, candidate.options
        suspicion = shrinkage(before, options, args.max_shrink, args.allow_empty)
        if suspicion:
            yield suspicion


def _flaws(args: argparse.Namespace, candidate: _Candidate, schema: Schema | None) -> Iterator[str]:
    """Yield the options that cannot be stored or violate the schema."""
    from ddbcfg_client.dynamodb.items import checked_attributes
    from ddbcfg_client.errors import NameRefused, ValueRefused
    from ddbcfg_client.format.options import unpack_option
    from ddbcfg_client.format.values import pack_option

    store, options = candidate.store, candidate.options
    kept = {}
    keys_of = candidate.keys or keys_named(args)
    for option, keys in options.items():
        try:
            attributes = checked_attributes(store, option, keys, keys_of)
        except (NameRefused, ValueRefused) as error:
            yield str(error)
        else:
            # As readers see them, because the schema applies to those values.
            kept[option] = unpack_option(pack_option(option, attributes))
    for option in sorted(schema.options) if schema else ():
        violation = schema.violation(option, kept.get(option)) if schema else None
        if violation and (option in kept or option not in options):
            yield violation


COMMAND = Command(
    "check",
    "show what the daemon's guards would refuse",
    _run,
    _add_arguments,
    description=_DESCRIPTION,
)
