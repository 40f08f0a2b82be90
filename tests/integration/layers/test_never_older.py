"""G4: whatever fails and restarts, readers never see an older content of a layer than before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from support.layering import AWAY, LayeredStore
from support.shm import unique_namespace

LAYERS = ("host", "eu", "common")

_layer = st.sampled_from(LAYERS)
_steps = st.one_of(
    st.tuples(st.just("change"), _layer),
    st.tuples(st.just("away"), _layer),
    # Another daemon, which finds of these layers a copy as it was at a time before.
    st.tuples(st.just("restart"), st.booleans(), st.sets(_layer)),
)


class World:
    """A store of layers that each have one option with a version, and what readers have seen."""

    def __init__(self, store: LayeredStore) -> None:
        self.store = store
        self.versions = dict.fromkeys(LAYERS, 0)
        self.seen = dict.fromkeys(LAYERS, 0)
        self.earlier: dict[str, bytes | None] = dict.fromkeys(LAYERS)
        for layer in LAYERS:
            self.change(layer)

    def change(self, layer: str) -> None:
        self.versions[layer] += 1
        self.store[layer].put({layer: {"version": self.versions[layer]}})

    def away(self, layer: str) -> None:
        self.store[layer].content = AWAY

    def restart(self, reboot: bool, outdated: set[str]) -> None:
        files = {layer: self.store.copy_file(layer) for layer in LAYERS}
        self.store.stop(reboot=reboot)
        for layer, file in files.items():
            before = self.earlier[layer]
            if layer not in outdated:
                self.earlier[layer] = file.read_bytes() if file.exists() else None
            elif before is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(before)
        self.store.start()

    def poll(self) -> None:
        self.store.reload()
        options = self.store.config.get()
        for layer in LAYERS:
            version = int(options[layer]["version"])
            assert version >= self.seen[layer], (layer, version, self.seen)
            self.seen[layer] = version


@contextmanager
def a_world() -> Iterator[World]:
    with TemporaryDirectory() as folder:
        store = LayeredStore(unique_namespace(), Path(folder))
        try:
            yield World(store)
        finally:
            store.stop(reboot=True)


@given(st.lists(_steps, max_size=12))
@settings(max_examples=12, deadline=None)
def test_no_restart_brings_older_content_back(steps: list[tuple[object, ...]]) -> None:
    with a_world() as world:
        world.poll()
        for name, *arguments in steps:
            getattr(world, str(name))(*arguments)
            world.poll()
