"""Which content of a layer is in the published store: a record that lasts with what is published.

It is in the segment and in the copy of the merged store on disk.  So a daemon that starts knows
whether its copy of a layer is older than what was served, and how many options the layer had.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice

_DIGEST = 16  # hex digits: enough to distinguish the contents of one layer


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """Which content of a layer it is: its ``number``, its options, and its digest, if it is known.

    The number is the time at which the content was read, and always higher than the one before.
    """

    number: int
    options: int
    digest: str = ""

    def packed(self) -> list[object]:
        """Return what is stored."""
        return [self.number, self.options, self.digest[:_DIGEST]]

    def is_newer_than(self, number: int, digest: str) -> bool:
        """Return whether the ``number``-th content, with this ``digest``, is an older one."""
        same = bool(self.digest) and digest[:_DIGEST] == self.digest
        return number < self.number and not same


def records_in(stored: Mapping[str, object]) -> dict[str, LayerRecord]:
    """Return the records of the layers, by their marks; invalid ones are skipped."""
    found = {}
    for mark, fields in stored.items():
        match fields:
            case [int(number), int(options), str(digest), *_] if number >= 0 and options >= 0:
                found[mark] = LayerRecord(number, options, digest)
    return found


def as_many(count: int, options: Mapping[str, bytes]) -> Collection[str]:
    """Return as many names as there were options, for a guard: only their number is known.

    As far as possible they are those of ``options``, so that an option that may exist does not
    count as lost.
    """
    names = list(islice(options, count))
    return names + [f"\0{number}" for number in range(count - len(names))]
