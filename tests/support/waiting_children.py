"""A forked process that waits for a change, as another user or in other namespaces."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable
from select import select
from typing import Any

from ddbcfg_client.waking.waiter import Waiter
from support.awaiting import PATIENCE


class WaitingChild:
    """A child that calls *act*; says when it pauses, and what *act* returned."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._results, results = os.pipe()
        self._pauses, pauses = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            signal.alarm(int(PATIENCE))
            real = Waiter.pause

            def pause(waiter: Waiter, seconds: float) -> None:
                os.write(pauses, b"p")
                real(waiter, seconds)

            Waiter.pause = pause  # type: ignore[method-assign]
            try:
                result = (True, act())
            except BaseException:  # noqa: BLE001 - the parent raises it
                result = (False, traceback.format_exc())
            os.write(results, pickle.dumps(result))
            os._exit(0)
        os.close(results)
        os.close(pauses)

    def pauses(self) -> None:
        """Return when the child is about to pause."""
        assert self._read(self._pauses, 1) == b"p", self.result()

    def result(self) -> Any:
        """Return what *act* returned."""
        fine, result = pickle.loads(self._read(self._results, 1 << 16))
        os.close(self._results)
        os.close(self._pauses)
        os.waitpid(self.pid, 0)
        assert fine, result
        return result

    def _read(self, fd: int, size: int) -> bytes:
        assert select([fd], [], [], PATIENCE)[0], "the child hangs"
        return os.read(fd, size)
