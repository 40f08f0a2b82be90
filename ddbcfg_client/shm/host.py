"""The stores that are published on this host."""

from __future__ import annotations

import os

from ddbcfg_client.errors import NoSharedMemory, SnapshotUnavailable, UntrustedSegment
from ddbcfg_client.format.names import PREFIX, Names
from ddbcfg_client.shm.trust import SHM_DIR, Trust


def published_stores(trust: Trust) -> tuple[list[Names], list[UntrustedSegment]]:
    """Return the stores published on this host, by name, and an error for each untrusted page.

    No page is opened.  Their owners are checked because any user can create a file there.  Raise
    NoSharedMemory, or SnapshotUnavailable if /dev/shm cannot be listed.
    """
    try:
        files = sorted(os.listdir(SHM_DIR))
    except FileNotFoundError:
        raise NoSharedMemory(PREFIX) from None
    except OSError as error:
        raise SnapshotUnavailable(PREFIX, f"{SHM_DIR}: {error.strerror}") from None
    stores, refused = [], []
    for file in files:
        names = Names.of_page(f"/{file}")
        if names is None:
            continue
        try:
            trust.check(names.page, os.stat(SHM_DIR + names.page, follow_symlinks=False))
        except FileNotFoundError:
            continue
        except UntrustedSegment as error:
            refused.append(error)
        else:
            stores.append(names)
    return stores, refused
