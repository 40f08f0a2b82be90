"""``ddbcfg-client watch``: print each generation, or an option each time it changes."""

from __future__ import annotations

from ddbcfg_client.commands.command import Command
from ddbcfg_client.commands.output import emit, emit_json, flush, say, shown
from ddbcfg_client.commands.reading import add_flags, open_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.commands.parser import Parser
    from ddbcfg_client.snapshot import Snapshot

_LOOK_EVERY = 0.2  # seconds
_MISSING = object()


def _add_arguments(parser: Parser) -> None:
    add_flags(parser)
    parser.add_argument("option", nargs="?", metavar="OPTION")


def _run(args: argparse.Namespace) -> int:
    """Print until interrupted; print values only if an option is named.

    Raise OptionNotFound if the option does not exist at the start, because a mistyped name would
    never print anything.
    """
    import time

    from ddbcfg_client.notation.writer import dumps

    config, option = open_config(args), args.option
    if option is not None:
        config[option]
    before = config.snapshot()
    value: object = _MISSING
    if option is None:
        emit(f"generation {before.generation}: {len(before)} options")
    while True:
        now = config.snapshot()
        if option is not None:
            # An option that did not change is the same object in every generation.
            new = now.get(option, _MISSING)
            if new is not value:
                value = new
                emit_json("null" if new is _MISSING else dumps(new, typed=False))
        elif now.generation != before.generation:
            say(f"generation {now.generation}: {_difference(before, now)}")
            before = now
        flush()
        time.sleep(_LOOK_EVERY)


def _difference(before: Snapshot, now: Snapshot) -> str:
    from ddbcfg_client.format.differences import differences

    found = differences(before, now)
    parts = (("changed", found.changed), ("added", found.added), ("removed", found.removed))
    return (
        "; ".join(f"{verb} {', '.join(map(shown, names))}" for verb, names in parts if names)
        or "the same"
    )


COMMAND = Command(
    "watch", "print a line for each generation, or OPTION when it changes", _run, _add_arguments
)
