"""How a publisher ends: what it leaves, what it takes with it, and under whose lock (G4, G5)."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.errors import PublishError, WriterLocked
from ddbcfg_daemon.publishing import objects, segment_files, shared_store
from ddbcfg_daemon.publishing import publisher as publisher_module
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.publishing.shared_store import SharedStore
from ddbcfg_daemon.publishing.writer_lock import WriterLock
from support.shm import objects_of, reading
from support.tracing import traced

TraceFunction = Callable[[FrameType, str, Any], Any]

DB = reading({"db": {"host": "a"}})


def test_close_leaves_what_is_published_and_frees_the_lock(names: Names) -> None:
    publisher = Publisher(names)
    publisher.publish(DB)
    publisher.close()
    publisher.close()
    WriterLock(names, Access()).release()
    assert names.segment(1)[1:] in [path.name for path in objects_of(names)]


def test_remove_leaves_nothing(names: Names) -> None:
    publisher = Publisher(names)
    publisher.publish(DB)
    publisher.remove()
    publisher.remove()
    assert objects_of(names) == []


def test_remove_holds_the_lock_until_all_is_gone(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else it would take away what a newcomer has just made.
    removed: list[str] = []
    unlink = objects.unlink

    def unlink_under_lock(name: str) -> None:
        with pytest.raises(WriterLocked):
            WriterLock(names, Access())
        removed.append(name)
        unlink(name)

    publisher = Publisher(names)
    publisher.publish(DB)
    for module in (publisher_module, segment_files, shared_store):
        monkeypatch.setattr(module, "unlink", unlink_under_lock)
    publisher.remove()
    assert {names.page, names.segment(1)} < set(removed)
    assert removed[-1] == names.lock
    monkeypatch.undo()

    newcomer = Publisher(names)
    newcomer.publish(DB)
    publisher.remove()
    assert newcomer.generation == 1
    assert names.page[1:] in [path.name for path in objects_of(names)]
    newcomer.close()


@pytest.mark.parametrize("end", [Publisher.close, Publisher.remove])
def test_nothing_is_published_after_the_end(names: Names, end: object) -> None:
    # A poll that was under way may come late.
    publisher = Publisher(names)
    assert callable(end)
    end(publisher)
    with pytest.raises(PublishError, match="closed"):
        publisher.publish(DB)
    with pytest.raises(PublishError, match="closed"):
        publisher.report(publisher.status())


def test_a_close_that_fails_frees_the_lock_all_the_same(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    publisher = Publisher(names)
    with monkeypatch.context() as patch:
        patch.setattr(SharedStore, "report", no_memory)
        with pytest.raises(MemoryError):
            publisher.close()
    WriterLock(names, Access()).release()


def test_whoever_looks_while_another_thread_closes_gets_a_snapshot_or_none(names: Names) -> None:
    publisher = Publisher(names)
    publisher.publish(DB)
    code = vars(SharedStore)["snapshot"].fget.__code__
    lines: list[int] = []

    def close_at_last(frame: FrameType, event: str, _: object) -> TraceFunction | None:
        if frame.f_code is not code:
            return None
        if event == "line":
            lines.append(frame.f_lineno)
            if "return Snapshot" in linecache.getline(code.co_filename, frame.f_lineno):
                sys.settrace(None)
                publisher.close()
        return close_at_last

    with traced(close_at_last):
        snapshot = publisher.snapshot
    assert lines
    assert snapshot is not None
    assert len(snapshot) == 1
    assert publisher.snapshot is None
