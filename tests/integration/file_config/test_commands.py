"""The commands that read follow DDBCFG_FILE too, and read what a daemon would serve."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

import ddbcfg_client
from support.children import start_python
from support.client_cli import answered, failed
from support.daemon import EXAMPLE, PATIENCE, Host, environment_of
from support.files import TOML, opened, replace_file, with_host


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(TOML)
    return path


def test_the_digest_is_that_of_a_daemon_that_serves_the_same_file(host: Host) -> None:
    with host.daemon("--local", str(EXAMPLE), "--interval", "3600"):
        published = ddbcfg_client.connect(host.namespace, "prod", wait=PATIENCE)
        assert opened(EXAMPLE).digest == published.digest
        assert opened(EXAMPLE).get() == published.get()


def test_get_list_wait_and_reload_read_the_file(host: Host, file: Path) -> None:
    named = {"DDBCFG_FILE": str(file)}
    assert answered(host.client("get", "db", "port", **named)) == "27017\n"
    assert answered(host.client("list", "--store", "test", **named)) == "db\n"
    assert answered(host.client("wait", **named)) == "generation 1\n"
    assert answered(host.client("reload", **named)) == "generation 1\n"
    file.unlink()
    assert "No such file" in failed(host.client("get", "db", **named), 3)


def test_status_shows_the_file(host: Host, file: Path) -> None:
    named = {"DDBCFG_FILE": str(file)}
    shown = answered(host.client("status", **named))
    assert f"file:        {file}\n" in shown
    assert "source:      file\n" in shown
    assert "looked at every 1 s" in shown
    assert "daemon:" not in shown
    assert "/dev/shm" not in shown
    fields = json.loads(answered(host.client("status", "--json", **named)))
    assert (fields["file"], fields["source"], fields["daemon"]) == (str(file), "file", "none")
    replace_file(file, "[prod")
    assert f"{file}:1: not TOML" in failed(host.client("status", **named), 3)


def test_watch_follows_the_file(host: Host, file: Path) -> None:
    settings = environment_of({"DDBCFG_FILE": str(file)})
    with start_python("-m", "ddbcfg_client", "watch", environment=settings) as watch:
        assert watch.stdout is not None
        assert watch.stdout.readline() == "generation 1: 1 option\n"
        replace_file(file, with_host("h2"))
        assert watch.stdout.readline() == "generation 2: changed db\n"
        watch.send_signal(signal.SIGINT)
        assert watch.wait() == 130
