"""The low-level client of a boto3 resource: attribute values as DynamoDB sends them.

The client of a resource accepts and returns Python values.  boto3 converts them in handlers of the
client's events, and refuses some numbers that DynamoDB can hold: ``10**40`` is returned with 41
digits.  A copy of the client without these handlers shares its connections, its credentials and its
other handlers.  The application's own client is not changed.
"""

from __future__ import annotations

from copy import copy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from mypy_boto3_dynamodb import DynamoDBClient

# Event and unique id of each handler with which boto3's resource converts parameters and results.
_CONVERSIONS = (
    ("provide-client-params.dynamodb", "dynamodb-create-params-copy"),
    ("before-parameter-build.dynamodb", "dynamodb-condition-expression"),
    ("before-parameter-build.dynamodb", "dynamodb-attr-value-input"),
    ("after-call.dynamodb", "dynamodb-attr-value-output"),
)


def native_client(high_level: DynamoDBClient) -> DynamoDBClient:
    """Return a copy of a resource's client that does not convert attribute values."""
    # Not copy(): the client's __getattr__ needs attributes that a new copy does not have yet.
    client: Any = object.__new__(type(high_level))
    vars(client).update(vars(high_level))
    client.meta = copy(high_level.meta)
    client.meta.events = copy(high_level.meta.events)
    for event, unique_id in _CONVERSIONS:
        client.meta.events.unregister(event, unique_id=unique_id)
    native: DynamoDBClient = client
    return native
