"""An endpoint that answers as DynamoDB does, at once: an answer is made once, and then kept.

``python -m benchmarks.endpoint SIZE ...`` has a table for each size: ``options-SIZE``, with that
many options in one store, and its revision item.  It says its URL and the bytes of each table's
items.  It answers the line ``counts`` with what was asked of it since the last: ``calls``, the
requests of each operation, ``units``, the read units that DynamoDB would have charged for what it
served, and ``bytes`` of all bodies.  ``change N`` gives one option of each table its version N, and
``refuse N`` fails the next N requests.  An emulator would take longer to make a page than any
client to read it.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from zlib import crc32

from benchmarks.children import serve
from benchmarks.revisions import Revisions
from benchmarks.stores import STORE, attributes, options
from ddbcfg_client.dynamodb.item_size import least_size
from ddbcfg_client.dynamodb.revision.place import HOME_PREFIX
from ddbcfg_client.format.values import pack_option

PAGE_LIMIT = 1 << 20  # bytes of items, as DynamoDB counts them, after which a page ends
_UNIT = 4096  # bytes that a read unit pays for


def table_of(size: int) -> str:
    """The name of the table with *size* options."""
    return f"options-{size}"


@dataclass(frozen=True)
class Answer:
    """The body of an answer; ``size`` is that of the items in it, in bytes as DynamoDB counts."""

    body: bytes
    size: int = 0

    @cached_property
    def checksum(self) -> str:
        """What DynamoDB sends with the body, and its clients compare."""
        return str(crc32(self.body))

    def units(self, *, consistent: bool) -> float:
        """The read units of a Query or GetItem: of all its items together, begun ones whole.

        An eventually consistent read costs half.  What finds nothing costs as much as 4 KB.
        """
        whole = max(1, math.ceil(self.size / _UNIT))
        return whole if consistent else whole / 2


class Table:
    """A table's items, and its answers."""

    def __init__(self, name: str, size: int) -> None:
        items = [_item(option, keys) for option, keys in options(size)]
        self._name = name
        self._names = [option for option, _ in options(size)]
        self._places = {option: place for place, option in enumerate(self._names)}
        self._items = [_packed(item) for item in items]
        self._sizes = [least_size(item) for item in items]
        self._pages: dict[tuple[str | None, int | None], Answer] = {}
        self._description = Answer(_packed({"Table": _description(name)}))
        self._first = Answer(b'{"Item":%b}' % self._items[0], self._sizes[0])

    def change(self, version: int) -> None:
        """Change one option, another one for each version."""
        number = 1 + version % (len(self._items) - 1)
        keys = attributes(number, version)
        item = _item(self._names[number], keys)
        self._items[number] = _packed(item)
        self._pages = {}
        self.__dict__.pop("_revision_answer", None)
        if "_revisions" in self.__dict__:
            self._revisions.change(self._names[number], pack_option(self._names[number], keys))

    @property
    def size(self) -> int:
        """The bytes of all items, as DynamoDB counts them."""
        return sum(self._sizes)

    @cached_property
    def _revisions(self) -> Revisions:
        """Made when it is asked for: most tables are read without it."""
        content = {}
        for name, packed in zip(self._names, self._items, strict=True):
            keys = json.loads(packed)
            del keys["_store"], keys["_option"]
            content[name] = pack_option(name, keys)
        return Revisions(self._name, content)

    @cached_property
    def _revision_answer(self) -> Answer:
        item = self._revisions.item
        return Answer(b'{"Item":%b}' % _packed(item), least_size(item))

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[Answer, float]:
        """The answer, and its read units.

        GetItem finds the first item only, and the revision item.
        """
        if operation == "DescribeTable":
            return self._description, 0.0
        if operation == "GetItem":
            of_revision = request["Key"]["_store"]["S"].startswith(HOME_PREFIX)
            answer = self._revision_answer if of_revision else self._first
        else:
            answer = self._page_for(request)
        return answer, answer.units(consistent=request.get("ConsistentRead", False))

    def _page_for(self, request: dict[str, Any]) -> Answer:
        start = request.get("ExclusiveStartKey")
        after = start["_option"]["S"] if start else None
        asked = after, request.get("Limit")
        if asked not in self._pages:
            self._pages[asked] = self._page(*asked)
        return self._pages[asked]

    def _page(self, after: str | None, limit: int | None) -> Answer:
        """The page that starts after the option *after*: 1 MB, or *limit* items if that is less."""
        first = 0 if after is None else self._places[after] + 1
        last = len(self._items) if limit is None else min(first + limit, len(self._items))
        end, size = first, 0
        # The item that crosses the limit is the last one of its page.
        while end < last and size < PAGE_LIMIT:
            size += self._sizes[end]
            end += 1
        items, number = b",".join(self._items[first:end]), end - first
        parts = [b'"Count":%d,"Items":[%b],"ScannedCount":%d' % (number, items, number)]
        # Who stopped at a limit has not looked whether anything follows: then the next page is
        # empty.
        if number == limit or size >= PAGE_LIMIT:
            parts.append(b'"LastEvaluatedKey":%b' % _packed(_key(self._names[end - 1])))
        return Answer(b"{%b}" % b",".join(parts), size)


def _key(option: str) -> dict[str, Any]:
    return {"_store": {"S": STORE}, "_option": {"S": option}}


def _item(option: str, keys: dict[str, Any]) -> dict[str, Any]:
    return {**_key(option), **keys}


def _packed(answer: object) -> bytes:
    def binary(raw: bytes) -> str:
        return b64encode(raw).decode()

    return json.dumps(answer, separators=(",", ":"), default=binary).encode()


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
    calls: ClassVar[Counter[str]] = Counter()
    units: ClassVar[float] = 0.0
    bytes: ClassVar[int] = 0
    refused: ClassVar[int] = 0
    lock = threading.Lock()

    def do_POST(self) -> None:
        """Answer from the table that the request names."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        answer, units = self.tables[request["TableName"]].answer(operation, request)
        with self.lock:
            self.calls[operation] += 1
            Handler.units += units
            Handler.bytes += len(body) + len(answer.body)
            refused = Handler.refused > 0
            Handler.refused -= refused
        if refused:
            answer = _REFUSAL
        self.send_response(500 if refused else 200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("x-amz-crc32", answer.checksum)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


_REFUSAL = Answer(b'{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}')


def _change(version: str) -> None:
    for table in Handler.tables.values():
        table.change(int(version))


def _refuse(requests: str) -> None:
    Handler.refused = int(requests)


def _counts() -> dict[str, Any]:
    with Handler.lock:
        counts = {
            "calls": dict(Handler.calls),
            "units": Handler.units,
            "bytes": Handler.bytes,
        }
        Handler.calls.clear()
        Handler.units = 0.0
        Handler.bytes = 0
    return counts


def main() -> None:
    """Serve tables of the sizes that the arguments say."""
    for size in map(int, sys.argv[1:]):
        Handler.tables[table_of(size)] = Table(table_of(size), size)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sizes = {name: table.size for name, table in Handler.tables.items()}
        url = f"http://127.0.0.1:{server.server_port}"
        commands = {"counts": _counts, "change": _change, "refuse": _refuse}
        serve(commands, ready={"url": url, "bytes": sizes})
        server.shutdown()


if __name__ == "__main__":
    main()
