"""Pages and segments that are removed or replaced under their publisher (G3, G9)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from ddbcfg_client import page_follower
from ddbcfg_client.errors import SnapshotUnavailable, UntrustedSegment
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.errors import NoSpace, PublishError, WriterLocked
from ddbcfg_daemon.publishing import segment_files
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.crashing import reading
from support.shm import objects_of
from support.taking_over import (
    NOBODY,
    Clock,
    config_of,
    needs_root,
    number_of,
    publish,
    segments_of,
)
from support.tracing import traced


def test_nothing_removed_is_nothing_to_repair(publisher: Publisher) -> None:
    before = objects_of(publisher.names)
    assert publisher.verify() == []
    assert publisher.generation == 1
    assert objects_of(publisher.names) == before


def test_a_removed_page_is_made_anew_and_its_readers_sent_there_at_once(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = publisher.names
    config = config_of(names)
    assert number_of(config) == 1
    publisher.report(PageStatus(polls=7, error="kept"))
    path_of(names.page).unlink()
    with pytest.raises(SnapshotUnavailable):
        number_of(config_of(names))
    assert publisher.verify() == ["the control page"]
    # However often a reader looks at the name: the old page says that it is retired.
    monkeypatch.setattr(page_follower, "_NAME_CHECK", 1e9)
    old = config._view[0]
    assert config.generation == 1  # its content and its segment are what they were
    assert config._view[0] is not old
    assert config.status().error == "kept"
    assert number_of(config_of(names)) == 1
    assert segments_of(names) == [names.segment(1)[1:]]
    publish(publisher, 2)
    assert (number_of(config), config.generation) == (2, 2)
    assert publisher.verify() == []


def seen_by_readers(page: Path) -> bool | None:
    """Whether who finds the page may read it and finds it made; None when there is none."""
    try:
        return page.stat().st_mode & 0o777 == 0o640 and any(page.read_bytes()[:8])
    except FileNotFoundError:
        return None


def test_a_page_is_whole_and_readable_as_soon_as_it_has_its_name(names: Names) -> None:
    """Else who waits for a daemon that is just starting is refused instead."""
    page, seen = path_of(names.page), set()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        seen.add(seen_by_readers(page))
        return trace

    def watched(make: Callable[[], Publisher]) -> Publisher:
        seen.clear()
        with traced(trace):
            made = make()
        assert seen == {None, True}
        return made

    publisher = watched(lambda: Publisher(names))

    def repaired() -> Publisher:
        page.unlink()
        publisher.verify()
        return publisher

    watched(repaired).close()


@needs_root
def test_a_strangers_file_in_the_place_of_the_segment_is_noticed(publisher: Publisher) -> None:
    names = publisher.names
    config = config_of(names)
    assert number_of(config) == 1
    segment = path_of(names.segment(1))
    segment.unlink()
    segment.touch()
    os.chown(segment, NOBODY, NOBODY)
    with pytest.raises(UntrustedSegment):
        config_of(names).get()
    assert publisher.verify() == ["the snapshot segment"]
    assert number_of(config_of(names)) == number_of(config) == 1
    assert publisher.verify() == []
    segment.unlink(missing_ok=True)


def test_a_segment_that_is_removed_while_it_is_published_fails_that_publication(
    names: Names,
) -> None:
    remove: list[str] = ["create", "mode"]

    def at(step: str) -> None:
        if remove and step == remove[-1]:
            for segment in segments_of(names):
                path_of(f"/{segment}").unlink()

    publisher = Publisher(names, at=at)
    with pytest.raises(PublishError, match="was removed during its publication"):
        publisher.publish(reading(1))
    remove.clear()
    publish(publisher, 1)
    assert number_of(config_of(names)) == 1
    publisher.close()


def test_the_age_of_the_generation_before_is_no_younger_after_a_kill(names: Names) -> None:
    """G7: killed between an announcement and the report that follows it."""
    killed = Publisher(names)
    publish(killed, 1)
    killed.report(PageStatus(success=5, success_unix=6))
    publish(killed, 2)
    killed._lock.release()
    publisher = Publisher(names)
    publisher.report(publisher.status())
    status = Page(names, Trust()).status()
    assert status.success_of(1) == 5
    assert (status.success_of(2) or 0) > 5
    publisher.close()


def test_a_page_that_something_else_took_the_place_of_is_made_anew(publisher: Publisher) -> None:
    page = path_of(publisher.names.page)
    for make in (page.touch, page.mkdir, lambda: page.symlink_to("/etc/hostname")):
        page.unlink()
        make()
        assert publisher.verify() == ["the control page"]
        assert number_of(config_of(publisher.names)) == 1


def test_a_removed_segment_is_made_anew_under_another_number(publisher: Publisher) -> None:
    names = publisher.names
    config = config_of(names)
    assert number_of(config) == 1
    digest = config.digest
    path_of(names.segment(1)).unlink()
    assert number_of(config) == 1
    assert publisher.verify() == ["the snapshot segment"]
    assert (config.generation, config.digest, number_of(config)) == (2, digest, 1)
    assert number_of(config_of(names)) == 1
    assert publisher.publish(reading(1)) is False
    assert publisher.verify() == []


def test_all_of_it_removed_is_made_anew(publisher: Publisher) -> None:
    config = config_of(publisher.names)
    assert number_of(config) == 1
    for path in objects_of(publisher.names):
        path.unlink()
    assert publisher.verify() == ["the control page"]
    assert number_of(config) == number_of(config_of(publisher.names)) == 1
    with pytest.raises(WriterLocked):
        Publisher(publisher.names)


def full(fd: int, name: str, size: int, reclaim: object) -> None:
    raise NoSpace(name, size, 0, 0)


def test_a_repair_that_finds_no_space_changes_nothing_and_is_tried_again(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = publisher.names
    config = config_of(names)
    assert number_of(config) == 1

    path_of(names.page).unlink()
    path_of(names.segment(1)).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(segment_files, "allocate", full)
        for _ in range(2):
            with pytest.raises(NoSpace):
                publisher.verify()
            assert publisher.snapshot is not None
            assert publisher.snapshot.generation == 1
            assert number_of(config) == 1
    assert publisher.verify() == ["the control page"]
    assert number_of(config_of(names)) == number_of(config) == 1
    assert config.generation == publisher.generation
    publisher.verify()
    assert segments_of(names) == [names.segment(publisher.generation)[1:]]


def test_a_publication_that_finds_no_space_changes_nothing(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(publisher.names)

    with monkeypatch.context() as patch:
        patch.setattr(segment_files, "allocate", full)
        with pytest.raises(NoSpace):
            publisher.publish(reading(2))
    assert (number_of(config), config.generation) == (1, 1)
    publish(publisher, 2)
    assert (number_of(config), config.generation) == (2, 2)


def test_a_store_that_was_taken_away_and_comes_back_is_read_again(names: Names) -> None:
    first = Publisher(names)
    publish(first, 1)
    config = config_of(names)
    assert number_of(config) == number_of(config) == 1
    config_of(names).get()
    first.remove()
    assert objects_of(names) == []
    assert number_of(config) == 1  # who has it keeps it
    following = Publisher(names)
    publish(following, 2)
    Clock(config).ahead += 5
    assert number_of(config) == 2
    following.close()
