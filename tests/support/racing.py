"""Readers and writers that race, each a process of its own.

``python -m support.racing ROLE NAMESPACE LAST``: the roles are ``read``, ``attach``, ``publish``,
``starve`` and ``tear``.
Each prints ``ready``, waits for a line, does its work until publication LAST, and prints counts.

Every publication carries its number in each of its options, so whoever reads the options of one
snapshot can tell whether they belong together.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from typing import Any
from zlib import crc32

from ddbcfg_client.config import Config
from ddbcfg_client.errors import SnapshotCorrupt, SnapshotReclaimed
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.format.segment import ENTRY_SIZE
from ddbcfg_client.format.values import pack_name, pack_option
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.snapshot import Snapshot
from support.children import answer, start_module, tell

OPTIONS = ("db", "external-port", "secret-key", "timeouts")
PATIENCE = 100.0  # seconds; a race that takes longer is lost


def option(number: int) -> bytes:
    """The same for each option: the number, twice in different words, of one length always."""
    text = f"{number:08d}"
    return pack_option("o", {"n": {"N": f"1{text}"}, "text": {"S": text * 40}})


def number_in(value: dict[str, Any]) -> int | None:
    """The publication that an option says it is from; None when it contradicts itself."""
    number = int(value["n"]) - 10**8
    return number if value["text"] == f"{number:08d}" * 40 else None


# --- the reader ----------------------------------------------------------------------------------


class Checker:
    """Reads, and counts what it reads; ``torn`` and ``went_back`` have to stay 0."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.reads = self.torn = self.went_back = self.refused = self.generations = 0
        self.generation = self.last = self.newest = 0

    def look(self) -> None:
        """Read every option of one snapshot, and one more by itself."""
        try:
            self._look_at(self.config.snapshot())
            number = number_in(self.config.get(OPTIONS[self.reads % len(OPTIONS)]))
        except SnapshotCorrupt:
            self.refused += 1
            return
        self.reads += 1
        if number is None:
            self.torn += 1
            return
        self.went_back += number < self.newest
        self.newest = number

    def _look_at(self, snapshot: Snapshot) -> None:
        # The other way round every second time: a writer may be at the first or at the last.
        names = OPTIONS if self.reads % 2 else OPTIONS[::-1]
        numbers = {number_in(snapshot[name]) for name in names}
        self.reads += len(names)
        self.went_back += snapshot.generation < self.generation
        self.generations += snapshot.generation != self.generation
        self.generation = snapshot.generation
        if len(numbers) > 1 or None in numbers:
            self.torn += 1
            return
        (number,) = numbers
        assert number is not None
        self.went_back += number < self.newest
        self.newest = self.last = number

    def counts(self) -> dict[str, int]:
        return {
            "reads": self.reads,
            "torn": self.torn,
            "went_back": self.went_back,
            "refused": self.refused,
            "generations": self.generations,
            "last": self.last,
        }


def read(names: Names, last: int) -> dict[str, int]:
    os.nice(10)  # however few the cores are, the publisher gets on
    checker = Checker(Config(names, Trust()))
    _ready()
    deadline = time.monotonic() + PATIENCE
    # Not until it has read publication LAST: of one that is torn it never would.
    while checker.generation < last and time.monotonic() < deadline:
        for _ in range(100):
            checker.look()
    return checker.counts()


def attach(names: Names, last: int) -> dict[str, int]:
    """Connect anew for each read, read on with one Config, and pin snapshots that are cut short."""
    os.nice(10)
    kept = Config(names, Trust())
    pinned = kept.snapshot()
    counts = dict.fromkeys(("connected", "reads", "torn", "went_back", "reclaimed", "last"), 0)
    _ready()
    deadline = time.monotonic() + PATIENCE
    while counts["last"] < last and time.monotonic() < deadline:
        before = counts["last"]
        # Not one of these may raise: nothing that is current is damaged, or gone for good.
        numbers = [number_in(kept[OPTIONS[-1]])]
        fresh = Config(names, Trust())
        numbers += [number_in(fresh[name]) for name in OPTIONS]
        numbers += [number_in(value) for value in kept.get().values()]
        counts["connected"] += 1
        counts["reads"] += len(numbers)
        if None in numbers:
            counts["torn"] += 1
            continue
        counts["went_back"] += (numbers[0] or 0) < before or numbers[0] > numbers[-1]  # type: ignore[operator]
        counts["last"] = numbers[-1] or 0
        try:
            counts["torn"] += len({number_in(value) for value in pinned.everything().values()}) != 1
        except SnapshotReclaimed:
            counts["reclaimed"] += 1
        pinned = fresh.snapshot()  # to be read after some other reads
    return counts


