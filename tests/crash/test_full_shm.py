"""A full /dev/shm: the old generation stays, the error says how much is missing, it ends by itself.

G4.  On a real tmpfs that is really full, in a mount namespace of the test's own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from support.daemon import ROOT


def _scenes(script: str) -> dict[str, Any]:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare(1) to make a mount namespace with")
    allowed = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if allowed.returncode:
        pytest.skip(f"no mount namespace is to be had: {allowed.stderr.decode().strip()}")
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-m", script],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    # A SIGBUS would be -7.
    assert done.returncode == 0, done.stderr
    scenes: dict[str, Any] = json.loads(done.stdout)
    return scenes


def test_a_full_shm_leaves_the_generation_before_and_recovers_by_itself() -> None:
    scenes = _scenes("support.full_shm")
    assert scenes["first"] == {
        "length": 1000,
        "generation": 1,
        "failures": 0,
        "error": None,
        "segments": ["ddbcfg.config.prod.1"],
    }
    for count, name in enumerate(("full", "still full", "too big for the whole"), 1):
        scene = scenes[name]
        assert (scene["length"], scene["generation"], scene["failures"]) == (1000, 1, count)
        assert scene["segments"] == ["ddbcfg.config.prod.1"]  # nothing is left half made
    error = scenes["full"]["error"]
    assert "no space in /dev/shm for /ddbcfg.config.prod.2: ENOSPC" in error
    assert "300" in error.partition("bytes needed")[0].rpartition(",")[2]
    assert "free" in error
    again = scenes["room again"]
    assert (again["length"], again["failures"], again["error"]) == (300_000, 0, None)
    assert again["segments"][-1] == "ddbcfg.config.prod.2"


def test_a_page_that_is_lost_while_shm_is_full_takes_no_more_than_a_page_to_get_back() -> None:
    """Its segment is neither made a second time nor taken to make room for the page."""
    scenes = _scenes("support.full_pages")
    segments = ["ddbcfg.config.prod.1"]
    assert (
        "no space in /dev/shm for /ddbcfg.config.prod: ENOSPC, 4096"
        in (scenes["no room for a page"])
    )
    assert scenes["a reader has meanwhile"] == 600_000
    assert scenes["repaired"] == ["the control page"]
    assert scenes["then"] == [600_000, 1, segments]
    assert "no space in /dev/shm for /ddbcfg.config.prod: ENOSPC" in scenes["no room to start"]
    assert scenes["nothing is lost"] == segments
    assert scenes["started"] == [600_000, 1, segments]
