"""Folders whose content only root and the daemon's user can change.

The rule is that of OpenSSH's StrictModes: the folder and all its parents belong to root or to this
user, and no other user may write them.  A parent may be a sticky folder (``/tmp``): users cannot
rename or remove the files of other users there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ddbcfg_daemon.errors import UntrustedPath
from ddbcfg_daemon.publishing.objects import owner_of

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def open_trusted_folder(folder: Path, user: int | None = None) -> int:
    """Return a descriptor of ``folder``, for ``dir_fd``; raise UntrustedPath or OSError.

    ``user`` is trusted in addition to root and the user of this process.  Paths relative to the
    descriptor stay in the folder that was checked, even if it is renamed or replaced.
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
    """Raise UntrustedPath if another user could change the file or folder with this ``status``.

    Root, the user of this process and ``user`` are trusted.  With ``sticky``, a sticky folder may
    be writable by all users.
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
