"""The metrics file: whole for its readers, and nobody's way to have root write elsewhere (G9)."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ddbcfg_daemon.outputs.metrics_file import MetricsFile

HANG = 20.0
STRANGER = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What was logged so far."""
    caplog.set_level(logging.WARNING, "ddbcfg")
    return lambda: caplog.text


def written(path: Path, *texts: str) -> MetricsFile:
    """Write the texts one after the other; all is done afterwards."""
    metrics = MetricsFile(path)
    for text in texts or ("new\n",):
        metrics.write(text)
        assert metrics.wait(HANG)
    return metrics


def test_the_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "ddbcfg.prom"
    file.with_name("ddbcfg.prom.new").write_text("left by a daemon that was killed")
    written(file, "one\n")
    with file.open() as before:
        written(file, "two, longer\n")
        assert before.read() == "one\n"
    assert file.read_text() == "two, longer\n"
    assert [path.name for path in tmp_path.iterdir()] == ["ddbcfg.prom"]


def test_a_collector_of_another_user_may_read_the_file(tmp_path: Path) -> None:
    umask = os.umask(0o077)  # the unit's
    try:
        written(tmp_path / "ddbcfg.prom")
    finally:
        os.umask(umask)
    assert (tmp_path / "ddbcfg.prom").stat().st_mode & 0o777 == 0o644


@as_root
def test_a_folder_of_another_user_is_refused_with_his_name(
    tmp_path: Path, said: Callable[[], str]
) -> None:
    victim = tmp_path / "shadow"
    victim.write_text("precious")
    victim.chmod(0o600)
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name in ("ddbcfg.prom", "ddbcfg.prom.new"):
        (folder / name).symlink_to(victim)
    os.chown(folder, STRANGER, STRANGER)
    written(folder / "ddbcfg.prom")
    assert (victim.read_text(), victim.stat().st_mode & 0o777) == ("precious", 0o600)
    assert f"{folder} belongs to nobody (uid {STRANGER})" in said()


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_folder_that_others_may_write_is_refused(
    tmp_path: Path, said: Callable[[], str], mode: int
) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    written(folder / "ddbcfg.prom")
    assert list(folder.iterdir()) == []
    assert f"can be written by others (mode {mode:04o})" in said()


def test_what_is_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("ddbcfg.prom", "ddbcfg.prom.new"):
        (tmp_path / name).symlink_to(victim)
    written(tmp_path / "ddbcfg.prom", "new\n")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "ddbcfg.prom").is_symlink()
    assert (tmp_path / "ddbcfg.prom").read_text() == "new\n"


def test_a_failure_is_logged_once_until_it_is_written_again(
    tmp_path: Path, said: Callable[[], str]
) -> None:
    folder = tmp_path / "later"
    metrics = written(folder / "ddbcfg.prom", "1", "2", "3")
    assert said().count("were not written") == 1
    folder.mkdir()
    metrics.write("4")
    assert metrics.wait(HANG)
    assert (folder / "ddbcfg.prom").read_text() == "4"
    (folder / "ddbcfg.prom").unlink()
    folder.rmdir()
    metrics.write("5")
    assert metrics.wait(HANG)
    assert said().count("were not written") == 2


def test_a_disk_that_hangs_holds_nobody_up_and_the_last_text_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    replace = os.replace

    def hang(*arguments: str, **folders: int) -> None:
        begun.set()
        assert goes_on.wait(HANG)
        replace(*arguments, **folders)

    monkeypatch.setattr("ddbcfg_daemon.outputs.metrics_file.os.replace", hang)
    metrics = MetricsFile(tmp_path / "ddbcfg.prom")
    metrics.write("1")
    assert begun.wait(HANG)
    for number in range(2, 100):
        metrics.write(str(number))
    assert not metrics.wait(0)
    goes_on.set()
    assert metrics.wait(HANG)
    assert (tmp_path / "ddbcfg.prom").read_text() == "99"


def test_without_a_thread_or_memory_it_is_written_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    def no_thread(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def no_memory(*arguments: object, **folders: object) -> None:
        raise MemoryError

    metrics = MetricsFile(tmp_path / "ddbcfg.prom")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        metrics.write("1")
    assert "can't start new thread" in said()
    with monkeypatch.context() as patch:
        patch.setattr("ddbcfg_daemon.outputs.metrics_file.os.replace", no_memory)
        metrics.write("2")
        assert metrics.wait(HANG)
    metrics.write("3")
    assert metrics.wait(HANG)
    assert (tmp_path / "ddbcfg.prom").read_text() == "3"
    assert said().count("were not written") == 1
