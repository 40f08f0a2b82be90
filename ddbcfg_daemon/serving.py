"""Build what serves the stores from the settings: sources, guards, copies and publishers."""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from errno import ENOTDIR
from functools import partial
from pathlib import Path

from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.format.names import Names
from ddbcfg_client.printable import printable
from ddbcfg_client.version import VERSION
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.disk.generations import Generations
from ddbcfg_daemon.disk.other_layers import remove_other_layers
from ddbcfg_daemon.errors import EmptyStore, SettingRefused, SomeNotServed
from ddbcfg_daemon.exits import MENDABLE, common_failure, reason_of
from ddbcfg_daemon.guards import Guard, SchemaGuard, ShrinkGuard
from ddbcfg_daemon.layers.distinct import named_twice
from ddbcfg_daemon.layers.explaining import explain
from ddbcfg_daemon.layers.source import PATIENCE, LayersSource
from ddbcfg_daemon.memory import settle
from ddbcfg_daemon.outputs.opening import close_outputs, open_outputs
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.publishing.poll_requests import PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.publishing.request_server import RequestServer
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.rereading import Rereading, schemas_of, with_line
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.service import Service
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.store_values import LayerSettings, StoreSettings
from ddbcfg_daemon.signals import Signals
from ddbcfg_daemon.sources.base import Sources
from ddbcfg_daemon.sources.deadline import DeadlineSource
from ddbcfg_daemon.sources.opening import open_sources
from ddbcfg_daemon.systemd import Notifier

log = logging.getLogger("ddbcfg.daemon")

_COPY_PATIENCE = 10.0  # seconds that a poll with --once waits for the disk


def serve(
    settings: DaemonSettings, signals: Signals, reread: Callable[[], DaemonSettings]
) -> BaseException | None:
    """Serve the stores of ``settings`` until a signal; return the failure if one ended it before.

    ``reread`` returns the settings as they are later, or raises SettingRefused.  Raise ConfigError
    or OSError if the settings cannot be used.
    """
    # First: errors in the settings are reported before anything is done.
    schemas = schemas_of(settings)
    outputs = open_outputs(settings, listen=not settings.once)
    with ExitStack() as stack:
        stack.callback(close_outputs, outputs)
        sources = open_sources(settings)
        stack.callback(sources.close)
        fault = sources.fault()
        rereading = Rereading(settings, reread, sources, outputs)
        service = Service(Notifier(), signals, outputs, rereading.change)
        # With --once, the daemon ends before a reader could send a request.
        server = None if settings.once else stack.enter_context(RequestServer())
        introduce = _once(lambda: _introduce(sources))
        parts = _Parts(
            sources,
            server,
            service.wake,
            introduce=(lambda: None) if settings.once else introduce,
            # With --once, no later poll would merge a layer that is slow.
            patience=math.inf if settings.once else PATIENCE,
        )
        served = [parts.served(store, schemas) for store in sources.stores]
        for store in served:
            stack.callback(store.close)
        if settings.once:
            return _poll_once(served, sources.stores)
        if fault is not None and not _serve_without(served):
            return fault
        settle()
        rereading.begin(parts.served, dict(zip(sources.stores, served, strict=True)), schemas)
        stack.callback(service.close)
        return service.run(served)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts that the stores of this daemon share."""

    sources: Sources
    server: RequestServer | None
    on_event: Callable[[], None]
    copies: dict[tuple[Path, str, Access], CopyKeeper] = field(default_factory=dict)
    introduce: Callable[[], None] = lambda: None
    patience: float = PATIENCE  # seconds that a poll waits for a layer whose content is known

    def served(self, store: StoreSettings, schemas: Mapping[str, Schema]) -> ServedStore:
        """Return the store, ready to be served; nothing in shared memory is created yet."""
        names = store.names
        access = Access(store.mode, store.group).for_user(store.owner)
        layers = self._layers(store, access, schemas) if store.layers else None
        source = layers or DeadlineSource(self.sources.source(store), store.poll_timeout)
        guards, copy = _guards(store, schemas), self._copy(store, access)
        requests = PollRequests()
        if layers is not None:
            requests.inquire = partial(explain, layers)
        listen = self.server.listener(requests) if self.server else None

        def make() -> Refresher:
            self.sources.check_published(names)
            if copy is not None:
                # Not before the store is served: of settings that cannot be used, nothing is.
                copy.limit(store.keep_generations)
            publisher = Publisher(names, access, listen=listen)
            self.introduce()  # not earlier: the names may belong to another daemon
            if copy is not None:  # in its thread: the disk can hang
                copy.do(partial(_tidy, copy, [layer.copy_names(store) for layer in store.layers]))
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
                    layers=layers,
                )
            except BaseException:
                publisher.close()  # its lock would block the next attempt
                raise

        def end(refresher: Refresher) -> None:
            refresher.close(remove=not self.sources.lasting)
            if copy is not None:
                copy.close()
            if layers is not None:
                layers.close()

        return ServedStore(
            names,
            make,
            interval=store.interval,
            about=self._about(store),
            end=end,
            on_event=self.on_event,
        )

    def _layers(
        self, store: StoreSettings, access: Access, schemas: Mapping[str, Schema]
    ) -> LayersSource:
        check_layers(store, self.sources)
        return LayersSource(
            store,
            lambda layer: (
                DeadlineSource(self.sources.source(layer.settings), layer.settings.poll_timeout),
                guards_of_layer(layer, schemas),
                self._layer_copy(layer, store, access),
            ),
            self.patience,
        )

    def _layer_copy(
        self, layer: LayerSettings, store: StoreSettings, access: Access
    ) -> CopyKeeper | None:
        if store.state_dir is None or not self.sources.lasting:
            return None
        names = layer.copy_names(store)
        key = (store.state_dir, names.page, access)
        if key not in self.copies:
            self.copies[key] = CopyKeeper(DiskCopy(store.state_dir, names, access))
        return self.copies[key]

    def _about(self, store: StoreSettings) -> str:
        if store.layers:
            merged = "; ".join(
                f"{layer.name} of table {layer.settings.table}, "
                f"{self.sources.place(layer.settings)}"
                for layer in store.layers
            )
            return (
                f"layers merged by {store.merge}: {merged}; namespace {store.names.namespace}, "
                f"revision {store.use_revision}, every {store.interval:g} s, ddbcfg {VERSION}"
            )
        return (
            f"table {store.table}, {self.sources.place(store)}, namespace "
            f"{store.names.namespace}, revision {store.use_revision}, every {store.interval:g} s, "
            f"ddbcfg {VERSION}"
        )

    def _copy(self, store: StoreSettings, access: Access) -> CopyKeeper | None:
        if store.state_dir is None or not self.sources.lasting:
            return None
        check_folder(store)
        # One for all that ever serve the store: two could write the file in the wrong order.
        key = (store.state_dir, store.names.page, access)
        if key not in self.copies:
            place = store.state_dir, store.names, access
            generations = Generations(*place, limit=store.keep_generations)
            self.copies[key] = CopyKeeper(DiskCopy(*place), generations)
        return self.copies[key]


def _guards(store: StoreSettings, schemas: Mapping[str, Schema]) -> list[Guard]:
    # In this order: if half of the options are gone, the schema would name only one of them.
    shrink = ShrinkGuard(store.max_shrink, store.guard_polls, store.allow_empty)
    return [shrink, SchemaGuard(schemas[store.schema])] if store.schema else [shrink]


def guards_of_layer(layer: LayerSettings, schemas: Mapping[str, Schema]) -> list[Guard]:
    """Return the guards of one layer; the store's own schema is for the merged result."""
    settings = layer.settings
    return _guards(settings if "schema" in layer.own else replace(settings, schema=None), schemas)


