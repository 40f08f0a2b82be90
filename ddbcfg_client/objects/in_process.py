"""What a handle of ``config.bind`` has in one process: the object, or why there is none."""

from __future__ import annotations

import threading
from operator import is_
from time import monotonic

from ddbcfg_client.objects import forks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ddbcfg_client.readonly import ReadOnlyDict

    Values = tuple[ReadOnlyDict, ...]

# The first retry of a failed ``make`` on the same version, in seconds; the time doubles until it
# is a minute.
_FIRST_RETRY = 1.0
_LAST_RETRY = 60.0


class Current:
    """An object, and the values of the options that it was made from."""

    __slots__ = ("made", "values")

    def __init__(self, values: Values, made: Any) -> None:
        self.values = values
        self.made = made


class Failure:
    """A failed attempt to make an object, not to be repeated before ``retry_at``.

    ``error`` is None if there is an older object to return: an error that was raised keeps the
    frames of its caller alive, and what they refer to.
    """

    __slots__ = ("delay", "error", "retry_at", "values")

    def __init__(self, values: Values, error: Exception | None, before: Failure | None) -> None:
        self.values = values
        self.error = error
        self.delay: float = _FIRST_RETRY
        if before is not None and are_same(before.values, values):
            self.delay = min(2 * before.delay, _LAST_RETRY)
        self.retry_at = monotonic() + self.delay


class InProcess:
    """What a handle has in one process.

    The lock belongs to that process.  A child that was forked while another thread held it has its
    own object of this class, and so another lock.
    """

    __slots__ = ("current", "failure", "lock", "making", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.current: Current | None = None
        self.failure: Failure | None = None
        # A signal handler, or make() itself, can call the handle in the thread that holds it.
        self.lock = threading.RLock()
        self.making = False

    def is_here(self) -> bool:
        """Return whether this is that process.

        A greenlet that waits for the lock, or in ``make``, continues in a forked child too.
        """
        return forks.process() == self.number


def are_same(one: Values, other: Values) -> bool:
    """Return whether both are the same objects, which is whether no option changed."""
    return len(one) == len(other) and all(map(is_, one, other))
