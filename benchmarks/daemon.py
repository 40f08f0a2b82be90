"""A real ``ddbcfg-daemon`` in a namespace of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ddbcfg_client
from benchmarks.children import ROOT, environment
from benchmarks.services import end
from benchmarks.stores import STORE, unique_namespace

_PATIENCE = 30.0  # seconds in which it has to publish, to poll and to end
_SHM = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that has published, and a reader of what it publishes."""

    pid: int
    config: ddbcfg_client.Config

    def poll(self, times: int) -> None:
        """Have it poll so many times more; return when it has."""
        for _ in range(times):
            self.config.reload(timeout=_PATIENCE)


@contextmanager
def daemon(url: str, table: str, *flags: str, interval: float = 3600) -> Iterator[Daemon]:
    """Run a daemon that polls *table* at *url*, by default only when asked; clean up at the end."""
    namespace = unique_namespace()
    command = [sys.executable, "-m", "ddbcfg_daemon", "--table", table, "--store", STORE]
    process = subprocess.Popen(
        [
            *command,
            "--endpoint-url",
            url,
            "--namespace",
            namespace,
            "--interval",
            f"{interval:g}",
            # Polls that read the store; benchmarks/fleet measures those by its revision.
            "--use-revision",
            "off",
            *flags,
        ],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Daemon(
            process.pid,
            ddbcfg_client.connect(namespace=namespace, store=STORE, wait=_PATIENCE),
        )
    finally:
        end(process, _PATIENCE)
        for path in _SHM.iterdir():
            if f"ddbcfg.{namespace}." in path.name:
                path.unlink()
