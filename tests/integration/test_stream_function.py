"""examples/stream_function.py: a function that a table's stream calls."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.revision import table_reads
from ddbcfg_client.dynamodb.table import Table
from support.revisions import RevisedStore, packed

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def function(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The function, newly started."""
    monkeypatch.setenv("DDBCFG_ENDPOINT_URL", moto_url)
    monkeypatch.setattr(table_reads.TableReads, "wait", lambda *_: None)
    spec = importlib.util.spec_from_file_location("function", EXAMPLES / "stream_function.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Stream:
    """The stream of a table: what a function is called with."""

    def __init__(self, url: str, table: str) -> None:
        self._client: Any = boto3.client("dynamodbstreams", endpoint_url=url)
        [stream] = self._client.list_streams(TableName=table)["Streams"]
        self._arn = stream["StreamArn"]
        described = self._client.describe_stream(StreamArn=self._arn)["StreamDescription"]
        self._iterator = self._client.get_shard_iterator(
            StreamArn=self._arn,
            ShardId=described["Shards"][0]["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]

    def event(self) -> dict[str, Any]:
        """The records since the last event, as JSON has them."""
        page = self._client.get_records(ShardIterator=self._iterator)
        self._iterator = page["NextShardIterator"]
        records = [{**record, "eventSourceARN": self._arn} for record in page["Records"]]
        event: dict[str, Any] = json.loads(json.dumps({"Records": records}, default=str))
        return event

    def close(self) -> None:
        self._client.close()


def test_the_stream_of_a_table_makes_revisions(
    function: ModuleType, moto_url: str, table_name: str
) -> None:
    client = boto3.client("dynamodb", endpoint_url=moto_url)
    ensure_table(Table(client, table_name))
    keys_only: Any = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    client.update_table(TableName=table_name, StreamSpecification=keys_only)
    store = RevisedStore(client, table_name)
    store.begin({"db": packed("db", a=1)})
    stream = Stream(moto_url, table_name)

    def call() -> dict[str, str]:
        found: dict[str, str] = function.handler(stream.event(), None)
        return found

    try:
        assert call() == {f"{table_name}/prod": "unchanged"}
        with DynamoDBConfigStore(client, table_name, "prod") as writer:
            writer.set("db", {"a": 2})
        assert call() == {f"{table_name}/prod": "unchanged"}, "its own revision has the change"
        item: Any = {"_store": {"S": "prod"}, "_option": {"S": "web"}, "a": {"N": "1"}}
        client.put_item(TableName=table_name, Item=item)
        assert call() == {f"{table_name}/prod": "revised"}
        assert store.proves()
        assert [entry.name for entry in store.entries(3)] == ["web"]
        assert call() == {}, "the items of revisions are nobody's change"
    finally:
        stream.close()
        client.close()


def test_an_event_as_lambda_documents_it(function: ModuleType) -> None:
    """With records of a store, of its revisions, and of a table in another partition."""
    event = json.loads((EXAMPLES / "stream_event.json").read_text())
    assert function.changed_stores(event) == {("config", "prod"), ("config-cn", "test")}
