"""A Python that lacks what macOS lacks: ``imitate()`` is called before ddbcfg is imported."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from support.children import TESTS

_LINUX_ONLY: dict[ModuleType, tuple[str, ...]] = {
    os: ("O_PATH", "posix_fallocate", "eventfd", "pidfd_open", "memfd_create", "getrandom"),
    fcntl: ("F_SETLEASE", "F_GETLEASE", "F_NOTIFY", "F_ADD_SEALS"),
    time: ("CLOCK_BOOTTIME",),
    mmap: ("MADV_WIPEONFORK", "MADV_DONTFORK", "MAP_POPULATE"),
    socket: ("SO_PEERCRED", "SOCK_CLOEXEC", "SOCK_NONBLOCK"),
}


class _Library(ctypes.CDLL):
    """A C library without the calls of Linux."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("inotify_", "prctl", "unshare")):
            raise AttributeError(f"dlsym(RTLD_DEFAULT, {name}): symbol not found")
        return super().__getattr__(name)


def imitate() -> None:
    """Remove from this process what macOS does not have, and the compiled part of ddbcfg."""
    assert not any(name.startswith("ddbcfg_client") for name in sys.modules)
    assert not Path("/dev/shm").exists()
    for module, names in _LINUX_ONLY.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    vars(ctypes)["CDLL"] = _Library
    vars(sys)["platform"] = "darwin"
    sys.modules["ddbcfg_client._compiled"] = None  # type: ignore[assignment]


_WITHOUT_SHM = """
set -e
mount --make-rprivate /
new=$(mktemp -d)
mount -t tmpfs tmpfs "$new"
for device in null zero urandom; do
    touch "$new/$device"
    mount --bind "/dev/$device" "$new/$device"
done
mount --rbind "$new" /dev
exec "$@"
"""


def run_without_shm(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run this Python in a mount namespace without /dev/shm."""
    command = ["unshare", "--mount", "sh", "-c", _WITHOUT_SHM, "sh", sys.executable, *arguments]
    return subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(TESTS)} | settings,
        capture_output=True,
        text=True,
        check=False,
    )
