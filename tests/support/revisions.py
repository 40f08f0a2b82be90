"""Stores with revisions in an emulator, and an access whose time is the test's own.

moto does for one writer at a time; races have an emulator of their own, see ``transactional``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.revision.access import GUARDED, Item, OnWait, Write
from ddbcfg_client.dynamodb.revision.content import Content, Entry, digest_of, total_of
from ddbcfg_client.dynamodb.revision.history import entries_of
from ddbcfg_client.dynamodb.revision.item import Revision, item_of, parse_revision
from ddbcfg_client.dynamodb.revision.place import (
    REVISION_OPTION,
    Place,
    change_option,
    part_option,
)
from ddbcfg_client.dynamodb.revision.record import Plan, parse_record
from ddbcfg_client.dynamodb.revision.table_access import TableAccess
from ddbcfg_client.dynamodb.revision.writing import write_of
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import TransactionRefused
from ddbcfg_client.format.values import pack_option

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy


def packed(option: str, **keys: Any) -> bytes:
    """An option of texts and numbers, packed."""
    return pack_option(option, {key: _attribute(value) for key, value in keys.items()})


def noise(seed: int, size: int) -> bytes:
    """Bytes that no compression makes fewer."""
    return random.Random(seed).randbytes(size)


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, bytes):
        return {"B": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


class TimedAccess(TableAccess):
    """An access whose waits end at once; ``waited`` has them, and its clock counts them."""

    def __init__(self, table: Table, store: str = "prod") -> None:
        super().__init__(table, store, sleep=self._pass)
        self.waited: list[float] = []

    def _pass(self, seconds: float) -> None:
        self.waited.append(seconds)

    def monotonic(self) -> float:
        return 1000.0 + sum(self.waited)


class MemoryAccess:
    """A table that is a dict, for more options than an emulator is fast enough for."""

    region = "here"
    on_wait: OnWait | None = None

    def __init__(self) -> None:
        self.place = Place("config", "prod")
        self.content: dict[str, bytes] = {}
        self.home: dict[str, Item] = {}
        self.waited: list[float] = []
        self.sizes: list[int] = []
        self._tokens = count()

    def begin(self, content: Mapping[str, bytes]) -> None:
        """Have these options, and a revision that says so."""
        self.content = dict(content)
        digest = digest_of(total_of(content))
        revision = Revision("e", 1, digest, len(content), base=1)
        self.home[REVISION_OPTION] = item_of(self.place, revision)

    def revision(self, *, consistent: bool) -> Item | None:
        return self.home.get(REVISION_OPTION)

    def options(self, *, consistent: bool) -> Content:
        return dict(self.content)

    def changes(self, first: int, last: int) -> Sequence[Item]:
        keys = (change_option(rev) for rev in range(first, last + 1))
        return [self.home[key] for key in keys if key in self.home]

    def change(self, rev: int) -> Item | None:
        return self.home.get(change_option(rev))

    def parts(self, plan: Plan) -> Sequence[Item]:
        keys = (part_option(plan.token, number) for number in range(plan.count))
        return [self.home[key] for key in keys if key in self.home]

    def changes_below(self, rev: int, most: int) -> Sequence[Item]:
        keys = sorted(key for key in self.home if key.startswith("change/"))
        below = [key for key in keys if key < change_option(rev)]
        return [self.home[key] for key in below[::-1][:most]]

    def part_options(self) -> Sequence[str]:
        return [key for key in self.home if key.startswith("part/")]

    def together(self, options: Sequence[str]) -> tuple[Item | None, Content]:
        found = {name: self.content[name] for name in options if name in self.content}
        return self.revision(consistent=True), found

    def commit(self, writes: Sequence[Write], token: str) -> None:
        self.sizes.append(len(writes))
        for write in writes:
            if write.guarded:
                found = self.home.get(write.option) or {}
                seen = write.seen or {}
                if any(found.get(name) != seen.get(name) for name in GUARDED):
                    reasons = ("ConditionalCheckFailed",)
                    raise TransactionRefused("config", "Transact", "Cancelled", "", reasons)
        for write in writes:
            into: dict[str, Any] = self.home if write.home else self.content
            if write.item is None:
                into.pop(write.option, None)
            elif write.home:
                into[write.option] = write.item
            else:
                keys = dict(write.item)
                del keys["_store"], keys["_option"]
                into[write.option] = pack_option(write.option, keys)

    def put_part(self, item: Item) -> None:
        self.home[item["_option"]["S"]] = item

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)

    def monotonic(self) -> float:
        return sum(self.waited)

    def now(self) -> float:
        return 1_800_000_000.0

    def jitter(self, most: float) -> float:
        return 0.0

    def token(self) -> str:
        return f"token {next(self._tokens)}"


class RevisedStore:
    """A store with revisions, made at once: enabling one takes a minute of beats."""

    def __init__(self, client: DynamoDBClient, name: str, store: str = "prod") -> None:
        self.client = client
        self.place = Place(name, store)
        self.table = Table(client, name)

    def access(self) -> TimedAccess:
        return TimedAccess(self.table, self.place.store)

    def begin(self, content: Mapping[str, bytes] | None = None, **fields: Any) -> Revision:
        """Write options behind all backs, and a revision item that says so."""
        access = self.access()
        content = dict(content or {})
        for name, keys in content.items():
            item = write_of(access, name, keys).item
            assert item is not None
            self.client.put_item(TableName=self.place.table, Item=dict(item))
        revision = Revision(
            epoch=str(uuid4()),
            rev=1,
            digest=digest_of(total_of(content)),
            count=len(content),
            base=1,
        )
        self.put_revision(item_of(self.place, revision) | fields)
        return revision

    def put_revision(self, item: Mapping[str, Any]) -> None:
        """Write the revision item whatever it was."""
        self.client.put_item(TableName=self.place.table, Item=dict(item))

    def revision(self) -> Revision:
        """What the revision item says."""
        item = self.access().revision(consistent=True)
        assert item is not None
        return parse_revision(self.place, item)

    def content(self) -> Content:
        """What the store is."""
        return self.access().options(consistent=True)

    def proves(self) -> bool:
        """Whether the revision's digest is the content's."""
        return self.revision().digest == digest_of(total_of(self.content()))

    def entries(self, rev: int) -> list[Entry]:
        """What is on record of a revision, in order of the names."""
        access = self.access()
        item = access.change(rev)
        assert item is not None
        return sorted(entries_of(access, parse_record(self.place, item)))


class Killed(BaseException):
    """The writer's process has died."""


