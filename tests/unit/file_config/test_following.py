"""A Config over a file follows its changes, and keeps the last good content (G2, G3, G4, G7)."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from ddbcfg_client.errors import ReloadFailed, SnapshotTooStale
from ddbcfg_client.file_config import looking
from support.files import SECRET, TOML, opened, replace_file, with_host
from support.waiting import in_child, wait_until


def test_a_change_is_seen_without_asking(file: Path) -> None:
    config = opened(file)
    pinned, options = config.snapshot(), config.get()
    replace_file(file, with_host("h2"))
    wait_until(lambda: config.db["host"] == "h2", 10)
    assert config.generation == 2
    assert (pinned.generation, pinned["db"]) == (1, options["db"])
    assert config.snapshot().changes().log == ((2, (), ("db",), ()),)


def test_only_changed_content_makes_a_generation(file: Path) -> None:
    config = opened(file)
    option, digest = config.db, config.digest
    replace_file(file, TOML + '\n# A comment.\n[prod-2.db]\nhost = "x"\n')
    config.reload()
    assert (config.generation, config.digest) == (1, digest)
    assert config.db is option
    replace_file(file, TOML + "\n[prod.new]\nn = 1\n")
    config.reload()
    assert config.generation == 2
    assert config.db is option


def test_a_change_that_keeps_size_and_time_is_seen(file: Path) -> None:
    """As on a file system that counts in seconds: the signature stays the same."""
    config = opened(file)
    config.reload()
    before = config._view[4]
    file.write_text(with_host("h2"))
    known = looking._signature(os.stat(file))
    config._view = (*config._view[:4], before.but(signature=known))  # type: ignore[attr-defined]
    config.reload()
    assert config.db["host"] == "h2"


def test_a_symbolic_link_is_followed_to_its_new_target(file: Path) -> None:
    link, other = file.with_name("link.toml"), file.with_name("other.toml")
    other.write_text(with_host("h2"))
    link.symlink_to(file)
    config = opened(link)
    assert config.db["host"] == "h1"
    file.with_name("new").symlink_to(other)
    os.replace(file.with_name("new"), link)
    config.reload()
    assert config.db["host"] == "h2"


def test_a_file_that_is_being_written_is_not_believed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = opened(file)
    before = config.status().polls
    monkeypatch.setattr(looking, "SETTLED_AFTER", 3600.0)
    file.write_text("[prod]")  # valid, and only the beginning
    config._name_check_at = 0.0
    looks = config.status().polls
    assert looks > before
    assert (config.status().error, config.status().failures) == (None, 0)
    assert config.db["host"] == "h1"
    monkeypatch.setattr(looking, "SETTLED_AFTER", 0.0)
    file.write_text(with_host("h2"))
    wait_until(lambda: config.generation == 2)
    assert config.db["host"] == "h2"


def test_a_file_that_never_settles_is_read_in_the_end(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = opened(file)
    assert config.generation == 1
    monkeypatch.setattr(looking, "SETTLED_AFTER", 3600.0)
    replace_file(file, with_host("h2"))
    generations = []
    for _ in range(20):
        config._name_check_at = 0.0
        generations.append(config.generation)  # looks; a read of an option would not
    assert (generations[0], generations[-1]) == (1, 2)
    assert config.db["host"] == "h2"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f'[prod.db]\nhost = "h1"\npassword = "{SECRET}\n', ":3: not TOML"),
        (f"[prod.db]\npassword = {SECRET}\n", ":2: not TOML"),
        (f'[prod.db]\nhost = "h2"\n{SECRET}', ":3: not TOML"),
        (f'[prod.db]\nwhen = 2020-01-01\npassword = "{SECRET}"', ": prod.db.when: DynamoDB has no"),
        ("", "no store 'prod' in it (it has none)"),
        (TOML.replace("prod", "qa"), "no store 'prod' in it (it has qa, test)"),
    ],
)
def test_a_broken_edit_keeps_the_last_good_content_and_says_so(
    file: Path, text: str, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ddbcfg")
    config = opened(file, max_age=3600)
    option, age = config.db, config.age
    replace_file(file, text)
    for _ in range(3):
        with pytest.raises(ReloadFailed, match="was not reloaded") as caught:
            config.reload()
        assert config.db is option
    status = config.status()
    assert (status.generation, status.failures) == (1, 3)
    assert status.error is not None
    assert where in status.error
    assert str(file) in status.error
    assert age is not None
    assert status.age is not None
    assert status.age > age
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert where in caplog.text
    replace_file(file, TOML)
    config.reload()
    assert (config.generation, config.status().error, config.status().failures) == (1, None, 0)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert SECRET not in caplog.text + status.error + str(caught.value)


def test_the_age_grows_past_max_age_while_the_file_is_broken(file: Path) -> None:
    config = opened(file, max_age=0.3)
    for _ in range(3):
        assert config.db["host"] == "h1"
        wait_until(lambda: (config.age or 0) > 0.1)
    file.unlink()

    def too_stale() -> bool:
        try:
            config.get("db")
        except SnapshotTooStale as error:
            return error.max_age == 0.3
        return False

    wait_until(too_stale)
    replace_file(file, TOML)
    wait_until(lambda: not too_stale())


def test_a_removed_file_comes_back(file: Path) -> None:
    config = opened(file)
    assert config.generation == 1
    file.unlink()
    with pytest.raises(ReloadFailed, match="No such file"):
        config.reload()
    assert config.db["host"] == "h1"
    file.write_text(with_host("h2"))
    config.reload()
    assert (config.db["host"], config.generation) == ("h2", 2)


def test_a_forked_child_follows_by_itself(file: Path) -> None:
    config = opened(file)
    assert config.generation == 1

    def child() -> tuple[int, str]:
        replace_file(file, with_host("child"))
        config.reload()
        return config.generation, config.db["host"]

    assert in_child(child) == (2, "child")
    assert config.db["host"] in ("h1", "child")
    config.reload()
    assert (config.generation, config.db["host"]) == (2, "child")


def test_threads_never_see_parts_of_two_contents_or_an_older_one(file: Path) -> None:
    config = opened(file, max_age=0.0005)  # a look at nearly every read
    config._max_age = None
    stop, failures = threading.Event(), []

    def read() -> None:
        last = 0
        while not stop.is_set():
            snapshot = config.snapshot()
            number = int(snapshot["one"]["n"])
            if number != snapshot["two"]["n"] or number < last or snapshot.generation < number:
                failures.append((number, last, snapshot.generation))
            last = number

    def write(number: int) -> None:
        replace_file(file, f"[prod]\none.n = {number}\ntwo.n = {number}\n")

    write(1)
    config.reload()
    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(2, 5):
            write(number)
            wait_until(lambda: config["one"]["n"] == number)  # noqa: B023 - called in this round
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert config.generation == 4


def test_objects_made_from_options_follow_the_file(file: Path) -> None:
    config = opened(file)
    host = config.bind("db", lambda db: [db["host"]])
    first = host()
    assert first == ["h1"]
    assert host() is first
    replace_file(file, with_host("h2"))
    config.reload()
    assert host() == ["h2"]


def test_a_thread_that_waits_is_woken_by_what_a_test_lays_over_the_file(file: Path) -> None:
    config = opened(file)
    config._interval = 3600.0
    assert config.generation == 1
    changes = config.changes()
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(changes.wait(60)))
    thread.start()
    wait_until(config._bell._here)
    packed = config.snapshot().packed()["db"]
    config.lay_over({"copy": packed})
    thread.join()
    assert "added=('copy',)" in str(seen)
    config.lay_over({})
    assert list(config) == ["db"]


@pytest.mark.parametrize("replacement", ["broken", None])
def test_what_a_test_lays_over_a_file_comes_and_goes_if_the_file_is_broken_since(
    file: Path, replacement: str | None
) -> None:
    config = opened(file)
    packed = config.snapshot().packed()
    config.lay_over({"first": packed["db"]})
    file.unlink() if replacement is None else replace_file(file, replacement)
    with pytest.raises(ReloadFailed):
        config.reload()
    assert list(config) == ["db", "first"]
    config.lay_over({"second": packed["db"], "db": None})
    assert list(config) == ["second"]
    config.lay_over({})
    assert list(config) == ["db"]
    assert config.status().error
