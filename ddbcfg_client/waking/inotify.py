"""The system calls of inotify(7), which Python's standard library does not have."""

from __future__ import annotations

import ctypes
import os

IN_ATTRIB = 0x00000004  # also if the file is unlinked, or another one is renamed over it
_IN_DONT_FOLLOW = 0x02000000

_libc = ctypes.CDLL(None, use_errno=True)


def new_instance() -> int:
    """Return the descriptor of a new instance, without blocking reads; raise OSError."""
    return _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))


def add_watch(instance: int, path: bytes) -> int:
    """Watch the file at ``path`` and return the watch's number; raise OSError.

    It is the number of the watch that the instance has for this file already, if it has one.
    """
    return _checked(_libc.inotify_add_watch(instance, path, IN_ATTRIB | _IN_DONT_FOLLOW))


def remove_watch(instance: int, watch: int) -> None:
    """Remove a watch; do nothing if it is gone, for example together with its file."""
    _libc.inotify_rm_watch(instance, watch)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
