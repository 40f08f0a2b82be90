"""The thread that reads and writes the copy on disk, so that nobody else has to wait for a disk.

A disk can hang for minutes, and then nothing but what touches it may stand still: neither a poll,
nor a publication, nor the end of the daemon.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from ddbcfg_client.errors import ConfigError
from ddbcfg_daemon.disk.copy_format import Content, Copy
from ddbcfg_daemon.disk.disk_copy import DiskCopy

_LONG = 10.0  # seconds after which a disk that has not finished is said to hang


class CopyKeeper:
    """Keeps one store's copy.  Of contents that come faster than the disk, the last one counts."""

    def __init__(self, copy: DiskCopy) -> None:
        self._copy = copy
        self._changed = threading.Condition()
        self._next: Callable[[], None] | None = None
        self._since: float | None = None  # when what is under way was begun
        self._error = ""
        self._thread: threading.Thread | None = None
        self._loaded: list[Copy | None] | None = None  # of a load() that did not end in time

    @property
    def error(self) -> str:
        """Why the copy is not what was last given to :meth:`keep`; empty when it is."""
        with self._changed:
            if self._since is not None and time.monotonic() - self._since > _LONG:
                return f"the disk hangs for more than {_LONG:g} s (copy {self._copy.path})"
            return self._error

    def keep(self, content: Content) -> None:
        """Have the copy brought up to *content*; returns at once."""
        self._do(lambda: self._copy.follow(content))

    def load(self, patience: float) -> Copy | None:
        """Return the copy; None when there is none, or none to be believed: ``error`` says why.

        Raise TimeoutError when the disk takes longer than *patience* seconds.  The next call goes
        on waiting for what this one began.
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
                self._error = f"the disk hangs: nothing in {patience:g} s (copy {self._copy.path})"
        raise TimeoutError

    def wait(self, patience: float) -> bool:
        """Wait until all is done that was asked for, but no longer; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._next or self._since), patience)

    def _do(self, job: Callable[[], None]) -> None:
        with self._changed:
            self._next = job
            self._changed.notify_all()
            if self._thread is None:
                # daemon=True: a disk that hangs does not hold up the end of the process.
                thread = threading.Thread(target=self._work, name="copy", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # no memory or no process left: at the next poll
                    self._next, self._error = None, f"copy on disk: {error}"
                    return
                self._thread = thread

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next is not None)
                job, self._next = self._next, None
                self._since = time.monotonic()
            assert job is not None
            error = self._failure_of(job)
            del job  # with the content that it holds
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
        except Exception as error:  # noqa: BLE001 - the thread lives on, and the next copy may go well
            return f"copy on disk: {type(error).__name__} ({self._copy.path})"
        return ""


def _load_into(loaded: list[Copy | None], copy: DiskCopy) -> None:
    loaded.append(copy.load())
