"""Ensure that a table exists: use it, or create it and wait until it is ACTIVE.

Several processes can do this at once: one of them creates the table, and all of them wait for it.
So a table in state CREATING is always waited for.  A table in another state is not.
"""

from __future__ import annotations

import time

from ddbcfg_client.dynamodb.errors import explained
from ddbcfg_client.errors import (
    TableError,
    TableNotCreatedException,
    TableNotFound,
    TableNotReadyException,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ddbcfg_client.dynamodb.table import Table

# Creating a table takes about ten seconds; after five minutes it has failed.
CREATION_TIMEOUT = 300.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


def ensure_table(
    table: Table,
    read_units: int | None = 1,
    write_units: int | None = 1,
    *,
    timeout: float = CREATION_TIMEOUT,
) -> bool:
    """Return True if the table was created, False if it already exists with the right keys.

    It is billed on demand if either number of units is None.  The units of an existing table are
    not changed.  Raise the errors of ``Table.check``, and ``TableNotCreatedException`` if
    the table cannot be created or is not ACTIVE after ``timeout`` seconds.
    """
    try:
        table.check()
        return False
    except TableNotFound:
        pass
    except TableNotReadyException as error:
        if error.code != "CREATING":
            raise
        _wait(table, timeout)
        return False
    try:
        with explained(table.name, "CreateTable", table.where()):
            table.client.create_table(**_request(table, read_units, write_units))
    except TableError as error:
        # Another process created it first; the check after this compares its keys.
        if error.code != "ResourceInUseException":
            reason = error.reason
            raise TableNotCreatedException(
                table.name, error.operation, error.code, reason
            ) from error
    _wait(table, timeout)
    return True


def _request(table: Table, read_units: int | None, write_units: int | None) -> dict[str, Any]:
    keys = ((table.key_names.store, "HASH"), (table.key_names.option, "RANGE"))
    request: dict[str, Any] = {
        "TableName": table.name,
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
    }
    if read_units is None or write_units is None:
        request["BillingMode"] = "PAY_PER_REQUEST"
    else:
        request["ProvisionedThroughput"] = {
            "ReadCapacityUnits": read_units,
            "WriteCapacityUnits": write_units,
        }
    return request


def _wait(table: Table, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        try:
            return table.check()
        except (TableNotReadyException, TableNotFound) as error:
            # Not found: DescribeTable may lag behind CreateTable.
            if isinstance(error, TableNotReadyException) and error.code != "CREATING":
                raise
            if time.monotonic() + pause > deadline:
                reason = f"it was not ACTIVE within {timeout:g} s; look at it in the console"
                raise TableNotCreatedException(
                    table.name, "CreateTable", error.code, reason
                ) from error
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
