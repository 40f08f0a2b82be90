"""Items whose names are not strings: no option can be made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ddbcfg_client.commands.main import main
from ddbcfg_client.dynamodb.items import options_in
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ResponseMalformed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy


pytestmark = pytest.mark.parametrize("emulator_name", ["moto"])


@pytest.fixture
def numbered(client: DynamoDBClient, table_name: str) -> Table:
    """A table whose range key is a number, with an item."""
    client.create_table(
        TableName=table_name,
        KeySchema=[
            {"AttributeName": "_store", "KeyType": "HASH"},
            {"AttributeName": "_option", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "_store", "AttributeType": "S"},
            {"AttributeName": "_option", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"_store": {"S": "prod"}, "_option": {"N": "1"}}
    client.put_item(TableName=table_name, Item=item)
    return Table(client, table_name)


def test_reading_a_store_of_numbered_items_is_an_error_of_the_table(numbered: Table) -> None:
    with pytest.raises(ResponseMalformed, match="name of an option is not a string"):
        options_in(numbered, "prod")


@pytest.mark.parametrize("command", ["export", "check"])
def test_commands_say_so(
    numbered: Table,
    emulator_proxy: FaultProxy,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    where = ("--endpoint-url", emulator_proxy.url, "--table", numbered.name, "--store", "prod")
    assert main([command, *where]) == 6
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"ddbcfg-client: Query on table '{numbered.name}'")
