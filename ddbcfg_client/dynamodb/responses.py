"""Validation of DynamoDB's responses before they are used.

botocore accepts invalid responses: a body that is not JSON is treated as empty, so the login page
of a proxy would look like a store without options.  After its last retry it also accepts a body
whose checksum does not match.  Such responses must not reach a config store.
"""

from __future__ import annotations

from ddbcfg_client.dynamodb.errors import malformed
from ddbcfg_client.errors import MisconfiguredSchemaException, TableNotReadyException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Protocol

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, DescribeTableOutputTypeDef

    from ddbcfg_client.dynamodb.key_names import KeyNames

    Item = dict[str, AttributeValueTypeDef]

    class Asked(Protocol):
        """The table of the request: its name and the names of its two keys."""

        name: str
        key_names: KeyNames

    # The kind of a key: its name and its type.
    _Keys = dict[str, tuple[str, str | None]]

# The key in ResponseMetadata under which the handler records what is wrong with the body.
_FLAW = "ddbcfg-flaw"
_TYPES = frozenset(("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"))


def watch_responses(client: DynamoDBClient) -> None:
    """Check all later responses to ``client``; this does not affect other users of the client."""
    client.meta.events.register("after-call.dynamodb", _watch, unique_id="ddbcfg-watch-responses")


def _watch(http_response: Any, parsed: dict[str, Any], **_: object) -> None:
    # Responses from a test's stub have no body.
    if getattr(http_response, "raw", None) is None or http_response.status_code >= 300:
        return
    flaw = _flaw_of(http_response.content, http_response.headers, parsed)
    if flaw:
        # Not raised here: client and call can be the application's own.
        parsed.setdefault("ResponseMetadata", {})[_FLAW] = flaw


def _flaw_of(body: bytes, headers: Mapping[str, str], parsed: Mapping[str, object]) -> str | None:
    from json import loads
    from zlib import crc32

    checksum = headers.get("x-amz-crc32")
    if checksum is not None and checksum.strip() != str(crc32(body)):
        return "its checksum does not match"
    # A body that is not JSON is always empty after botocore has parsed it.
    if not parsed.keys() - {"ResponseMetadata"}:
        try:
            empty = loads(body) if body else {}
        except (ValueError, RecursionError):
            return "its body is not JSON"
        if not isinstance(empty, dict):
            return "its body is not a JSON object"
    return None


def checked_response(table: Asked, operation: str, response: Mapping[str, Any]) -> None:
    """Raise ``ResponseMalformed`` if the body was found to be malformed."""
    flaw = response.get("ResponseMetadata", {}).get(_FLAW)
    if flaw:
        raise malformed(table.name, operation, flaw)


def checked_table(table: Asked, response: DescribeTableOutputTypeDef) -> None:
    """Raise unless the table is ready and its keys are two strings with the expected names."""
    checked_response(table, "DescribeTable", response)
    description = response.get("Table")
    if not description or "TableStatus" not in description:
        raise malformed(table.name, "DescribeTable", "it describes no table")
    status = description["TableStatus"]
    if status not in ("ACTIVE", "UPDATING"):
        reason = f"the table is {status}, not ACTIVE; wait until it is"
        raise TableNotReadyException(table.name, "DescribeTable", status, reason)

    types = {a["AttributeName"]: a["AttributeType"] for a in description["AttributeDefinitions"]}
    names = {k["KeyType"]: k["AttributeName"] for k in description["KeySchema"]}
    found: _Keys = {kind: (name, types.get(name)) for kind, name in names.items()}
    expected: _Keys = {"HASH": (table.key_names.store, "S"), "RANGE": (table.key_names.option, "S")}
    if found != expected:
        raise MisconfiguredSchemaException(table.name, _as_text(expected), _as_text(found))


def _as_text(keys: _Keys) -> str:
    texts = (
        f"{kind.lower()} key {keys[kind][0]!r} of type {keys[kind][1]}"
        if kind in keys
        else f"no {kind.lower()} key"
        for kind in ("HASH", "RANGE")
    )
    return ", ".join(texts)


def checked_page(
    table: Asked, request: Mapping[str, Any], page: Mapping[str, Any]
) -> tuple[list[Item], Item | None]:
    """Return the items of one page of a Query, and the key after which to continue, if any.

    The caller must still validate the items with ``check_item``.
    """
    checked_response(table, "Query", page)
    items = page.get("Items")
    if not isinstance(items, list) or page.get("Count") != len(items):
        raise malformed(table.name, "Query", "its count does not match its items")
    last: Item | None = page.get("LastEvaluatedKey")
    before: Item | None = request.get("ExclusiveStartKey")
    # Pages are in key order.  If one went back, the query would never end.
    if last and before and _position(table, last) <= _position(table, before):
        raise malformed(table.name, "Query", "its pages are not in order")
    return items, last


def checked_item(table: Asked, store: str, response: Mapping[str, Any]) -> Item | None:
    """Return the item of a GetItem; None if there is none."""
    checked_response(table, "GetItem", response)
    item: Item | None = response.get("Item")
    if item is not None:
        check_item(table, "GetItem", store, item)
    return item


def check_item(table: Asked, operation: str, store: str, item: Item) -> None:
    """Raise ``ResponseMalformed`` unless the item is of ``store`` and has only known types."""
    if item.get(table.key_names.store) != {"S": store} or table.key_names.option not in item:
        raise malformed(table.name, operation, "an item is not of the requested store")
    for attribute in item.values():
        if len(attribute) != 1 or not _TYPES.issuperset(attribute):
            raise malformed(table.name, operation, "an attribute is not of a known type")


def _position(table: Asked, key: Item) -> bytes:
    option = key.get(table.key_names.option, {}).get("S")
    if not isinstance(option, str):
        raise malformed(table.name, "Query", "the option in its LastEvaluatedKey is not a string")
    return option.encode("utf-8", "surrogatepass")
