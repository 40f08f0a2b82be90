"""Looking at a file: whether it changed, and its bytes if it did.

An editor may replace the file, or empty it and write it again.  So content is believed only if the
file did not change while it was read, nor in the tenth of a second before.
"""

from __future__ import annotations

import os
import stat
import time

from ddbcfg_client.errors import FileUnavailable

#: A longer file is refused: parsing takes about ten times its size in memory.
MAX_BYTES = 32 * 1024 * 1024

#: Seconds for which a file must not have changed before it is believed.
SETTLED_AFTER = 0.1

# A file whose last change is more recent than this when it is read can change again without a
# visible difference: some file systems count in steps of two seconds.
_COARSE = 2.5

#: What identifies one state of a file: device, inode, size, and the times of the last changes.
Signature = tuple[int, int, int, int, int]


class Unsettled(Exception):
    """The file is being written, so what it holds may be a part only."""


class Look:
    """The bytes of a file and its signature.

    ``sure`` says whether each later change gives the file another signature.
    """

    __slots__ = ("data", "signature", "sure")

    def __init__(self, data: bytes, signature: Signature, sure: bool) -> None:
        self.data = data
        self.signature = signature
        self.sure = sure


def look(path: str, known: Signature | None, *, settled: bool = True) -> Look | None:
    """Return the content of the file at ``path``; None if its signature is ``known``.

    Raise FileUnavailable, or Unsettled if the file is being written.  Without ``settled``, accept
    a file that changed a moment ago.
    """
    try:
        if _signature(_regular(path, os.stat(path))) == known:
            return None
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            before = _regular(path, os.fstat(fd))
            age = time.time() - before.st_ctime
            if settled and 0 <= age < SETTLED_AFTER:
                raise Unsettled
            data = _read(fd)
            if _signature(os.fstat(fd)) != _signature(before):
                raise Unsettled
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise FileUnavailable(path, getattr(error, "strerror", None) or str(error)) from None
    if len(data) > MAX_BYTES:
        raise _too_long(path)
    return Look(data, _signature(before), not -_COARSE < age < _COARSE)


def _regular(path: str, status: os.stat_result) -> os.stat_result:
    """Return ``status``; raise unless it is that of a file which is not too long."""
    if stat.S_ISDIR(status.st_mode):
        raise FileUnavailable(path, "it is a directory")
    if not stat.S_ISREG(status.st_mode):
        raise FileUnavailable(path, "it is not a regular file, so its changes cannot be followed")
    if status.st_size > MAX_BYTES:
        raise _too_long(path)
    return status


def _too_long(path: str) -> FileUnavailable:
    return FileUnavailable(path, f"it has more than {MAX_BYTES // 2**20} MiB")


def _signature(status: os.stat_result) -> Signature:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read(fd: int) -> bytes:
    """Return all bytes, or a little more than the limit if there are more."""
    parts, size = [], 0
    while size <= MAX_BYTES:
        part = os.read(fd, 1 << 20)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)
