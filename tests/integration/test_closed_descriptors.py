"""A program closes descriptors that are not its own, as one that becomes a daemon does."""

from __future__ import annotations

import os

import pytest

import ddbcfg_client
from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import objects_of, reading
from support.waiting import wait_until


def test_what_is_attached_after_that_stays_open(names: Names) -> None:
    """The segment is opened again under the number that the reader has lost, and is the same."""
    publisher = Publisher(names)
    publisher.publish(reading({name: {"n": number} for number, name in enumerate("abcd")}))
    config = ddbcfg_client.connect(names.namespace, names.store)
    before = config.snapshot()._segment._fd  # type: ignore[attr-defined]
    os.close(before)
    assert config["a"] == {"n": 0}
    pinned = config.snapshot()
    assert pinned._segment._fd == before  # type: ignore[attr-defined]
    assert pinned["b"] == {"n": 1}
    publisher.publish(reading({"a": {"n": 5}}))
    assert config["a"] == {"n": 5}
    assert pinned["c"] == {"n": 2}
    del pinned
    publisher.verify()
    assert not os.path.exists(f"/dev/shm{names.segment(1)}")  # it was let go of
    publisher.close()


def test_what_was_read_is_served_when_there_is_nothing_to_attach_to(names: Names) -> None:
    """G4: the page that has the name by now is of a daemon that has read nothing yet."""
    publisher = Publisher(names)
    publisher.publish(reading({"a": {"n": 1}, "b": {"n": 2}}))
    config = ddbcfg_client.connect(names.namespace, names.store)
    assert config["a"] == {"n": 1}
    publisher.close()
    for path in objects_of(names):
        path.unlink()
    publisher = Publisher(names)
    os.close(config.snapshot()._segment._fd)  # type: ignore[attr-defined]
    with pytest.raises(SnapshotUnavailable):
        config["b"]
    assert config["a"] == {"n": 1}
    assert config.generation == 1
    publisher.publish(reading({"a": {"n": 3}}))
    wait_until(lambda: config["a"] == {"n": 3})
    publisher.close()
