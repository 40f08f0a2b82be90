"""Folders that nobody but root and the daemon's user can change anything in.

The rule is OpenSSH's StrictModes: the folder and every folder above it belong to root or to this
user, and nobody else may write them.  A sticky folder above it (``/tmp``) will do: others cannot
rename or remove there what is not theirs.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ddbcfg_daemon.errors import UntrustedPath
from ddbcfg_daemon.publishing.objects import owner_of

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def open_trusted_folder(folder: Path, user: int | None = None) -> int:
    """Return a descriptor of *folder*, for ``dir_fd``; raise UntrustedPath or OSError.

    *user* is one that is trusted beside root and this process's own.  Whoever works on files
    relative to the descriptor stays in the folder that was checked.
    """
    real = Path(os.path.realpath(folder))
    fd = os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        check(real, os.fstat(fd), user)
        for above in real.parents:
            check(above, above.lstat(), user, sticky=True)
        if not os.path.samestat(real.lstat(), os.fstat(fd)):
            raise UntrustedPath(str(real), "was replaced just now", "try again")
    except BaseException:
        os.close(fd)
        raise
    return fd


def check(
    path: Path, status: os.stat_result, user: int | None = None, *, sticky: bool = False
) -> None:
    """Raise UntrustedPath unless only root and this user can change what has this *status*.

    And *user*, if one is given.  With *sticky*, a sticky folder may be written by all.
    """
    ours = os.geteuid() if user is None else user
    if status.st_uid not in (0, os.geteuid(), ours):
        raise UntrustedPath(
            str(path),
            f"belongs to {owner_of(status)}",
            f"it must belong to root or to the daemon's user (uid {ours})",
        )
    if status.st_mode & _OTHERS_WRITE and not (sticky and status.st_mode & stat.S_ISVTX):
        mode = stat.S_IMODE(status.st_mode)
        raise UntrustedPath(
            str(path), f"can be written by others (mode {mode:04o})", f"chmod go-w {path}"
        )
