"""The other side of the seam: a table in DynamoDB, this host's clocks, and random numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from ddbcfg_client.dynamodb.responses import checked_response
from ddbcfg_client.dynamodb.revision.access import GUARDED, Item, OnWait, Write
from ddbcfg_client.dynamodb.revision.table_reads import TableReads


class TableAccess(TableReads):
    """What the protocol needs of a table; ``Access`` describes each method."""

    on_wait: OnWait | None = None

    def commit(self, writes: Sequence[Write], token: str) -> None:
        """Do all or nothing."""
        request: dict[str, Any] = {
            "TransactItems": [self._action(write) for write in writes],
            "ClientRequestToken": token,
        }
        with self._calling("TransactWriteItems"):
            response = self._table.client.transact_write_items(**request)
            checked_response(self._table, "TransactWriteItems", response)

    def put_part(self, item: Item) -> None:
        """Write a part."""
        request: dict[str, Any] = {"TableName": self._place.table, "Item": item}
        with self._calling("PutItem"):
            checked_response(self._table, "PutItem", self._table.client.put_item(**request))

    def _action(self, write: Write) -> dict[str, Any]:
        place = self._place
        action: dict[str, Any] = {"TableName": place.table}
        if write.guarded:
            action |= self._guard(write.seen)
        if write.item is not None:
            return {"Put": {**action, "Item": write.item}}
        store = place.home if write.home else place.store
        return {"Delete": {**action, "Key": self._place.key_names.key(store, write.option)}}

    def _guard(self, seen: Item | None) -> dict[str, Any]:
        if seen is None:
            names = {"#o": self._place.key_names.option}
            return {
                "ConditionExpression": "attribute_not_exists(#o)",
                "ExpressionAttributeNames": names,
            }
        names = {f"#{name}": name for name in GUARDED}
        values = {f":{name}": seen[name] for name in GUARDED if name in seen}
        conditions = [
            f"#{name} = :{name}" if name in seen else f"attribute_not_exists(#{name})"
            for name in GUARDED
        ]
        guard: dict[str, Any] = {
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": names,
        }
        if values:
            guard["ExpressionAttributeValues"] = values
        return guard

    def monotonic(self) -> float:
        """Return the monotonic clock's seconds."""
        return time.monotonic()

    def now(self) -> float:
        """Return the wall clock's seconds."""
        return time.time()

    def token(self) -> str:
        """Return a UUID."""
        return str(uuid4())
