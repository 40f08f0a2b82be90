"""``unshare --mount python -m support.crowded_shm``: 64 MB of /dev/shm, and readers that idle.

A store of 8 MB changes 30 times.  Each of seven processes has read an early generation, holds it,
and idles; one of them has pinned it.  Prints one JSON object: what was seen at each point.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

import ddbcfg_client
from ddbcfg_client.commands.status_text import status_text
from ddbcfg_client.errors import SnapshotReclaimed
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.format.values import pack_option
from ddbcfg_daemon.errors import NoSpace
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading
from support.forking import Child
from support.shm import SHM

MB = 1 << 20
ROOM = 64 * MB
OPTIONS = 8  # of 1 MB each
READERS = 7
CHANGES = 30
NAMES = Names("config", "prod")


def reading(number: int) -> Reading:
    """What is a little larger than what came before it."""
    text = f"{number:08d}" * (MB // 8 + 512 * number)
    packed = pack_option("o", {"n": {"N": str(number)}, "text": {"S": text}})
    return Reading({f"option-{index}": packed for index in range(OPTIONS)}, time.time_ns())


def used() -> int:
    space = os.statvfs(SHM)
    return (space.f_blocks - space.f_bfree) * space.f_frsize


class PublishingChild:
    """A publisher in a process of its own, which can be killed."""

    def __init__(self) -> None:
        steps = self._serve()
        self._child = Child(lambda: next(steps))
        self._child.act()

    def _serve(self) -> Iterator[object]:
        publisher = Publisher(NAMES)
        yield None
        while True:
            # As the daemon does at a poll that finds something new.
            publisher.verify()
            try:
                publisher.publish(reading(publisher.generation + 1))
                error = ""
            except NoSpace as full:
                error = str(full)
            publisher.report(PageStatus(error=error))
            yield {"generation": publisher.generation, "error": error, "used": used()}

    def publish(self) -> dict[str, Any]:
        """Publish once more: the generation then, the error, the memory that is used."""
        told: dict[str, Any] = literal_eval(self._child.act())
        return told

    def kill(self) -> None:
        os.kill(self._child.pid, signal.SIGKILL)
        os.waitpid(self._child.pid, 0)


def read(pins: bool) -> Iterator[object]:
    """A reader that reads one option and idles, holding the generation."""
    config = ddbcfg_client.connect(NAMES.namespace, NAMES.store)
    snapshot = config.snapshot() if pins else None
    yield int(config["option-0"]["n"])
    # Much later.
    seen: dict[str, Any] = {}
    if snapshot is not None:
        seen["decoded"] = int(snapshot["option-0"]["n"])
        try:
            snapshot["option-1"]
        except SnapshotReclaimed as error:
            seen["reclaimed"] = str(error)
    seen["numbers"] = sorted({int(config[option]["n"]) for option in config})
    yield seen


def main() -> None:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(SHM)]
    subprocess.run(mount, check=True)
    publisher, readers, told = PublishingChild(), [], []
    for number in range(1, READERS + 1):
        told.append(publisher.publish())
        steps = read(pins=number == 1)
        readers.append(Child(lambda steps=steps: next(steps)))  # type: ignore[misc]
        assert literal_eval(readers[-1].act()) == number
    config = ddbcfg_client.connect(NAMES.namespace, NAMES.store)
    status = config.status
    told += [publisher.publish() for _ in range(CHANGES // 2 - READERS)]
    held = status()
    publisher.kill()
    publisher = PublishingChild()
    told += [publisher.publish() for _ in range(CHANGES - CHANGES // 2)]
    seen = [literal_eval(reader.act()) for reader in readers]
    # A stranger's file takes all that is taken back, until there is nothing more to take back.
    full: dict[str, Any] = {"error": ""}
    with (SHM / "filler").open("ab") as filler:
        for _ in range(2 * READERS):
            filler.write(bytes(ROOM - used()))
            filler.flush()
            full = publisher.publish()
            if full["error"]:
                break
    (SHM / "filler").unlink()
    again = publisher.publish()
    for reader in readers:
        reader.end()
    config.close()
    publisher.publish()  # and at the poll after it
    last = publisher.publish()
    segments = sorted(file for file in os.listdir(SHM) if file[-1].isdigit())
    publisher.kill()
    seen_at = {
        "told": told,
        "held": held.held_bytes,
        "text": status_text(held),
        "seen": seen,
        "full": full,
        "again": again,
        "last": last,
        "segments": segments,
    }
    print(json.dumps(seen_at))


if __name__ == "__main__":
    main()
