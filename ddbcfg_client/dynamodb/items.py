"""A whole option as an item that DynamoDB can hold, checked before anything is sent."""

from __future__ import annotations

from ddbcfg_client.dynamodb.item_size import least_size
from ddbcfg_client.dynamodb.values import (
    MAX_ITEM_BYTES,
    MAX_OPTION_BYTES,
    attributes_of,
    check_name,
)
from ddbcfg_client.errors import ValueRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


def checked_attributes(
    store: str, option: str, data: object, store_key: str, option_key: str
) -> dict[str, AttributeValueTypeDef]:
    """Return the attribute values of the option's keys, without the table's own two.

    Raise `NameRefused` or `ValueRefused` for what DynamoDB cannot hold exactly.
    """
    check_name("option", option, MAX_OPTION_BYTES)
    attributes = attributes_of(option, data, (store_key, option_key))
    own = sum(len(text.encode()) for text in (store_key, store, option_key, option))
    size = least_size(attributes) + own
    if size > MAX_ITEM_BYTES:
        reason = f"it takes {size} bytes, DynamoDB's limit is {MAX_ITEM_BYTES}"
        raise ValueRefused(option, "", reason)
    return attributes
