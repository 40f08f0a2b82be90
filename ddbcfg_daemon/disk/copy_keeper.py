"""The thread that reads and writes the copy on disk, so that no other thread waits for the disk.

A disk can hang for minutes.  This must not block polls, publications or the daemon's shutdown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from ddbcfg_client.errors import ConfigError
from ddbcfg_daemon.disk.copy_format import Content, Copy
from ddbcfg_daemon.disk.disk_copy import DiskCopy

_LONG = 10.0  # seconds after which a running operation is reported as hanging


class CopyKeeper:
    """Keeps one store's copy.  If contents come faster than the disk writes, the last one wins."""

    def __init__(self, copy: DiskCopy) -> None:
        self._copy = copy
        self._changed = threading.Condition()
        self._next: Callable[[], None] | None = None
        self._since: float | None = None  # when the running operation started
        self._error = ""
        self._ends = False
        self._thread: threading.Thread | None = None
        self._loaded: list[Copy | None] | None = None  # result of a load() that timed out

    @property
    def error(self) -> str:
        """Why the copy does not have the content of the last :meth:`keep`; empty if it does."""
        with self._changed:
            if self._since is not None and time.monotonic() - self._since > _LONG:
                return f"the disk hangs: not done in {_LONG:g} s (copy {self._copy.path})"
            return self._error

    def keep(self, content: Content) -> None:
        """Update the copy to ``content`` in the background; return at once."""
        self._do(lambda: self._copy.follow(content))

    def load(self, patience: float) -> Copy | None:
        """Return the copy; None if there is none, or it cannot be used: ``error`` says why.

        Raise TimeoutError if the disk takes longer than ``patience`` seconds.  The next call
        continues to wait for the same operation.
        """
        loaded, begins = self._loaded, self._loaded is None
        if loaded is None:
            loaded = self._loaded = []
            self._do(partial(_load_into, loaded, self._copy))
        if self.wait(patience):
            self._loaded = None
            return loaded[0] if loaded else None
        if begins:
            with self._changed:
                self._error = f"the disk hangs: not read in {patience:g} s (copy {self._copy.path})"
        raise TimeoutError

    def wait(self, patience: float) -> bool:
        """Wait until no operation is pending, for at most ``patience`` s; return whether so."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._next or self._since), patience)

    def close(self) -> None:
        """End the thread after the pending operation; the next operation starts another one."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()

    def _do(self, job: Callable[[], None]) -> None:
        with self._changed:
            self._next = job
            self._ends = False
            self._changed.notify_all()
            if self._thread is None:
                # daemon=True: a disk that hangs does not delay the end of the process.
                thread = threading.Thread(target=self._work, name="copy", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # no memory, or no thread: the next poll retries
                    self._next, self._error = None, f"copy on disk: {error}"
                    return
                self._thread = thread

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next is not None or self._ends)
                if self._next is None:
                    self._thread = None
                    return
                job, self._next = self._next, None
                self._since = time.monotonic()
            error = self._failure_of(job)
            del job  # frees the content that it holds
            with self._changed:
                self._since = None
                self._error = error
                self._changed.notify_all()

    def _failure_of(self, job: Callable[[], None]) -> str:
        try:
            job()
        except ConfigError as error:
            return f"copy on disk: {error}"
        except OSError as error:
            return f"copy on disk: {error.strerror or type(error).__name__} ({self._copy.path})"
        except ValueError as error:
            return f"copy on disk: {error} ({self._copy.path})"
        except Exception as error:  # noqa: BLE001 - the thread goes on: the next copy may succeed
            return f"copy on disk: {type(error).__name__} ({self._copy.path})"
        return ""


def _load_into(loaded: list[Copy | None], copy: DiskCopy) -> None:
    loaded.append(copy.load())
