"""``ddbcfg-client watch --exec`` and ``--json``."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.client_cli import Client, Publish
from support.daemon import PATIENCE, SECRET, Host
from support.waiting import wait_until

Start = Callable[..., Client]


class Recorder:
    """A command that keeps what it was told, and fails while a file is there."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "told"
        self._environment = folder / "environment"
        self._broken = folder / "broken"
        self._file.touch()
        script = f"cat >>{self._file}; cat /proc/$$/environ /proc/$$/cmdline >{self._environment}"
        self.command = shlex.join(["sh", "-c", f"{script}; test ! -e {self._broken}"])

    def fail(self, *, really: bool = True) -> None:
        self._broken.touch() if really else self._broken.unlink()

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._file.read_text().splitlines()]

    def names(self) -> list[tuple[list[str], list[str], list[str]]]:
        return [(t["added"], t["changed"], t["removed"]) for t in self.told()]

    def saw(self) -> str:
        return self._environment.read_text()


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def watching(start: Start, recorder: Recorder, *flags: str) -> Client:
    client = start("watch", "--exec", recorder.command, "--debounce", "0.1", *flags)
    assert client.line().startswith("generation 1: ")
    return client


def test_a_command_is_told_the_names_and_no_value(
    host: Host, publish: Publish, start: Start, recorder: Recorder
) -> None:
    publish({"a": {"k": SECRET}, "b": {"k": 1}})
    client = watching(start, recorder)
    publish({"a": {"k": f"{SECRET}!"}, "c": {"k": 1}})
    assert client.line().startswith("prod, generation 2: the command succeeded in ")
    (told,) = recorder.told()
    assert datetime.fromisoformat(told.pop("at")).utcoffset() == timedelta(0)
    origin = {"namespace": host.namespace, "store": "prod", "generation": 2}
    names = {"added": ["c"], "changed": ["a"], "removed": ["b"]}
    assert told == {**origin, **names, "complete": True}
    assert SECRET not in recorder.saw()
    assert client.end(signal.SIGTERM) == (0, "")


def test_changes_that_come_together_are_one(
    publish: Publish, start: Start, recorder: Recorder
) -> None:
    publish({"a": {"k": 1}})
    client = start("watch", "--exec", recorder.command, "--debounce", "1")
    client.line()
    for number in range(5):
        publish({"a": {"k": 1}, f"b{number}": {"k": 1}})
    assert "generation 6" in client.line()
    assert recorder.names() == [(["b4"], [], [])]
    assert client.end(signal.SIGTERM) == (0, "")


def test_a_failure_is_reported_and_told_again_with_the_next_change(
    publish: Publish, start: Start, recorder: Recorder
) -> None:
    publish({"a": {"k": 1}, "b": {"k": 1}})
    client = watching(start, recorder)
    recorder.fail()
    publish({"a": {"k": 2}, "b": {"k": 1}})
    assert client.process.stderr is not None
    assert client.process.stderr.readline() == (
        "ddbcfg-client: prod, generation 2: the command failed: it exited with 1; "
        "it is run again at the next change\n"
    )
    recorder.fail(really=False)
    publish({"a": {"k": 2}})
    assert "generation 3: the command succeeded" in client.line()
    publish({"a": {"k": 3}})
    assert "generation 4: the command succeeded" in client.line()
    assert recorder.names() == [([], ["a"], []), ([], ["a"], ["b"]), ([], ["a"], [])]
    assert client.end(signal.SIGTERM) == (0, "")


def test_with_an_option_it_is_run_only_for_that_one(
    publish: Publish, start: Start, recorder: Recorder
) -> None:
    publish({"a": {"k": 1}, "b": {"k": 1}})
    client = watching(start, recorder, "b", "--initial")
    assert "generation 1: the command succeeded" in client.line()
    publish({"a": {"k": 2}, "b": {"k": 1}})
    publish({"a": {"k": 2}, "b": {"k": 2}})
    assert "generation 3: the command succeeded" in client.line()
    assert recorder.names()[0] == (["a", "b"], [], [])
    assert all("b" in added + changed for added, changed, _ in recorder.names())
    assert client.end(signal.SIGTERM) == (0, "")


def test_one_that_is_stopped_ends_its_command(
    publish: Publish, start: Start, tmp_path: Path
) -> None:
    publish({"a": {"k": 1}})
    file = tmp_path / "pid"
    command = shlex.join(["sh", "-c", f"echo $$ >{file}.new; mv {file}.new {file}; sleep 1000"])
    client = start("watch", "--exec", command, "--debounce", "0")
    client.line()
    publish({"a": {"k": 2}})
    wait_until(file.exists, PATIENCE)
    assert client.end(signal.SIGTERM) == (0, "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


@pytest.mark.parametrize("command", ["no-such-command-at-all x", "", "sh -c 'unclosed"])
def test_a_command_that_there_is_not_is_a_usage_error(
    host: Host, publish: Publish, command: str
) -> None:
    publish({"a": {"k": 1}})
    done = host.client("watch", "--exec", command)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--exec" in done.stderr.splitlines()[-1]


def test_watch_as_json(publish: Publish, start: Start) -> None:
    publish({"a": {"k": 1}, "b": {"k": 1}})
    every, one = start("watch", "--json"), start("watch", "b", "--json")
    first = json.loads(every.line())
    assert (first["generation"], first["options"]) == (1, 2)
    first = json.loads(one.line())
    assert (first["option"], first["value"]) == ("b", {"k": 1})
    publish({"a": {"k": 1}})
    second = json.loads(every.line())
    assert (second["removed"], second["changed"], second["complete"]) == (["b"], [], True)
    assert datetime.fromisoformat(second["at"]).utcoffset() == timedelta(0)
    second = json.loads(one.line())
    assert (second["generation"], second["value"]) == (2, None)
    assert every.end(signal.SIGINT)[0] == one.end(signal.SIGINT)[0] == 130
