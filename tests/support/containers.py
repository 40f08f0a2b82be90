"""Containers without an engine: processes in namespaces of their own that share one /dev/shm.

Each has its own mount, PID, IPC and user namespace, a read-only root, no capability, and the pod's
tmpfs as its /dev/shm, as Compose (``ipc: service:…``) and Kubernetes (an emptyDir) arrange it.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.namespaces import NEW_MOUNT, NEW_PID, NEW_USER, unshare

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
SIZE = 64 * MIB  # what Docker gives a container
DAEMON = 10001  # the uid and the gid of the image's user
FIRST_ID = 100_000  # the host's number of uid 0 in the containers
IDS = 65_536

NEW_IPC = 0x08000000
NAMESPACES = ("mnt", "pid", "ipc", "user")

_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 1 << 5, 1 << 12, 1 << 14, 1 << 18
_DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 1, 38  # of prctl
_ENTER = "import sys; sys.path.insert(0, 'tests'); from support.containers import main; main()"

_libc = ctypes.CDLL(None, use_errno=True)


class Pod:
    """A mount namespace with a tmpfs of 64 MiB, kept by a process that waits."""

    def __init__(self, keeper: subprocess.Popen[str], shm: Path) -> None:
        self._keeper = keeper
        self._shm = shm

    def within(
        self,
        uid: int,
        groups: Sequence[int] = (),
        *,
        read_only: bool = False,
        first: int = FIRST_ID,
    ) -> tuple[str, ...]:
        """Return the command before the one that is to run in a container of this user.

        *read_only* is about /dev/shm; *first* is the host's number of the container's uid 0.
        """
        return (
            *(sys.executable, "-c", _ENTER),
            *("--pod", str(self._keeper.pid), "--shm", str(self._shm)),
            *("--uid", str(uid), "--first", str(first)),
            *(word for group in groups for word in ("--group", str(group))),
            *(["--read-only"] if read_only else []),
            "--",
        )


@contextmanager
def a_pod(folder: Path, access: str = "mode=1777") -> Iterator[Pod]:
    """Keep a pod while the block runs; *folder* is where its tmpfs is mounted, in its namespace.

    *access* says in mount's words who may create files in it.
    """
    mount = f'mount -t tmpfs -o size={SIZE},{access} tmpfs "$0" && echo mounted && exec cat'
    with subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", mount, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == "mounted\n"
        yield Pod(keeper, folder)  # at the end, Popen closes its standard input


def namespaces_of(pid: int | str) -> list[str]:
    """Return the identities of the process's namespaces."""
    return [os.readlink(f"/proc/{pid}/ns/{name}") for name in NAMESPACES]


def process_in(launcher: int) -> int:
    """Return the host's pid of the first process in the container that *launcher* started."""
    [child] = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return int(child)


def main() -> None:
    """Enter the pod, make the container, run the command in it, and exit with its code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pod", type=int)
    parser.add_argument("--shm")
    parser.add_argument("--uid", type=int)
    parser.add_argument("--first", type=int)
    parser.add_argument("--group", type=int, action="append", default=[])
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with open(f"/proc/{args.pod}/ns/mnt") as pod:
        _check(_libc.setns(pod.fileno(), NEW_MOUNT))
    os.chdir(ROOT)
    unshare(NEW_PID)  # of the next child
    unshared, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _become_container(args, unshared[1], mapped[0])
            os.execvp(args.command[0], args.command)
        finally:
            os._exit(127)
    signal.signal(signal.SIGTERM, lambda number, _: os.kill(child, number))
    os.read(unshared[0], 1)
    for kind in ("uid", "gid"):
        Path(f"/proc/{child}/{kind}_map").write_text(f"0 {args.first} {IDS}")
    os.write(mapped[1], b"!")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    raise SystemExit(status if status >= 0 else 128 - status)


def _become_container(args: argparse.Namespace, unshared: int, mapped: int) -> None:
    unshare(NEW_MOUNT | NEW_IPC)
    _mount(None, "/", _PRIVATE | _RECURSIVE)
    _open_to_others({Path(sys.base_prefix), Path(sys.prefix), ROOT})
    os.chdir(ROOT)
    _mount(args.shm, "/dev/shm", _BIND)
    if args.read_only:
        _mount(None, "/dev/shm", _REMOUNT | _BIND | _READ_ONLY)
    _mount(None, "/", _REMOUNT | _BIND | _READ_ONLY)
    _mount("proc", "/proc", 0, "proc")
    unshare(NEW_USER)
    os.write(unshared, b"!")
    os.read(mapped, 1)
    os.setgroups(args.group)
    os.setgid(args.uid)
    os.setuid(args.uid)
    _check(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _check(_libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0))  # setuid() cleared it


def _open_to_others(paths: set[Path]) -> None:
    """Let any user reach these folders: root's home, where Python may be, is closed to others."""
    closed = {}
    for path in paths:
        for folder in reversed(path.parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                closed[os.open(path, os.O_PATH)] = path, folder
                break
    for folder in {folder for _, folder in closed.values()}:
        _mount("tmpfs", str(folder), 0, "tmpfs", "mode=755")
    for fd, (path, _) in closed.items():
        path.mkdir(parents=True, exist_ok=True)
        _mount(f"/proc/self/fd/{fd}", str(path), _BIND | _RECURSIVE)


def _mount(
    source: str | None, target: str, flags: int, kind: str | None = None, data: str | None = None
) -> None:
    texts = [text and text.encode() for text in (source, target, kind, data)]
    _check(_libc.mount(*texts[:3], flags, texts[3]))


def _check(result: Any) -> None:
    if result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
