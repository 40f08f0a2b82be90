"""The other side of the seam for reading: a table in DynamoDB.

Every name in an expression is an alias, which the service requires of names that begin with ``_``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ddbcfg_client.dynamodb.errors import malformed
from ddbcfg_client.dynamodb.items import packed_keys
from ddbcfg_client.dynamodb.responses import check_item, checked_page, checked_response
from ddbcfg_client.dynamodb.revision.access import Item
from ddbcfg_client.dynamodb.revision.content import Content
from ddbcfg_client.dynamodb.revision.place import (
    AFTER_PARTS,
    FIRST_PART,
    REVISION_OPTION,
    Place,
    change_option,
    part_option,
)
from ddbcfg_client.dynamodb.revision.record import Plan
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import CredentialsRefused, TableError, TableThrottled

Packs = Callable[[Iterable[list[dict[str, Any]]]], Content]

# A transaction needs the permissions for its actions; there is none for the transaction itself.
_ACTIONS = {
    "TransactGetItems": ("GetItem",),
    "TransactWriteItems": ("PutItem", "DeleteItem"),
}
DENIED = ("AccessDeniedException", "AccessDenied")
#: Pauses after throttled pages of one Query; the pages that have come are kept.
_THROTTLED = (0.5, 1.0, 2.0, 4.0, 8.0)


class TableReads:
    """What the protocol reads; ``Access`` describes each method.

    ``units`` are the read units that requests consumed, according to the service.  ``pack``
    converts the items of a Query to options, page by page; ``progress`` is called for each page.
    """

    def __init__(
        self,
        table: Table,
        store: str,
        *,
        pack: Packs | None = None,
        progress: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._pack = pack
        self._progress = progress
        self._sleep = sleep
        self._place = Place(table.name, store, table.key_names)
        self.units = 0.0

    @property
    def place(self) -> Place:
        """The store."""
        return self._place

    @property
    def region(self) -> str:
        """The region of the table's client."""
        return str(self._table.client.meta.region_name)

    # --- reading ---------------------------------------------------------------------------------

    def revision(self, *, consistent: bool) -> Item | None:
        """Return the revision item."""
        return self._item(REVISION_OPTION, consistent=consistent)

    def change(self, rev: int) -> Item | None:
        """Return a change item, consistently."""
        return self._item(change_option(rev), consistent=True)

    def options(self, *, consistent: bool) -> Content:
        """Return every option, packed."""
        pages = self._pages({}, self._place.store, consistent=consistent)
        return self._packed(pages) if self._pack is None else self._pack(pages)

    def changes(self, first: int, last: int) -> Sequence[Item]:
        """Return change items."""
        return self._between(change_option(first), change_option(last), consistent=False)

    def parts(self, plan: Plan) -> Sequence[Item]:
        """Return the parts of a plan, consistently."""
        if plan.count < 1:
            return ()
        first, last = part_option(plan.token, 0), part_option(plan.token, plan.count - 1)
        return self._between(first, last, consistent=True)

    def changes_below(self, rev: int, most: int) -> Sequence[Item]:
        """Return the newest change items below a revision, consistently."""
        if rev < 1:
            return ()
        backwards = {"ScanIndexForward": False, "Limit": most}
        first, last = change_option(0), change_option(rev - 1)
        return self._between(first, last, consistent=True, **backwards)

    def part_options(self) -> Sequence[str]:
        """Return the option keys of all parts."""
        names = self._place.key_names
        keys_only = {"ProjectionExpression": "#s, #o"}
        parts = self._between(FIRST_PART, AFTER_PARTS, consistent=True, **keys_only)
        return [part[names.option]["S"] for part in parts]

    def together(self, options: Sequence[str]) -> tuple[Item | None, Content]:
        """Return the revision item and options as of one point in time."""
        place = self._place
        keys = [(place.home, REVISION_OPTION), *((place.store, option) for option in options)]
        request: dict[str, Any] = {
            "TransactItems": [
                {"Get": {"TableName": place.table, "Key": self._place.key_names.key(store, option)}}
                for store, option in keys
            ],
            "ReturnConsumedCapacity": "TOTAL",
        }
        try:
            with self._calling("TransactGetItems"):
                response = self._table.client.transact_get_items(**request)
        except TableError as error:
            # An emulator without transactions, in which no store can have revisions.
            if error.code == "UnknownOperationException" and self.revision(consistent=True) is None:
                return None, {}
            raise
        found = self._checked_items("TransactGetItems", response, keys)
        packed = {
            option: self._option(item)
            for option, item in zip(options, found[1:], strict=True)
            if item is not None
        }
        return found[0], packed

    def _checked_items(
        self, operation: str, response: Mapping[str, Any], keys: Sequence[tuple[str, str]]
    ) -> list[dict[str, Any] | None]:
        checked_response(self._table, operation, response)
        self._count(response)
        responses = response.get("Responses", ())
        if len(responses) != len(keys):
            raise malformed(self._place.table, operation, "it does not have the requested items")
        items = [response.get("Item") for response in responses]
        for item, (store, option) in zip(items, keys, strict=True):
            if item is None:
                continue
            check_item(self._table, operation, store, item)
            if item[self._place.key_names.option] != {"S": option}:
                raise malformed(self._place.table, operation, "an item is not the requested one")
        return items

    def _item(self, option: str, *, consistent: bool) -> Item | None:
        place = self._place
        request: dict[str, Any] = {
            "TableName": place.table,
            "Key": self._place.key_names.key(place.home, option),
            "ConsistentRead": consistent,
            "ReturnConsumedCapacity": "TOTAL",
        }
        with self._calling("GetItem"):
            response = self._table.client.get_item(**request)
            checked_response(self._table, "GetItem", response)
            self._count(response)
            item: Item | None = response.get("Item")
            if item is not None:
                check_item(self._table, "GetItem", place.home, dict(item))
        return item

    def _between(
        self, first: str, last: str, *, consistent: bool, **more: Any
    ) -> list[dict[str, Any]]:
        request = {
            "KeyConditionExpression": "#s = :s AND #o BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":first": {"S": first}, ":last": {"S": last}},
            "ExpressionAttributeNames": {"#o": self._place.key_names.option},
            **more,
        }
        items: list[dict[str, Any]] = []
        for page in self._pages(request, self._place.home, consistent=consistent):
            items += page
            if "Limit" in more:
                break
        self._table.check_items(self._place.home, items)
        return items

    def _pages(
        self, more: Mapping[str, Any], store: str, *, consistent: bool
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the pages of a Query.

        A throttled Query continues at its page.  If many hosts started again instead, none would
        finish.  If the first page is throttled, there is nothing to keep, and the error is raised.
        """
        request: dict[str, Any] = {
            "TableName": self._place.table,
            "KeyConditionExpression": "#s = :s",
            "ConsistentRead": consistent,
            "ReturnConsumedCapacity": "TOTAL",
            **more,
        }
        request["ExpressionAttributeNames"] = {
            "#s": self._place.key_names.store,
            **more.get("ExpressionAttributeNames", {}),
        }
        request["ExpressionAttributeValues"] = {
            ":s": {"S": store},
            **more.get("ExpressionAttributeValues", {}),
        }
        throttled = 0
        while True:
            try:
                with self._calling("Query"):
                    response = self._table.client.query(**request)
                    if request.get("ScanIndexForward", True):
                        items, last = checked_page(self._table, request, response)
                    else:
                        items, last = checked_page(self._table, {}, response)
            except TableThrottled:
                if throttled == len(_THROTTLED) or "ExclusiveStartKey" not in request:
                    raise
                pause = _THROTTLED[throttled]
                throttled += 1
                self.wait(pause / 2 + self.jitter(pause / 2))
                continue
            self._count(response)
            self._progress()
            yield items
            if not last:
                return
            request["ExclusiveStartKey"] = last

    def _packed(self, pages: Iterable[list[dict[str, Any]]]) -> Content:
        content = {}
        for page in pages:
            self._table.check_items(self._place.store, page)
            for item in page:
                content[item[self._place.key_names.option]["S"]] = self._option(item)
        return content

    def _option(self, item: Mapping[str, Any]) -> bytes:
        names = self._place.key_names
        return packed_keys(names, item[names.option]["S"], item)

    def wait(self, seconds: float) -> None:
        """Sleep."""
        self._sleep(seconds)

    def jitter(self, most: float) -> float:
        """Return a random part of ``most``."""
        return random.uniform(0.0, most)

    def _count(self, response: Mapping[str, Any]) -> None:
        consumed = response.get("ConsumedCapacity") or ()
        for one in [consumed] if isinstance(consumed, Mapping) else consumed:
            self.units += float(one.get("CapacityUnits", 0.0))

    @contextmanager
    def _calling(self, operation: str) -> Iterator[None]:
        try:
            with self._table.explained(operation):
                yield
        except CredentialsRefused as error:
            if error.code not in DENIED:
                raise
            actions = _ACTIONS.get(operation, (operation,))
            allowed = " and ".join(f"dynamodb:{action}" for action in actions)
            reason = (
                f"{error.reason}; a store's writers and its revision need {allowed} for the hash "
                f"keys {self._place.store!r} and {self._place.home!r}"
            )
            raise CredentialsRefused(error.table, operation, error.code, reason) from error
