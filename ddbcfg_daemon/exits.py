"""What failures mean: whether a retry may succeed, their text in the log, the exit code."""

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
    UnitsRefused,
    WriterLocked,
)

log = logging.getLogger("ddbcfg.daemon")

# A retry may succeed: DynamoDB, the network, /dev/shm, the memory.
MENDABLE = (ConfigError, OSError, posix_ipc.Error, MemoryError)
# A retry fails, too, unless an operator removes the cause.
FINAL = (SourceUnusable, WriterLocked, ForeignObject, OtherSource, GroupRefused)

# From sysexits.h, if it has a matching code.
_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (SourceUnusable, 78),
    (WriterLocked, 75),
    (ForeignObject, 77),
    (OtherSource, 77),
    (UnitsRefused, 77),
    (SettingRefused, 2),
    (MissingExtra, 2),
    (NotationError, 2),
    (SchemaError, 2),
    *((kind, 1) for kind in MENDABLE),
)
_FAULT = 70  # a bug in the daemon; the traceback is in the log


def exit_code(failure: BaseException | None) -> int:
    """Return the exit code for ``failure``; 0 for None."""
    if failure is None:
        return 0
    return next((code for kind, code in _CODES if isinstance(failure, kind)), _FAULT)


def is_final(failure: BaseException) -> bool:
    """Return whether a retry cannot succeed, as far as the daemon knows."""
    return isinstance(failure, FINAL) or exit_code(failure) == _FAULT


def common_failure(failures: Sequence[BaseException | None]) -> BaseException | None:
    """Return the first failure if all stores failed, finally and with the same code; else None.

    Stores are independent: a failure of one does not end the daemon for the others.
    """
    first = failures[0] if failures else None
    for failure in failures:
        if first is None or failure is None or not is_final(failure):
            return None
        if exit_code(failure) != exit_code(first):
            return None
    return first


def reason_of(failure: BaseException) -> str:
    """Return the text of ``failure`` for log and status.

    For a bug in the daemon, this is only the class name: the text may quote a value.
    """
    text = str(failure) if isinstance(failure, MENDABLE) else ""
    return text or type(failure).__name__


def log_fault(label: str, fault: BaseException) -> None:
    """Log where a bug in the daemon occurred, without the text of the exception."""
    where = "".join(traceback.format_tb(fault.__traceback__))
    log.critical("%s: %s at", label, type(fault).__name__, extra={"frames": where})
