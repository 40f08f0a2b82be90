"""moto's DynamoDB in a process of its own, with DB in it.

``python -m benchmarks.emulator`` says the URL, and runs until its standard input ends.  TABLE is a
table of stores; PARAMETERS has DB as ``value`` of the ``id`` db, as aws-lambda-powertools wants it.
"""

from __future__ import annotations

from benchmarks.children import serve
from benchmarks.stores import DB, STORE, db_attributes

TABLE = "config"
PARAMETERS = "parameters"


def main() -> None:
    """Serve it."""
    from ddbcfg_daemon.sources.local_dynamodb import LocalDynamoDB

    with LocalDynamoDB() as dynamodb:
        dynamodb.load(TABLE, {STORE: {"db": DB}})
        client = dynamodb.client()
        client.create_table(
            TableName=PARAMETERS,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        value = {"M": db_attributes()}
        client.put_item(TableName=PARAMETERS, Item={"id": {"S": "db"}, "value": value})
        client.close()
        serve({}, ready=dynamodb.endpoint_url)


if __name__ == "__main__":
    main()
