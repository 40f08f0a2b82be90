"""Options as items of a table: validated before they are written, and read."""

from __future__ import annotations

from ddbcfg_client.dynamodb.errors import malformed
from ddbcfg_client.dynamodb.item_size import least_size
from ddbcfg_client.dynamodb.limits import MAX_ITEM_BYTES, checked_option
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import ValueRefused
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.values import pack_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from ddbcfg_client.dynamodb.key_names import KeyNames
    from ddbcfg_client.dynamodb.table import Table
    from ddbcfg_client.readonly import ReadOnlyDict

    #: (store, option) → the attribute values of the option's keys.
    CheckedStores = dict[tuple[str, str], dict[str, AttributeValueTypeDef]]


def checked_attributes(
    store: str, option: str, data: object, key_names: KeyNames
) -> dict[str, AttributeValueTypeDef]:
    """Return the attribute values of the option's keys, without the table's own two keys.

    Raise ``NameRefused`` or ``ValueRefused`` if DynamoDB cannot hold the option exactly.
    """
    checked_option(option)
    attributes = attributes_of(option, data, key_names)
    check_size(store, option, attributes, key_names)
    return attributes


def check_size(
    store: str,
    option: str,
    attributes: Mapping[str, AttributeValueTypeDef],
    key_names: KeyNames,
) -> None:
    """Raise ``ValueRefused`` if the option with these attribute values is too large for an item."""
    size = least_size({**attributes, **key_names.key(store, option)})
    if size > MAX_ITEM_BYTES:
        reason = f"it takes {size} bytes, DynamoDB's limit is {MAX_ITEM_BYTES}"
        raise ValueRefused(option, "", reason)


def checked_stores(
    stores: Mapping[str, Mapping[str, Mapping[str, object]]], key_names: KeyNames
) -> CheckedStores:
    """Return the attribute values of every option of the stores, by store and option.

    Raise as ``checked_attributes`` does, for the first option that DynamoDB cannot hold.
    """
    return {
        (store, option): checked_attributes(store, option, keys, key_names)
        for store, options in stores.items()
        for option, keys in options.items()
    }


def packed_keys(key_names: KeyNames, name: str, item: Mapping[str, Any]) -> bytes:
    """Return the packed keys of ``item``, the option ``name``; raise ``MalformedValue``."""
    return pack_option(name, key_names.others_in(item))


def option_in(table: Table, item: Mapping[str, Any]) -> tuple[str, ReadOnlyDict]:
    """Return the name and the keys of the option in ``item``.

    Raise ``MalformedValue``, or ``ResponseMalformed`` if its name is not a string.
    """
    name = table.key_names.name_in(item)
    if name is None:
        raise malformed(table.name, "Query", "the name of an option is not a string")
    return name, unpack_option(packed_keys(table.key_names, name, item))


def options_in(table: Table, store: str) -> dict[str, ReadOnlyDict]:
    """Read every option of the store with consistent reads; return them by name, in order."""
    return dict(option_in(table, item) for item in table.items(store, consistent=True))
