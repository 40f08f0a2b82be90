"""The copy on disk: a host that boots while DynamoDB is away serves it, and says so (G4)."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ddbcfg_client
from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk.copy_format import Content
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.errors import NoSpace, UntrustedPath
from ddbcfg_daemon.guards import GuardRefused, ShrinkGuard
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.daemon import SECRET
from support.shm import objects_of, reading

AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "nothing answers there")
OPTIONS = {"db": {"host": SECRET, "port": 5432, "tags": {"a"}}, "empty": {}, "größe": {"b": b"\0"}}


class Clocks:
    """The clocks that :mod:`.moment` reads, as a host has them that can be booted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = 1_800_000_000 * 10**9
        self.up = 10**12
        self.boots = 1
        monkeypatch.setattr("ddbcfg_daemon.disk.moment.boot_id", lambda: bytes([self.boots] * 16))
        monkeypatch.setattr("ddbcfg_daemon.disk.moment.boottime", lambda: self.up)
        monkeypatch.setattr("ddbcfg_daemon.disk.moment.time.time_ns", lambda: self.wall)

    def pass_by(self, seconds: float) -> None:
        self.wall += round(seconds * 1e9)
        self.up += round(seconds * 1e9)

    def boot(self) -> None:
        """The host was off for ten minutes, and has been up for 30 seconds now."""
        self.wall += 630 * 10**9
        self.up = 30 * 10**9
        self.boots += 1


class Host:
    """One host over its boots: shared memory goes with each, the folder stays."""

    def __init__(self, folder: Path, names: Names, clocks: Clocks) -> None:
        self.folder = folder
        self.names = names
        self.clocks = clocks
        self.now: Reading | Exception = AWAY
        self._publishers: list[Publisher] = []
        self.start()

    def boot(self) -> None:
        self.stop()
        for path in objects_of(self.names):
            path.unlink()
        self.clocks.boot()
        self.start()

    def start(self) -> None:
        publisher = Publisher(self.names)
        self._publishers = [publisher]
        self.disk = DiskCopy(self.folder, self.names)
        self.copy = CopyKeeper(self.disk)
        self.refresher = Refresher(
            self, publisher, 60.0, pid=os.getpid(), copy=self.copy, guards=[ShrinkGuard()]
        )

    def stop(self) -> None:
        for publisher in self._publishers:
            publisher.close()

    def read(self, progress: Progress) -> Reading:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def poll(self, now: Reading | Exception) -> Exception | None:
        self.now = now
        error = self.refresher.poll()
        assert self.copy.wait(20)
        return error

    @property
    def config(self) -> ddbcfg_client.Config:
        return ddbcfg_client.connect(self.names.namespace, self.names.store)

    @property
    def age(self) -> float | None:
        return self.config.status().age

    @property
    def file(self) -> Path:
        (file,) = self.disk.path.parent.iterdir()
        return file


