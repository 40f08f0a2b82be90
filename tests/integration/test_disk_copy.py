"""The copy on disk: a host that boots while DynamoDB is away serves it, and says so (G4)."""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ddbcfg_client
from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.layout.names import Names
from ddbcfg_daemon.disk_copy import DiskCopy
from ddbcfg_daemon.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.source import Progress, Reading
from support.daemon import SECRET
from support.shm import objects_of, reading

AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "nothing answers there")
OPTIONS = {"db": {"host": SECRET, "port": 5432, "tags": {"a"}}, "empty": {}, "größe": {"b": b"\0"}}


class Host:
    """One host over its boots: shared memory goes with each, the folder stays."""

    def __init__(self, folder: Path, names: Names) -> None:
        self.copy = DiskCopy(folder, names)
        self.names = names
        self.now: Reading | Exception = AWAY
        self._publishers: list[Publisher] = []
        self.boot()

    def boot(self) -> None:
        self.stop()
        for path in objects_of(self.names):
            path.unlink()
        self.start()

    def start(self) -> None:
        publisher = Publisher(self.names)
        self._publishers = [publisher]
        self.refresher = Refresher(self, publisher, 60.0, pid=os.getpid(), copy=self.copy)

    def stop(self) -> None:
        for publisher in self._publishers:
            publisher.close()

    def read(self, progress: Progress) -> Reading:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def poll(self, now: Reading | Exception) -> None:
        self.now = now
        self.refresher.poll()

    @property
    def config(self) -> ddbcfg_client.Config:
        return ddbcfg_client.connect(self.names.namespace, self.names.store)

    @property
    def file(self) -> Path:
        (file,) = self.copy._path.parent.iterdir()
        return file


@pytest.fixture
def host(tmp_path: Path, names: Names) -> Iterator[Host]:
    made = Host(tmp_path, names)
    yield made
    made.stop()


