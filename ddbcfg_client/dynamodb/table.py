"""A table of stores in DynamoDB, as the config stores and the daemon use it.

Importing this module does not import boto3; the first connection does.  Attribute values stay as
the service sends them (``{"S": "text"}``): the codec turns them into Python's.

Every name in an expression is an alias (``#s``), because the service refuses a bare name that
starts with ``_``, as the two keys' usual names do, and every reserved word.
"""

from __future__ import annotations

from contextlib import contextmanager

from ddbcfg_client.dynamodb.errors import explained as explaining
from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS
from ddbcfg_client.dynamodb.limits import MAX_EXPRESSION_BYTES, MAX_SUBSTITUTED_BYTES
from ddbcfg_client.dynamodb.responses import (
    check_item,
    checked_answer,
    checked_item,
    checked_page,
    checked_table,
    watch_answers,
)
from ddbcfg_client.errors import CredentialsRefused, TableError
from ddbcfg_client.printable import without_passwords

# Half of the limit: values count, too.
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
    """Nobody makes clients anew for this table."""


class Table:
    """One table and the names of its two keys; every method is one or more calls of the service.

    Each raises :class:`TableError` or a subclass that says what to do: `TableNotFound`,
    `TableThrottled`, `TableUnreachable`, `CredentialsRefused`, `AnswerMalformed`.  Safe to share
    between threads, as the client is.
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
        #: Called with this table when its client's credentials are missing or refused.
        self.on_refused: Callable[[Table], None] = _nothing
        watch_answers(client)

    def check(self) -> None:
        """Return when the table is there, usable, and its keys are the two strings expected.

        Raise `TableNotFound`, `TableNotReadyException` or `MisconfiguredSchemaException`.
        """
        with self.explained("DescribeTable"):
            checked_table(self, self.client.describe_table(TableName=self.name))

    def items(
        self, store: str, *, consistent: bool = False, keys: Iterable[str] | None = None
    ) -> Iterator[Item]:
        """Yield every item of ``store`` with the two key attributes, all pages, in key order.

        With ``keys`` only those attributes are asked for, unless they are too many for an
        expression: then the items are whole, which costs as many read units.  Pages are read at
        different times: with several, this is not one point in time.
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
        """Yield the items that :meth:`items` yields, a list for each page, as it comes.

        They are not checked yet: :meth:`check_items` does that, for those that are new to who asks.
        A page has at most ``limit`` items and, whatever their number, 1 MB.
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
        """Return when all are of ``store`` and of known types; raise `AnswerMalformed`."""
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
        """Return one item with the two key attributes, or None when there is no such option.

        With ``keys`` it has only those or, if they are too many for an expression, all that it has.
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
        """Store the whole option; return False when it is there already and ``if_absent``.

        When the answer to a first try was lost, the second try can meet what the first one wrote:
        with ``if_absent``, False says that the option is there, not who wrote it.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "Item": {**attributes, **self.key_names.key(store, option)},
        }
        if if_absent:
            request["ConditionExpression"] = "attribute_not_exists(#o)"
            request["ExpressionAttributeNames"] = {"#o": self.key_names.option}
        return self._conditional("PutItem", lambda: self.client.put_item(**request))

    def delete(self, store: str, option: str) -> bool:
        """Remove the option; return False when there was none."""
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
                checked_answer(self, operation, call())
        except TableError as error:
            if error.code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    @contextmanager
    def explained(self, operation: str) -> Iterator[None]:
        """Raise what a call of the client inside raises as a `TableError` that explains it."""
        try:
            with explaining(self.name, operation, self.where()):
                yield
        except CredentialsRefused:
            self.on_refused(self)
            raise

    def _projection(self, keys: Iterable[str], names: dict[str, str]) -> str | None:
        """Return the expression for the keys, with its names added; None if it were too long."""
        # A name that is asked for twice is a ValidationException.
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
