"""The age of a copy, and what guards compare with after a boot (G4, G7)."""

from __future__ import annotations

import pytest

from ddbcfg_daemon.guards import GuardRefused
from support.disk_copies import AWAY, OPTIONS, Host, many
from support.shm import objects_of, reading

# --- its age -------------------------------------------------------------------------------------


def test_its_age_counts_from_the_last_good_poll_and_costs_no_rewriting(host: Host) -> None:
    host.poll(reading(OPTIONS))
    written = host.file.stat()
    before = host.file.read_bytes()
    host.clocks.pass_by(86400)
    host.poll(reading(OPTIONS))
    assert host.file.stat().st_ino == written.st_ino
    renewed = host.file.read_bytes()
    changed = [at for at, (a, b) in enumerate(zip(before, renewed, strict=True)) if a != b]
    assert changed
    assert all(64 <= at < 128 for at in changed)
    host.boot()
    host.poll(AWAY)
    assert host.age == pytest.approx(630, abs=30)


def test_a_removed_copy_is_written_again_at_the_next_poll(host: Host) -> None:
    host.poll(reading(OPTIONS))
    host.file.unlink()
    host.poll(reading(OPTIONS))
    host.boot()
    host.poll(AWAY)
    assert host.config.get("db") == OPTIONS["db"]


def test_a_copy_that_was_replaced_is_written_again(host: Host) -> None:
    host.poll(reading(OPTIONS))
    size = host.file.stat().st_size
    other = host.file.with_name("other")
    other.write_bytes(bytes(size))
    other.replace(host.disk.path)
    host.poll(reading(OPTIONS))
    host.boot()
    host.poll(AWAY)
    assert host.config.get("db") == OPTIONS["db"]


YEAR = 365 * 86400 * 10**9


def test_a_clock_that_was_a_year_ahead_leaves_an_age_of_at_least_the_uptime(host: Host) -> None:
    host.clocks.wall += YEAR
    host.poll(reading(OPTIONS))
    host.clocks.wall -= YEAR
    host.boot()
    host.poll(AWAY)
    assert host.age == pytest.approx(30, abs=20)
    host.clocks.pass_by(3600)
    host.poll(AWAY)
    assert host.age == pytest.approx(3630, abs=20)


@pytest.mark.parametrize("wrong", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_clock_that_is_put_right_while_the_copy_is_served_puts_its_age_right(
    host: Host, wrong: int
) -> None:
    host.poll(reading(OPTIONS))
    host.boot()
    host.clocks.wall += wrong
    host.poll(AWAY)
    assert host.age == pytest.approx(max(wrong / 1e9 + 630, 30), abs=30)
    host.clocks.wall -= wrong
    host.poll(AWAY)
    assert host.age == pytest.approx(630, abs=30)


def test_within_one_boot_no_wall_clock_matters(host: Host) -> None:
    # Shared memory was wiped, by RemoveIPC= or by hand.
    host.poll(reading(OPTIONS))
    host.stop()
    for path in objects_of(host.names):
        path.unlink()
    host.clocks.pass_by(100)
    host.clocks.wall += YEAR
    host.start()
    host.poll(AWAY)
    assert host.age == pytest.approx(100, abs=20)


# --- guards, after a boot ------------------------------------------------------------------------


@pytest.mark.parametrize("left", [0, 1])
def test_after_a_boot_the_guards_compare_with_the_copy(host: Host, left: int) -> None:
    for _ in range(3):
        host.poll(many(40))
        host.poll(many(39))
    before = host.config.generation
    for boot in range(2):
        host.boot()
        for _ in range(2):
            assert isinstance(host.poll(many(left)), GuardRefused)
        # What was good is served, and is still what a next boot finds.
        assert len(host.config) == 39
        assert host.config.generation == before + 1 + boot
        assert host.refresher.ready
        status = host.config.status()
        assert (status.source, status.failures, status.error) == ("disk", 0, None)
        assert f"{39 - left} of 39" in (status.held or "") or left == 0
        # The table was read: that nothing newer is wanted is as good as that there is nothing.
        assert host.age == pytest.approx(0, abs=20)
    host.poll(many(40))
    assert len(host.config) == 40
    assert host.config.status().source == "dynamodb"


def test_the_copy_stays_young_while_newer_content_is_held(host: Host) -> None:
    host.poll(many(40))
    host.clocks.pass_by(86400)
    host.poll(many(1))
    host.boot()
    host.poll(AWAY)
    assert len(host.config) == 40
    assert host.age == pytest.approx(630, abs=30)


def test_a_daemon_that_took_over_and_holds_keeps_a_copy_of_what_is_published(host: Host) -> None:
    host.poll(many(40))
    host.file.unlink()
    host.stop()
    host.start()
    host.poll(many(1))
    host.boot()
    host.poll(AWAY)
    assert len(host.config) == 40


def test_a_boot_that_finds_the_table_as_it_was_goes_on_from_the_generation(host: Host) -> None:
    for count in (40, 39, 38):
        host.poll(many(count))
    host.boot()
    assert host.poll(many(38)) is None
    assert host.config.generation == 4