def test_a_boot_without_dynamodb_serves_the_copy_and_says_so(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    hour_ago = time.time_ns() - 3600 * 10**9
    host.poll(Reading(reading(OPTIONS).options, hour_ago))
    digest = host.config.digest
    host.boot()
    assert not host.refresher.ready
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        host.poll(AWAY)
    assert host.refresher.ready  # READY is sent
    assert host.config.get("db") == OPTIONS["db"]
    assert host.config.digest == digest
    status = host.config.status()
    assert (status.source, status.failures) == ("disk", 1)
    assert status.age == pytest.approx(3600, abs=30)
    assert status.error is not None
    assert "serving the copy on disk" in caplog.text
    assert SECRET not in caplog.text


def test_the_generation_goes_on_growing_over_a_boot(host: Host) -> None:
    for port in range(5):
        host.poll(reading({"db": {"port": port}}))
    host.boot()
    host.poll(AWAY)
    assert host.config.generation == 6


def test_the_first_good_poll_takes_over_from_the_copy(host: Host) -> None:
    host.poll(reading(OPTIONS))
    host.boot()
    host.poll(AWAY)
    generation = host.config.generation
    host.poll(reading(OPTIONS))
    status = host.config.status()
    # The same content: no new generation, but no longer old.
    assert (status.source, status.failures, status.generation) == ("dynamodb", 0, generation)
    assert status.age == pytest.approx(0, abs=30)
    host.poll(reading({"db": {"host": "new"}}))
    assert host.config.get("db") == {"host": "new"}


def test_what_is_in_shared_memory_is_preferred(host: Host) -> None:
    host.poll(reading(OPTIONS))
    host.stop()
    host.start()
    host.poll(AWAY)
    assert host.config.status().source == "dynamodb"


def test_it_follows_each_generation_and_only_those(host: Host) -> None:
    host.poll(reading(OPTIONS))
    first = host.file.stat()
    host.poll(reading(OPTIONS))
    assert host.file.stat().st_ino == first.st_ino
    host.poll(reading({"db": {}}))
    assert host.file.stat().st_ino != first.st_ino
    host.boot()
    host.poll(AWAY)
    assert host.config.get() == {"db": {}}


def test_nobody_else_may_read_it(host: Host) -> None:
    before = os.umask(0)
    try:
        host.poll(reading(OPTIONS))
    finally:
        os.umask(before)
    assert stat.S_IMODE(host.file.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_stops_nothing(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    folder = host.copy._path.parent
    folder.rmdir()
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        host.poll(reading(OPTIONS))
    assert host.config.get("db") == OPTIONS["db"]
    assert "the copy on disk was not written" in caplog.text
    folder.mkdir()
    host.poll(reading(OPTIONS))  # tried again, though nothing changed
    assert host.file.exists()


def test_a_daemon_killed_while_it_wrote_leaves_the_old_copy(host: Host) -> None:
    host.poll(reading(OPTIONS))
    host.copy._new.write_bytes(host.file.read_bytes()[:50])
    host.boot()
    host.poll(AWAY)
    assert host.config.get("db") == OPTIONS["db"]
    host.poll(reading({"db": {}}))
    assert not host.copy._new.exists()


def ignored(host: Host, caplog: pytest.LogCaptureFixture) -> str:
    """What is logged when the copy is not believed; nothing is served then."""
    host.boot()
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        host.poll(AWAY)
    assert not host.refresher.ready
    assert SECRET not in caplog.text
    return caplog.text


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda raw: raw[:20], "it is cut short"),
        (lambda raw: raw[:-1], "its checksum does not match"),
        (lambda raw: raw + b"\0", "its checksum does not match"),
        (lambda raw: raw[:100] + bytes([raw[100] ^ 1]) + raw[101:], "its checksum does not match"),
        (lambda raw: b"X" + raw[1:], "it is no copy of a store"),
        (lambda raw: raw[:8] + b"\2" + raw[9:], "it is of version 2, this release reads 1"),
        (lambda raw: b"", "it is cut short"),
    ],
    ids=["head only", "cut", "longer", "bit", "magic", "newer", "empty"],
)
def test_a_damaged_copy_is_ignored_with_a_log_line(
    host: Host, caplog: pytest.LogCaptureFixture, damage: object, reason: str
) -> None:
    host.poll(reading(OPTIONS))
    assert callable(damage)
    host.file.write_bytes(damage(host.file.read_bytes()))
    assert reason in ignored(host, caplog)


def test_another_stores_copy_is_ignored(
    host: Host, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    host.poll(reading(OPTIONS))
    other = tmp_path / "other"
    other.mkdir()
    DiskCopy(other, Names("elsewhere", "test")).save(reading(OPTIONS), 1)
    (foreign,) = other.iterdir()
    target = host.copy._path
    foreign.replace(target)
    other.rmdir()
    assert "it is of another store, elsewhere/test" in ignored(host, caplog)


def test_no_other_kind_of_file_is_read(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(host.copy._path)
    assert "ignored the copy" in ignored(host, caplog)


def test_a_symbolic_link_is_not_followed(
    host: Host, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    host.poll(reading(OPTIONS))
    moved = tmp_path.parent / f"{tmp_path.name}.moved"
    host.file.rename(moved)
    host.copy._path.symlink_to(moved)
    assert "ignored the copy" in ignored(host, caplog)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes_are_a_copy_or_none(tmp_path: Path, data: st.DataObject) -> None:
    copy = DiskCopy(tmp_path, Names("config", "prod"))
    copy.save(reading(OPTIONS), 7)
    raw = bytearray(copy._path.read_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    changed = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    whole = changed == copy._path.read_bytes()
    copy._path.write_bytes(changed)
    found = copy.load()
    assert (found is not None) == whole
    if found is not None:
        assert (found.generation, found.reading.options) == (7, reading(OPTIONS).options)
