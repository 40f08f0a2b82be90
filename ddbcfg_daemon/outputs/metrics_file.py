"""The metrics file, written by its own thread, so that a hanging disk blocks nothing else."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path

from ddbcfg_daemon.disk.trusted_folder import open_trusted_folder
from ddbcfg_daemon.errors import UntrustedPath

log = logging.getLogger("ddbcfg.daemon")


class MetricsFile:
    """Writes the last text of ``write`` to ``path``, atomically.

    A failure is logged once; the next one is logged only after a successful write.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text: str | None = None
        self._writing = False
        self._failed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, text: str) -> None:
        """Replace the file in the background; return at once."""
        with self._changed:
            self._text = text
            self._changed.notify_all()
            if self._thread is None:
                # daemon=True: a disk that hangs does not delay the end of the process.
                thread = threading.Thread(target=self._work, name="metrics", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # no memory, or no thread: the next write retries
                    self._text = None
                    self._failure(error)
                    return
                self._thread = thread

    def wait(self, patience: float) -> bool:
        """Wait until no write is pending, for at most ``patience`` seconds; return whether so."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._text is None and not self._writing, patience
            )

    def _work(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._text is not None)
                text, self._text = self._text, None
                self._writing = True
            assert text is not None
            try:
                self._replace(text.encode())
            except (OSError, UntrustedPath, MemoryError) as error:
                self._failure(error)
            else:
                self._failed = False

    def _failure(self, error: Exception) -> None:
        if not self._failed:
            log.warning("the metrics were not written: %s", str(error) or type(error).__name__)
        self._failed = True

    def _replace(self, raw: bytes) -> None:
        """Replace the file; raise OSError, or UntrustedPath if other users could replace it."""
        new = f"{self._path.name}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = open_trusted_folder(self._path.parent)
        try:
            with suppress(FileNotFoundError):  # left by a daemon that was killed while writing
                os.unlink(new, dir_fd=folder)
            with open(os.open(new, flags, 0o600, dir_fd=folder), "wb") as file:
                file.write(raw)
                os.fchmod(file.fileno(), 0o644)  # the collector runs as another user
            # The collector can read at any time: it finds the old file or the new one.
            os.replace(new, self._path.name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)
