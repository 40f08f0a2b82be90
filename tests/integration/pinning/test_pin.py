"""What an operator pinned is served, and newer content is held, until it is unpinned (G4, G7)."""

from __future__ import annotations

import errno
import logging
import os
import threading
from pathlib import Path

import pytest

from ddbcfg_client.commands.status_text import pin_text
from ddbcfg_daemon.errors import NoSpace, WriterLocked
from ddbcfg_daemon.guards import GuardRefused
from ddbcfg_daemon.pinning.pinned import PinHolds
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.disk_copies import AWAY, Host
from support.pinning import listed, pin, port, push, served, unpin
from support.shm import reading


def restart(host: Host) -> None:
    host.stop()
    host.start()


def test_what_is_published_is_pinned_by_default_and_newer_content_is_held(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    push(host, 1)
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        response = pin(host)
    assert (response.generation, response.pinned, response.published) == (1, 1, False)
    assert "pinned to the content of generation 1, by alice" in caplog.text
    assert isinstance(host.poll(reading(port(2))), PinHolds)
    assert served(host) == 1
    status = host.config.status()
    assert (status.pinned, status.pinned_by) == (1, "alice")
    assert "generation 1 was pinned by alice" in (status.held or "")
    assert "PINNED to the content of generation 1" in host.refresher.summary
    assert not host.refresher.refused  # by a guard


def test_an_earlier_content_is_published_as_a_new_generation(host: Host) -> None:
    push(host, 1, 2, 3)
    response = pin(host, generation=1)
    assert (response.generation, response.pinned, response.published) == (4, 1, True)
    assert served(host) == 1
    push(host, 3)
    assert (served(host), host.config.generation) == (1, 4)
    assert listed(host) == [(4, True, True), (3, False, False), (2, False, False)]


def test_a_generation_that_is_gone_is_refused_with_those_that_are_there(host: Host) -> None:
    push(host, 1, 2, 3, 4, 5)
    response = pin(host, generation=1)
    assert response.refused == "refused"
    assert "does not have generation 1; it has 5, 4, 3 (" in response.why
    assert (
        "this host knows the revision of none of its generations; it has generation 5, 4, 3"
        in pin(host, revision=7).why
    )
    assert host.config.status().pinned == 0


def test_a_pin_lasts_over_a_restart_and_a_reboot_without_dynamodb(host: Host) -> None:
    push(host, 1, 2)
    pin(host, generation=1)
    push(host, 3)
    restart(host)
    assert isinstance(host.poll(reading(port(3))), PinHolds)
    assert (served(host), host.config.generation) == (1, 3)
    host.boot()
    assert host.poll(AWAY) is AWAY
    assert (served(host), host.config.status().source) == (1, "disk")
    assert host.config.status().pinned == 1
    host.boot()
    assert isinstance(host.poll(reading(port(3))), PinHolds)
    assert served(host) == 1


def test_unpinned_it_follows_the_table_again(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    push(host, 1)
    pin(host)
    push(host, 2)
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        unpin(host)
    assert "unpinned by alice" in caplog.text
    assert host.refresher._requests.pending  # it polls at once
    status = host.config.status()
    assert (status.pinned, status.held, status.held_since) == (0, None, None)
    assert host.poll(reading(port(2))) is None
    assert served(host) == 2
    restart(host)
    host.boot()
    push(host, 3)
    assert served(host) == 3


def test_who_unpins_what_is_not_pinned_is_no_error(host: Host) -> None:
    push(host, 1)
    response = unpin(host)
    assert (response.refused, response.error, response.pinned) == ("", "", 0)


def test_a_pin_beats_the_guards_and_they_judge_again_afterwards(host: Host) -> None:
    host.poll(reading({f"o{number}": {} for number in range(20)}))
    bad = reading({"o1": {}})
    host.refresher._requests.ask(accept=True)
    assert host.poll(bad) is None
    pin(host, generation=1)
    assert len(host.config.get()) == 20
    # Not even an operator's accept publishes something else meanwhile.
    host.refresher._requests.ask(accept=True)
    assert isinstance(host.poll(bad), PinHolds)
    unpin(host)
    assert isinstance(host.poll(bad), GuardRefused)
    assert len(host.config.get()) == 20


def test_the_age_is_that_of_the_last_poll_and_not_of_the_pinned_content(host: Host) -> None:
    push(host, 1)
    pin(host)
    assert isinstance(host.poll(reading(port(2))), PinHolds)
    age = host.age
    assert age is not None
    assert age < 5
    host.poll(reading(port(1)))  # the table has the pinned content again
    status = host.config.status()
    assert (status.pinned, status.held) == (1, None)


def test_the_table_is_not_judged_before_it_was_read_after_the_pin_and_the_boot(host: Host) -> None:
    push(host, 1)
    pin(host)
    unknown = "it is not known yet whether the table has other content"
    assert pin_text(host.config.status()).endswith(unknown)
    host.clocks.pass_by(1)
    push(host, 1)
    assert pin_text(host.config.status()).endswith("the table has no other content")
    host.boot()
    host.poll(AWAY)
    assert pin_text(host.config.status()).endswith(unknown)
    assert isinstance(host.poll(reading(port(2))), PinHolds)
    assert pin_text(host.config.status()).endswith("newer content is held")


def test_pins_work_while_dynamodb_is_away(host: Host) -> None:
    push(host, 1, 2)
    host.poll(AWAY)
    assert pin(host, generation=1).generation == 3
    assert served(host) == 1


def test_no_generation_is_numbered_twice_if_dynamodb_is_away_from_a_pin_to_the_next_boot(
    host: Host,
) -> None:
    push(host, 1, 2)
    host.clocks.pass_by(60)
    host.poll(AWAY)
    age = host.age
    assert age is not None
    assert pin(host, generation=1).generation == 3
    unpin(host)
    assert host.copy.wait(20)
    host.boot()
    host.poll(AWAY)
    # What was served before is served now, and not as if the table had just confirmed it.
    assert (served(host), host.config.generation) == (1, 4)
    later = host.age
    assert later is not None
    assert later >= age + 600
    push(host, 3)
    assert [number for number, _, _ in listed(host)] == [5, 3, 2]


def test_a_pin_is_done_while_a_reading_hangs_and_what_it_returns_is_held(host: Host) -> None:
    push(host, 1)
    read = host.read

    def hanging(progress: object, **more: object) -> object:
        job = host.refresher._requests.steer(_pin_request(), 0)
        progress()  # type: ignore[operator]
        assert job.response is not None
        assert job.response.pinned == 1
        return read(progress, **more)  # type: ignore[arg-type]

    host.read = hanging  # type: ignore[method-assign,assignment]
    assert isinstance(host.poll(reading(port(2))), PinHolds)
    assert served(host) == 1


def _pin_request() -> object:
    from ddbcfg_client.format.request import PIN, Request

    return Request(PIN)


def test_without_a_folder_on_disk_a_pin_is_refused(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(host, 1)
    monkeypatch.setattr(host.refresher._pin, "_keeper", None)
    assert "--state-dir" in pin(host).why
    assert host.config.status().pinned == 0


def test_a_daemon_without_the_folder_keeps_the_pin_that_the_page_shows(host: Host) -> None:
    push(host, 1)
    pin(host)
    restart(host)
    host.refresher._pin._keeper = None
    assert isinstance(host.poll(reading(port(2))), PinHolds)
    assert served(host) == 1
    unpin(host)
    host.poll(reading(port(2)))
    assert served(host) == 2


def test_a_record_that_was_lost_is_written_again(host: Host) -> None:
    push(host, 1)
    pin(host)
    host.copy.pin_file.path.unlink()
    restart(host)
    push(host, 2)
    assert served(host) == 1
    host.boot()
    push(host, 2)
    assert served(host) == 1


def test_a_daemon_that_lost_its_store_to_another_pins_nothing(host: Host) -> None:
    push(host, 1)
    path_of(host.names.lock).unlink()
    other = Publisher(host.names)
    try:
        with pytest.raises(WriterLocked):
            pin(host)
        assert not host.copy.pin_file.path.exists()
    finally:
        other.close()


def test_a_disk_that_is_full_refuses_the_pin_and_changes_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(host, 1)

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("ddbcfg_daemon.disk.copy_file.os.fsync", full)
        assert "No space left on device" in pin(host).why
    assert host.config.status().pinned == 0
    push(host, 2)
    assert served(host) == 2


def test_a_disk_that_hangs_refuses_the_pin_and_what_it_wrote_late_is_undone(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(host, 1)
    release, save = threading.Event(), host.copy.pin_file.save
    monkeypatch.setattr("ddbcfg_daemon.pinning.choices.PATIENCE", 0.05)
    monkeypatch.setattr(
        host.copy.pin_file, "save", lambda content: release.wait(30) and save(content)
    )
    assert "the disk hangs" in pin(host).why
    release.set()
    assert host.copy.wait(20)
    assert not host.copy.pin_file.path.exists()
    push(host, 2)
    assert served(host) == 2


def test_a_damaged_record_holds_what_is_published_until_an_operator_decides(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    push(host, 1)
    pin(host)
    host.copy.pin_file.path.write_bytes(b"not a record")
    host.boot()
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        assert isinstance(host.poll(reading(port(2))), PinHolds)
    assert served(host) == 1
    assert "the record of what is pinned cannot be read" in caplog.text
    unpin(host)
    push(host, 2)
    assert served(host) == 2


def test_no_room_in_shared_memory_is_said_and_tried_again(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(host, 1, 2)
    publication = host.refresher._publication

    def full(reading: object) -> bool:
        raise NoSpace("segment", 1, 0, 0)

    with monkeypatch.context() as patch:
        patch.setattr(publication, "publish_pinned", full)
        response = pin(host, generation=1)
    assert "it is pinned, but not published yet" in response.error
    push(host, 2)
    assert served(host) == 1


@pytest.mark.parametrize("change", ["others can write it", "it is gone"])
def test_a_generation_whose_file_is_not_right_is_not_pinned(host: Host, change: str) -> None:
    push(host, 1, 2)
    (file,) = [file for file in _files(host) if host.copy.kept[1].digest in file.name]
    if change == "it is gone":
        file.unlink()
    else:
        file.chmod(0o666)
    assert pin(host, generation=1).refused == "refused"
    assert host.config.status().pinned == 0


def _files(host: Host) -> list[Path]:
    assert host.generations is not None
    return list(host.generations.path.iterdir())
