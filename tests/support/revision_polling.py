"""A host that polls a store with revisions, by the daemon's own parts, for the tests of that.

The table is moto's behind a proxy, the shared memory is real, and the time is the test's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ddbcfg_client.format.about import About
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.guards import Guard
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.revision import RevisionSource
from ddbcfg_daemon.sources.store import StoreSource
from support.fault_proxy import Fault, FaultProxy
from support.revisions import RevisedStore
from support.shm import objects_of

INTERVAL = 60.0
FULL = 3600.0


class Host:
    """One host; ``now`` are the seconds of its clock, and ``slept`` what polls have waited."""

    def __init__(
        self,
        revised: RevisedStore,
        proxy: FaultProxy,
        names: Names,
        *,
        guards: Sequence[Guard] = (),
        folder: Path | None = None,
        consistent: bool = False,
    ) -> None:
        self.revised = revised
        self.proxy = proxy
        self.names = names
        self.guards = guards
        self.folder = folder
        self.consistent = consistent
        self.now = 1000.0
        self.slept: list[float] = []
        self.clients = 0
        self.start()

    def start(self) -> None:
        """Start a daemon: nothing that an earlier one had in its memory is left."""
        connection = Connection(self._connected)
        self.plain = StoreSource(connection, "prod", consistent=self.consistent)
        self.source = RevisionSource(
            self.plain,
            full_interval=FULL,
            interval=INTERVAL,
            clock=lambda: self.now,
            sleep=self.slept.append,
        )
        self.publisher = Publisher(self.names)
        copy = CopyKeeper(DiskCopy(self.folder, self.names)) if self.folder else None
        self.refresher = Refresher(
            self.source,
            self.publisher,
            INTERVAL,
            pid=os.getpid(),
            guards=self.guards,
            copy=copy,
        )

    def _connected(self) -> Any:
        self.clients += 1
        table = self.revised.access()._table
        table.client.close = lambda: None  # type: ignore[method-assign]
        return table

    def stop(self) -> None:
        self.refresher.finish_copy(10.0)
        self.publisher.close()

    def boot(self) -> None:
        """End the daemon, lose what was in shared memory, and start another."""
        self.stop()
        for path in objects_of(self.names):
            path.unlink()
        self.start()

    def poll(self, after: float = INTERVAL, *, scheduled: bool = True) -> list[str]:
        """Poll, so many seconds after the last poll; return what it asked the table for."""
        self.now += after
        before = len(self.proxy.requests)
        self.failure = self.refresher.poll(scheduled=scheduled)
        requests = self.proxy.requests[before:]
        return [asked(r.body, r.operation) for r in requests if r.operation != "PutItem"]

    @property
    def page(self) -> PageStatus:
        return Page(self.names, Trust()).status()

    @property
    def about(self) -> About:
        """What the published segment says of its content."""
        snapshot = self.publisher.snapshot
        assert snapshot is not None
        return snapshot.about()

    @property
    def options(self) -> Mapping[str, bytes]:
        """What is published."""
        snapshot = self.publisher.snapshot
        assert snapshot is not None
        return snapshot.packed()


def asked(body: Mapping[str, Any], operation: str) -> str:
    """A request in a word: ``revision``, ``changes`` or ``store``, in capitals if consistent."""
    if operation == "DescribeTable":
        return "check"
    if operation == "GetItem":
        word = "revision"
    else:
        values = body["ExpressionAttributeValues"]
        word = "changes" if values[":s"]["S"].startswith("_ddbcfg/") else "store"
    return word.upper() if body["ConsistentRead"] else word


def instead(item: Mapping[str, Any] | None) -> Fault:
    """A response to a GetItem that has this item."""
    import json
    from base64 import b64encode

    def encoded(value: Any) -> Any:
        if isinstance(value, bytes):
            return b64encode(value).decode()
        return {key: encoded(of) for key, of in value.items()} if isinstance(value, dict) else value

    body = json.dumps({} if item is None else {"Item": encoded(dict(item))}).encode()
    return Fault("another item", make=lambda _: body, served=False)


def edit(revised: RevisedStore, option: str, **attributes: Any) -> None:
    """Write an option as the console does, without a revision."""
    keys = {"_store": {"S": "prod"}, "_option": {"S": option}}
    revised.client.put_item(TableName=revised.place.table, Item={**attributes, **keys})
