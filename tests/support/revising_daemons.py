"""A daemon of a store that races with its writers, and a reader of what it publishes.

They are roles of ``support.revising``: the daemon's own source, refresher and publisher, polled as
fast as they can, and a process that reads shared memory.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ddbcfg_client
from ddbcfg_client.dynamodb.revision.content import digest_of, total_of
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.revision import RevisionSource
from ddbcfg_daemon.sources.store import StoreSource

if TYPE_CHECKING:
    from support.revising import Checker, Race

STORE = "prod"
_PATIENCE = 60.0
_FULL_INTERVAL = 2.0


def namespace_of(folder: Path) -> str:
    """The namespace of a race: the same in all its processes, and in no other race."""
    return f"race-{folder.name}-{os.getppid()}"


def publish(table: Table, race: Race, wait: Callable[[float], None]) -> Any:
    """Poll, in full every two seconds, and publish."""
    chance = random.Random(race.seed)
    plain = StoreSource(Connection(lambda: table), STORE, consistent=False)
    source = RevisionSource(plain, full_interval=_FULL_INTERVAL, interval=0.01, sleep=wait)
    publisher = Publisher(Names(namespace_of(race.folder), STORE))
    polls = failures = 0
    try:
        refresher = Refresher(source, publisher, 60.0, pid=os.getpid())
        while race.goes_on(enough=refresher.generation >= race.enough):
            polls += 1
            failed = refresher.poll() is not None
            # A daemon that has nothing yet cannot wait for the end of an import.
            failures += failed and refresher.generation > 0
            time.sleep(chance.uniform(0.0, 0.01))
        return {"generations": refresher.generation, "polls": polls, "failures": failures}
    finally:
        publisher.remove()


def read(race: Race, checker: Checker) -> Any:
    """Read what the daemon publishes, and check each snapshot that is seen."""
    generation = back = 0
    namespace = namespace_of(race.folder)
    config = ddbcfg_client.connect("config", STORE, namespace=namespace, wait=_PATIENCE)
    with config, (race.folder / f"published-{race.seed}").open("w") as notes:
        while race.goes_on(enough=checker.publications >= race.enough // 2):
            snapshot = config.snapshot()
            if snapshot.generation == generation:
                time.sleep(0.002)
                continue
            assert snapshot.revision is not None
            back += snapshot.generation < generation
            generation = snapshot.generation
            content = snapshot.packed()
            checker.look(content)
            notes.write(f"{snapshot.revision[1]} {digest_of(total_of(content)).hex()}\n")
    return checker.counts() | {"revisions back": back, "seen": sorted(checker.seen)}
