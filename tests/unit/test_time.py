"""Ages and time limits: an absurd age is unknown (G7), and the watchdog outlasts a stuck loop."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ddbcfg_client.format.page import NEVER
from ddbcfg_client.shm.clock import age_of
from ddbcfg_daemon.served_store import STUCK

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("seconds", "age"),
    [
        (0.0, 0.0),
        (3600.0, 3600.0),
        (86400.0 * 400, 86400.0 * 400),  # a copy on disk from before this boot
        (-5.0, None),  # read in the future
        (86400.0 * 366 * 101, None),  # older than computers
    ],
)
def test_an_age_that_cannot_be_is_not_known(seconds: float, age: float | None) -> None:
    success = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - round(seconds * 1e9)
    found = age_of(success)
    assert found == (None if age is None else pytest.approx(age, abs=5))


def test_an_age_that_nobody_wrote_is_not_known() -> None:
    assert age_of(NEVER) is None


def test_a_loop_that_is_stuck_starves_the_watchdog_before_it_bites() -> None:
    unit = (ROOT / "systemd/ddbcfg-daemon.service").read_text()
    (watchdog,) = (line for line in unit.splitlines() if line.startswith("WatchdogSec="))
    assert float(watchdog.partition("=")[2]) > STUCK
