"""``ddbcfg-client watch``: print each generation, or an option each time it changes."""

from __future__ import annotations

from ddbcfg_client.commands.argument_types import seconds
from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.output import counted, emit, emit_json, flush, say, shown
from ddbcfg_client.commands.reading import add_flags, open_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.format.differences import Differences
    from ddbcfg_client.waking.change import Change

_LOOK_EVERY = 1.0  # seconds, for --max-age
_MISSING = object()


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("option", nargs="?", metavar="OPTION")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object a line")
    text = "run CMD at each change, with the change as JSON on its standard input; without a shell"
    form.add_argument("--exec", metavar="CMD", help=text)
    text = "with --exec: wait until there was no change for S seconds (1)"
    parser.add_argument("--debounce", type=seconds, default=1.0, metavar="S", help=text)
    text = "with --exec: end CMD after S seconds (60)"
    parser.add_argument("--exec-timeout", type=seconds, default=60.0, metavar="S", help=text)
    text = "with --exec: run CMD at the start, too"
    parser.add_argument("--initial", action="store_true", help=text)


def _run(args: argparse.Namespace) -> int:
    """Print until interrupted; print values only if an option is named.

    Raise OptionNotFound if the option does not exist at the start, because a mistyped name would
    never print anything.
    """
    if args.exec is not None:
        from ddbcfg_client.commands.watch_exec import watch_and_run

        return watch_and_run(args)
    from ddbcfg_client.commands.change_document import document, present
    from ddbcfg_client.format.differences import differences
    from ddbcfg_client.notation.writer import dumps

    config, option = open_config(args), args.option
    before = config.snapshot()
    changes = config.changes()
    value: object = None
    if option is not None:
        value = before[option]
    if args.json:
        emit_json(dumps(present(config, before, option), typed=False))
    elif option is None:
        emit(f"generation {before.generation}: {counted(len(before), 'option')}")
    else:
        emit_json(dumps(value, typed=False))
    while True:
        flush()
        change = changes.wait(_LOOK_EVERY)
        now = config.snapshot()  # raises if it is too old
        if change is None:
            continue
        if option is None:
            found = change if change.complete else differences(before, now)
            if args.json:
                emit_json(dumps(document(config, change.generation, found), typed=False))
            else:
                say(f"generation {change.generation}: {_names(found)}")
            before = now
        else:
            # An option that did not change is the same object in every generation.
            new = now.get(option, _MISSING)
            if new is not value:
                value = new
                printed = present(config, now, option) if args.json else now.get(option)
                emit_json(dumps(printed, typed=False))


def _names(found: Change | Differences) -> str:
    parts = (("changed", found.changed), ("added", found.added), ("removed", found.removed))
    return (
        "; ".join(f"{verb} {', '.join(map(shown, names))}" for verb, names in parts if names)
        or "the same"
    )


COMMAND = Command(
    "watch", "print a line for each generation, or OPTION when it changes", _run, _add_arguments
)
