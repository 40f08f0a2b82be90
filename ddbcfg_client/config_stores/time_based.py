"""The config store that keeps a copy in this process and reads it anew at an interval.

A refresh replaces the copy by one assignment, so a reader sees all of the old one or all of the new
one.  The thread holds the store only while it polls: a store that nobody uses any more ends it.
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
# Parts of the interval, at random so that hosts that started together drift apart.  The rest is for
# a thread that is woken late.
_EARLIEST, _LATEST = 0.8, 0.95
_CLOSE_TIMEOUT = 1.0

log = logging.getLogger("ddbcfg")


class TimeBasedConfigStore(ConfigStore):
    """Answers from memory; a thread of its own reads the store anew.

    A change is seen at most ``update_interval`` seconds after it was made, if reads succeed and
    take about as long as the last one; ``reload()`` starts a new interval.  ``auto_reload`` is an
    older name of it.  The first read is made here, and its error raised.  A later one that fails
    changes nothing but ``last_error``, and is made again sooner.  In a forked child the thread is
    started again.

    An option is an attribute too: ``store.config.db``.  One whose name is that of a method, or no
    identifier, is reached with ``get`` or ``[]``.
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
            raise IntervalRefused("it has a second name, auto_reload: give one of the two")
        given = update_interval if auto_reload is None else auto_reload
        self._source = StoreSource(connection, store_name, consistent_read=consistent_read)
        self._closed = False
        #: Seconds between two reads.
        self.update_interval = _checked(DEFAULT_INTERVAL if given is None else given)
        #: The error of the newest read, None when it succeeded.
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
        # Called for what is no attribute, and so also while the instance is still being made.
        options = self.__dict__.get("_options", {})
        try:
            found: ReadOnlyDict = options[option]
        except KeyError:
            store = self.__dict__.get("_store_name", "")
            raise OptionAttributeError(option, store) from None
        return found

    # --- refreshing ------------------------------------------------------------------------------

    def reload(self) -> None:
        """Read the store now; raise its error, with the old values still in place.

        Raise :class:`StoreClosed` after :meth:`close`.
        """
        if self._closed:  # also while a read that was under way has not ended
            raise StoreClosed(self._store_name)
        # One at a time, lest a slow read put its older values over newer ones.
        with self._polling:
            if self._closed:
                raise StoreClosed(self._store_name)
            started = time.monotonic()
            try:
                options = self._source.options()
            except Exception as error:
                # Without its traceback, which would keep what was read, and the connection.
                self.last_error = copy(error) if isinstance(error, ConfigError) else error
                raise
            if not self._closed:
                self._options = options
            self.last_error = None
            self._due = self._after_read(started)

    def close(self) -> None:
        """End the thread; the values stay.  A read that is under way ends by itself, unheard."""
        self._closed = True
        self._ended()
        self._thread.join(_CLOSE_TIMEOUT)

    def after_fork(self) -> None:
        """Start the thread in a child, which has none, and with a lock that nobody holds."""
        self._polling = Lock()
        # Not to be called: its event may have been forked in the middle of something.
        self._ended.detach()
        if not self._closed:
            # The children of one parent are due at the same instant.
            self._due -= random.uniform(0, (1 - _EARLIEST) * self.update_interval)
            self._start()

    def _start(self) -> None:
        stop = Event()
        self._ended = finalize(self, stop.set)
        self._ended.atexit = False  # a daemon thread: it just stops with the process
        self._thread = Thread(
            target=_refresh, args=(ref(self), stop), name=f"ddbcfg {self._store_name}", daemon=True
        )
        self._thread.start()

    def _after_read(self, started: float) -> float:
        """When to read again, by the monotonic clock, after a read that ``started`` then."""
        now = time.monotonic()
        took = now - started
        # What changes while a read is under way, only the next one may see.  That takes as long.
        due = started + self.update_interval * random.uniform(_EARLIEST, _LATEST) - took
        return max(due, now + (1 - _LATEST) * self.update_interval)

    def _after_failures(self, failures: int) -> float:
        """When to read again after so many failures in a row: sooner, but ever later."""
        pause = min(self.update_interval, 2.0 ** min(failures, 16))
        return time.monotonic() + pause * random.uniform(_EARLIEST, _LATEST)


def _refresh(store_ref: ref[TimeBasedConfigStore], stop: Event) -> None:
    """The thread: read at each time that is due, until told to stop or the store is gone."""
    failures = 0
    while (store := store_ref()) is not None:
        pause = store._due - time.monotonic()
        if pause > 0:
            del store
            if stop.wait(pause):
                return
            continue  # a reload meanwhile has moved what is due
        try:
            store.reload()
        except StoreClosed:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the next read may succeed
            failures += 1
            # Only ddbcfg's own errors are known to hold no values.
            told = error if isinstance(error, ConfigError) else type(error).__name__
            log.warning("store %r keeps its values: %s", store._store_name, told)
            store._due = store._after_failures(failures)
        else:
            failures = 0
        del store


def _checked(interval: object) -> float:
    if isinstance(interval, bool) or not isinstance(interval, (int, float, Decimal)):
        raise IntervalRefused(f"it must be a number of seconds, not {type(interval).__name__}")
    if isinstance(interval, Decimal):
        # float() would not take a signalling NaN.
        interval = math.nan if interval.is_nan() else float(interval)
    if not MIN_INTERVAL <= interval <= MAX_INTERVAL:  # NaN is not between any two numbers
        span = f"{MIN_INTERVAL:g} to {MAX_INTERVAL:.0f}"
        raise IntervalRefused(f"it must be {span} seconds, not {str(interval)[:40]}")
    return float(interval)
