"""SIGHUP with other layers, and layers of the file of ``--local``."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from support.daemon import Host
from support.tables import ConfigTable

LOCAL = {
    "host-web-1": {"db": {"pool": 9, "debug": {"_ddbcfg_removed": True}}},
    "common": {"db": {"host": "all", "debug": True}},
}


def test_layers_are_added_removed_reordered_and_merged_otherwise_on_sighup(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    file = tmp_path / "ddbcfg.toml"
    table.put("a", "db", name="a", own=1)
    table.put("b", "db", name="b", port=2)
    table.put("c", "db", name="c", debug=True)

    def write(layers: str, merge: str = "options") -> None:
        new = file.with_name("new")
        new.write_text(f"""
        interval = 86400
        endpoint_url = "{moto_url}"
        state_dir = "{state}"
        [[stores]]
        table = "{table.name}"
        store = "app"
        merge = "{merge}"
        layers = [{layers}]
        """)
        new.replace(file)

    write('"a", "b"')
    daemon = host.daemon("--config", str(file))
    daemon.wait_for("generation 1")
    config = host.config("app")
    assert config.get("db") == {"name": "a", "own": 1}
    changes = (
        ('"b", "a"', "options", {"name": "b", "port": 2}),
        ('"b", "a"', "keys", {"name": "b", "port": 2, "own": 1}),
        ('"c", "b", "a"', "keys", {"name": "c", "port": 2, "own": 1, "debug": True}),
        ('"c", "a"', "keys", {"name": "c", "own": 1, "debug": True}),
    )
    for generation, (layers, merge, expected) in enumerate(changes, 2):
        write(layers, merge)
        daemon.send(signal.SIGHUP)
        daemon.wait_for(f"{host.namespace}/app: generation {generation}:")
        assert config.get("db") == expected
    # Layers that are wrong change nothing.
    write('"c", "c"')
    daemon.send(signal.SIGHUP)
    daemon.wait_for("settings unchanged, because they cannot be used: ")
    assert config.get("db") == expected
    assert daemon.stop() == 0
    daemon.wait_for("removed the copies on disk of 1 layer that the store no longer has")
    assert len([path for path in state.iterdir() if "layer" in path.name]) == 2


def test_layers_of_a_local_file_are_stores_of_the_file(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(LOCAL))
    flags = ("--local", str(file), "--store", "app", "--hostname", "web-1", "--merge", "keys")
    daemon = host.daemon(*flags, "--layers", "host-{hostname},common")
    daemon.wait_for("generation 1")
    assert host.config("app").get() == {"db": {"host": "all", "pool": 9}}
    status = json.loads(host.client("status", "--store", "app", "--json").stdout)
    assert [layer["source"] for layer in status["layers"]] == ["local", "local"]
    assert status["source"] == "local"
    assert daemon.stop() == 0
    assert not list(Path("/dev/shm").glob(f"ddbcfg.{host.namespace}.*"))
