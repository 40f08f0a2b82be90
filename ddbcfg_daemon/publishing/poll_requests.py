"""Who asks for polls of a store, and what became of them.

Between the refresher, which sleeps here until its next poll, and all that ask for one: the request
server, signals, the service.  Every method may be called from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a poll ended: see :class:`ddbcfg_client.format.request.Response`."""

    generation: int
    published: bool
    held: str = ""
    error: str = ""


def _nothing() -> None:
    pass


class PollRequests:
    """The requests for polls of one store.

    Polls are numbered from 1.  ``on_end`` is called after each, in the thread that polls.
    """

    def __init__(self) -> None:
        self.on_end: Callable[[], None] = _nothing
        self._changed = threading.Condition()  # its waits go by the monotonic clock
        self._woken = False
        self._asked = False
        self._accept = False
        self._begun = 0
        self._ended = 0
        self._outcome = Outcome(0, False)

    # --- asking ----------------------------------------------------------------------------------

    @property
    def begun(self) -> int:
        """The number of the last poll that began."""
        return self._begun

    def ask(self, *, accept: bool = False) -> bool:
        """Ask for a poll; return whether none was asked for yet.

        With *accept* it publishes even what a guard refuses.
        """
        with self._changed:
            self._accept = self._accept or accept
            new, self._asked = not self._asked, True
            if new:
                self._wake()
            return new

    def ask_after(self, ticket: int | None = None, *, accept: bool = False) -> int:
        """Ask for a poll; return the number of the last one that is too old for it.

        *ticket* is such a number from before: if a poll has begun since, no other is asked for.
        """
        with self._changed:
            if ticket is None or ticket >= self._begun:
                ticket = self._begun
                self.ask(accept=accept)
            return ticket

    def outcome_after(self, number: int) -> Outcome | None:
        """Return how the last poll ended, if it is later than the one with that *number*."""
        with self._changed:
            return self._outcome if self._ended > number else None

    # --- polling ---------------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether a poll is asked for that has not begun."""
        return self._asked

    def begin(self) -> bool:
        """Begin a poll, which serves all that asked so far; return whether one of them accepts."""
        with self._changed:
            self._begun += 1
            accept = self._accept
            self._asked = self._accept = False
            return accept

    def end(self, outcome: Outcome) -> None:
        """End the poll that began last."""
        with self._changed:
            self._ended, self._outcome = self._begun, outcome
        self.on_end()

    def forget(self) -> None:
        """Drop what was asked for: whatever polls later is not what was asked."""
        with self._changed:
            self._asked = self._accept = False

    def wake(self) -> None:
        """End a :meth:`wait`."""
        with self._changed:
            self._wake()

    def wait(self, seconds: float) -> None:
        """Wait for *seconds*, or until a poll is asked for or :meth:`wake` is called."""
        with self._changed:
            self._changed.wait_for(lambda: self._woken, seconds)
            self._woken = False

    def _wake(self) -> None:
        self._woken = True
        self._changed.notify_all()
