"""What the SDK needs around a fork to run the handlers of events in the child, too."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from ddbcfg_client.objects import forks
from ddbcfg_client.reporting import log

try:
    from openfeature import _event_support
except ImportError:  # a later release of the SDK
    _event_support = None  # type: ignore[assignment]

#: Held while the SDK takes an event.  No fork happens then: the child would have its locks, held.
EMITTING = threading.Lock()

_FORK_WAITS = 1.0  # seconds at most, for what the SDK does at that time
# How Python calls a thread in which the SDK initializes a provider.
_INITIALIZING = "(_run_initialize)"
_held: list[bool] = []  # by the thread that forks
_executors: dict[int, object] = {}  # by process


def revive_event_executor() -> None:
    """Give the SDK a new executor if this process was forked from one in which it had threads.

    The name is private to the SDK, but nothing public can replace the executor.
    """
    number = forks.process()
    executor = getattr(_event_support, "_event_executor", None)
    if number in _executors:
        return
    if not isinstance(executor, ThreadPoolExecutor):
        if _executors:  # in a child
            reason = "this release of the SDK keeps its threads elsewhere"
            log("warning", f"handlers of OpenFeature events may not run after a fork: {reason}")
        _executors[number] = executor
        return
    threads = [*getattr(executor, "_threads", ())]
    if _executors or (threads and not any(thread.is_alive() for thread in threads)):
        executor = ThreadPoolExecutor(thread_name_prefix="openfeature-event-handler")
        _event_support._event_executor = executor
    _executors[number] = executor


def _hold() -> None:
    until = monotonic() + _FORK_WAITS
    # In the child this thread does not exist, and its provider would never be ready.
    for thread in threading.enumerate():
        if thread.name.endswith(_INITIALIZING) and thread is not threading.current_thread():
            thread.join(max(0.0, until - monotonic()))
    if EMITTING.acquire(timeout=max(0.0, until - monotonic())):
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
