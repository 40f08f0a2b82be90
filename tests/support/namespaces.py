"""Readers in other namespaces of Linux: forked, for another program might not be readable there."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from support.waiting import in_child

Result = TypeVar("Result")

NEW_TIME = 0x00000080
NEW_MOUNT = 0x00020000
NEW_USER = 0x10000000
NEW_PID = 0x20000000

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave namespaces for new ones; those of PIDs and time are entered by the next child."""
    if _libc.unshare(flags):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def become(uid: int) -> None:
    """Become this user, with its own group and no other."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    _libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, which setuid cleared: /proc/self is ours again


def map_ids(inside: int, outside: int) -> None:
    """Give one user, and the group of its number, a number in this user namespace."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside} {outside} 1")
    Path("/proc/self/gid_map").write_text(f"{inside} {outside} 1")


def mount_proc() -> None:
    """Mount a /proc that shows this PID namespace's processes, in a mount namespace of its own."""
    mount_for_us(b"proc", b"/proc")


def mount_for_us(kind: bytes, place: bytes, data: bytes | None = None) -> None:
    """Mount a file system that only this process and its children see."""
    unshare(NEW_MOUNT)
    private = 1 << 18 | 1 << 14  # MS_PRIVATE | MS_REC
    if _libc.mount(b"none", b"/", None, private, None) or _libc.mount(kind, place, kind, 0, data):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def need_namespaces() -> None:
    """Skip the test where none can be made."""
    import pytest  # here: what starts containers imports this module, too, and need not wait for it

    if os.geteuid() != 0:
        pytest.skip("needs root, to make namespaces")
    try:
        in_child(lambda: unshare(NEW_TIME | NEW_MOUNT | NEW_USER | NEW_PID))
    except AssertionError as error:
        pytest.skip(f"no namespaces can be made here: {str(error).splitlines()[-1]}")


def within(prepare: Callable[[], object], look: Callable[[], Result]) -> Result:
    """Call *prepare* in a child, and return what *look* returns in a child of that."""

    def enter() -> Result:
        prepare()
        return in_child(look)

    return in_child(enter)
