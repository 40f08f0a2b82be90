"""Processes that measure: a module of the benchmarks each, told line by line what to do.

A child's answer to a line is one line of JSON.  It ends when its standard input does, and so with
whoever started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from support.children import answer, start_python, tell

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE = 30.0  # seconds that a child gets to clean up

# Nobody's settings or credentials have a say in a measurement.
_FOREIGN = ("DDBCFG_", "AWS_", "NOTIFY_", "WATCHDOG_", "JOURNAL_")
_AWS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment with *settings*, made the same for every child and on every host."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and not name.lower().endswith("_proxy")
    }
    # Byte code is there wherever a program is started a second time.
    ours.pop("PYTHONDONTWRITEBYTECODE", None)
    return ours | _AWS | {"PYTHONPATH": str(ROOT)} | dict(settings or {})


class Child:
    """A module that calls ``serve``, running."""

    def __init__(
        self, module: str, *arguments: str, settings: Mapping[str, str] | None = None
    ) -> None:
        self._module = module
        self._process = start_python(
            "-m",
            f"benchmarks.{module}",
            *arguments,
            environment=environment(settings),
            cwd=ROOT,
            process_group=0,  # Ctrl-C is for the process that started it, which then ends it
        )
        #: What it said when it was ready.
        self.ready = self.answer()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def tell(self, *words: object) -> None:
        """Send it a line."""
        tell(self._process, " ".join(map(str, words)))

    def answer(self) -> Any:
        """Its next answer; RuntimeError when it ended instead."""
        line = answer(self._process)
        if not line:
            raise RuntimeError(f"{self._module} ended with {self._process.wait()}")
        return json.loads(line)

    def ask(self, *words: object) -> Any:
        """Send it a line, and return what it answers."""
        self.tell(*words)
        return self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it ended before; the exception that is under way tells of it
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def serve(commands: Mapping[str, Callable[..., object]], ready: object = "ready") -> None:
    """Answer each line with what the command of its first word returns for the others."""
    _say(ready)
    for command, *arguments in map(str.split, sys.stdin):
        _say(commands[command](*arguments))


def _say(answer: object) -> None:
    print(json.dumps(answer), flush=True)
