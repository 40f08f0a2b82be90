"""What changed between two snapshots, from the names that the newer one's segment carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ddbcfg_client.errors import SnapshotError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ddbcfg_client.attachment import Attachment, Position
    from ddbcfg_client.format.changes import Logged


@dataclass(frozen=True, slots=True)
class Change:
    """The names of the options that changed, in one or several generations up to ``generation``.

    Each name is in one of the three at most, and each of the three is in order.  ``complete`` is
    whether these are all.  If it is False, any other option may have changed too: more changed than
    a segment carries names of, or the daemon's shared memory was removed.
    """

    generation: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    complete: bool = True


def change_of(since: Position | None, now: Attachment) -> Change:
    """Return what changed from the snapshot at ``since`` to the one of ``now``.

    Without ``since``, every option was added.  No option is decoded or compared.
    """
    snapshot = now.served
    generation = snapshot.generation
    position = now.position()
    try:
        if since is None:
            return Change(generation, added=tuple(snapshot))
        if position is None or position[2] != since[2] or generation < since[0]:
            # Numbers of another page may be those of other generations.
            return Change(generation, complete=False)
        changes = snapshot.changes(after=since[0])
    except SnapshotError:
        # The memory of this snapshot was reclaimed, or its names are damaged.
        return Change(generation, complete=False)
    return Change(generation, *_net(changes.log), complete=changes.base <= since[0])


def merged(earlier: Change, later: Change) -> Change:
    """Return both changes as one."""
    log = [(c.generation, c.added, c.changed, c.removed) for c in (earlier, later)]
    return Change(later.generation, *_net(log), complete=earlier.complete and later.complete)


def _net(
    log: Iterable[Logged],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the names that all entries together add, change and remove."""
    was_there: dict[str, bool] = {}
    is_there: dict[str, bool] = {}
    for _, added, changed, removed in log:
        for names, before, after in (
            (added, False, True),
            (changed, True, True),
            (removed, True, False),
        ):
            for name in names:
                was_there.setdefault(name, before)
                is_there[name] = after
    net: dict[tuple[bool, bool], list[str]] = {}
    for name in sorted(is_there):
        net.setdefault((was_there[name], is_there[name]), []).append(name)
    return (
        tuple(net.get((False, True), ())),
        tuple(net.get((True, True), ())),
        tuple(net.get((True, False), ())),
    )
