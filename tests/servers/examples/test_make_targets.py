"""``make example-…``: one target for each example, which starts everything and ends with Ctrl-C."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from support.daemon import ROOT, environment_of
from support.examples import EXAMPLES, free_port, with_programs
from support.serving import Server
from support.waiting import wait_until

SOURCES = {".ini", ".json", ".py", ".sh"}
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/start.sh"))


def test_each_example_has_a_target_and_at_most_five_small_files() -> None:
    targets = re.findall(r"^example-([a-z]+): ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(targets) == NAMES
    for name in NAMES:
        files = [path for path in (EXAMPLES / name).iterdir() if path.suffix in SOURCES]
        assert len(files) <= 5, files
        assert all(len(path.read_text().splitlines()) <= 60 for path in files)


def test_it_says_what_to_try_and_ctrl_c_ends_everything(
    tmp_path: Path, need: Callable[[str], None]
) -> None:
    for module in ("flask", "gunicorn", "moto"):
        need(module)
    port = free_port()
    namespace = f"make-{uuid4().hex[:12]}"
    environment = with_programs({"DDBCFG_NAMESPACE": namespace, "PORT": str(port)})
    installed = ["--old-file", f"{sys.prefix}/.showing", f"VENV={sys.prefix}"]
    command = ["make", "--no-print-directory", *installed, "example-flask"]
    with Server(command, tmp_path, environment, cwd=ROOT) as make:
        wait_until(lambda: "Booting worker" in make.log or not make.is_running())
        tries = re.findall(r"^    (.+)$", make.log, re.MULTILINE)
        assert tries[-1] == f"curl -s http://127.0.0.1:{port}/"

        def try_it(commands: list[str]) -> str:
            return subprocess.check_output(
                ["bash", "-ec", "\n".join(commands)],
                cwd=ROOT,
                env=environment_of({"PATH": "/usr/bin:/bin", "DDBCFG_NAMESPACE": namespace}),
                text=True,
            )

        assert '"db-cluster.com"' in try_it(tries[:-1])
        wait_until(lambda: '"db2.example.com"' in try_it(tries[-1:]))
        make.interrupt()
    assert [name for name in os.listdir("/dev/shm") if namespace in name] == []
