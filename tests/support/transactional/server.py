"""The items over HTTP, in DynamoDB's JSON protocol.

``python -m support.transactional.server LAG PAUSE LOST SEED`` prints its URL, and serves until its
standard input ends.  Replicas are up to LAG seconds late, a transaction takes up to PAUSE seconds
for each item, and of LOST of the transactions to write the connection ends without a response,
before they are done or after.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zlib import crc32

from support.transactional.conditions import key_range
from support.transactional.errors import Refused
from support.transactional.items import Items

Request = Mapping[str, Any]

PAGE = 1 << 20  # bytes of JSON, about, after which a page of a Query ends
#: What a request may have: whatever else is in one is refused.
_MEMBERS = {
    "CreateTable": "TableName KeySchema AttributeDefinitions BillingMode ProvisionedThroughput",
    "DescribeTable": "TableName",
    "GetItem": "TableName Key ConsistentRead ReturnConsumedCapacity",
    "Query": (
        "TableName KeyConditionExpression ExpressionAttributeNames ExpressionAttributeValues "
        "ConsistentRead Limit ScanIndexForward ExclusiveStartKey ProjectionExpression "
        "ReturnConsumedCapacity"
    ),
    "PutItem": (
        "TableName Item ConditionExpression ExpressionAttributeNames ExpressionAttributeValues "
        "ReturnConsumedCapacity"
    ),
    "DeleteItem": (
        "TableName Key ConditionExpression ExpressionAttributeNames ExpressionAttributeValues "
        "ReturnConsumedCapacity"
    ),
    "TransactGetItems": "TransactItems ReturnConsumedCapacity",
    "TransactWriteItems": "TransactItems ClientRequestToken ReturnConsumedCapacity",
}


class Tables:
    """All tables; ``answer`` is one request."""

    def __init__(self, make: Callable[[tuple[str, str]], Items]) -> None:
        self._make = make
        self._tables: dict[str, Items] = {}

    def answer(self, operation: str, request: Request) -> object:
        """Return the response; raise ``Refused``."""
        known = _MEMBERS.get(operation)
        if known is None or not request.keys() <= set(known.split()):
            raise Refused("ValidationException", f"{operation} is not known here, or not all of it")
        match operation:
            case "CreateTable":
                kinds = {key["KeyType"]: key["AttributeName"] for key in request["KeySchema"]}
                self._tables[request["TableName"]] = self._make((kinds["HASH"], kinds["RANGE"]))
                return {"TableDescription": self._description(request["TableName"])}
            case "DescribeTable":
                return {"Table": self._description(request["TableName"])}
            case "GetItem":
                table = self._table(request)
                consistent = request.get("ConsistentRead", False)
                item = table.get(table.key(request["Key"]), consistent=consistent)
                return {} if item is None else {"Item": item}
            case "Query":
                return _query(self._table(request), request)
            case "PutItem" | "DeleteItem":
                self._table(request).write(request)
            case "TransactGetItems":
                return self._together(request)
            case "TransactWriteItems":
                actions = [action for each in request["TransactItems"] for action in each.values()]
                self._table(actions[0]).transact(actions, request["ClientRequestToken"])
        return {}

    def _table(self, request: Request) -> Items:
        try:
            return self._tables[request["TableName"]]
        except KeyError:
            text = "Requested resource not found"
            raise Refused("ResourceNotFoundException", text) from None

    def _together(self, request: Request) -> object:
        gets = [each["Get"] for each in request["TransactItems"]]
        table = self._table(gets[0])
        items = table.together([table.key(get["Key"]) for get in gets])
        return {"Responses": [{} if item is None else {"Item": item} for item in items]}

    def _description(self, name: str) -> object:
        keys = self._table({"TableName": name}).keys
        schema = zip(keys, ("HASH", "RANGE"), strict=True)
        return {
            "TableName": name,
            "TableStatus": "ACTIVE",
            "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in schema],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
        }


def _query(table: Items, request: Request) -> object:
    store, first, last = key_range(request, table.keys)
    start = request.get("ExclusiveStartKey")
    items: list[Mapping[str, Any]] = []
    size, limit = 0, request.get("Limit", sys.maxsize)
    more = False
    for item in table.query(
        store,
        first,
        last,
        consistent=request.get("ConsistentRead", False),
        forward=request.get("ScanIndexForward", True),
        after=None if start is None else table.key(start)[1],
    ):
        items.append(item)
        size += len(json.dumps(item))
        if size > PAGE or len(items) == limit:
            more = True
            break
    found = items
    if "ProjectionExpression" in request:
        names = [request["ExpressionAttributeNames"][name]
                 for name in request["ProjectionExpression"].split(", ")]  # fmt: skip
        found = [{name: item[name] for name in names if name in item} for item in items]
    page: dict[str, Any] = {"Items": found, "Count": len(found), "ScannedCount": len(found)}
    if more:
        page["LastEvaluatedKey"] = {name: items[-1][name] for name in table.keys}
    return page


def handler(tables: Tables, lost: float, chance: random.Random) -> type[BaseHTTPRequestHandler]:
    """Return what serves a connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are written apart
        wbufsize = -1

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].partition(".")[2]
            loses = operation == "TransactWriteItems" and chance.random() < lost
            if loses and chance.random() < 0.5:
                self.close_connection = True
                return
            status, answer = _answered(tables, operation, request)
            if loses:
                self.close_connection = True
                return
            body = json.dumps(answer, separators=(",", ":")).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("x-amz-crc32", str(crc32(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *words: object) -> None:
            pass

    return Handler


def _answered(tables: Tables, operation: str, request: Request) -> tuple[int, object]:
    try:
        return 200, tables.answer(operation, request)
    except Refused as refused:
        error: dict[str, Any] = {
            "__type": f"com.amazonaws.dynamodb.v20120810#{refused.code}",
            "message": refused.message,
        }
        if refused.reasons:
            error["CancellationReasons"] = [{"Code": reason} for reason in refused.reasons]
        return 400, error


def main(lag: float, pause: float, lost: float, seed: int) -> None:
    chance = random.Random(seed)
    sys.setswitchinterval(0.0005)  # a short request need not wait for a long one

    def between() -> None:
        time.sleep(chance.uniform(0.0, pause))

    tables = Tables(lambda keys: Items(keys, lag=lag, between=between, chance=chance))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(tables, lost, chance)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    lag_, pause_, lost_, seed_ = sys.argv[1:]
    main(float(lag_), float(pause_), float(lost_), int(seed_))
