"""The names that changed in the last generations, so that a waiter does not compare whole stores.

A segment contains them as a msgpack map, ``{"base": generation, "log": [[generation, added,
changed, removed], ...]}``, oldest first.  The log is complete for the generations after ``base``.
Generation numbers that the publisher skipped are not in it.
"""

from __future__ import annotations

from ddbcfg_client.format.segment import section
from ddbcfg_client.format.unpack import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddbcfg_client.format.segment import SegmentBytes

GENERATIONS_LOGGED = 64
NAMES_LOGGED = 2000
BYTES_LOGGED = 1 << 16

# Generation; the names of the options that were added, changed and removed in it.
Logged = tuple[int, tuple[str, ...], tuple[str, ...], tuple[str, ...]]


class ChangeLog:
    """The names that changed, complete for the generations after ``base``.  Immutable."""

    __slots__ = ("base", "log")

    def __init__(self, base: int, log: Sequence[Logged] = ()) -> None:
        self.base = base
        self.log = tuple(log)

    def then(self, entry: Logged) -> ChangeLog:
        """Return the log with ``entry`` added; drop the oldest entries to keep the limits."""
        base, log = self.base, [*self.log, entry]
        names, size = map(sum, zip(*map(_weight, log), strict=True))
        while log and (
            len(log) > GENERATIONS_LOGGED or names > NAMES_LOGGED or size > BYTES_LOGGED
        ):
            oldest = log.pop(0)
            base = oldest[0]
            fewer, smaller = _weight(oldest)
            names, size = names - fewer, size - smaller
        return ChangeLog(base, log)

    def pack(self) -> bytes:
        """Return the bytes of the segment's section."""
        from msgpack import packb  # readers do not need it

        return bytes(packb({"base": self.base, "log": self.log}))


def _weight(entry: Logged) -> tuple[int, int]:
    """Return the number of names in an entry, and about how many bytes they take."""
    names = [name for kind in entry[1:] for name in kind]
    return len(names), sum(len(name.encode()) + 5 for name in names)


def parse_changes(packed: bytes, after: int = 0) -> ChangeLog:
    """Return the log in a section's bytes, from the generation ``after`` on, without it.

    Raise ValueError if they are not a log.
    """
    try:
        found = unpack(packed)
        log = [
            (generation, tuple(added), tuple(changed), tuple(removed))
            for generation, added, changed, removed, *_ in found["log"]
            if generation > after
        ]
        base = found["base"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"not a log of changes ({type(error).__name__})") from None
    if type(base) is not int or not all(
        type(entry[0]) is int and all(type(name) is str for kind in entry[1:] for name in kind)
        for entry in log
    ):
        raise ValueError("not a log of changes")
    return ChangeLog(base, log)


def changes_of(segment: SegmentBytes, after: int = 0) -> ChangeLog:
    """Return the log in ``segment``, as ``parse_changes`` does; raise as that does."""
    header = segment.header
    packed = section(segment, header.changes_at, header.changes_size, header.changes_checksum)
    return parse_changes(packed, after)
