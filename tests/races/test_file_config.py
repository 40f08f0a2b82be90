"""A Config over a file, beside threads, forks and greenlets (G1, G2, G3)."""

from __future__ import annotations

import json
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ddbcfg_client.file_config import looking
from ddbcfg_client.file_config.config import FileConfig
from support.children import run_python
from support.files import opened, replace_file
from support.forking import in_forked_child
from support.interleaving import interleaved
from support.threads import running

FORKS = 40


class World:
    """A file whose options all hold the number of its last content, and a reader of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.generations: dict[int, int] = {}  # the number that each generation holds
        self.write()
        self.config = opened(path)

    def write(self) -> None:
        self.number += 1
        options = {name: {"n": self.number} for name in "ab"}
        replace_file(self.path, json.dumps({"prod": options}))

    def look(self) -> tuple[int, int, int]:
        """Look at the file; return the numbers of both options, and the generation."""
        self.config._name_check_at = 0.0
        return self.read()

    def read(self) -> tuple[int, int, int]:
        snapshot = self.config.snapshot()
        number, generation = int(snapshot["a"]["n"]), snapshot.generation
        if "c" not in snapshot:
            assert self.generations.setdefault(generation, number) == number
        return number, int(snapshot["b"]["n"]), generation


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(looking, "SETTLED_AFTER", 0.0)  # so that each look decides
    return World(tmp_path / "settings.json")


def write_and_look(world: World) -> None:
    world.write()
    world.look()


def write_only(world: World) -> None:
    world.write()


def close(world: World) -> None:
    world.config.close()


def lay_over(world: World) -> None:
    packed = world.config.snapshot().packed()
    world.config.lay_over({"c": packed["a"]})
    world.config.lay_over({})


@pytest.mark.parametrize("meanwhile", [write_and_look, write_only, close, lay_over])
def test_whatever_another_thread_does_between_two_lines_of_a_look(
    world: World, meanwhile: Callable[[World], None]
) -> None:
    newest = lines = 0
    for (one, other, generation), where in interleaved(
        world.write,
        world.look,
        lambda: meanwhile(world),
        folder="file_config",
        atomic="self._view = new",
    ):
        lines += 1
        assert one == other, where
        assert generation >= newest, where
        now = world.look()
        assert now[:2] == (world.number, world.number), where
        assert now[2] >= generation, where
        newest = now[2]
        assert list(world.config) == ["a", "b"], where
    assert lines > 50


def test_closing_while_another_thread_looks_gives_no_generation_to_two_contents(
    world: World,
) -> None:
    lines = 0
    for _ in interleaved(
        world.write,
        world.config.close,
        lambda: write_and_look(world),
        folder="file_config",
        atomic="self._view = new",
    ):
        lines += 1
        write_and_look(world)  # read() compares
    assert lines > 5


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("o.json", '{"prod": {"db": {"n": 1.5, "b": {"$binary": "AA=="}}}}'),
        ("o.toml", "[prod.db]\nn = 1.5\n"),
    ],
    ids=["JSON", "TOML"],
)
def test_a_look_imports_nothing(tmp_path: Path, name: str, text: str) -> None:
    """A child that is forked while another thread imports a module waits for it for ever."""
    path = tmp_path / name
    path.write_text(text)
    code = """
import sys
from ddbcfg_client.file_config.config import FileConfig
from ddbcfg_client.format.names import Names

config = FileConfig(sys.argv[1], Names("file", "prod"))
before = set(sys.modules)
config["db"]
print(sorted(set(sys.modules) - before))
"""
    done = run_python("-c", code, str(path))
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="the child of this Python waits for a dict's lock: docs/reliability.md",
)
def test_a_fork_in_the_middle_of_a_look_leaves_the_child_able_to_read(world: World) -> None:
    def look(stop: threading.Event) -> None:
        while not stop.is_set():
            world.config.close()
            world.look()

    def child() -> None:
        one, other, _ = world.look()
        assert one == other == number
        world.config.close()
        assert world.read()[:2] == (number, number)

    with running(look, look, look):
        for _ in range(FORKS):
            world.write()
            number = world.number
            in_forked_child(child)


def test_greenlets_go_on_while_one_waits_for_a_file_that_is_being_written(tmp_path: Path) -> None:
    pytest.importorskip("gevent")
    path = tmp_path / "settings.json"
    path.write_text('{"prod": {"db": {"host": "h1"}}}')
    code = """
from gevent import monkey; monkey.patch_all()
import gevent, os, sys
import ddbcfg_client
config = ddbcfg_client.connect()
ticks = []
def tick():
    while True:
        ticks.append(config.db["host"])
        gevent.sleep(0.001)
gevent.spawn(tick)
gevent.sleep(0.01)
with open(os.environ["DDBCFG_FILE"], "w") as file:
    file.write('{"prod": {"db": {"host": "h2"}}}')
before = len(ticks)
config.reload()
assert len(ticks) > before + 5, (before, len(ticks))
gevent.sleep(0.01)
assert ticks[0] == "h1" and ticks[-1] == "h2"
"""
    done = run_python("-c", code, settings={"DDBCFG_FILE": str(path)})
    assert (done.returncode, done.stderr) == (0, "")


def test_reads_of_the_hot_path_make_no_look(world: World) -> None:
    config: FileConfig = world.config
    config.reload()
    config._name_check_at += 3600
    view = config._view
    config._view = (*view[:3], config._name_check_at, view[4])
    world.write()
    assert all(config.get("a") is config.a for _ in range(1000))
