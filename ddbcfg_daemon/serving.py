"""From settings to what serves them: sources, guards, copies and publishers, put together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from errno import ENOTDIR
from pathlib import Path

from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.format.names import Names
from ddbcfg_client.printable import printable
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.errors import EmptyStore, SomeNotServed
from ddbcfg_daemon.exits import common_failure, reason_of
from ddbcfg_daemon.guards import Guard, SchemaGuard, ShrinkGuard
from ddbcfg_daemon.memory import settle
from ddbcfg_daemon.outputs.opening import open_outputs
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.publishing.poll_requests import PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.publishing.request_server import RequestServer
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.service import Service
from ddbcfg_daemon.settings.values import DaemonSettings, StoreSettings
from ddbcfg_daemon.signals import Signals
from ddbcfg_daemon.sources.base import Sources
from ddbcfg_daemon.sources.deadline import DeadlineSource
from ddbcfg_daemon.sources.opening import open_sources
from ddbcfg_daemon.systemd import Notifier

_COPY_PATIENCE = 10.0  # seconds that a poll with --once gives the disk


def serve(settings: DaemonSettings, signals: Signals) -> BaseException | None:
    """Serve what *settings* name until a signal stops that; return why it ended before.

    Raise ConfigError or OSError for what is wrong with the settings.
    """
    # First: what is wrong with the settings is said before anything is done.
    schemas = _schemas(settings)
    outputs = open_outputs(settings)
    with ExitStack() as stack:
        sources = open_sources(settings)
        stack.callback(sources.close)
        fault = sources.fault()
        service = Service(Notifier(), signals, outputs)
        # One poll is over before anybody could ask for another.
        server = None if settings.once else stack.enter_context(RequestServer())
        parts = _Parts(sources, schemas, settings.state_dir, server, service.wake)
        served = [parts.served(store) for store in sources.stores]
        for store in served:
            stack.callback(store.close)
        if settings.once:
            return _poll_once(served, sources.stores)
        if fault is not None and not _serve_without(served):
            return fault
        settle()
        _introduce(sources)
        return service.run(served)


def _schemas(settings: DaemonSettings) -> dict[str, Schema]:
    files = {store.schema for store in (settings.each_store, *settings.stores)}
    return {file: Schema(file) for file in files if file}


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the stores of this daemon share."""

    sources: Sources
    schemas: dict[str, Schema]
    state_dir: Path | None
    server: RequestServer | None
    on_event: Callable[[], None]

    def served(self, store: StoreSettings) -> ServedStore:
        """Return the store, ready to be served; nothing of it is taken yet."""
        names = store.names
        source = DeadlineSource(self.sources.source(store), store.poll_timeout)
        access = Access(store.mode, store.group).given_to(store.owner)
        guards, copy = self._guards(store), self._copy(names, access)
        requests = PollRequests()
        listen = self.server.listener(requests) if self.server else None

        def make() -> Refresher:
            self.sources.check_published(names)
            publisher = Publisher(names, access, listen=listen)
            try:
                return Refresher(
                    source,
                    publisher,
                    store.interval,
                    pid=os.getpid(),
                    guards=guards,
                    copy=copy,
                    requests=requests,
                    on_event=self.on_event,
                )
            except BaseException:
                publisher.close()  # its lock would keep the next one out
                raise

        def end(refresher: Refresher) -> None:
            refresher.close(remove=not self.sources.lasting)

        return ServedStore(names, make, interval=store.interval, end=end, on_event=self.on_event)

    def _guards(self, store: StoreSettings) -> list[Guard]:
        # In this order: the schema would name only one missing option of a store that is half gone.
        shrink = ShrinkGuard(store.max_shrink, store.guard_polls, store.allow_empty)
        return [shrink, SchemaGuard(self.schemas[store.schema])] if store.schema else [shrink]

    def _copy(self, names: Names, access: Access) -> CopyKeeper | None:
        if self.state_dir is None or not self.sources.lasting:
            return None
        if not self.state_dir.is_dir():
            raise NotADirectoryError(ENOTDIR, "--state-dir is no directory", str(self.state_dir))
        return CopyKeeper(DiskCopy(self.state_dir, names, access))


def _serve_without(stores: Sequence[ServedStore]) -> bool:
    """Serve what there is without the source: what was published, or the copies on disk."""
    for store in stores:
        store.poll_once(0)
    return any(store.ready for store in stores)


def _introduce(sources: Sources) -> None:
    lines = sources.introduction()
    if not lines or sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    text = "\n".join(map(printable, lines)).encode(encoding, "backslashreplace").decode(encoding)
    with suppress(OSError):  # serving does not depend on somebody who reads this
        print(text, flush=True)


# --- one poll ------------------------------------------------------------------------------------


def _poll_once(
    served: Sequence[ServedStore], settings: Sequence[StoreSettings]
) -> BaseException | None:
    failures = [
        store.poll_once(_COPY_PATIENCE) or _emptiness(store, its)
        for store, its in zip(served, settings, strict=True)
    ]
    return common_failure(failures) or _first_of_some(failures)


def _emptiness(store: ServedStore, settings: StoreSettings) -> EmptyStore | None:
    """Return what is wrong with a store of no options: most likely its name."""
    snapshot = store.refresher.snapshot if store.refresher else None
    if snapshot is None or len(snapshot) or settings.allow_empty:
        return None
    return EmptyStore(settings.table, settings.store)


def _first_of_some(failures: Sequence[BaseException | None]) -> BaseException | None:
    """The first failure, not as one that is true of every store."""
    failure = next((failure for failure in failures if failure is not None), None)
    if failure is None or len(failures) == 1:
        return failure
    return SomeNotServed([reason_of(failure) for failure in failures if failure is not None])
