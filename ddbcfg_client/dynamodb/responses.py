"""Is what came back an answer of DynamoDB?  Judge it before anything of it is used.

botocore takes a great deal for an answer: a body that is not JSON becomes an empty one, and so a
login page of a proxy would be a store without options.  It also keeps a body whose checksum does
not match, once it has tried often enough.  Nothing of the kind may reach a config store.
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
        """What was asked: the table's name, and those of its two keys."""

        name: str
        key_names: KeyNames

    # The kind of a key: its name and its type.
    _Keys = dict[str, tuple[str, str | None]]

# Under this key of an answer's ResponseMetadata the watch leaves what is wrong with its body.
_FLAW = "ddbcfg-flaw"
_TYPES = frozenset(("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"))


def watch_answers(client: DynamoDBClient) -> None:
    """Have every later answer to ``client`` looked at; harmless to others who use it."""
    client.meta.events.register("after-call.dynamodb", _watch, unique_id="ddbcfg-watch-answers")


def _watch(http_response: Any, parsed: dict[str, Any], **_: object) -> None:
    # Answers that a test stubs have no body.
    if getattr(http_response, "raw", None) is None or http_response.status_code >= 300:
        return
    flaw = _flaw_of(http_response.content, http_response.headers, parsed)
    if flaw:
        # Not raised: the client can be the application's own, and so can be the call.
        parsed.setdefault("ResponseMetadata", {})[_FLAW] = flaw


def _flaw_of(body: bytes, headers: Mapping[str, str], parsed: Mapping[str, object]) -> str | None:
    from json import loads
    from zlib import crc32

    checksum = headers.get("x-amz-crc32")
    if checksum is not None and checksum.strip() != str(crc32(body)):
        return "its checksum does not match"
    # Only a body in which botocore found nothing can have been no JSON.
    if not parsed.keys() - {"ResponseMetadata"}:
        try:
            empty = loads(body) if body else {}
        except (ValueError, RecursionError):
            return "its body is not JSON"
        if not isinstance(empty, dict):
            return "its body is not a JSON object"
    return None


def checked_answer(table: Asked, operation: str, answer: Mapping[str, Any]) -> None:
    """Return when the body was whole; raise :class:`AnswerMalformed`."""
    flaw = answer.get("ResponseMetadata", {}).get(_FLAW)
    if flaw:
        raise malformed(table.name, operation, flaw)


def checked_table(table: Asked, answer: DescribeTableOutputTypeDef) -> None:
    """Return when the table is ready and its keys are two strings of the expected names."""
    checked_answer(table, "DescribeTable", answer)
    description = answer.get("Table")
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
        raise MisconfiguredSchemaException(table.name, _told(expected), _told(found))


def _told(keys: _Keys) -> str:
    told = (
        f"{kind.lower()} key {keys[kind][0]!r} of type {keys[kind][1]}"
        if kind in keys
        else f"no {kind.lower()} key"
        for kind in ("HASH", "RANGE")
    )
    return ", ".join(told)


def checked_page(
    table: Asked, request: Mapping[str, Any], page: Mapping[str, Any]
) -> tuple[list[Item], Item | None]:
    """Return the items of one page of a Query, and the key to go on after, if any.

    The items themselves are still to be checked, with :func:`check_item`.
    """
    checked_answer(table, "Query", page)
    items = page.get("Items")
    if not isinstance(items, list) or page.get("Count") != len(items):
        raise malformed(table.name, "Query", "it does not hold the items that it counts")
    last: Item | None = page.get("LastEvaluatedKey")
    before: Item | None = request.get("ExclusiveStartKey")
    # Pages come in the order of the keys: one that goes back would be read for ever.
    if last and before and _position(table, last) <= _position(table, before):
        raise malformed(table.name, "Query", "its pages go round in a circle")
    return items, last


def checked_item(table: Asked, store: str, answer: Mapping[str, Any]) -> Item | None:
    """Return the item of a GetItem, None when there is none."""
    checked_answer(table, "GetItem", answer)
    item: Item | None = answer.get("Item")
    if item is not None:
        check_item(table, "GetItem", store, item)
    return item


def check_item(table: Asked, operation: str, store: str, item: Item) -> None:
    """Return when the item is of ``store`` and of known types; raise :class:`AnswerMalformed`."""
    if item.get(table.key_names.store) != {"S": store} or table.key_names.option not in item:
        raise malformed(table.name, operation, "an item is not of the store that was asked for")
    for attribute in item.values():
        if len(attribute) != 1 or not _TYPES.issuperset(attribute):
            raise malformed(table.name, operation, "an attribute is of no known type")


def _position(table: Asked, key: Item) -> bytes:
    option = key.get(table.key_names.option, {}).get("S")
    if not isinstance(option, str):
        raise malformed(table.name, "Query", "the key to go on after is no string")
    return option.encode("utf-8", "surrogatepass")