def _tidy(keeper: CopyKeeper, layers: Sequence[Names]) -> None:
    try:
        remove_other_layers(keeper.copy, layers)
    except MENDABLE as error:  # the next start tries it again
        log.warning("copies of layers on disk: %s", reason_of(error))


def check_layers(store: StoreSettings, sources: Sources) -> None:
    """Raise SettingRefused if two layers of the store are one store of a table."""
    if reason := named_twice(store, sources.target):
        raise with_line(SettingRefused(reason, "--layers", "DDBCFG_LAYERS"), store, "layers")


def check_folder(store: StoreSettings) -> None:
    """Raise an error if the folder for copies does not exist."""
    if store.state_dir is not None and not store.state_dir.is_dir():
        reason = "--state-dir is not a directory; create it for the daemon's user, with mode 0700"
        error = NotADirectoryError(ENOTDIR, reason, str(store.state_dir))
        raise with_line(error, store, "state_dir")


def _serve_without(stores: Sequence[ServedStore]) -> bool:
    """Serve what exists without the source: published snapshots, or the copies on disk."""
    for store in stores:
        store.poll_once(0)
    return any(store.ready for store in stores)


def _once(act: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls ``act`` the first time only, in any thread."""
    first = threading.Lock()

    def once() -> None:
        if first.acquire(blocking=False):
            act()

    return once


def _introduce(sources: Sources) -> None:
    lines = sources.introduction()
    if not lines or sys.stdout is None:
        return
    encoding = sys.stdout.encoding or "utf-8"
    text = "\n".join(map(printable, lines)).encode(encoding, "backslashreplace").decode(encoding)
    with suppress(OSError):  # the daemon serves even if this cannot be printed
        print(text, flush=True)


# --- one poll ------------------------------------------------------------------------------------


def _poll_once(
    served: Sequence[ServedStore], settings: Sequence[StoreSettings]
) -> BaseException | None:
    failures = [
        store.poll_once(_COPY_PATIENCE) or _emptiness(store, its)
        for store, its in zip(served, settings, strict=True)
    ]
    return failure_of(failures)


def failure_of(failures: Sequence[BaseException | None]) -> BaseException | None:
    """Return the failures of one poll of each store as one; None if there is none."""
    return common_failure(failures) or _first_of_some(failures)


def _emptiness(store: ServedStore, settings: StoreSettings) -> EmptyStore | None:
    """Return EmptyStore if the store has no options: most likely its name is wrong."""
    snapshot = store.refresher.snapshot if store.refresher else None
    if snapshot is None or len(snapshot) or settings.allow_empty:
        return None
    return EmptyStore(settings.table, settings.store)


def _first_of_some(failures: Sequence[BaseException | None]) -> BaseException | None:
    """Return the failures as one error that is not common to all stores; None if there is none."""
    failure = next((failure for failure in failures if failure is not None), None)
    if failure is None or len(failures) == 1:
        return failure
    return SomeNotServed([reason_of(failure) for failure in failures if failure is not None])
