"""Waiting for something to be so, and running something in a forked child."""

from __future__ import annotations

import os
import pickle
import signal
import time
import traceback
from select import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Result = TypeVar("Result")


def wait_until(condition: Callable[[], object], timeout: float = 20.0) -> None:
    """Return as soon as ``condition()`` is true; TimeoutError when it does not become so."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come about")
        time.sleep(0.002)


def in_child(function: Callable[[], Result], timeout: float = 20.0) -> Result:
    """Fork, call ``function`` in the child, and return what it returned there.

    Raise AssertionError with the child's traceback when it raised, TimeoutError when it hangs.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = pickle.dumps((True, function()))
        except BaseException:  # noqa: BLE001 - told to the parent
            answer = pickle.dumps((False, traceback.format_exc()))
        os.write(writing, answer)
        os._exit(0)
    os.close(writing)
    try:
        if not select([reading], [], [], timeout)[0]:
            os.kill(child, signal.SIGKILL)
            raise TimeoutError(f"the child said nothing for {timeout:g} s")
        fine, result = pickle.loads(os.read(reading, 1 << 20))
    finally:
        os.close(reading)
        os.waitpid(child, 0)
    assert fine, result
    return result  # type: ignore[no-any-return]
