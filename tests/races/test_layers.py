"""G11 over layers: what was written together in one layer is seen together in the merged store.

Two writers each change three options of their own layer in one transaction, of which the emulator
shows half.  The host polls the layers by their revisions, merges and publishes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.revision.writing import Change, write_change
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ConfigError
from ddbcfg_daemon.layers.source import LayersSource
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.settings.parsing import parse
from ddbcfg_daemon.settings.store_values import LayerSettings
from ddbcfg_daemon.sources.dynamodb import source_of
from support.children import answer, start_module
from support.revisions import RevisedStore, packed
from support.threads import running

LAYERS = ("upper", "lower")
#: What each layer has; both have ``shared``, whose keys are of the upper one.
NAMES = {layer: (f"{layer}-1", f"{layer}-2", "shared") for layer in LAYERS}
ENOUGH = 30  # merged contents that were published
PATIENCE = 60.0  # seconds
LATE, PAUSE, LOST = 0.03, 0.002, 0.0


@pytest.fixture
def stores() -> Iterator[Sequence[RevisedStore]]:
    """The layers, with 0 everywhere, in an emulator with replicas that are 30 ms late."""
    settings = map(str, (LATE, PAUSE, LOST, 1))
    with start_module("support.transactional.server", *settings) as server:
        client = connect_dynamodb(endpoint_url=answer(server))
        ensure_table(Table(client, "config"))
        made = [RevisedStore(client, "config", layer) for layer in LAYERS]
        for store in made:
            store.begin({name: numbered(store, name, 0) for name in NAMES[store.place.store]})
        yield made
        client.close()
        assert server.stdin is not None
        server.stdin.close()


def numbered(store: RevisedStore, name: str, number: int) -> bytes:
    return packed(name, **{store.place.store: number})


class _Tables:
    """A connection to the emulator, of each layer's own source."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def table(self) -> Table:
        return self._table


def test_no_generation_has_half_of_a_change_of_any_layer(
    stores: Sequence[RevisedStore], namespace: str, tmp_path: Path
) -> None:
    flags = ("--table", "config", "--store", "app", "--namespace", namespace, "--merge", "keys")
    settings = parse((*flags, "--config", "", "--layers", ",".join(LAYERS)), {}).stores[0]

    def part_of(layer: LayerSettings) -> Any:
        tables = _Tables(Table(stores[0].client, "config"))
        return source_of(tables, layer.settings), [], None

    def write(store: RevisedStore, stop: threading.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            names = NAMES[store.place.store]
            change = Change({name: numbered(store, name, number) for name in names}, "writer")
            write_change(store.access(), change)
            stop.wait(0.02)

    source = LayersSource(settings, part_of)
    publisher = Publisher(settings.names)
    changes = dict.fromkeys(LAYERS, 0)
    try:
        works = [lambda stop, store=store: write(store, stop) for store in stores]
        with running(*works):
            last = dict.fromkeys(LAYERS, 0)
            deadline = time.monotonic() + PATIENCE
            while min(changes.values()) < ENOUGH:
                assert time.monotonic() < deadline
                source.begin(scheduled=False, requested=True, accepted=False)
                try:
                    reading = source.read(lambda: None)
                except ConfigError:  # nothing is known of a layer yet
                    continue
                publisher.publish(reading)
                with ddbcfg_client.connect("config", "app", namespace=namespace) as config:
                    seen = dict(config.get())
                for layer in LAYERS:
                    numbers = {int(seen[name][layer]) for name in NAMES[layer]}
                    assert len(numbers) == 1, f"half of a change of {layer}: {numbers}"
                    changes[layer] += numbers != {last[layer]}
                    last[layer] = numbers.pop()
    finally:
        publisher.remove()
    assert min(changes.values()) >= ENOUGH
