"""``unshare --mount python -m support.full_pages``: a page that is lost while /dev/shm is full.

A /dev/shm of its own, 1 MiB.  Prints one JSON object: what was seen at each point.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import ddbcfg_client
from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PAGE_SIZE
from ddbcfg_daemon.errors import NoSpace
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import SHM, reading

SIZE = 1 << 20
NAMES = Names("config", "prod")


class Filler:
    """A file that takes what room there is."""

    def __init__(self) -> None:
        self._fd = os.open(SHM / "filler", os.O_CREAT | os.O_RDWR)

    def fill(self) -> None:
        free = os.statvfs(SHM)
        size = os.fstat(self._fd).st_size + free.f_bavail * free.f_frsize
        os.posix_fallocate(self._fd, 0, size)

    def leave_one_page(self) -> None:
        os.ftruncate(self._fd, os.fstat(self._fd).st_size - PAGE_SIZE)


def length_read() -> int | None:
    """What a new reader reads; None when there is nothing."""
    try:
        return len(ddbcfg_client.connect("config", "prod")["db"]["host"])
    except SnapshotUnavailable:
        return None


def segments() -> list[str]:
    return sorted(path.name for path in SHM.iterdir() if path.name[-1].isdigit())


def main() -> None:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(SHM)]
    subprocess.run(mount, check=True)
    filler, page = Filler(), Path(path_of(NAMES.page))
    # More than half of all there is: it cannot be there twice.
    publisher = Publisher(NAMES)
    publisher.publish(reading({"db": {"host": "x" * 600_000}}))
    scenes: dict[str, Any] = {}
    config = ddbcfg_client.connect("config", "prod")

    page.unlink()
    filler.fill()
    try:
        publisher.verify()
    except NoSpace as error:
        scenes["no room for a page"] = str(error)
    scenes["a reader has meanwhile"] = len(config["db"]["host"])
    config.close()
    filler.leave_one_page()
    scenes["repaired"] = publisher.verify()
    scenes["then"] = [length_read(), publisher.generation, segments()]

    publisher.close()
    page.unlink()
    filler.fill()
    for _ in range(3):
        try:
            Publisher(NAMES)
        except NoSpace as error:
            scenes["no room to start"] = str(error)
    scenes["nothing is lost"] = segments()
    filler.leave_one_page()
    publisher = Publisher(NAMES)
    scenes["started"] = [length_read(), publisher.generation, segments()]
    publisher.close()
    print(json.dumps(scenes))


if __name__ == "__main__":
    main()
