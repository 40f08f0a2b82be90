"""The last-known-good copy on disk, for a host that boots while DynamoDB is unavailable.

Shared memory does not survive a reboot; this file does.  Each new generation replaces it atomically
and with fsync.  Only the daemon's user can read it.  It is used only if its checksum is right and
no other user could have written it.
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
    LARGEST,
    RECORD_AT,
    Content,
    Copy,
    body_chunks,
    pack_head,
    pack_prefix,
    pack_record,
    parse_copy,
)
from ddbcfg_daemon.disk.trusted_folder import check, open_trusted_folder
from ddbcfg_daemon.errors import UntrustedPath
from ddbcfg_daemon.publishing.objects import Access


class DiskCopy:
    """One store's copy in ``folder``.

    Only one thread may use it at a time; its methods can block for long.  ``access`` sets the
    owner, so that root can publish for the service's user.
    """

    def __init__(self, folder: Path, names: Names, access: Access | None = None) -> None:
        self._access = access or Access()
        self.path = folder / f"{names.page[1:]}.copy"
        self._folder = folder
        self._names = names
        self._name = self.path.name
        self._new = f"{self._name}.new"
        self._saved: tuple[str, os.stat_result] | None = None  # digest and file last saved here

    def follow(self, content: Content) -> None:
        """Update the copy to ``content``; raise OSError or UntrustedPath.

        If the options did not change, only the time is written.
        """
        folder = open_trusted_folder(self._folder, self._access.uid)
        try:
            if not self._renew(folder, content):
                self._save(folder, content)
        finally:
            os.close(folder)

    def load(self) -> Copy | None:
        """Return the copy; None if there is none.

        Raise OSError, UntrustedPath, or ValueError if it is damaged or of another store.
        """
        try:
            folder = open_trusted_folder(self._folder, self._access.uid)
        except FileNotFoundError:
            return None
        try:
            # O_NONBLOCK: a FIFO in its place must not block the daemon.
            fd = os.open(
                self._name,
                os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
                dir_fd=folder,
            )
        except FileNotFoundError:
            return None
        finally:
            os.close(folder)
        with open(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise UntrustedPath(str(self.path), "is not a regular file", "remove it")
            check(self.path, status, self._access.uid)
            if status.st_size > LARGEST:
                raise ValueError("it is larger than any store")
            return parse_copy(file.read(LARGEST), self._names)

    # --- writing ---------------------------------------------------------------------------------

    def _renew(self, folder: int, content: Content) -> bool:
        """Write the new time into the file if it holds this content; return whether it does."""
        if self._saved is None or self._saved[0] != content.digest:
            return False
        try:
            fd = os.open(self._name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return False  # it was removed, or replaced by another kind of file
        try:
            status = os.fstat(fd)
            if _identity(status) != _identity(self._saved[1]):
                return False
            # No fsync: after a power failure, the copy only seems some seconds older than it is.
            return os.pwrite(fd, pack_record(content.confirmed), RECORD_AT) == HEAD_AT - RECORD_AT
        finally:
            os.close(fd)

    def _save(self, folder: int, content: Content) -> None:
        """Replace the copy.  If this fails, the old copy stays."""
        self._saved = None
        with suppress(FileNotFoundError):  # left by a daemon that was killed while writing
            os.unlink(self._new, dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._new, flags, 0o600, dir_fd=folder)
        try:
            with open(fd, "wb") as file:
                self._access.own(fd)
                os.fchmod(fd, 0o600)  # a umask can remove the owner's permissions, too
                prefix = self._write(file.write, content)
                file.seek(0)
                file.write(prefix + pack_record(content.confirmed))
                file.flush()
                os.fsync(fd)
                status = os.fstat(fd)
            # After the fsync, so that a power failure leaves either the old copy or the new one.
            os.replace(self._new, self._name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):  # free its space if the disk is full
                os.unlink(self._new, dir_fd=folder)
            raise
        os.fsync(folder)
        self._saved = content.digest, status

    def _write(self, write: Callable[[bytes], object], content: Content) -> bytes:
        """Write head and body after the space of prefix and record; return the prefix."""
        head = pack_head(self._names, content)
        write(bytes(HEAD_AT))
        write(head)
        digest, length = sha256(head), 0
        for chunk in body_chunks(content.options):
            write(chunk)
            digest.update(chunk)
            length += len(chunk)
        return pack_prefix(len(head), length, digest.digest())


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_uid, status.st_mode
