"""Connecting to the file that ``DDBCFG_FILE`` names."""

from __future__ import annotations

import os
import time
from time import monotonic

from ddbcfg_client.errors import FileUnavailable
from ddbcfg_client.file_config.config import FileConfig
from ddbcfg_client.file_config.content import stores_in
from ddbcfg_client.file_config.looking import SETTLED_AFTER, Unsettled, look
from ddbcfg_client.format.names import Names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WAIT_STEP = 0.05  # seconds between two looks while waiting for the file

# Shown as the namespace if neither a table nor a namespace is named: the file has no such name.
_NAMESPACE = "file"


def attach_to_file(
    path: str, namespace: str | None, store: str | None, wait: float, reading: tuple[Any, ...]
) -> FileConfig:
    """Return a Config over the file at ``path``; raise FileUnavailable after ``wait`` seconds.

    Without ``store``, it is the file's first one, as with ``ddbcfg-daemon --local``.  ``reading``
    are the arguments of the Config that say how to read.
    """
    path = os.path.abspath(path)
    deadline = monotonic() + wait
    while True:
        try:
            names = Names(namespace or _NAMESPACE, store or _first_store(path))
            config = FileConfig(path, names, *reading)
            config.generation  # noqa: B018 - looks at the file, or raises
            return config
        except FileUnavailable:
            if monotonic() >= deadline:
                raise
        time.sleep(_WAIT_STEP)


def _first_store(path: str) -> str:
    """Return the name of the file's first store."""
    try:
        found = look(path, None)
    except Unsettled:
        time.sleep(SETTLED_AFTER)
        found = look(path, None, settled=False)
    assert found is not None
    for store in stores_in(path, found.data):
        return store
    raise FileUnavailable(path, "it has no stores")
