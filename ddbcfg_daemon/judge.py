"""The judge: whether a reading may replace what is published."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from ddbcfg_daemon.guards import Guard, GuardRefused
from ddbcfg_daemon.sources.base import Reading

log = logging.getLogger("ddbcfg.daemon")


class Judge:
    """Asks the guards about each new reading; ``label`` names the store in the log."""

    def __init__(self, guards: Sequence[Guard], label: str) -> None:
        self._guards = guards
        self._label = label
        self._accepted: Mapping[str, bytes] | None = None  # the last options that may be published

    def forget(self) -> None:
        """Judge the next reading even if it was accepted before: something else is published."""
        self._accepted = None

    def refusal(
        self,
        reading: Reading,
        published: Callable[[], Collection[str]],
        *,
        scheduled: bool,
        accepted: bool,
    ) -> GuardRefused | None:
        """Return why ``reading`` must not be published; None if it may.

        ``published`` returns the names of the options that it would replace.  ``scheduled`` is
        False for a poll on request.  ``accepted`` says that an operator overrides the guards.
        """
        if reading.options is self._accepted:
            return None  # a poll that found nothing new costs the same for every store
        names = published()
        self._accepted = None
        try:
            for guard in self._guards:
                guard.check(names, reading, scheduled=scheduled)
        except GuardRefused as refused:
            if not accepted:
                return refused
            log.warning("%s: an operator accepted the refused reading: %s", self._label, refused)
            # Not again at the next poll: it is published then.
        self._accepted = reading.options
        return None
