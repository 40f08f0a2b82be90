"""What the SDK needs around a fork to go on running the handlers of events in the child."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from openfeature import _event_support

from ddbcfg_client.objects import forks

#: Held while the SDK takes an event.  No fork happens then: the child would have its locks, held.
EMITTING = threading.Lock()

_FORK_WAITS = 1.0  # seconds at most, for an event that the SDK takes at that time
_held: list[bool] = []  # by the thread that forks
_executors: dict[int, object] = {}  # by process


def revive_event_executor() -> None:
    """Give the SDK a new executor if this process was forked from one in which it had threads.

    The name is private to the SDK, but nothing public can replace the executor.
    """
    number = forks.process()
    executor = getattr(_event_support, "_event_executor", None)
    if number in _executors or not isinstance(executor, ThreadPoolExecutor):
        return  # done, or another release of the SDK
    threads = [*getattr(executor, "_threads", ())]
    if _executors or (threads and not any(thread.is_alive() for thread in threads)):
        executor = ThreadPoolExecutor(thread_name_prefix="openfeature-event-handler")
        _event_support._event_executor = executor
    _executors[number] = executor


def _hold() -> None:
    if EMITTING.acquire(timeout=_FORK_WAITS):
        _held.append(True)


def _release_in_parent() -> None:
    if _held:
        _held.pop()
        EMITTING.release()


def _release_in_child() -> None:
    _held.clear()
    if EMITTING.locked():  # also by a thread that only the parent has
        EMITTING.release()


os.register_at_fork(
    before=_hold, after_in_parent=_release_in_parent, after_in_child=_release_in_child
)
