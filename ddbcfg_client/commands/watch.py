"""``ddbcfg-client watch``: a line for each generation, or an option each time it changes."""

from __future__ import annotations

import time

from ddbcfg_client.commands.output import emit, emit_json, flush, say, shown
from ddbcfg_client.notation.writer import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.config import Config
    from ddbcfg_client.snapshot import Snapshot

_LOOK_EVERY = 0.2  # seconds
_MISSING = object()


def watch(config: Config, option: str | None) -> int:
    """Print until interrupted; values only when *option* is named.

    Raises OptionNotFound when it is not there at first: a name that was mistyped would say nothing.
    """
    if option is not None:
        config[option]
    before = config.snapshot()
    value: object = _MISSING
    if option is None:
        emit(f"generation {before.generation}: {len(before)} options")
    while True:
        now = config.snapshot()
        if option is not None:
            # Values that did not change are the same object, so "is" would do; == is plainer.
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
    changed = [name for name in now if name in before and now[name] != before[name]]
    added = [name for name in now if name not in before]
    removed = [name for name in before if name not in now]
    parts = (("changed", changed), ("added", added), ("removed", removed))
    return (
        "; ".join(f"{verb} {', '.join(map(shown, names))}" for verb, names in parts if names)
        or "the same"
    )
