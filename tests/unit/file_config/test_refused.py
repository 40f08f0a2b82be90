"""What cannot be a file of options is refused with a typed error, at once and within bounds."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import ddbcfg_client
from ddbcfg_client import SnapshotUnavailable
from ddbcfg_client.errors import FileInvalid, FileUnavailable
from ddbcfg_client.file_config import looking
from support.files import SECRET, TOML, opened, replace_file


def test_a_missing_file_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "missing.toml"
    monkeypatch.setenv("DDBCFG_FILE", str(path))
    with pytest.raises(FileUnavailable) as caught:
        ddbcfg_client.connect("config", "prod")
    assert isinstance(caught.value, SnapshotUnavailable)
    assert caught.value.name == str(path)
    assert str(path) in str(caught.value)
    assert "No such file" in str(caught.value)
    assert "unset DDBCFG_FILE" in str(caught.value)


@pytest.mark.parametrize("store", ["prod", None])
def test_wait_waits_for_the_file(
    store: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, hosts = tmp_path / "late.toml", []
    monkeypatch.setenv("DDBCFG_FILE", str(path))

    def connect() -> None:
        hosts.append(ddbcfg_client.connect("config", store, wait=20).db["host"])

    thread = threading.Thread(target=connect)
    thread.start()
    replace_file(path, "[prod")  # is waited for too
    replace_file(path, TOML)
    thread.join()
    assert hosts == ["h1"]


def test_what_is_not_a_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(FileUnavailable, match="not a regular file"):
            opened(path).get("db")
    with pytest.raises(FileUnavailable, match="is a directory"):
        opened(tmp_path).get("db")
    with pytest.raises(FileUnavailable, match="null"):
        opened(Path("a\0b")).get("db")
    with pytest.raises(FileUnavailable, match="Not a directory"):
        opened(Path("/dev/null/settings.toml")).get("db")


def test_a_file_that_may_not_be_read_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = opened(file)
    assert config.generation == 1

    def denied(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(looking.os, "open", denied)
    with pytest.raises(FileUnavailable, match="Permission denied"):
        opened(file).get("db")
    config._name_check_at = 0.0
    file.touch()
    assert config.db["host"] == "h1"
    assert "Permission denied" in (config.status().error or "")


def test_a_file_of_a_gigabyte_is_refused_without_being_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.truncate(file, 1 << 30)
    monkeypatch.setattr(looking, "_read", None)
    with pytest.raises(FileUnavailable, match="more than 32 MiB"):
        opened(file).get("db")


def test_no_more_than_the_limit_is_read_of_a_file_that_hides_its_size(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "MAX_BYTES", 100)
    monkeypatch.setattr(looking, "_regular", lambda path, status: status)
    with pytest.raises(FileUnavailable, match="more than 0 MiB"):
        opened(file).get("db")


@pytest.mark.parametrize(
    ("data", "where", "reason"),
    [
        (b'[prod.db]\nx = "\xff"', ":2", "not UTF-8"),
        (b"[prod.db]\n_store = 1", ": prod.db._store", "is a key of the table"),
        (b"prod = 1", ": prod", "must be an object"),
        (b"[prod.db]\nx = 1e200", ": prod.db.x", "38 digits"),
        (b"[prod.db]\nx = nan", ": prod.db.x", "38 digits"),
        (b"[prod.db]\nx = 0x" + b"f" * 5000, ": prod.db.x", "38 digits"),
        (b"[prod.db]\nx = " + b"9" * 5000, "", "thousands of digits"),
        (b"[prod.db]\nx = " + b"[" * 5000, "", "nested deeper"),
        (b'[prod.db]\nx = {"$set" = []}', ": prod.db.x", "not empty"),
        (b'[prod."' + b"o" * 1025 + b'"]\nx = 1', "", "the limit is 1024"),
    ],
)
def test_content_that_dynamodb_could_not_hold_is_refused(
    file: Path, data: bytes, where: str, reason: str
) -> None:
    file.write_bytes(data)
    with pytest.raises(FileInvalid) as caught:
        opened(file).get("db")
    assert caught.value.where == f"{file}{where}"
    assert reason in caught.value.reason
    assert SECRET not in str(caught.value)


def test_an_error_in_json_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "settings"  # without a suffix it is JSON
    path.write_text('{"prod": {\n"db": {"password": "' + SECRET + '" "x": 1}}}')
    with pytest.raises(FileInvalid, match="settings:2: not JSON") as caught:
        opened(path).get("db")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("broken", [f'{{"{SECRET}'.encode(), SECRET.encode() + b"\xff"])
@pytest.mark.parametrize("name", ["broken.json", "broken.toml"])
def test_no_error_has_the_content_attached(
    name: str, broken: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_bytes(broken)
    monkeypatch.setenv("DDBCFG_FILE", str(path))
    for store in (None, "prod"):
        with pytest.raises(FileInvalid) as caught:
            ddbcfg_client.connect("config", store)
        assert caught.value.__context__ is None
