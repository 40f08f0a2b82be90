"""The last-known-good copy on disk, for a host that boots while DynamoDB is unavailable.

Shared memory does not survive a reboot; this file does.  Each new generation replaces it atomically
and with fsync.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk.copy_file import CopyFile
from ddbcfg_daemon.disk.copy_format import HEAD_AT, RECORD_AT, Content, pack_record
from ddbcfg_daemon.disk.trusted_folder import open_trusted_folder
from ddbcfg_daemon.publishing.objects import Access


class DiskCopy(CopyFile):
    """One store's copy in ``folder``; see ``CopyFile``."""

    def __init__(self, folder: Path, names: Names, access: Access | None = None) -> None:
        super().__init__(folder, f"{names.page[1:]}.copy", names, access)
        # Digest, notes and status of the file that was last saved here.
        self._saved: tuple[str, Mapping[str, object], os.stat_result] | None = None

    def follow(self, content: Content) -> None:
        """Update the copy to ``content``; raise OSError or UntrustedPath.

        If options and notes did not change, only the time is written.
        """
        folder = open_trusted_folder(self.folder, self.access.uid)
        try:
            if not self._renew(folder, content):
                self._saved = None
                self._saved = content.digest, content.notes, self.save_in(folder, content)
        finally:
            os.close(folder)

    def _renew(self, folder: int, content: Content) -> bool:
        """Write the new time into the file if it holds this content; return whether it does."""
        if self._saved is None or self._saved[:2] != (content.digest, content.notes):
            return False
        try:
            fd = os.open(self.name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError:
            return False  # it was removed, or replaced by another kind of file
        try:
            status = os.fstat(fd)
            if _identity(status) != _identity(self._saved[2]):
                return False
            # No fsync: after a power failure, the copy only seems some seconds older than it is.
            return os.pwrite(fd, pack_record(content.confirmed), RECORD_AT) == HEAD_AT - RECORD_AT
        finally:
            os.close(fd)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_uid, status.st_mode
