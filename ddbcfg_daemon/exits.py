"""What failures mean: whether a later try may go well, what is said of them, the exit code."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence

import posix_ipc

from ddbcfg_client.errors import (
    ConfigError,
    MissingExtra,
    NotationError,
    SchemaError,
)
from ddbcfg_daemon.errors import (
    ForeignObject,
    GroupRefused,
    OtherSource,
    SettingRefused,
    SourceUnusable,
    WriterLocked,
)

log = logging.getLogger("ddbcfg.daemon")

# A later try may go well: DynamoDB, the network, /dev/shm, the memory.
MENDABLE = (ConfigError, OSError, posix_ipc.Error, MemoryError)
# No later try will go well unless somebody does something about it.
FINAL = (SourceUnusable, WriterLocked, ForeignObject, OtherSource, GroupRefused)

# Of sysexits.h, where that has a name for it.
_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (SourceUnusable, 78),
    (WriterLocked, 75),
    (ForeignObject, 77),
    (OtherSource, 77),
    (SettingRefused, 2),
    (MissingExtra, 2),
    (NotationError, 2),
    (SchemaError, 2),
    *((kind, 1) for kind in MENDABLE),
)
_FAULT = 70  # of the daemon itself; its traceback is in the log


def exit_code(failure: BaseException | None) -> int:
    """Return the code that says *failure*; 0 for none."""
    if failure is None:
        return 0
    return next((code for kind, code in _CODES if isinstance(failure, kind)), _FAULT)


def is_final(failure: BaseException) -> bool:
    """Return whether trying again is no use: as far as the daemon can know."""
    return isinstance(failure, FINAL) or exit_code(failure) == _FAULT


def common_failure(failures: Sequence[BaseException | None]) -> BaseException | None:
    """Return what is true of every store: the first failure, if all are final and alike; or None.

    Each store has its own fate: what is in the way of one does not end the daemon for the others.
    """
    first = failures[0] if failures else None
    for failure in failures:
        if first is None or failure is None or not is_final(failure):
            return None
        if exit_code(failure) != exit_code(first):
            return None
    return first


def reason_of(failure: BaseException) -> str:
    """Return what log and status say of *failure*.  Of a fault no text: it may quote a value."""
    text = str(failure) if isinstance(failure, MENDABLE) else ""
    return text or type(failure).__name__


def log_fault(label: str, fault: BaseException) -> None:
    """Log where a fault of the daemon itself happened, without its text."""
    where = "".join(traceback.format_tb(fault.__traceback__))
    log.critical("%s: %s at", label, type(fault).__name__, extra={"frames": where})