# --- the publishers ------------------------------------------------------------------------------


def _reading(number: int) -> Any:
    from ddbcfg_daemon.sources.base import Reading

    return Reading(dict.fromkeys(OPTIONS, option(number)), time.time_ns())


def publish(names: Names, last: int) -> dict[str, int]:
    """The real publisher, which does at each publication what the daemon does at a poll."""
    from ddbcfg_daemon.publishing.publisher import Publisher

    publisher = Publisher(names)
    publisher.publish(_reading(1))
    _ready()
    for number in range(2, last + 1):
        publisher.verify()
        publisher.publish(_reading(number))
        publisher.report(PageStatus(polls=number, error="x" * (number % 1900)))
        if number % 10 == 0:
            time.sleep(0.001)  # the readers come after it wherever there are fewer cores than they
    generation = publisher.generation
    publisher.close()
    return {"publications": last, "generation": generation}


def starve(names: Names, last: int) -> dict[str, int]:
    """The real publisher, always short of memory: it takes back at once what it replaced."""
    from ddbcfg_daemon.publishing.publisher import Publisher

    publisher = Publisher(names)
    publisher.publish(_reading(1))
    _ready()
    for number in range(2, last + 1):
        publisher.publish(_reading(number))
        while publisher._store.reclaim() is None:
            pass
        if number % 10 == 0:
            time.sleep(0.001)
    generation = publisher.generation
    publisher.close()
    return {"publications": last, "generation": generation}


def tear(names: Names, last: int) -> dict[str, int]:
    """A publisher that announces first and writes then, entry by entry.

    Each entry is whole, and its checksum right; they do not belong together for a moment.
    """
    from ddbcfg_client.format.about import About
    from ddbcfg_client.format.builder import PackedStore
    from ddbcfg_client.format.changes import ChangeLog
    from ddbcfg_daemon.publishing.objects import Access, allocate, create, unlink, write
    from ddbcfg_daemon.publishing.publisher import Publisher

    publisher = Publisher(names)
    publisher.publish(_reading(1))
    _ready()
    options = dict.fromkeys(OPTIONS, option(1))
    for number in range(2, last + 1):
        image = PackedStore.of(options).image(number, About(0, 0, "dynamodb"), ChangeLog(number))
        fd = create(names.segment(number), Access())
        allocate(fd, names.segment(number), image.header.size, lambda: 0)
        write(fd, [image.header.pack(), *image.parts()])
        Access().apply(fd)
        publisher._store.page.announce(number)
        at = image.header.body_at + 1
        for ordinal, name in enumerate(sorted(OPTIONS)):
            entry = pack_name(name) + option(number)
            os.pwrite(fd, entry, at)
            check = len(entry) << 32 | crc32(entry)
            table = image.header.entries_at + ordinal * ENTRY_SIZE
            os.pwrite(fd, check.to_bytes(8, sys.byteorder), table + 8)
            at += len(entry)
            os.sched_yield()  # half of it is new now: time for a reader to look, on few cores too
        os.close(fd)
        unlink(names.segment(number - 1))
        options = dict.fromkeys(OPTIONS, option(number))
    publisher.close()
    return {"publications": last, "generation": last}


# --- processes -----------------------------------------------------------------------------------


def _ready() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def race(
    writer: str, names: Names, readers: int, last: int, reader: str = "read"
) -> list[dict[str, int]]:
    """Run a writer and readers at once: the counts of the writer and of each reader."""
    roles = [writer, *[reader] * readers]
    with ExitStack() as stack:
        processes = []
        for role in roles:
            process = start_module("support.racing", role, names.namespace, str(last))
            stack.enter_context(process)
            stack.callback(process.kill)
            assert answer(process) == "ready"
            processes.append(process)
        for process in reversed(processes):
            tell(process, "go")
        return [json.loads(answer(process)) for process in processes]


if __name__ == "__main__":
    roles = {"read": read, "attach": attach, "publish": publish, "starve": starve, "tear": tear}
    role = roles[sys.argv[1]]
    print(json.dumps(role(Names(sys.argv[2], "prod"), int(sys.argv[3]))), flush=True)
