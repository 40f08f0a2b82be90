"""The refresher: what it says when a poll fails, and what ends it (G4, G7)."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.errors import SourceUnusable, WriterLocked
from ddbcfg_daemon.outputs.log_writer import LineFormatter
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.daemon import SECRET
from support.refreshing import AWAY, DB, INTERVAL, FakeSource, refresher_of
from support.shm import reading

WRONG_KEYS = SourceUnusable("MisconfiguredSchemaException", "hash key 'a' expected")


def skipping(*skipped: str) -> Reading:
    return Reading(DB.options, DB.read_at, skipped=skipped)


# --- what it tells -------------------------------------------------------------------------------


def page_of(publisher: Publisher) -> Any:
    return Page(publisher.names, Trust()).status()


def test_a_failed_poll_is_counted_and_told_and_the_first_success_ends_that(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    refresher = refresher_of(publisher, AWAY, DB, AWAY, OSError(28, "No space left"), DB)
    assert refresher.poll() is AWAY
    assert not refresher.ready
    assert "nothing is published yet" in caplog.text
    assert str(AWAY) in caplog.text

    assert refresher.poll() is None
    assert refresher.ready
    assert "polls succeed again after 1 failure" in caplog.text
    success = page_of(publisher).success

    assert refresher.poll() is AWAY
    assert isinstance(refresher.poll(), OSError)
    assert "poll 2 failed" in caplog.text
    assert "still serving generation 1, 0 s old" in caplog.text
    status = page_of(publisher)
    assert (status.failures, status.polls, status.success) == (2, 4, success)
    assert "No space left" in status.error
    assert "generation 1, 1 option, 2 failed polls: " in refresher.summary

    assert refresher.poll() is None
    status = page_of(publisher)
    assert (status.failures, status.error) == (0, "")
    assert status.success > success
    assert publisher.generation == 1
    assert "generation 1, 1 option" in refresher.summary
    assert SECRET not in caplog.text


def test_the_first_snapshot_has_an_age_from_the_moment_on_that_readers_see_it(
    names: Names,
) -> None:
    seen: list[tuple[int, float | None]] = []
    config = Config(names, Trust(), max_age=60)

    def at(step: str) -> None:
        if step == "release":  # announced a moment ago
            seen.append((config.generation, config.age))
            assert config.get("db") == {"host": SECRET}

    publisher = Publisher(names, at=at)
    refresher_of(publisher, reading({"db": {"host": SECRET}})).poll()
    publisher.close()
    [(generation, age)] = seen
    assert generation == 1
    assert age is not None
    assert age < 30


def test_a_change_is_logged_once_by_name_and_no_change_not_at_all(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    before = reading({"a": {"k": SECRET}, "b": {"k": 1}, "c": {"k": 1}})
    after = reading({"a": {"k": SECRET + "!"}, "b": {"k": 1}, "d": {"k": 1}})
    refresher = refresher_of(publisher, before, before, after, after)
    for _ in range(4):
        refresher.poll()
    first, second = caplog.messages
    assert "generation 1: 3 options" in first
    assert "changed" not in first
    assert second.endswith("; changed a; added d; removed c")
    assert "generation 2: 3 options" in second
    assert SECRET not in caplog.text


def test_a_log_line_names_no_more_than_a_few_options(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    many = {f"option-{number:02}": {"k": 1} for number in range(20)}
    refresher = refresher_of(publisher, DB, reading(many))
    refresher.poll()
    refresher.poll()
    assert "added option-00, option-01" in caplog.text
    assert "option-07 and 12 more; removed db" in caplog.text


def test_skipped_items_are_counted_at_every_poll_and_named_once(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    refresher = refresher_of(
        publisher, skipping("{'N': '5'}"), skipping("{'N': '5'}", "{'N': '6'}"), skipping()
    )
    for skipped in (1, 2, 0):
        refresher.poll()
        assert page_of(publisher).skipped == skipped
    assert caplog.text.count("{'N': '5'}") == 1
    assert caplog.text.count("{'N': '6'}") == 1


# --- what ends it --------------------------------------------------------------------------------


def test_wrong_keys_end_it_and_every_reader_can_see_why(publisher: Publisher) -> None:
    refresher = refresher_of(publisher, WRONG_KEYS)
    refresher.run()
    assert refresher.failure is WRONG_KEYS
    assert page_of(publisher).error == str(WRONG_KEYS)


def test_another_daemon_that_took_over_ends_it_and_the_page_is_left_alone(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresher = refresher_of(publisher)
    taken = WriterLocked("prod", "/lock", 1)

    def verify() -> list[str]:
        raise taken

    monkeypatch.setattr(publisher, "verify", verify)
    before = bytes(publisher._store.page._bytes)
    refresher.run()
    assert refresher.failure is taken
    assert bytes(publisher._store.page._bytes) == before


def test_a_fault_of_its_own_ends_it_with_a_traceback_without_values(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[int] = []
    source = FakeSource(ZeroDivisionError(SECRET))
    refresher = Refresher(
        source, publisher, INTERVAL, pid=os.getpid(), on_event=lambda: events.append(1)
    )
    refresher.run()
    assert isinstance(refresher.failure, ZeroDivisionError)
    assert events
    assert "ZeroDivisionError at" in caplog.text
    said = LineFormatter(with_time=False).format(caplog.records[-1])
    assert "refreshing.py" in said
    assert SECRET not in said
    assert SECRET not in caplog.text


@pytest.mark.parametrize("answer", [DB, AWAY], ids=["answered", "failed"])
def test_a_poll_that_ends_after_the_publisher_was_closed_is_no_fault(
    publisher: Publisher, caplog: pytest.LogCaptureFixture, answer: Reading | BaseException
) -> None:
    # As when SIGTERM comes while DynamoDB hangs.
    refresher = refresher_of(publisher, answer)

    def during(progress: Progress) -> None:
        refresher.stop()
        publisher.close()

    source = refresher._source
    assert isinstance(source, FakeSource)
    source.during = during
    refresher.run()
    assert refresher.failure is None
    assert publisher.generation == 0
    assert "CRITICAL" not in caplog.text
    assert "closed" not in caplog.text


def test_stop_ends_its_sleep(publisher: Publisher) -> None:
    refresher = refresher_of(publisher, DB)
    refresher._on_event = refresher.stop
    refresher.run()
    assert refresher.failure is None
    assert publisher.generation == 1
