"""The benchmarks run.  What they measure is nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.children import run_python

ROOT = Path(__file__).resolve().parents[2]


def test_a_quick_run_of_reads_and_threads_writes_figures_and_tables(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "read", "threads", "--quick", "--rounds", "2"]
    only = ["--only", "refresher_thread", "--only", "ddbcfg"]
    done = subprocess.run(
        [*command, *only, "--output", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "performance.json").read_text())
    for by_number in results["threads"]["measured"]["rates"].values():
        assert min(map(min, by_number.values())) > 0
    for ways in results["read"]["measured"]["nanoseconds"].values():
        assert 'ddbcfg `config.get("db")`' in ways
        assert all(len(samples) == 2 and min(samples) > 0 for samples in ways.values())
    assert 'config["db"]' in (tmp_path / "performance.md").read_text()


def test_a_short_soak_says_what_a_daemon_and_its_readers_keep() -> None:
    done = run_python("-m", "benchmarks.soak", "--seconds", "2", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    _, first, *_ = done.stdout.splitlines()
    daemon, files, threads, *readers, generation = map(int, first.replace(",", "").split()[1:])
    assert min(daemon, *readers) > 1000
    assert len(readers) == 2
    assert min(files, threads, generation) > 0
