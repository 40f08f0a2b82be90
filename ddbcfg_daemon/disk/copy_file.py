"""One file that holds the content of a store: written atomically, and read only if it is trusted.

Only the daemon's user can read it.  It is used only if its checksum is right and no other user
could have written it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk.copy_format import (
    HEAD_AT,
    HEAD_LONGEST,
    LARGEST,
    Content,
    Copy,
    Head,
    body_chunks,
    pack_head,
    pack_prefix,
    pack_record,
    parse_copy,
    parse_start,
)
from ddbcfg_daemon.disk.trusted_folder import check, open_trusted_folder
from ddbcfg_daemon.errors import UntrustedPath
from ddbcfg_daemon.publishing.objects import Access


class CopyFile:
    """The file ``name`` in ``folder``, with content of the store ``names``.

    Only one thread may use it at a time; its methods can block for long.  ``access`` sets the
    owner, so that root can publish for the service's user.
    """

    def __init__(self, folder: Path, name: str, names: Names, access: Access | None = None) -> None:
        self.access = access or Access()
        self.path = folder / name
        self.folder = folder
        self.name = name
        self.names = names
        self._new = f"{name}.new"

    def save(self, content: Content) -> os.stat_result:
        """Replace the file and return the new one's status.  If this fails, the old file stays.

        Raise OSError or UntrustedPath.
        """
        folder = open_trusted_folder(self.folder, self.access.uid)
        try:
            return self.save_in(folder, content)
        finally:
            os.close(folder)

    def load(self) -> Copy | None:
        """Return the content; None if there is no file.

        Raise OSError, UntrustedPath, or ValueError if it is damaged or of another store.
        """
        fd = self._open()
        if fd is None:
            return None
        with open(fd, "rb") as file:
            self._check(fd)
            return parse_copy(file.read(LARGEST), self.names)

    def head(self, *, of_any: bool = False) -> tuple[Head, int] | None:
        """Return what the file says of its content, and its size; None if there is no file.

        The content is not read, and its checksum is not verified.  Raise the same errors; with
        ``of_any``, it can be of any store.
        """
        fd = self._open()
        if fd is None:
            return None
        with open(fd, "rb") as file:
            size = self._check(fd)
            raw = file.read(HEAD_AT + HEAD_LONGEST)
            return parse_start(raw, None if of_any else self.names), size

    def remove(self) -> None:
        """Remove the file, if there is one; raise OSError or UntrustedPath."""
        folder = open_trusted_folder(self.folder, self.access.uid)
        try:
            with suppress(FileNotFoundError):
                os.unlink(self.name, dir_fd=folder)
            os.fsync(folder)
        finally:
            os.close(folder)

    # --- reading ---------------------------------------------------------------------------------

    def _open(self) -> int | None:
        try:
            folder = open_trusted_folder(self.folder, self.access.uid)
        except FileNotFoundError:
            return None
        try:
            # O_NONBLOCK: a FIFO in its place must not block the daemon.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(self.name, flags, dir_fd=folder)
        except FileNotFoundError:
            return None
        finally:
            os.close(folder)

    def _check(self, fd: int) -> int:
        """Return the size of the open file; raise UntrustedPath or ValueError."""
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise UntrustedPath(str(self.path), "is not a regular file", "remove it")
        check(self.path, status, self.access.uid)
        if status.st_size > LARGEST:
            raise ValueError("it is larger than any store")
        return status.st_size

    # --- writing ---------------------------------------------------------------------------------

    def save_in(self, folder: int, content: Content) -> os.stat_result:
        """Do ``save`` in the folder with the descriptor ``folder``, which was checked."""
        with suppress(FileNotFoundError):  # left by a daemon that was killed while writing
            os.unlink(self._new, dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._new, flags, 0o600, dir_fd=folder)
        try:
            with open(fd, "wb") as file:
                self.access.own(fd)
                os.fchmod(fd, 0o600)  # a umask can remove the owner's permissions, too
                prefix = self._write(file.write, content)
                file.seek(0)
                file.write(prefix + pack_record(content.confirmed))
                file.flush()
                os.fsync(fd)
                status = os.fstat(fd)
            # After the fsync, so that a power failure leaves either the old file or the new one.
            os.replace(self._new, self.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):  # free its space if the disk is full
                os.unlink(self._new, dir_fd=folder)
            raise
        os.fsync(folder)
        return status

    def _write(self, write: Callable[[bytes], object], content: Content) -> bytes:
        """Write head and body after the space of prefix and record; return the prefix."""
        head = pack_head(self.names, content)
        write(bytes(HEAD_AT))
        write(head)
        digest, length = sha256(head), 0
        for chunk in body_chunks(content.options):
            write(chunk)
            digest.update(chunk)
            length += len(chunk)
        return pack_prefix(len(head), length, digest.digest())
