"""What neighbours may do to a store and its daemon: the part of chaos that is others' doing."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ddbcfg_client.config import Config
from ddbcfg_client.errors import ReloadFailed
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.disk.copy_format import Content
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.publishing.objects import path_of
from support.daemon import left_of
from support.shm import reading

STRANGER = 65533

_DIE_WITH = """
import os, signal, sys, posix_ipc
try:
    posix_ipc.Semaphore(sys.argv[1]).acquire(0)
except posix_ipc.Error:
    raise SystemExit
os.kill(os.getpid(), signal.SIGKILL)
"""


class HostileActs:
    """Acts on the store of these names, whose copy on disk is in *folder*.

    What was never written, for a forged copy, is ``forged``: options with their keys.
    """

    def __init__(
        self,
        names: Names,
        folder: Path,
        forged: dict[str, dict[str, object]],
        randomness: random.Random,
    ) -> None:
        self._names = names
        self._folder = folder
        self._forged = forged
        self._random = randomness
        self._held: list[socket.socket] = []

    @property
    def acts(self) -> tuple[Callable[[], None], ...]:
        return (
            *(self._hold_connections, self._send_garbage, self._ask),
            *(self._take_names, self._die_with_the_semaphore, self.forge_the_copy),
        )

    def end(self) -> None:
        """Take back what can be: connections and the folder's mode."""
        self._let_go()
        self._folder.chmod(0o700)

    # --- requests --------------------------------------------------------------------------------

    def _connect(self) -> socket.socket | None:
        made = socket.socket(socket.AF_UNIX)
        made.setblocking(False)
        try:
            made.connect(str(path_of(self._names.requests)))
        except OSError:
            made.close()
            return None
        return made

    def _hold_connections(self) -> None:
        self._let_go()
        self._held = [made for _ in range(7) if (made := self._connect())]

    def _send_garbage(self) -> None:
        if made := self._connect():
            self._held.append(made)
        for made in self._held:
            with suppress(OSError):
                made.send(self._random.randbytes(self._random.choice((1, 100, 10_000))))
        self._let_go()

    def _let_go(self) -> None:
        for made in self._held:
            made.close()
        self._held = []

    def _ask(self) -> None:
        with suppress(ReloadFailed):
            Config(self._names, Trust()).reload(timeout=self._random.uniform(0, 1.0))

    # --- names and files -------------------------------------------------------------------------

    def _take_names(self) -> None:
        """Have a stranger's files where the next segments would be."""
        files = left_of(self._names.namespace)
        last = max([0, *(self._names.generation_of(f"/{path.name}") or 0 for path in files)])
        for generation in range(last + 1, last + 4):
            path = path_of(self._names.segment(generation))
            with suppress(FileExistsError):
                path.touch(exist_ok=False)
                if os.geteuid() == 0:
                    os.chown(path, STRANGER, STRANGER)

    def _die_with_the_semaphore(self) -> None:
        """Have a process of the daemon's user take it, and be killed with it."""
        process = subprocess.run(
            [sys.executable, "-c", _DIE_WITH, self._names.semaphore], check=False
        )
        # Or it was not to be had: the daemon publishes, or somebody removed its name.
        assert process.returncode in (0, -signal.SIGKILL), "the semaphore's holder failed"

    def forge_the_copy(self) -> None:
        """Have a stranger's copy on disk, in a folder that all may write, or could a moment ago."""
        generation = 1 << 40
        content = Content(
            reading(self._forged).options, generation, "00" * 32, time.time_ns(), Moment.now()
        )
        with TemporaryDirectory() as folder:
            copy = DiskCopy(Path(folder), self._names)
            copy.follow(content)
            if os.geteuid() == 0:
                os.chown(copy.path, STRANGER, STRANGER)
            shutil.move(copy.path, self._folder / copy.path.name)
        self._folder.chmod(0o1777)
        if os.geteuid() == 0 and self._random.random() < 0.5:
            self._folder.chmod(0o700)
