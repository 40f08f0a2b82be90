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
from threading import Event, Lock, Thread
from weakref import finalize, ref

from ddbcfg_client.config_stores.base import ConfigStore
from ddbcfg_client.dynamodb import forks
from ddbcfg_client.dynamodb.source import StoreSource
from ddbcfg_client.errors import ConfigError, OptionAttributeError, StoreClosed
from ddbcfg_client.readonly import ReadOnlyDict, only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ddbcfg_client.dynamodb.table_connection import TableConnection

DEFAULT_INTERVAL = 300.0
_JITTER = 0.1  # of the interval, either way: hosts that started together drift apart
_CLOSE_TIMEOUT = 1.0

log = logging.getLogger("ddbcfg")


class TimeBasedConfigStore(ConfigStore):
    """Answers from memory; a thread of its own reads the store every ``update_interval`` seconds.

    ``auto_reload`` is an older name of ``update_interval``.  The first read is made here, and its
    error raised.  A later one that fails changes nothing but ``last_error``, and is made again
    sooner.  In a forked child the thread is started again.

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
            raise TypeError("update_interval and auto_reload are two names of one thing: give one")
        given = update_interval if auto_reload is None else auto_reload
        self._source = StoreSource(connection, store_name, consistent_read=consistent_read)
        self._closed = False
        #: Seconds between two reads.
        self.update_interval = _checked(DEFAULT_INTERVAL if given is None else given)
        #: The error of the newest read, None when it succeeded.
        self.last_error: Exception | None = None
        self._options = self._source.options()
        self._due = self._next(failures=0)
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
        # One at a time, lest a slow read put its older values over newer ones.
        with self._polling:
            if self._closed:
                raise StoreClosed(self._store_name)
            try:
                options = self._source.options()
            except Exception as error:
                # Without its traceback, which would keep what was read, and the connection.
                self.last_error = copy(error) if isinstance(error, ConfigError) else error
                raise
            if not self._closed:
                self._options = options
            self.last_error = None

    def close(self) -> None:
        """End the thread; the values stay.  A read that is under way ends by itself, unheard."""
        self._closed = True
        self._ended()
        self._thread.join(_CLOSE_TIMEOUT)

    def after_fork(self) -> None:
        """Start the thread in a child, which has none, and with a lock that nobody holds."""
        # Not to be called: its event may have been forked in the middle of something.
        self._ended.detach()
        if not self._closed:
            # The children of one parent are due at the same instant.
            self._due += random.uniform(0, _JITTER * self.update_interval)
            self._start()

    def _start(self) -> None:
        stop = Event()
        self._polling = Lock()
        self._ended = finalize(self, stop.set)
        self._ended.atexit = False  # a daemon thread: it just stops with the process
        self._thread = Thread(
            target=_refresh, args=(ref(self), stop), name=f"ddbcfg {self._store_name}", daemon=True
        )
        self._thread.start()

    def _next(self, failures: int) -> float:
        """When to read again, by the monotonic clock: sooner after a failure, but never hasty."""
        pause = self.update_interval
        if failures:
            pause = min(pause, 2.0 ** min(failures, 16))
        return time.monotonic() + pause * random.uniform(1 - _JITTER, 1 + _JITTER)


def _refresh(store_ref: ref[TimeBasedConfigStore], stop: Event) -> None:
    """The thread: read at each time that is due, until told to stop or the store is gone."""
    failures = 0
    while (store := store_ref()) is not None:
        pause = store._due - time.monotonic()
        del store
        if stop.wait(max(pause, 0.0)) or (store := store_ref()) is None:
            return
        try:
            store.reload()
        except StoreClosed:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the next read may succeed
            failures += 1
            # Only ddbcfg's own errors are known to hold no values.
            told = error if isinstance(error, ConfigError) else type(error).__name__
            log.warning("store %r keeps its values: %s", store._store_name, told)
        else:
            failures = 0
        store._due = store._next(failures)
        del store


def _checked(interval: Any) -> float:
    number = isinstance(interval, (int, float)) and not isinstance(interval, bool)
    if not number or not math.isfinite(interval) or interval <= 0:
        raise ValueError(f"update_interval must be a positive number of seconds, not {interval!r}")
    return float(interval)