@pytest.fixture
def host(tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    made = Host(tmp_path, names, Clocks(monkeypatch))
    yield made
    made.stop()


def many(count: int) -> Reading:
    return reading({f"option-{number:02}": {"secret": SECRET} for number in range(count)})


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
        (lambda raw: raw[:130] + bytes([raw[130] ^ 1]) + raw[131:], "its checksum does not match"),
        (lambda raw: b"X" + raw[1:], "it is no copy of a store"),
        (lambda raw: raw[:8] + b"\3" + raw[9:], "it is of version 3, this release reads 2"),
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
    DiskCopy(other, Names("elsewhere", "test")).follow(content(1))
    (foreign,) = other.iterdir()
    foreign.replace(host.disk.path)
    other.rmdir()
    assert "it is of another store, 'elsewhere'/'test'" in ignored(host, caplog)


def test_no_other_kind_of_file_is_read(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(host.disk.path)
    assert "is no regular file" in ignored(host, caplog)


def test_a_symbolic_link_is_not_followed(
    host: Host, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    host.poll(reading(OPTIONS))
    moved = tmp_path.parent / f"{tmp_path.name}.moved"
    host.file.rename(moved)
    host.disk.path.symlink_to(moved)
    assert "Too many levels of symbolic links" in ignored(host, caplog)


def content(generation: int, read_at: int = 1, confirmed: Moment | None = None) -> Content:
    confirmed = confirmed or Moment.now()
    return Content(reading(OPTIONS).options, generation, "00" * 32, read_at, confirmed)


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


# --- who may have written it ---------------------------------------------------------------------

NOBODY = 65534


def _not_ours(host: Host) -> None:
    os.chown(host.file, NOBODY, -1)


def _file_of_all(host: Host) -> None:
    host.file.chmod(0o666)


def _file_of_group(host: Host) -> None:
    host.file.chmod(0o620)


def _sticky_folder(host: Host) -> None:
    host.disk.path.parent.chmod(0o1777)


def _folder_of_group(host: Host) -> None:
    host.disk.path.parent.chmod(0o770)


def _anothers_folder(host: Host) -> None:
    os.chown(host.disk.path.parent, NOBODY, -1)


def _folder_in_one_of_all(host: Host) -> None:
    host.disk.path.parent.parent.chmod(0o777)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_not_ours, f"(uid {NOBODY})"),
        (_file_of_all, "can be written by others (mode 0666)"),
        (_file_of_group, "can be written by others (mode 0620)"),
        (_sticky_folder, "can be written by others (mode 1777)"),
        (_folder_of_group, "can be written by others (mode 0770)"),
        (_anothers_folder, f"(uid {NOBODY})"),
        (_folder_in_one_of_all, "can be written by others (mode 0777)"),
    ],
)
def test_what_another_user_may_have_written_is_not_believed(
    host: Host, caplog: pytest.LogCaptureFixture, change: Callable[[Host], None], reason: str
) -> None:
    above = host.disk.path.parent.parent
    host.poll(reading(OPTIONS))
    change(host)
    try:
        assert reason in ignored(host, caplog)
        assert reason in host.refresher.copy_error
        # It serves all the same, once there is something to serve.
        host.poll(reading(OPTIONS))
        assert host.config.get("db") == OPTIONS["db"]
    finally:
        above.chmod(0o700)