class DyingAccess(TimedAccess):
    """An access whose process dies at its call number ``last``: before it, or before its response.

    ``calls`` has the names of the calls so far.
    """

    def __init__(self, table: Table, store: str, last: int, *, served: bool) -> None:
        super().__init__(table, store)
        self.calls: list[str] = []
        self._last = last
        self._served = served
        for name in ("revision", "options", "changes", "change", "parts", "together", "commit",
                     "put_part", "changes_below"):  # fmt: skip
            setattr(self, name, self._dying(name, getattr(self, name)))

    def _dying(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any, **keywords: Any) -> Any:
            self.calls.append(name)
            dies = len(self.calls) == self._last
            if dies and not self._served:
                raise Killed
            found = call(*arguments, **keywords)
            if dies:
                raise Killed
            return found

        return dying


@pytest.fixture
def revised(proxy: FaultProxy, table_name: str, quick_client: DynamoDBClient) -> RevisedStore:
    """A store behind a proxy that can fail; it has no revision item yet."""
    ensure_table(Table(quick_client, table_name))
    proxy.reset()
    return RevisedStore(quick_client, table_name)


@pytest.fixture(scope="module")
def quick_client(moto_url: str, _emulators: dict[str, Any]) -> Iterator[DynamoDBClient]:
    """A client of the proxy that gives up after one attempt, and soon."""
    from botocore.config import Config

    from ddbcfg_client.dynamodb.client import boto3_module
    from support.fault_proxy import FaultProxy

    if moto_url not in _emulators:
        _emulators[moto_url] = _emulators["stack"].enter_context(FaultProxy(moto_url))
    retries: Any = {"mode": "standard", "total_max_attempts": 1}
    made = boto3_module().client(
        "dynamodb",
        endpoint_url=_emulators[moto_url].url,
        config=Config(read_timeout=2.0, retries=retries),
    )
    yield made
    made.close()
