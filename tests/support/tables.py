"""Tables in moto, written as an operator would write them: with boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from support.shm import attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ConfigTable:
    """A configuration table and the client to write it with; it is not created yet."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self.client = client
        self.name = name

    def create(self) -> None:
        ensure_table(Table(self.client, self.name))

    def create_with_keys(self, hash_key: str, range_key: str) -> None:
        """With these names of keys, whatever the daemon expects."""
        ensure_table(Table(self.client, self.name, KeyNames(hash_key, range_key)))

    def delete(self, store: str, option: str) -> None:
        self.client.delete_item(
            TableName=self.name, Key={"_store": {"S": store}, "_option": {"S": option}}
        )

    def put(self, store: str, option: str, **values: Any) -> None:
        """Write the whole option."""
        keys = {"_store": store, "_option": option}
        self.client.put_item(TableName=self.name, Item=attributes(values | keys))


def patient_client(url: str, seconds: float) -> DynamoDBClient:
    """A client that outlives a test, and so has nothing of what the first test replaced."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ddbcfg_client.dynamodb.client.READ_TIMEOUT", seconds)
        return connect_dynamodb(endpoint_url=url)


@pytest.fixture(scope="session")
def moto_client(moto_url: str) -> Iterator[DynamoDBClient]:
    client = patient_client(moto_url, 20.0)  # moto copies a whole table for each transaction
    yield client
    client.close()


@pytest.fixture
def missing_table(moto_client: DynamoDBClient, table_name: str) -> ConfigTable:
    """A table that does not exist."""
    return ConfigTable(moto_client, table_name)


@pytest.fixture
def table(missing_table: ConfigTable) -> ConfigTable:
    """An empty table of the test's own."""
    missing_table.create()
    return missing_table
