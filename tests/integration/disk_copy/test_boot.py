"""The copy on disk: a host that boots while DynamoDB is away serves it (G4)."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from support.daemon import SECRET
from support.disk_copies import AWAY, OPTIONS, Host, content, ignored
from support.shm import reading


def test_a_boot_without_dynamodb_serves_the_copy_and_says_so(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.poll(reading(OPTIONS))
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
    assert status.age == pytest.approx(630, abs=30)
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


def test_a_store_that_was_emptied_on_purpose_is_empty_on_disk_too(host: Host) -> None:
    host.poll(reading(OPTIONS))
    host.refresher._requests.ask(accept=True)
    assert host.poll(reading({})) is None
    host.boot()
    host.poll(AWAY)
    assert host.refresher.ready
    assert host.config.get() == {}
    assert host.config.generation == 3


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
    folder = host.disk.path.parent
    folder.rmdir()
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        host.poll(reading(OPTIONS))
    assert host.config.get("db") == OPTIONS["db"]
    host.refresher.finish_copy(20)
    assert f"copy on disk: No such file or directory ({host.disk.path}" in caplog.text
    assert "No such file" in (host.config.status().copy_error or "")
    assert "No such file" in host.refresher.summary
    folder.mkdir()
    host.poll(reading(OPTIONS))  # tried again, though nothing changed
    assert host.file.exists()
    assert not host.refresher.copy_error


def test_a_daemon_killed_while_it_wrote_leaves_the_old_copy(host: Host) -> None:
    host.poll(reading(OPTIONS))
    left = host.file.with_name(f"{host.file.name}.new")
    left.write_bytes(host.file.read_bytes()[:50])
    host.boot()
    host.poll(AWAY)
    assert host.config.get("db") == OPTIONS["db"]
    host.poll(reading({"db": {}}))
    assert not left.exists()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda raw: raw[:20], "it is truncated"),
        (lambda raw: raw[:-1], "its checksum does not match"),
        (lambda raw: raw + b"\0", "its checksum does not match"),
        (lambda raw: raw[:130] + bytes([raw[130] ^ 1]) + raw[131:], "its checksum does not match"),
        (lambda raw: b"X" + raw[1:], "it is not a copy of a store"),
        (lambda raw: raw[:8] + b"\3" + raw[9:], "it has version 3, but this release reads 2"),
        (lambda raw: b"", "it is truncated"),
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
    DiskCopy(other, Names("elsewhere", "test")).follow(content(1))
    (foreign,) = other.iterdir()
    foreign.replace(host.disk.path)
    other.rmdir()
    assert "it is of another store, 'elsewhere'/'test'" in ignored(host, caplog)


def test_no_other_kind_of_file_is_read(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(host.disk.path)
    assert "is not a regular file" in ignored(host, caplog)


def test_a_symbolic_link_is_not_followed(
    host: Host, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    host.poll(reading(OPTIONS))
    moved = tmp_path.parent / f"{tmp_path.name}.moved"
    host.file.rename(moved)
    host.disk.path.symlink_to(moved)
    assert "Too many levels of symbolic links" in ignored(host, caplog)


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_bytes_are_a_copy_or_none(tmp_path: Path, data: st.DataObject) -> None:
    copy = DiskCopy(tmp_path, Names("config", "prod"))
    copy.follow(content(7))
    raw = bytearray(copy.path.read_bytes())
    record = slice(64, 128)  # when it was confirmed has a checksum of its own
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    changed = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    before = copy.path.read_bytes()
    whole = changed[:64] + before[record] + changed[128:] == before
    copy.path.write_bytes(changed)
    try:
        found = copy.load()
    except ValueError:
        assert not whole
    else:
        assert whole
        assert found is not None
        assert (found.generation, found.reading.options) == (7, reading(OPTIONS).options)
        if changed[record] != before[record]:
            assert found.confirmed.unix in (1, copy_time(before))


def copy_time(raw: bytes) -> int:
    return int.from_bytes(raw[64:72], "little")
