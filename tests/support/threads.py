"""Threads that a test starts.  They end with it, however it ends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Work = Callable[[threading.Event], None]

_SWITCH_INTERVAL = 1e-5  # seconds; Python's default is 5 ms


@contextmanager
def running(*works: Work) -> Iterator[list[threading.Thread]]:
    """Run each of ``works`` in a thread of its own, which it leaves when its event is set.

    On exit the event is set and the threads are joined, also after a failure or a timeout: a thread
    that reads in a loop for ever would take the interpreter's lock from every later test.

    The threads take turns as often as can be.  With Python's own interval, a thread that publishes
    waits 5 ms for each reader after each of its system calls.
    """
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=[stop]) for work in works]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        for thread in threads:
            thread.start()
        yield threads
    finally:
        stop.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        sys.setswitchinterval(interval)
