"""Requests other than polls: to pin a content, to end the pin, to list what can be pinned.

The request server adds them as jobs.  The refresher does a job between two polls or during one, and
sets its response.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ddbcfg_client.format.request import BUSY, Request, Response

_MOST = 16  # jobs that may wait; only root and the daemon's user can ask


@dataclass(slots=True, eq=False)
class Job:
    """A request by the user ``uid``; ``response`` is set when it is done."""

    request: Request
    uid: int
    response: Response | None = field(default=None)

    @property
    def by(self) -> str:
        """The user who sent the request, for the log and the status."""
        return self.request.by or f"uid {self.uid}"


class Jobs:
    """The jobs that wait, in their order; any thread may use it."""

    def __init__(self) -> None:
        self._waiting: deque[Job] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, job: Job) -> None:
        """Add ``job``, or refuse it if too many wait."""
        if len(self._waiting) >= _MOST:
            job.response = Response(BUSY, f"{_MOST} requests are waiting already")
        else:
            self._waiting.append(job)

    def next(self) -> Job | None:
        """Take the first job; None if none waits."""
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def forget(self) -> None:
        """Drop all that wait."""
        self._waiting.clear()
