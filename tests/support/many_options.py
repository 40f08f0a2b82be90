"""What a daemon's memory is for many options: ``python -m support.many_options 1000000 300``.

With a third argument, ``revision``, the store has a revision, and the change is in its log.

Polls a store of so many options with so many bytes in each, as it is, again, and with one changed.
The pages come from this process, so that nothing but the daemon's own parts is measured.  Prints
JSON: bytes published, and bytes of memory at rest and at most, both without what was there before.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from ddbcfg_client.dynamodb.items import packed_keys
from ddbcfg_client.dynamodb.revision.content import digest_of, weight
from ddbcfg_client.dynamodb.revision.item import Revision, item_of, with_log
from ddbcfg_client.dynamodb.revision.place import Place
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.memory import give_back, settle
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Source
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.deadline import DeadlineSource
from ddbcfg_daemon.sources.revision import RevisionSource
from ddbcfg_daemon.sources.store import StoreSource

_PLACE = Place("config", "prod")


class ManyOptions:
    """A client whose table has ``count`` options in one store; pages are made as they are read."""

    def __init__(self, count: int, size: int) -> None:
        events = SimpleNamespace(register=lambda *_, **__: None)
        self.meta = SimpleNamespace(events=events, region_name="here", endpoint_url="nowhere")
        self.changed = -1
        self.revision: Revision | None = None
        self._count = count
        self._size = size

    def describe_table(self, **_: object) -> dict[str, Any]:
        keys = {"_store": "HASH", "_option": "RANGE"}
        return {
            "Table": {
                "TableStatus": "ACTIVE",
                "KeySchema": [{"AttributeName": k, "KeyType": v} for k, v in keys.items()],
                "AttributeDefinitions": [{"AttributeName": k, "AttributeType": "S"} for k in keys],
            }
        }

    def query(self, *, Limit: int, **request: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's
        start = request.get("ExclusiveStartKey")
        at = int(start["_option"]["S"]) + 1 if start else 0
        end = min(at + Limit, self._count)
        page = {"Items": [self._item(number) for number in range(at, end)], "Count": end - at}
        return page if end == self._count else {**page, "LastEvaluatedKey": self._key(end - 1)}

    def get_item(self, **_: object) -> dict[str, Any]:
        """Return the revision item, if the store has one."""
        return {} if self.revision is None else {"Item": item_of(_PLACE, self.revision)}

    def begin(self) -> None:
        """Have a revision."""
        total = sum(weight(*self._packed(number)) for number in range(self._count))
        self.revision = Revision("e", 1, digest_of(total), self._count, base=1)

    def change(self, number: int) -> None:
        """Change an option, and note it in the log if there is a revision."""
        name, before = self._packed(number)
        self.changed = number
        _, after = self._packed(number)
        if (was := self.revision) is not None and was.digest is not None and before != after:
            total = int.from_bytes(was.digest, "big") + weight(name, after) - weight(name, before)
            made = replace(was, rev=was.rev + 1, digest=digest_of(total))
            self.revision = with_log(_PLACE, made, [(made.rev, name, after)], was.rev)

    def _packed(self, number: int) -> tuple[str, bytes]:
        item = self._item(number)
        name = item["_option"]["S"]
        return name, packed_keys(_PLACE.key_names, name, item)

    def _key(self, number: int) -> dict[str, Any]:
        return {"_store": {"S": "prod"}, "_option": {"S": f"{number:08}"}}

    def _item(self, number: int) -> dict[str, Any]:
        text = f"{number}{'!' * (number == self.changed)}".ljust(self._size, "x")
        return self._key(number) | {"text": {"S": text}}


def _resident() -> int:
    """Bytes of this process's own memory."""
    status = Path("/proc/self/status").read_text()
    return next(1024 * int(s.split()[1]) for s in status.splitlines() if s.startswith("RssAnon"))


def main(count: int, size: int, by: str = "") -> None:
    """Poll, and print what it took."""
    client: Any = ManyOptions(count, size)
    table = Table(client, "config")
    publisher = Publisher(Names(f"test-{uuid4().hex[:12]}", "prod"))
    plain = StoreSource(Connection(lambda: table), "prod", consistent=False)
    source: Source = plain
    if by == "revision":
        client.begin()
        source = RevisionSource(plain, full_interval=3600.0, interval=60.0)
    refresher = Refresher(DeadlineSource(source, 600.0), publisher, 60.0, pid=os.getpid())
    settle()
    try:
        before = _resident()
        most_before = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = []
        for changed in (None, None, count // 2, count // 2):
            if changed is not None:
                client.change(changed)
            began = time.perf_counter()
            assert refresher.poll() is None
            give_back()
            seconds.append(round(time.perf_counter() - began, 2))
        assert publisher.generation == 2
        assert publisher.snapshot is not None
        print(
            json.dumps(
                {
                    "published": publisher.snapshot.size,
                    "at rest": _resident() - before,
                    "at most": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                    - most_before,
                    "seconds": dict(zip(("first", "same", "changed"), seconds, strict=False)),
                }
            )
        )
    finally:
        publisher.remove()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
