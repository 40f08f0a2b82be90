"""G4, G7: readers that idle hold replaced segments, and /dev/shm is small.

On a real tmpfs of 64 MB, Docker's default, in a mount namespace of the test's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from support import namespaces
from support.crowded_shm import CHANGES, MB, READERS, ROOM
from support.daemon import ROOT


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    namespaces.need_namespaces()
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-m", "support.crowded_shm"],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_readers_that_idle_do_not_keep_a_store_of_8_mb_from_changing(seen: dict[str, Any]) -> None:
    """Also across a kill of the daemon, whose successor finds what is held."""
    assert [told["generation"] for told in seen["told"]] == list(range(1, CHANGES + 1))
    assert [told["error"] for told in seen["told"]] == [""] * CHANGES
    assert max(told["used"] for told in seen["told"]) <= ROOM


def test_status_says_how_much_replaced_segments_hold(seen: dict[str, Any]) -> None:
    assert 3 * 8 * MB < seen["held"] < ROOM
    assert f"replaced segments hold {seen['held']} bytes" in seen["text"]


def test_a_reader_whose_segment_was_cut_short_reads_what_is_current(seen: dict[str, Any]) -> None:
    """Every one of them; the one that pinned an old snapshot, too, except by that."""
    assert len(seen["seen"]) == READERS
    assert [reader["numbers"] for reader in seen["seen"]] == [[CHANGES]] * READERS
    pinned = seen["seen"][0]
    assert pinned["decoded"] == 1  # what it had read before is there
    assert "reclaimed its memory because /dev/shm was full" in pinned["reclaimed"]
    assert "take a new snapshot" in pinned["reclaimed"]
    assert not any("reclaimed" in reader for reader in seen["seen"][1:])


def test_when_nothing_more_is_held_the_error_says_what_is_missing(seen: dict[str, Any]) -> None:
    error = seen["full"]["error"]
    assert "no space in /dev/shm" in error
    assert "bytes needed" in error
    assert "held by replaced segments" not in error  # all of it was taken back
    assert seen["again"]["error"] == ""
    assert seen["again"]["generation"] > seen["full"]["generation"]


def test_what_readers_let_go_of_goes_at_the_next_poll(seen: dict[str, Any]) -> None:
    last = seen["last"]["generation"]
    assert seen["segments"] == [f"ddbcfg.config.prod.{last - 1}", f"ddbcfg.config.prod.{last}"]
