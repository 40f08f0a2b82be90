"""Another user has the names first: nobody believes him, nobody hangs, and he is named (G9)."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ddbcfg_client
from ddbcfg_client.format import LAYOUT_VERSION
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PAGE_MAGIC, new_page
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.neighbours import SQUATTER, USER, Neighbour
from support.request_serving import serving
from support.shm import reading

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")


def _forged_page() -> bytes:
    """A page that is right in every byte: with a generation, so that the segment is opened too."""
    words = (PAGE_MAGIC, LAYOUT_VERSION, 1)
    return b"".join(word.to_bytes(8, sys.byteorder) for word in words) + new_page()[24:]


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _victim(path: Path) -> Path:
    return path.with_name(f"{path.name}-victim")


def _link(path: Path) -> None:
    """A symbolic link to a file of root's, which whoever follows it would overwrite."""
    _victim(path).write_bytes(b"precious")
    path.symlink_to(_victim(path))


KINDS: dict[str, Callable[[Path], object]] = {
    "empty file": lambda path: path.touch(),
    "file for all": lambda path: (path.touch(), path.chmod(0o666)),
    "forged page": lambda path: path.write_bytes(_forged_page()),
    "short file": lambda path: path.write_bytes(_forged_page()[:100]),
    "huge file": _huge,
    "symbolic link": _link,
    "directory": lambda path: path.mkdir(),
    "FIFO": lambda path: os.mkfifo(path, 0o666),
    "socket": _socket,
}

PLACES: dict[str, Callable[[Names], Path]] = {
    "page": lambda names: path_of(names.page),
    "lock": lambda names: path_of(names.lock),
    "segment": lambda names: path_of(names.segment(1)),
    "semaphore": lambda names: path_of(names.semaphore, semaphore=True),
    "requests": lambda names: path_of(names.requests),
    "admin": lambda names: path_of(names.admin),
}


@pytest.fixture(params=KINDS.keys())
def squat(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """Makes an object of this kind that belongs to a stranger."""

    def make(path: Path) -> None:
        KINDS[request.param](path)
        os.chown(path, SQUATTER, SQUATTER, follow_symlinks=False)

    return make


@pytest.fixture(scope="module")
def neighbour() -> Iterator[Neighbour]:
    """A process that acts as another user."""
    made = Neighbour()
    yield made
    made.close()


def _precious(path: Path) -> bool:
    victim = _victim(path)
    return not victim.exists() or victim.read_bytes() == b"precious"


def test_no_reader_believes_a_page_of_a_stranger_or_hangs_on_it(
    names: Names, squat: Callable[[Path], None], neighbour: Neighbour
) -> None:
    squat(path_of(names.page))
    kind, text = neighbour.act("read", names)
    assert kind in ("UntrustedSegment", "SnapshotUnavailable", "SnapshotPermissionError")
    assert names.page in text
    with pytest.raises(ddbcfg_client.SnapshotError):
        ddbcfg_client.connect(names.namespace, names.store)


def test_no_reader_believes_a_segment_of_a_stranger(
    names: Names, squat: Callable[[Path], None]
) -> None:
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"host": "ours"}}))
    segment = path_of(names.segment(1))
    segment.unlink()
    squat(segment)
    with pytest.raises(ddbcfg_client.SnapshotError):
        ddbcfg_client.connect(names.namespace, names.store)
    publisher.close()


@pytest.mark.parametrize("place", PLACES)
def test_a_daemon_that_is_not_root_names_who_is_in_the_way(
    names: Names, squat: Callable[[Path], None], place: str, neighbour: Neighbour
) -> None:
    path = PLACES[place](names)
    squat(path)
    answer = neighbour.act("publish", names)
    if place == "segment":
        # A number that somebody's file has is skipped, by chance; only a folder's owner removes it.
        assert answer > 1
        assert (
            ddbcfg_client.connect(names.namespace, names.store, owner=USER)["db"]["host"] == "ours"
        )
        return
    kind, text = answer
    assert kind == "ForeignObject"
    assert f"uid {SQUATTER}" in text
    assert _precious(path)


@pytest.mark.parametrize("place", PLACES)
def test_a_daemon_that_is_root_puts_its_own_in_the_place(
    names: Names, squat: Callable[[Path], None], place: str
) -> None:
    path = PLACES[place](names)
    squat(path)
    with serving(names) as served:
        served.publisher.publish(reading({"db": {"host": "ours"}}))
        assert ddbcfg_client.connect(names.namespace, names.store)["db"]["host"] == "ours"
        if path.exists():
            assert path.lstat().st_uid == 0
            assert not path.is_symlink()
        assert _precious(path)


def test_a_strangers_object_that_appears_later_is_noticed_at_the_next_poll(
    names: Names, squat: Callable[[Path], None]
) -> None:
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"host": "ours"}}))
    config = ddbcfg_client.connect(names.namespace, names.store)
    path = path_of(names.page)
    path.unlink()
    squat(path)
    assert config["db"]["host"] == "ours"  # whoever has it keeps it
    assert publisher.verify() == ["the control page"]
    assert config["db"]["host"] == "ours"
    assert config.generation == 1  # only the page was lost
    assert publisher.publish(reading({"db": {"host": "next"}}))
    assert (config["db"]["host"], config.generation) == ("next", 2)
    publisher.close()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_modes_are_what_was_asked_for_whatever_the_umask_is(
    names: Names, umask: int, mode: int
) -> None:
    from ddbcfg_daemon.publishing.objects import Access

    before = os.umask(umask)
    try:
        with serving(names, Access(mode, 65532)) as served:
            served.publisher.publish(reading({"db": {}}))
            modes = {
                place: (path(names).stat().st_mode & 0o7777, path(names).stat().st_gid)
                for place, path in PLACES.items()
            }
    finally:
        os.umask(before)
    assert modes["page"] == modes["segment"] == (mode, 65532)
    assert [modes[place][0] for place in ("lock", "semaphore", "admin")] == [0o600] * 3
    assert modes["requests"] == ({0o600: 0o600, 0o640: 0o660, 0o644: 0o666}[mode], 65532)
