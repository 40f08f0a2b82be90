"""The Makefile explains itself."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A make around the tests must not hand its flags and variables down.
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_documented_target() -> None:
    documented = dict(re.findall(r"^([a-z-]+):.*?## (.+)$", MAKEFILE, re.MULTILINE))
    listed = dict(re.findall(r"^make ([a-z-]+) +(.+)$", make("help").stdout, re.MULTILINE))
    assert {"run", "test", "quick", "test-all", "install"} <= documented.keys()
    assert listed == documented


def test_every_target_for_people_is_documented() -> None:
    [phony] = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert set(phony.split()) == set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))


def test_help_is_what_make_alone_does() -> None:
    assert make().stdout == make("help").stdout != ""


@pytest.mark.parametrize(
    ("target", "installed"),
    [
        ("run", ["'.[local]'"]),
        ("example-flask", ["'.[local]'", "'ddbcfg[examples]'"]),
        ("test", ["'.[local]'", "'ddbcfg[dev]'"]),
    ],
)
def test_a_new_venv_gets_what_its_target_needs_and_nothing_else(
    tmp_path: Path, target: str, installed: list[str]
) -> None:
    commands = make("--dry-run", target, f"VENV={tmp_path}/venv").stdout
    assert re.findall(r"pip install .*?('.+')", commands) == installed


def test_without_a_python_it_says_what_is_missing(tmp_path: Path) -> None:
    done = make("test", f"VENV={tmp_path}/venv", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "needs Python >= 3.11" in done.stderr
    assert "no-such-python" in done.stderr
    assert not (tmp_path / "venv").exists()
