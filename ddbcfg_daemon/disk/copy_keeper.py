"""The thread that reads and writes a store's files, so that no other thread waits for the disk.

A disk can hang for minutes.  This must not block polls, publications or the daemon's shutdown.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from errno import EDQUOT, ENOSPC
from functools import partial
from pathlib import Path
from typing import TypeVar

from ddbcfg_client.errors import ConfigError
from ddbcfg_daemon.disk.copy_file import CopyFile
from ddbcfg_daemon.disk.copy_format import Content, Copy
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.disk.generations import Generations, Kept

_LONG = 10.0  # seconds after which a running operation is reported as hanging
_FULL = (ENOSPC, EDQUOT)

T = TypeVar("T")


class CopyKeeper:
    """Keeps one store's copy, and its last generations if there are ``generations``.

    If contents come faster than the disk writes, the last one wins.
    """

    def __init__(self, copy: DiskCopy, generations: Generations | None = None) -> None:
        self._copy = copy
        self._generations = generations
        #: The file of the pinned content, for use in ``do`` only.
        self.pin_file = pin_file(copy)
        self._changed = threading.Condition()
        self._next: Callable[[], str] | None = None
        self._first: deque[Callable[[], None]] = deque()  # what must not be left out
        self._since: float | None = None  # when the running operation started
        self._error = ""
        self._ends = False
        self._thread: threading.Thread | None = None
        self._loaded: list[Copy | None] | None = None  # result of a load() that timed out

    @property
    def error(self) -> str:
        """Why the disk does not have the content of the last ``keep``; empty if it does."""
        with self._changed:
            if self._since is not None and time.monotonic() - self._since > _LONG:
                return f"the disk hangs: not done in {_LONG:g} s (copy {self._copy.path})"
            return self._error

    @property
    def folder(self) -> Path:
        """The folder in which the copy is."""
        return self._copy.folder

    @property
    def kept(self) -> tuple[Kept, ...]:
        """The generations on disk, the newest first, as far as is known."""
        return self._generations.kept if self._generations else ()

    @property
    def generations(self) -> Generations | None:
        """The generations, for use in ``do`` only."""
        return self._generations

    @property
    def copy(self) -> DiskCopy:
        """The copy, for use in ``do`` only."""
        return self._copy

    def limit(self, generations: int) -> None:
        """Keep that many generations from now on."""
        if self._generations is not None:
            self._generations.limit = generations

    def keep(self, content: Content) -> None:
        """Update copy and generations to ``content`` in the background; return at once."""
        self._do(partial(self._follow, content))

    def load(self, patience: float) -> Copy | None:
        """Return the copy; None if there is none, or it cannot be used: ``error`` says why.

        Raise TimeoutError if the disk takes longer than ``patience`` seconds.  The next call
        continues to wait for the same operation.
        """
        loaded, begins = self._loaded, self._loaded is None
        if loaded is None:
            loaded = self._loaded = []
            self._do(partial(self._load_into, loaded))
        if self.wait(patience):
            self._loaded = None
            return loaded[0] if loaded else None
        if begins:
            with self._changed:
                self._error = f"the disk hangs: not read in {patience:g} s (copy {self._copy.path})"
        raise TimeoutError

    def do(self, job: Callable[[], T]) -> Future[T]:
        """Run ``job`` in the thread, before what ``keep`` requested; return its future."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                result = job()
            except Exception as error:  # noqa: BLE001 - raised again where the result is wanted
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._changed:
            self._first.append(run)
            if error := self._wake():
                self._first.pop()
                future.set_exception(OSError(error))
        return future

    def save_pin(self, content: Content) -> None:
        """Write the pinned content, for use in ``do`` only; raise OSError or UntrustedPath."""
        if error := self._with_room(partial(self.pin_file.save, content)):
            raise error

    def wait(self, patience: float) -> bool:
        """Wait up to ``patience`` seconds until no operation is pending; return whether none is."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._next or self._first or self._since), patience
            )

    def close(self) -> None:
        """End the thread after the pending operations; the next operation starts another one."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()

    # --- the operations --------------------------------------------------------------------------

    def _follow(self, content: Content) -> str:
        """Return why copy or generations were not written; empty if they were."""
        if error := self._with_room(partial(self._copy.follow, content)):
            return _text(error, "copy", self._copy.path)
        if self._generations is None:
            return ""
        if error := self._failure_of(partial(self._generations.follow, content)):
            return _text(error, "generations", self._generations.path)
        error_of_one = self._generations.error
        return f"generations on disk: {error_of_one}" if error_of_one else ""

    def _with_room(self, job: Callable[[], object]) -> Exception | None:
        """Run ``job``; while the disk is full, remove the oldest generation and run it again.

        Old generations are only for operators; a boot needs the copy.
        """
        while error := self._failure_of(job):
            if not (isinstance(error, OSError) and error.errno in _FULL and self._make_room()):
                return error
        return None

    def _make_room(self) -> bool:
        generations = self._generations
        if generations is None or not generations.kept:
            return False
        return self._failure_of(generations.drop_oldest) is None

    def _load_into(self, loaded: list[Copy | None]) -> str:
        error = self._failure_of(lambda: loaded.append(self._copy.load()))
        return "" if error is None else _text(error, "copy", self._copy.path)

    @staticmethod
    def _failure_of(job: Callable[[], object]) -> Exception | None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - the thread continues: the next may succeed
            return error.with_traceback(None)
        return None

    # --- the thread ------------------------------------------------------------------------------

    def _do(self, job: Callable[[], str]) -> None:
        with self._changed:
            self._next = job
            if error := self._wake():
                self._next, self._error = None, f"copy on disk: {error}"

    def _wake(self) -> str:
        """Start or wake the thread; return why it cannot start, or an empty text."""
        self._ends = False
        self._changed.notify_all()
        if self._thread is None:
            # daemon=True: a disk that hangs does not delay the end of the process.
            thread = threading.Thread(target=self._work, name="copy", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # no memory, or no thread: the next poll retries
                return str(error)
            self._thread = thread
        return ""

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next or self._first or self._ends)
                if not (self._next or self._first):
                    self._thread = None
                    return
                first = self._first.popleft() if self._first else None
                job = None
                if first is None:
                    job, self._next = self._next, None
                self._since = time.monotonic()
            error = None
            if first is not None:
                first()
            elif job is not None:
                error = job()
            del first, job  # frees the content that it holds
            with self._changed:
                self._since = None
                if error is not None:
                    self._error = error
                self._changed.notify_all()


def pin_file(copy: DiskCopy) -> CopyFile:
    """Return the file of the pinned content, which is beside ``copy``."""
    return CopyFile(copy.folder, f"{copy.names.page[1:]}.pin", copy.names, copy.access)


def _text(error: Exception, what: str, path: Path) -> str:
    if isinstance(error, ConfigError):
        return f"{what} on disk: {error}"
    if isinstance(error, OSError):
        return f"{what} on disk: {error.strerror or type(error).__name__} ({path})"
    if isinstance(error, ValueError):
        return f"{what} on disk: {error} ({path})"
    return f"{what} on disk: {type(error).__name__} ({path})"
