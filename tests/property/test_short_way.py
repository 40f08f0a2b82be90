"""The short way to an option, in C: what it returns is what the way in Python returns (G6, G9)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.index import find
from ddbcfg_client.format.names import Names
from ddbcfg_client.readonly import COMPILED
from ddbcfg_client.shm import segment as segments
from ddbcfg_client.shm.quick import find_option, open_segment
from ddbcfg_client.shm.segment import Segment
from ddbcfg_client.shm.trust import Gone, Trust, is_unmapped
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading

pytestmark = pytest.mark.skipif(not COMPILED, reason="it is not built here")

STRANGER = 65533
SIZES = [0, 1, 31, 32, 255, 256, 900, 2000]
NAMES = ["db", "größe", "\N{ROCKET}", *("n" * size for size in SIZES if size), "a\0b"]
VALUES = {f"value of {size}": "v" * size for size in [0, 900, 1100, 100_000]}
ABSENT = ["", "nope", "n" * 33, "\udcff", "buckeroo", "n" * 5000]


class Published:
    """One generation in shared memory, which is damaged and put right again."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.options = {name: {"is": name[:5]} for name in [*NAMES, "plumless"]}
        self.options |= {name: {"is": value} for name, value in VALUES.items()}
        self.publisher = Publisher(names)
        self.publisher.publish(reading(self.options))
        self.file = path_of(names.segment(1))
        self.whole = self.file.read_bytes()
        self.trust = Trust()
        is_unmapped(0)  # the short way needs to know which uid is nobody's

    def opened(self, generation: int = 1) -> Any:
        """Return what the short way to open it returns, its descriptor closed."""
        found = open_segment(str(self.file), generation, *self.trust.uids())
        if found is not None:
            os.close(found[0])
        return found

    def outcome(self, option: str) -> tuple[str, object]:
        """Return what reading an option gives: its bytes, or the error and its text."""
        try:
            return "found", find(Segment(self.names.segment(1), 1, self.trust), option)
        except ConfigError as error:
            return type(error).__name__, str(error)
        except (Gone, ValueError) as error:
            return type(error).__name__, str(error)


@pytest.fixture
def published(names: Names) -> Iterator[Published]:
    found = Published(names)
    yield found
    found.publisher.remove()


def in_python(patch: pytest.MonkeyPatch) -> None:
    """Take the short way out."""
    patch.setattr(segments, "open_segment", lambda *_: None)
    patch.setattr(segments, "find_option", lambda *_: None)


def test_the_header_and_every_option_are_the_same(published: Published) -> None:
    assert published.opened() is not None
    with pytest.MonkeyPatch.context() as patch:
        short = Segment(published.names.segment(1), 1, published.trust)
        in_python(patch)
        long = Segment(published.names.segment(1), 1, published.trust)
        assert {name: getattr(short.header, name) for name in short.header.__slots__} == {
            name: getattr(long.header, name) for name in long.header.__slots__
        }
        expected = {name: find(long, name) for name in [*published.options, *ABSENT]}
    for name, raw in expected.items():
        assert find(short, name) == raw
        found = short.found(name)
        is_short = raw is not None and len(raw) + len(name.encode()) < 1000
        assert found == (raw if is_short else None), name


def test_a_name_that_runs_code_is_left_to_python(published: Published) -> None:
    class Name(str):
        __slots__ = ()

    assert Segment(published.names.segment(1), 1, published.trust).found(Name("db")) is None


@settings(max_examples=150)
@given(data=st.data())
def test_damage_has_the_same_outcome(published: Published, data: st.DataObject) -> None:
    raw = bytearray(published.whole)
    # Of the bytes that a reading of one option depends on; VALUES makes most of the body.
    at = data.draw(st.one_of(st.integers(0, 511), st.integers(0, 4000)))
    raw[at] ^= data.draw(st.integers(1, 255))
    raw = raw[: data.draw(st.one_of(st.just(len(raw)), st.integers(0, len(raw))))]
    published.file.write_bytes(raw)
    option = data.draw(st.sampled_from([*published.options, *ABSENT]))
    try:
        short = published.outcome(option)
        with pytest.MonkeyPatch.context() as patch:
            in_python(patch)
            assert published.outcome(option) == short
    finally:
        published.file.write_bytes(published.whole)


def test_another_generation_is_not_opened(published: Published) -> None:
    assert published.opened(2) is None


@pytest.mark.parametrize("mode", [0o660, 0o646])
def test_what_others_may_write_is_not_opened(published: Published, mode: int) -> None:
    published.file.chmod(mode)
    assert published.opened() is None


def test_what_has_holes_is_not_opened(published: Published) -> None:
    with published.file.open("r+b") as file:
        os.truncate(file.fileno(), 4096)
        os.truncate(file.fileno(), len(published.whole))
    assert published.opened() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to own files as somebody else")
def test_only_what_a_trusted_owner_has_is_opened(published: Published) -> None:
    os.chown(published.file, STRANGER, STRANGER)
    assert published.opened() is None
    Trust(STRANGER).check("/page", published.file.stat())
    trusting = published.trust = Trust(STRANGER)
    assert published.opened() is None  # not before it was checked once in Python
    trusting.check("/page", published.file.stat())
    assert published.opened() is not None
    assert open_segment(str(published.file), 1, STRANGER, STRANGER) is None  # seen as nobody's
    assert open_segment(str(published.file), 1, STRANGER, -1) is None  # not known whose it is


@pytest.mark.parametrize("kind", ["link", "FIFO", "folder", "nothing"])
def test_only_a_plain_file_is_opened(published: Published, tmp_path: Path, kind: str) -> None:
    published.file.unlink()
    if kind == "link":
        (tmp_path / "segment").write_bytes(published.whole)
        published.file.symlink_to(tmp_path / "segment")
    elif kind == "FIFO":
        os.mkfifo(published.file, 0o600)
    elif kind == "folder":
        published.file.mkdir(0o700)
    assert published.opened() is None
    if kind == "folder":
        published.file.rmdir()


def test_no_descriptor_is_left_open(published: Published) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for raw in (b"", published.whole[:100], bytes(len(published.whole))):
        published.file.write_bytes(raw)
        assert published.opened() is None
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    "words", [(0,) * 8, (1 << 63,) * 8, (512, 33, *[1] * 6), ((1 << 64) - 1,) * 8]
)
def test_any_words_are_safe(published: Published, words: tuple[int, ...]) -> None:
    with published.file.open("rb") as file:
        assert find_option(file.fileno(), *words, "db") is None
    assert find_option(-1, 512, 3, 8, 1, 600, 1, 700, 100, "db") is None
    with pytest.raises(OverflowError):
        find_option(-1, -1, 3, 8, 1, 600, 1, 700, 100, "db")
    with pytest.raises(TypeError):
        find_option(-1, "db")
