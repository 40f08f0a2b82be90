"""An endpoint that answers as DynamoDB does, at once: every answer was prepared before.

``python -m benchmarks.endpoint SIZE ...`` has a table for each size: ``options-SIZE``, with that
many options in one store.  It says its URL, and answers the line ``counts`` with the number of
requests of each operation since the last.  An emulator would take longer to make a page than any
client to read it.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any, ClassVar
from zlib import crc32

from benchmarks.children import serve
from benchmarks.stores import STORE, options
from ddbcfg_client.dynamodb.item_size import least_size

PAGE_LIMIT = 1 << 20  # bytes of items, as DynamoDB counts them, after which a page ends


def table_of(size: int) -> str:
    """The name of the table with *size* options."""
    return f"options-{size}"


class Table:
    """A table's answers, by operation and by the key that a page starts after."""

    def __init__(self, name: str, size: int) -> None:
        self.pages: dict[str | None, bytes] = {}
        self.page_sizes: list[int] = []  # of their items, in bytes, as DynamoDB counts them
        self.description = _packed({"Table": _description(name)})
        items = (_item(option, keys) for option, keys in options(size))
        after, page, page_size = None, [], 0
        for item in items:
            page.append(item)
            page_size += least_size(item)
            # The item that crosses the limit is the last one of its page.
            if page_size >= PAGE_LIMIT:
                self._add(after, page, page_size, last=item)
                after, page, page_size = item["_option"]["S"], [], 0
        self._add(after, page, page_size, last=None)
        first = next(islice(options(size), 1))
        self.first = _packed({"Item": _item(*first)})

    def _add(self, after: str | None, page: list[Any], size: int, last: Any) -> None:
        answer = {"Count": len(page), "Items": page, "ScannedCount": len(page)}
        if last is not None:
            answer["LastEvaluatedKey"] = {key: last[key] for key in ("_store", "_option")}
        self.pages[after] = _packed(answer)
        self.page_sizes.append(size)

    def answer(self, operation: str, request: dict[str, Any]) -> bytes:
        """The body of the answer."""
        if operation == "DescribeTable":
            return self.description
        if operation == "GetItem":
            return self.first
        start = request.get("ExclusiveStartKey")
        return self.pages[start["_option"]["S"] if start else None]


def _item(option: str, keys: dict[str, Any]) -> dict[str, Any]:
    return {"_store": {"S": STORE}, "_option": {"S": option}, **keys}


def _packed(answer: object) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()


def _description(name: str) -> dict[str, Any]:
    keys = (("_store", "HASH"), ("_option", "RANGE"))
    return {
        "TableName": name,
        "TableStatus": "ACTIVE",
        "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
    }


class Handler(BaseHTTPRequestHandler):
    """One connection, which is kept open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart
    tables: ClassVar[dict[str, Table]] = {}
    counts: ClassVar[Counter[str]] = Counter()
    lock = threading.Lock()

    def do_POST(self) -> None:
        """Answer from the table that the request names."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        with self.lock:
            self.counts[operation] += 1
        body = self.tables[request["TableName"]].answer(operation, request)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amz-crc32", str(crc32(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


def _counts() -> dict[str, int]:
    with Handler.lock:
        counts = dict(Handler.counts)
        Handler.counts.clear()
    return counts


def main() -> None:
    """Serve tables of the sizes that the arguments say."""
    for size in map(int, sys.argv[1:]):
        Handler.tables[table_of(size)] = Table(table_of(size), size)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pages = {name: table.page_sizes for name, table in Handler.tables.items()}
        url = f"http://127.0.0.1:{server.server_port}"
        serve({"counts": _counts}, ready={"url": url, "pages": pages})
        server.shutdown()


if __name__ == "__main__":
    main()