def test_a_copy_by_another_user_is_replaced_by_the_next_good_poll(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.poll(reading(OPTIONS))
    _not_ours(host)
    ignored(host, caplog)
    host.poll(reading(OPTIONS))
    assert host.file.stat().st_uid == os.getuid()
    assert not host.refresher.copy_error


def test_root_that_publishes_for_the_service_leaves_a_copy_that_is_the_services(
    tmp_path: Path,
) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    names = Names("config", "prod")
    with pytest.raises(UntrustedPath, match=f"uid {NOBODY}"):
        DiskCopy(tmp_path, names).follow(content(1))
    assert not list(tmp_path.iterdir())
    copy = DiskCopy(tmp_path, names, Access(owner=NOBODY))
    for generation in (1, 2):
        copy.follow(content(generation))
    assert [file.stat().st_uid for file in tmp_path.iterdir()] == [NOBODY]
    assert copy.load() is not None


@pytest.mark.parametrize(
    "absurd",
    [
        {"generation": 1 << 63},
        {"generation": (1 << 62)},
        {"generation": 0},
        {"generation": -5},
        {"read_at": 1 << 62},
        {"read_at": -1},
    ],
)
def test_an_absurd_copy_is_ignored(
    host: Host, caplog: pytest.LogCaptureFixture, absurd: dict[str, int]
) -> None:
    wrong = {"generation": 1, "read_at": 1} | absurd
    host.disk.follow(content(**wrong))
    assert "an absurd generation or time" in ignored(host, caplog)
    host.poll(reading(OPTIONS))
    assert host.config.generation == 1


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


# --- a disk that hangs ---------------------------------------------------------------------------


def test_a_disk_that_hangs_holds_up_nothing_and_is_seen(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ddbcfg_daemon.disk.copy_keeper._LONG", 0.0)
    monkeypatch.setattr("ddbcfg_daemon.disk.last_known_good._WRITE_PATIENCE", 0.01)
    hanging, release = threading.Event(), threading.Event()
    fsync = os.fsync

    def hang(fd: int) -> None:
        hanging.set()
        release.wait(30)
        fsync(fd)

    monkeypatch.setattr("ddbcfg_daemon.disk.disk_copy.os.fsync", hang)
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        for port in range(5):
            host.now = reading({"db": {"port": port}})
            assert host.refresher.poll() is None
            assert hanging.wait(20)
            assert host.config.get("db") == {"port": port}
    assert "the disk hangs" in host.refresher.copy_error
    assert "the disk hangs" in host.refresher.summary
    assert "the disk hangs" in (host.config.status().copy_error or "")
    assert caplog.text.count("the disk hangs") == 1
    release.set()
    assert host.copy.wait(20)
    assert not host.refresher.copy_error
    host.poll(reading({"db": {"port": 4}}))
    assert host.config.status().copy_error is None
    # Not each of them, but the last one.
    host.boot()
    host.poll(AWAY)
    assert host.config.get("db") == {"port": 4}


def test_a_disk_that_is_full_keeps_the_copy_before_and_nothing_half_done(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.poll(reading(OPTIONS))
    before = host.file.read_bytes()

    def full(fd: int) -> None:
        # Where blocks are allocated late, as in ext4 and NFS, only now.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("ddbcfg_daemon.disk.disk_copy.os.fsync", full)
        host.poll(reading({"db": {"port": 1}}))
    assert host.file.read_bytes() == before
    assert "No space left on device" in host.refresher.copy_error
    assert host.config.get("db") == {"port": 1}
    host.poll(reading({"db": {"port": 1}}))
    assert not host.refresher.copy_error
    host.boot()
    host.poll(AWAY)
    assert host.config.get("db") == {"port": 1}


def test_without_a_thread_for_the_copy_polls_go_on(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert host.poll(reading(OPTIONS)) is None
        assert "can't start new thread" in host.refresher.copy_error
    assert host.poll(reading(OPTIONS)) is None
    assert host.file.exists()


def test_a_disk_that_hangs_at_boot_does_not_hold_up_the_first_poll(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    host.poll(reading(OPTIONS))
    host.boot()
    release = threading.Event()
    monkeypatch.setattr("ddbcfg_daemon.disk.last_known_good._READ_PATIENCE", 0.01)
    monkeypatch.setattr(host.disk, "load", lambda: release.wait(30) and None)
    host.now = reading({"db": {}})
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        assert host.refresher.poll() is None
    assert host.config.get() == {"db": {}}
    assert "the disk hangs: nothing in" in caplog.text
    release.set()
    assert host.copy.wait(20)


def test_a_copy_that_came_late_from_a_disk_that_hung_is_served_all_the_same(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    host.poll(reading(OPTIONS))
    host.boot()
    release, load = threading.Event(), host.disk.load
    monkeypatch.setattr("ddbcfg_daemon.disk.last_known_good._READ_PATIENCE", 0.01)
    monkeypatch.setattr(host.disk, "load", lambda: load() if release.wait(30) else None)
    host.now = AWAY
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        for _ in range(3):
            assert host.refresher.poll() is AWAY
    assert caplog.text.count("the disk hangs") == 1
    release.set()
    assert host.copy.wait(20)
    host.poll(AWAY)
    assert host.config.get() == OPTIONS
    assert host.config.status().source == "disk"
    assert not host.refresher.copy_error


def test_a_copy_that_could_not_be_read_at_boot_is_looked_for_again(host: Host) -> None:
    host.poll(reading(OPTIONS))
    host.boot()
    host.folder.chmod(0o777)  # as a volume that is not mounted yet
    host.poll(AWAY)
    assert "can be written by others" in host.refresher.copy_error
    host.folder.chmod(0o700)
    host.poll(AWAY)
    assert host.config.get() == OPTIONS
    host.poll(reading({}))
    assert host.config.get() == OPTIONS  # and the guards compare with it
    assert "all of 3 options are gone" in host.config.status().held


def test_a_copy_without_room_in_shared_memory_is_still_what_guards_compare_with(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.poll(reading(OPTIONS))
    host.boot()

    def full(*_: object) -> None:
        raise NoSpace("segment", 1, 0, 0)

    with monkeypatch.context() as patch:
        patch.setattr("ddbcfg_daemon.publishing.segment_files.allocate", full)
        host.poll(reading({}))
        assert not host.refresher.ready
    host.poll(reading({}))
    assert host.config.get() == OPTIONS
    assert "all of 3 options are gone" in host.config.status().held
