"""Removing the copies of layers that a store no longer has."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_client.printable import counted
from ddbcfg_daemon.disk.copy_file import CopyFile
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.disk.trusted_folder import open_trusted_folder

log = logging.getLogger("ddbcfg.daemon")

_MARK = re.compile("\x1flayer [0-9a-f]{16}")


def remove_other_layers(copy: DiskCopy, layers: Collection[Names]) -> int:
    """Remove the copies of layers of the store of ``copy`` that are not in ``layers``.

    Return how many.  A file that cannot be read or is of something else stays.  Raise OSError or
    UntrustedPath.
    """
    keep = {f"{names.page[1:]}.copy" for names in (copy.names, *layers)}
    namespace = Names(copy.names.namespace, "x").page[1:-1]
    removed = 0
    for name in _files(copy):
        if name.startswith(namespace) and name.endswith(".copy") and name not in keep:
            file = CopyFile(copy.folder, name, copy.names, copy.access)
            if _is_layer(file):
                file.remove()
                removed += 1
    if removed:
        log.info(
            "%s/%s: removed the copies on disk of %s that the store no longer has",
            copy.names.namespace,
            copy.names.store,
            counted(removed, "layer"),
        )
    return removed


def _files(copy: DiskCopy) -> list[str]:
    try:
        folder = open_trusted_folder(copy.folder, copy.access.uid)
    except FileNotFoundError:
        return []
    try:
        return sorted(os.listdir(folder))
    finally:
        os.close(folder)


def _is_layer(file: CopyFile) -> bool:
    """Return whether the head says that this is a copy of a layer; a long file name does not."""
    try:
        head = file.head(of_any=True)
    except (ConfigError, ValueError, OSError):
        return False
    if head is None:
        return False
    store, names = str(head[0].notes.get("store")), file.names
    begins = store.startswith(names.store) and _MARK.fullmatch(store, len(names.store))
    return bool(begins) and head[0].notes.get("namespace") == names.namespace
