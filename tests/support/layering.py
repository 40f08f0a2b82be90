"""A store of layers whose sources a test sets, with a real publisher and real copies on disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import ddbcfg_client
from ddbcfg_client.config import Config
from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.disk.generations import Generations
from ddbcfg_daemon.guards import ShrinkGuard
from ddbcfg_daemon.layers.source import LayersSource
from ddbcfg_daemon.publishing.poll_requests import PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.settings.parsing import parse
from ddbcfg_daemon.settings.store_values import LayerSettings
from ddbcfg_daemon.sources.base import Progress, Reading, Served
from support.shm import reading

AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "nothing responds there")
OPTIONS = {f"option-{number:02}": {"a": number} for number in range(20)}

Store = Mapping[str, Mapping[str, Any]]


class FakeLayer:
    """A layer's table: it holds a store, or raises an error; ``gate`` can keep it waiting."""

    def __init__(self) -> None:
        self.content: Reading | Exception = reading({})
        self.gate = threading.Event()
        self.gate.set()
        self.served: list[Served | None] = []

    @property
    def reads(self) -> int:
        return len(self.served)

    def put(self, options: Store) -> None:
        self.content = reading(options)

    def read(
        self, progress: Progress, *, full: bool = False, served: Served | None = None
    ) -> Reading:
        self.served.append(served)
        content = self.content
        assert self.gate.wait(20.0)
        if isinstance(content, Exception):
            raise content
        return replace(content, read_boottime=boottime())


class LayeredStore:
    """The store ``prod`` of three layers, host, eu and common, as one daemon after another has it.

    ``more`` are further flags of the daemon.
    """

    def __init__(self, namespace: str, folder: Path | None, *more: str) -> None:
        flags = ("--table", "config", "--store", "prod", "--namespace", namespace)
        layers = () if "--layers" in more else ("--layers", "host,eu,common")
        settings = parse((*flags, "--config", "", *layers, *more), {})
        (self.settings,) = settings.stores
        self.tables = {layer.name: FakeLayer() for layer in self.settings.layers}
        self.required: set[str] = set()
        self.patience = 20.0
        self._folder = folder
        self.start()

    def start(self, source: LayersSource | None = None) -> None:
        """Start the first daemon, or after ``stop`` another one, or that of ``source`` again."""
        self.publisher = Publisher(self.settings.names)
        self.source = source or LayersSource(self.settings, self._part_of, self.patience)
        self.requests = PollRequests()
        self.refresher = Refresher(
            self.source,
            self.publisher,
            self.settings.interval,
            pid=os.getpid(),
            guards=[ShrinkGuard()],
            copy=self._copy(self.settings.names, generations=True),
            requests=self.requests,
            layers=self.source,
        )

    def _copy(self, names: Any, *, generations: bool = False) -> CopyKeeper | None:
        if self._folder is None:
            return None
        kept = Generations(self._folder, names, limit=3) if generations else None
        return CopyKeeper(DiskCopy(self._folder, names), kept)

    def copy_file(self, name: str) -> Path:
        """Return the file with the copy of a layer."""
        assert self._folder is not None
        (layer,) = (layer for layer in self.settings.layers if layer.name == name)
        return DiskCopy(self._folder, layer.copy_names(self.settings)).path

    def _part_of(self, layer: LayerSettings) -> Any:
        guards = [ShrinkGuard(allow_empty=layer.settings.allow_empty)]
        return self.tables[layer.name], guards, self._copy(layer.copy_names(self.settings))

    def stop(self, *, reboot: bool = False) -> None:
        """Stop the daemon; with ``reboot``, shared memory is lost too."""
        self.refresher.finish_copy(20.0)
        for layer in self.source.layers:
            layer.copy.close()
        self.refresher.close(remove=reboot)

    def reload(self, *, accept: bool = False) -> Exception | None:
        """Poll on request."""
        self.requests.ask(accept=accept)
        return self.refresher.poll(scheduled=False)

    def __getitem__(self, layer: str) -> FakeLayer:
        return self.tables[layer]

    @property
    def config(self) -> Config:
        names = self.settings.names
        return ddbcfg_client.connect("config", "prod", namespace=names.namespace)

    @property
    def states(self) -> dict[str, Any]:
        return {state.name: state for state in self.source.states}
