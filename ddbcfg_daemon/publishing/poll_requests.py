"""The pending poll requests of a store, and the outcome of its last poll.

This connects the refresher, which sleeps here until its next poll, with everything that requests
polls: the request server, signals, the service.  Every method may be called from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ddbcfg_client.format.request import Request
from ddbcfg_daemon.publishing.steering import Job, Jobs


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a poll; see ``ddbcfg_client.format.request.Response``."""

    generation: int
    published: bool
    held: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the requests for a poll want in addition.

    ``accept``: publish the reading even if a guard refuses it.  ``full``: read the whole store.
    """

    accept: bool = False
    full: bool = False

    def __or__(self, other: Asked) -> Asked:
        return Asked(self.accept or other.accept, self.full or other.full)


def _nothing() -> None:
    pass


def _nothing_to_tell(request: Request) -> dict[str, Any]:
    return {"layers": []}


class PollRequests:
    """The requests for polls of one store.

    Polls are numbered from 1.  ``on_end`` is called after each, and after jobs were done, in the
    thread that polls.  ``inquire`` responds to requests that need no poll, in the thread of the
    request server.
    """

    def __init__(self) -> None:
        self.on_end: Callable[[], None] = _nothing
        self.inquire: Callable[[Request], dict[str, Any]] = _nothing_to_tell
        self.count = 0  # requests so far, including those that joined a pending one
        self.jobs = Jobs()
        self._changed = threading.Condition()  # its waits use the monotonic clock
        self._woken = False
        self._asked: Asked | None = None
        self._begun = 0
        self._ended = 0
        self._outcome = Outcome(0, False)

    # --- requesting ------------------------------------------------------------------------------

    @property
    def begun(self) -> int:
        """The number of the last poll that started."""
        return self._begun

    def ask(self, *, accept: bool = False, full: bool = False) -> bool:
        """Request a poll; return whether none was pending.  See ``Asked``."""
        asked = Asked(accept, full)
        with self._changed:
            self.count += 1
            new = self._asked is None
            self._asked = asked if self._asked is None else self._asked | asked
            if new:
                self._wake()
            return new

    def ask_after(
        self, ticket: int | None = None, *, accept: bool = False, full: bool = False
    ) -> int:
        """Request a poll; return the number of the last poll that started before the request.

        ``ticket`` is the number from an earlier request: if a poll has started since then, no other
        poll is requested.
        """
        with self._changed:
            if ticket is None or ticket >= self._begun:
                ticket = self._begun
                self.ask(accept=accept, full=full)
            return ticket

    def outcome_after(self, number: int) -> Outcome | None:
        """Return the outcome of the last poll if it is later than poll ``number``, else None."""
        with self._changed:
            return self._outcome if self._ended > number else None

    # --- polling ---------------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether a poll is requested that has not started."""
        return self._asked is not None

    def begin(self) -> Asked:
        """Start a poll, which serves all pending requests; return what they want."""
        with self._changed:
            self._begun += 1
            asked, self._asked = self._asked or Asked(), None
            return asked

    def end(self, outcome: Outcome) -> None:
        """End the poll that started last, with its outcome."""
        with self._changed:
            self._ended, self._outcome = self._begun, outcome
        self.on_end()

    def forget(self) -> None:
        """Drop the pending requests: a later poll is not the one that was requested."""
        with self._changed:
            self._asked = None
            self.jobs.forget()

    def steer(self, request: Request, uid: int) -> Job:
        """Add a job of the user ``uid``; see ``steering``."""
        job = Job(request, uid)
        with self._changed:
            self.jobs.add(job)
            self._wake()
        return job

    def wake(self) -> None:
        """End a ``wait``."""
        with self._changed:
            self._wake()

    def wait(self, seconds: float) -> None:
        """Wait for ``seconds``, or until a poll is requested or ``wake`` is called."""
        with self._changed:
            self._changed.wait_for(lambda: self._woken, seconds)
            self._woken = False

    def _wake(self) -> None:
        self._woken = True
        self._changed.notify_all()
