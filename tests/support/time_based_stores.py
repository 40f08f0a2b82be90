"""What the tests of TimeBasedConfigStore share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import boto3

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.table import Table

if TYPE_CHECKING:
    pass


# One for all tests: to make its first client takes longer than most of them.
SESSION = boto3.Session()


SECRET = "p1anted-s3cret"


SOON = 0.05


NEVER = 3600.0


def change(table: Table, version: int) -> None:
    table.put("prod", "db", {"version": {"N": str(version)}, "password": {"S": SECRET}})


def threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith("ddbcfg ")}


def version(store: DynamoDBConfigStore) -> int:
    return int(store.config["db"]["version"])
