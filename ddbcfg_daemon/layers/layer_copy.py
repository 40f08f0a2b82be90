"""A layer's copy on disk, from which it is merged after a restart until it is read."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ddbcfg_client.dynamodb.revision.content import digest_of, weight
from ddbcfg_client.format.differences import differences
from ddbcfg_daemon.disk.copy_format import Content, Copy
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.sources.base import Reading

_FULL_READ = "full_read"  # an entry of the head


class LayerCopy:
    """The copy that ``keeper`` keeps; without one, nothing is on disk.

    ``digest`` is that of the last content, empty if there is none or it is not kept.
    ``full_read`` is when the whole layer was read last, by this daemon or an earlier one; None if
    that is not known.
    """

    def __init__(self, keeper: CopyKeeper | None) -> None:
        self._keeper = keeper
        self.digest = ""
        self.full_read: Moment | None = None
        self._kept: tuple[Mapping[str, bytes], int] = ({}, 0)  # and the total of its digest
        self._loaded = self._hangs = False

    @property
    def error(self) -> str:
        """Why the copy is not up to date; empty if it is, or if there is none."""
        return "" if self._keeper is None else self._keeper.error

    def load(self, patience: float) -> Copy | None:
        """Return the copy, once, when the disk has returned it; None if there is none.

        A disk that hangs delays only one poll by ``patience`` seconds.
        """
        if self._keeper is None or self._loaded:
            return None
        try:
            copy = self._keeper.load(0.0 if self._hangs else patience)
        except TimeoutError:
            self._hangs = True
            return None  # the next poll continues to wait
        # Without an error there is none, and only this daemon could write one.
        self._hangs, self._loaded = False, not self._keeper.error
        if copy is not None:
            self.digest = copy.digest
            self.full_read = Moment.of(copy.notes.get(_FULL_READ))
        return copy

    def keep(self, reading: Reading, number: int) -> None:
        """Write the content of ``reading``, the layer's ``number``-th, in the background."""
        if self._keeper is None:
            return
        before, total = self._kept
        options = reading.options
        if options is not before:
            for name in (name for kind in differences(before, options) for name in kind):
                total += weight(name, options.get(name)) - weight(name, before.get(name))
            self.digest = digest_of(total).hex()
        self._kept = options, total
        found = reading.provenance
        if reading.whole:
            self.full_read = Moment.now()
        # Without a revision, each reading is of the whole layer, and the time is not needed.
        full_read = self.full_read if found.revision else None
        self._keeper.keep(
            Content(
                options,
                number,
                self.digest,
                time.time_ns(),
                Moment.now(),
                found.revision,
                found.epoch,
                {} if full_read is None else {_FULL_READ: full_read.packed()},
            )
        )

    def finish(self, patience: float) -> None:
        """Wait until the copy is written, for at most ``patience`` seconds."""
        if self._keeper is not None:
            self._keeper.wait(patience)

    def close(self) -> None:
        """End the thread of the disk."""
        if self._keeper is not None:
            self._keeper.close()
