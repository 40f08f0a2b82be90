"""A table of stores in DynamoDB, for the config stores and the daemon.

Importing this module does not import boto3; the first connection does.  Attribute values are those
of the service (``{"S": "text"}``); other modules convert them to Python values.

Every name in an expression is an alias (``#s``).  The service refuses reserved words and names that
start with ``_``, as the default names of the two keys do.
"""

from __future__ import annotations

from contextlib import contextmanager

from ddbcfg_client.dynamodb.errors import explained as explaining
from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS
from ddbcfg_client.dynamodb.limits import MAX_EXPRESSION_BYTES, MAX_SUBSTITUTED_BYTES
from ddbcfg_client.dynamodb.responses import (
    check_item,
    checked_item,
    checked_page,
    checked_response,
    checked_table,
    watch_responses,
)
from ddbcfg_client.errors import CredentialsRefused, TableError
from ddbcfg_client.printable import without_passwords

# Half of the limit, because values count too.
_MAX_NAMES_BYTES = MAX_SUBSTITUTED_BYTES // 2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from ddbcfg_client.dynamodb.key_names import KeyNames
    from ddbcfg_client.dynamodb.responses import Item


def _nothing(table: Table) -> None:
    """Do nothing: no new clients are made for this table."""


class Table:
    """One table and the names of its two keys; every method sends one or more requests.

    All methods raise ``TableError`` or a subclass with advice: ``TableNotFound``,
    ``TableThrottled``, ``TableUnreachable``, ``CredentialsRefused``, ``ResponseMalformed``.  A
    table is safe to share between threads, as the client is.
    """

    __slots__ = ("client", "key_names", "name", "on_refused")

    def __init__(
        self,
        client: DynamoDBClient,
        name: str,
        key_names: KeyNames = DEFAULT_KEYS,
    ) -> None:
        self.client = client
        self.name = name
        self.key_names = key_names
        #: Called with this table if its client's credentials are missing or refused.
        self.on_refused: Callable[[Table], None] = _nothing
        watch_responses(client)

    def check(self) -> None:
        """Check that the table exists, is usable and has the two expected keys.

        Raise ``TableNotFound``, ``TableNotReadyException`` or ``MisconfiguredSchemaException``.
        """
        with self.explained("DescribeTable"):
            checked_table(self, self.client.describe_table(TableName=self.name))

    def items(
        self, store: str, *, consistent: bool = False, keys: Iterable[str] | None = None
    ) -> Iterator[Item]:
        """Yield every item of ``store`` with the two key attributes, in key order.

        With ``keys``, only those attributes are requested.  If they are too many for an expression,
        items are complete, which costs the same read units.  Several pages are read at different
        times, so the result is not from one point in time.
        """
        for page in self.pages(store, consistent=consistent, keys=keys):
            self.check_items(store, page)
            yield from page

    def pages(
        self,
        store: str,
        *,
        consistent: bool = False,
        keys: Iterable[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[list[Item]]:
        """Yield the items of ``items`` as a list for each page, when it arrives.

        The items are not validated; call ``check_items`` for those that are new.  A page has at
        most ``limit`` items and at most 1 MB.
        """
        names = {"#s": self.key_names.store}
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "#s = :s",
            "ExpressionAttributeValues": {":s": {"S": store}},
            "ExpressionAttributeNames": names,
            "ConsistentRead": consistent,
        }
        if keys is not None and (expression := self._projection(keys, names)):
            request["ProjectionExpression"] = expression
        if limit is not None:
            request["Limit"] = limit
        while True:
            with self.explained("Query"):
                items, last = checked_page(self, request, self.client.query(**request))
            yield items
            if not last:
                return
            request["ExclusiveStartKey"] = last

    def check_items(self, store: str, items: Iterable[Item]) -> None:
        """Raise ``ResponseMalformed`` unless all are items of ``store`` and have known types."""
        with self.explained("Query"):
            for item in items:
                check_item(self, "Query", store, item)

    def item(
        self,
        store: str,
        option: str,
        *,
        keys: Iterable[str] | None = None,
        consistent: bool = False,
    ) -> Item | None:
        """Return one item with the two key attributes, or None if there is no such option.

        With ``keys``, it has only those, or all if ``keys`` are too many for an expression.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "Key": self.key_names.key(store, option),
            "ConsistentRead": consistent,
        }
        if keys is not None:
            names: dict[str, str] = {"#s": self.key_names.store}
            if expression := self._projection(keys, names):
                request["ProjectionExpression"] = expression
                request["ExpressionAttributeNames"] = names
        with self.explained("GetItem"):
            return checked_item(self, store, self.client.get_item(**request))

    def put(
        self,
        store: str,
        option: str,
        attributes: Mapping[str, AttributeValueTypeDef],
        *,
        if_absent: bool = False,
    ) -> bool:
        """Store the whole option; with ``if_absent``, return False if it already exists.

        If the response to the first attempt was lost, the retry can find the option that the first
        attempt wrote.  So False means that the option exists, but not that another caller wrote it.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "Item": {**attributes, **self.key_names.key(store, option)},
        }
        if if_absent:
            request["ConditionExpression"] = "attribute_not_exists(#o)"
            request["ExpressionAttributeNames"] = {"#o": self.key_names.option}
        return self._conditional("PutItem", lambda: self.client.put_item(**request))

    def replace(
        self, store: str, option: str, attributes: Mapping[str, AttributeValueTypeDef]
    ) -> Item:
        """Store the whole option; return its item before, or {} if it is new.

        After a lost response and a retry, that can be the item that the first attempt wrote.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "Item": {**attributes, **self.key_names.key(store, option)},
            "ReturnValues": "ALL_OLD",
        }
        with self.explained("PutItem"):
            response = self.client.put_item(**request)
            return self._old_item("PutItem", store, response)

    def update(
        self,
        store: str,
        option: str,
        attributes: Mapping[str, AttributeValueTypeDef],
        removed: Iterable[str],
    ) -> Item | None:
        """Change single keys of an option, and remove others.

        Return its item before, as ``replace`` does; None if there is no such option.
        """
        names = {"#o": self.key_names.option}
        changed = {f"#c{i}": key for i, key in enumerate(attributes)}
        gone = {f"#g{i}": key for i, key in enumerate(removed)}
        sets = ", ".join(f"{alias} = :{alias[1:]}" for alias in changed)
        expression = (f"SET {sets} " if sets else "") + (
            f"REMOVE {', '.join(gone)}" if gone else ""
        )
        request: dict[str, Any] = {
            "TableName": self.name,
            "Key": self.key_names.key(store, option),
            "UpdateExpression": expression,
            "ConditionExpression": "attribute_exists(#o)",
            "ExpressionAttributeNames": names | changed | gone,
            "ReturnValues": "ALL_OLD",
        }
        if changed:
            values = {f":{alias[1:]}": attributes[key] for alias, key in changed.items()}
            request["ExpressionAttributeValues"] = values
        try:
            with self.explained("UpdateItem"):
                return self._old_item("UpdateItem", store, self.client.update_item(**request))
        except TableError as error:
            if error.code == "ConditionalCheckFailedException":
                return None
            raise

    def _old_item(self, operation: str, store: str, response: Mapping[str, Any]) -> Item:
        checked_response(self, operation, response)
        old: Item = response.get("Attributes", {})
        if old:
            check_item(self, operation, store, old)
        return old

    def delete(self, store: str, option: str) -> bool:
        """Remove the option; return False if there was none."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "Key": self.key_names.key(store, option),
            "ConditionExpression": "attribute_exists(#o)",
            "ExpressionAttributeNames": {"#o": self.key_names.option},
        }
        return self._conditional("DeleteItem", lambda: self.client.delete_item(**request))

    def where(self) -> str:
        """Return the region and the endpoint of the client, for messages."""
        meta = self.client.meta
        return f"in region {meta.region_name} at {without_passwords(meta.endpoint_url)}"

    def _conditional(self, operation: str, call: Callable[[], Mapping[str, Any]]) -> bool:
        try:
            with self.explained(operation):
                checked_response(self, operation, call())
        except TableError as error:
            if error.code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    @contextmanager
    def explained(self, operation: str) -> Iterator[None]:
        """Convert the exceptions of client calls in the ``with`` block to ``TableError``."""
        try:
            with explaining(self.name, operation, self.where()):
                yield
        except CredentialsRefused:
            self.on_refused(self)
            raise

    def _projection(self, keys: Iterable[str], names: dict[str, str]) -> str | None:
        """Return the expression for ``keys`` and add their names; None if it would be too long."""
        # DynamoDB responds to duplicate names with a ValidationException.
        wanted = dict.fromkeys(keys)
        for key in self.key_names:
            wanted.pop(key, None)
        aliases = {f"#k{i}": key for i, key in enumerate(wanted)}
        expression = ", ".join((*names, "#o", *aliases))
        size = sum(len(key.encode()) for key in wanted)
        if len(expression) > MAX_EXPRESSION_BYTES or size > _MAX_NAMES_BYTES:
            return None
        names.update({"#o": self.key_names.option} | aliases)
        return expression
