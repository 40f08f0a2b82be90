"""The config store that keeps a copy in this process and refreshes it at an interval.

A refresh replaces the copy with one assignment, so a reader sees either all of the old copy or all
of the new one.  The thread refers to the store only during a read.  So the thread ends when the
store is garbage collected.
"""

from __future__ import annotations

import logging
import math
import random
import time
from copy import copy
from decimal import Decimal
from threading import Event, Lock, Thread
from weakref import finalize, ref

from ddbcfg_client.config_stores.base import ConfigStore
from ddbcfg_client.dynamodb import forks
from ddbcfg_client.dynamodb.store_reader import StoreSource
from ddbcfg_client.errors import (
    ConfigError,
    IntervalRefused,
    OptionAttributeError,
    StoreClosed,
)
from ddbcfg_client.readonly import ReadOnlyDict, only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddbcfg_client.dynamodb.table_connection import TableConnection

DEFAULT_INTERVAL = 300.0
MIN_INTERVAL, MAX_INTERVAL = 0.01, 365 * 86_400.0
# Fractions of the interval, chosen at random so that hosts that started together drift apart.  The
# rest of the interval is a reserve if the thread wakes late.
_EARLIEST, _LATEST = 0.8, 0.95
_CLOSE_TIMEOUT = 1.0

log = logging.getLogger("ddbcfg")


class TimeBasedConfigStore(ConfigStore):
    """Serves a copy in memory; its own thread refreshes the copy.

    A change is visible at most ``update_interval`` seconds after it was made, if reads succeed and
    take about as long as the last one.  ``reload()`` starts a new interval.  ``auto_reload`` is an
    older name of ``update_interval``.  The constructor does the first read and raises its error.
    If a later read fails, only ``last_error`` changes, and the retry comes sooner than the next
    interval.  In a forked child the thread is started again.

    Options are attributes too: ``store.config.db``.  If an option has the name of a method, or its
    name is not an identifier, use ``get`` or ``[]``.
    """

    _options: ReadOnlyDict

    def __init__(
        self,
        connection: TableConnection,
        store_name: str,
        update_interval: float | None = None,
        *,
        auto_reload: float | None = None,
        consistent_read: bool = False,
    ) -> None:
        super().__init__(store_name)
        if update_interval is not None and auto_reload is not None:
            raise IntervalRefused("auto_reload is another name of it: pass one of the two")
        interval = update_interval if auto_reload is None else auto_reload
        self._source = StoreSource(connection, store_name, consistent_read=consistent_read)
        self._closed = False
        #: Seconds between two reads.
        self.update_interval = _checked(DEFAULT_INTERVAL if interval is None else interval)
        #: The error of the last read; None if it succeeded.
        self.last_error: Exception | None = None
        self._polling = Lock()
        started = time.monotonic()
        self._options = self._source.options()
        self._due = self._after_read(started)
        self._start()
        forks.register(self)

    # --- reading ---------------------------------------------------------------------------------

    def _find(self, option: str, keys: Sequence[str] | None) -> ReadOnlyDict | None:
        found = self._options.get(option)
        return None if found is None else only(found, keys)

    def _all(self, keys: Sequence[str] | None) -> ReadOnlyDict:
        options = self._options
        if keys is None:
            return options
        return ReadOnlyDict((name, only(option, keys)) for name, option in options.items())

    def __getattr__(self, option: str) -> ReadOnlyDict:
        # Called for every missing attribute, also while the instance is still being created.
        options = self.__dict__.get("_options", {})
        try:
            found: ReadOnlyDict = options[option]
        except KeyError:
            store = self.__dict__.get("_store_name", "")
            raise OptionAttributeError(option, store) from None
        return found

    # --- refreshing ------------------------------------------------------------------------------

    def reload(self) -> None:
        """Read the store now; if this raises an error, the old values stay.

        Raise ``StoreClosed`` after ``close``.
        """
        if self._closed:  # even if a pending read has not ended yet
            raise StoreClosed(self._store_name)
        # One read at a time, so that a slow one cannot replace newer values with older ones.
        with self._polling:
            if self._closed:
                raise StoreClosed(self._store_name)
            started = time.monotonic()
            try:
                options = self._source.options()
            except Exception as error:
                # Without its traceback, which would keep the data and the connection alive.
                self.last_error = copy(error) if isinstance(error, ConfigError) else error
                raise
            if not self._closed:
                self._options = options
            self.last_error = None
            self._due = self._after_read(started)

    def close(self) -> None:
        """Stop the thread; the values stay.  The result of a pending read is ignored."""
        self._closed = True
        self._ended()
        self._thread.join(_CLOSE_TIMEOUT)

    def after_fork(self) -> None:
        """Start the thread in a forked child, which has none, and replace the lock."""
        self._polling = Lock()
        # Not called: its event may have been in any state at the moment of the fork.
        self._ended.detach()
        if not self._closed:
            # Without this, all children of one parent would read at the same time.
            self._due -= random.uniform(0, (1 - _EARLIEST) * self.update_interval)
            self._start()

    def _start(self) -> None:
        stop = Event()
        self._ended = finalize(self, stop.set)
        self._ended.atexit = False  # not needed at exit: a daemon thread stops with the process
        self._thread = Thread(
            target=_refresh, args=(ref(self), stop), name=f"ddbcfg {self._store_name}", daemon=True
        )
        self._thread.start()

    def _after_read(self, started: float) -> float:
        """Return the monotonic time of the next read, after a read that began at ``started``."""
        now = time.monotonic()
        took = now - started
        # A change during a read may only be seen by the next read, which takes about as long.
        due = started + self.update_interval * random.uniform(_EARLIEST, _LATEST) - took
        return max(due, now + (1 - _LATEST) * self.update_interval)

    def _after_failures(self, failures: int) -> float:
        """Return the time of the retry; the pause grows with the number of failures in a row."""
        pause = min(self.update_interval, 2.0 ** min(failures, 16))
        return time.monotonic() + pause * random.uniform(_EARLIEST, _LATEST)


def _refresh(store_ref: ref[TimeBasedConfigStore], stop: Event) -> None:
    """Run the thread: read whenever a read is due, until ``stop`` is set or the store is gone."""
    failures = 0
    while (store := store_ref()) is not None:
        pause = store._due - time.monotonic()
        if pause > 0:
            del store
            if stop.wait(pause):
                return
            continue  # a reload has moved the due time
        try:
            store.reload()
        except StoreClosed:
            return
        except Exception as error:  # noqa: BLE001 - after any error, the next read may succeed
            failures += 1
            # Only the texts of ddbcfg's own errors are known to contain no values.
            shown = error if isinstance(error, ConfigError) else type(error).__name__
            log.warning("store %r keeps its values: %s", store._store_name, shown)
            store._due = store._after_failures(failures)
        else:
            failures = 0
        del store


def _checked(interval: object) -> float:
    if isinstance(interval, bool) or not isinstance(interval, (int, float, Decimal)):
        raise IntervalRefused(f"it must be a number of seconds, not {type(interval).__name__}")
    if isinstance(interval, Decimal):
        # float() raises for a signalling NaN.
        interval = math.nan if interval.is_nan() else float(interval)
    if not MIN_INTERVAL <= interval <= MAX_INTERVAL:  # also refuses NaN
        span = f"{MIN_INTERVAL:g} to {MAX_INTERVAL:.0f}"
        raise IntervalRefused(f"it must be {span} seconds, not {str(interval)[:40]}")
    return float(interval)
