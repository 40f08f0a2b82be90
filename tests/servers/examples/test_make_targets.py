"""``make example-…``: one target for each example, which starts everything and ends with Ctrl-C."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from support.daemon import ROOT, environment_of
from support.examples import (
    ASK,
    CHANGE,
    CHANGE_POOL,
    EXAMPLES,
    READ,
    free_port,
    make,
    need_program,
    with_programs,
)
from support.serving import Server
from support.waiting import wait_until

SOURCES = {".ini", ".json", ".py", ".sh"}


def test_each_example_has_a_target_and_at_most_five_small_files() -> None:
    names = sorted(path.parent.name for path in EXAMPLES.glob("*/start.sh"))
    targets = re.findall(r"^example-([a-z]+): ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(targets) == names
    for name in names:
        files = [path for path in (EXAMPLES / name).iterdir() if path.suffix in SOURCES]
        assert len(files) <= 5, files
        assert all(len(path.read_text().splitlines()) <= 60 for path in files)


def test_two_examples_have_other_commands_to_try() -> None:
    script = (EXAMPLES / "run").read_text()
    assert f'bind) change_it="{CHANGE_POOL}"' in script
    assert f'celery) read_it="{ASK}"' in script


def test_it_prints_what_to_try_and_ctrl_c_ends_everything(
    tmp_path: Path, need: Callable[[str], None]
) -> None:
    for module in ("flask", "gunicorn", "moto"):
        need(module)
    need_program("curl")
    port = str(free_port())
    namespace = f"make-{uuid4().hex[:12]}"
    environment = with_programs({"DDBCFG_NAMESPACE": namespace, "PORT": port})
    with Server(make("example-flask"), tmp_path, environment, cwd=ROOT) as example:
        wait_until(lambda: "Booting worker" in example.log or not example.is_running())
        tries = re.findall(r"^    (.+)$", example.log, re.MULTILINE)
        read = READ.replace("8000", port)
        assert tries[-3:] == [read, CHANGE, read]

        def try_it(commands: list[str]) -> str:
            return subprocess.check_output(
                ["bash", "-ec", "\n".join(commands)],
                cwd=ROOT,
                env=environment_of({"PATH": "/usr/bin:/bin", "DDBCFG_NAMESPACE": namespace}),
                text=True,
            )

        assert '"db-cluster.com"' in try_it(tries[:-1])
        wait_until(lambda: '"db2.example.com"' in try_it(tries[-1:]))
        example.interrupt()
    assert [name for name in os.listdir("/dev/shm") if namespace in name] == []
