"""A low-level client over the high-level one that a boto3 resource has.

``resource("dynamodb").meta.client`` looks like a client but takes and gives Python values, and
there is no public way to the low-level one below.  This turns the values back, without loss: each
type of attribute value has one Python type, and boto3 refuses numbers that it would have to round.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mypy_boto3_dynamodb import DynamoDBClient

# The parameters and results that hold attribute values.
_ITEMS = ("Key", "Item", "ExpressionAttributeValues", "ExclusiveStartKey", "LastEvaluatedKey")


class NativeClient:
    """What a :class:`~ddbcfg_client.dynamodb.Table` needs of a client, in attribute values."""

    def __init__(self, high_level: DynamoDBClient) -> None:
        from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

        self._high_level = high_level
        self._to_python = TypeDeserializer().deserialize
        self._to_attribute = TypeSerializer().serialize
        self.meta = high_level.meta
        self.describe_table = high_level.describe_table
        self.create_table = high_level.create_table
        self.close = high_level.close

    def query(self, **request: Any) -> dict[str, Any]:
        """Return one page of items."""
        return self._call(self._high_level.query, request)

    def get_item(self, **request: Any) -> dict[str, Any]:
        """Return the item, if there is one."""
        return self._call(self._high_level.get_item, request)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Write the item."""
        return self._call(self._high_level.put_item, request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        """Remove the item."""
        return self._call(self._high_level.delete_item, request)

    def _call(self, method: Callable[..., Any], request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = method(**self._each(request, self._to_python))
        answer = self._each(answer, self._to_attribute)
        if "Items" in answer:
            answer["Items"] = [
                {name: self._to_attribute(value) for name, value in item.items()}
                for item in answer["Items"]
            ]
        return answer

    def _each(self, holder: dict[str, Any], turn: Callable[[Any], Any]) -> dict[str, Any]:
        turned = {
            name: {key: turn(value) for key, value in holder[name].items()}
            for name in _ITEMS
            if name in holder
        }
        return holder | turned
