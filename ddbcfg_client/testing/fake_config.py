"""A Config for the tests of programs that use ddbcfg: no daemon, no shared memory.

>>> from ddbcfg_client.testing import FakeConfig
>>> config = FakeConfig({"db": {"host": "localhost", "port": 5432}})
>>> config.get("db")
{'host': 'localhost', 'port': Decimal('5432')}
>>> config.set("db", {"host": "replica"})  # a new generation, as after a poll
>>> config.db
{'host': 'replica'}

Values come out as DynamoDB would give them (numbers are Decimal) and read-only, so a test meets
what production does.
"""

from __future__ import annotations

import time
from hashlib import sha256

from ddbcfg_client.config import Config
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import ConfigError, OptionNotFound
from ddbcfg_client.format import LAYOUT_VERSION, NEVER
from ddbcfg_client.format.changes import ChangeLog
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.values import pack_option, unpack_option
from ddbcfg_client.readonly import ReadOnlyDict
from ddbcfg_client.shm.status import Status
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any


class FakeSnapshot(Snapshot):
    """A snapshot of options that are given, not published."""

    __slots__ = ("_generation", "_packed", "_read_at")

    def __init__(self, store: str, generation: int, packed: Mapping[str, bytes]) -> None:
        self.store = store
        self.decoded = {name: unpack_option(packed[name]) for name in sorted(packed)}
        self._generation = generation
        self._packed = packed
        self._read_at = time.time()

    generation = property(lambda self: self._generation)
    read_at = property(lambda self: self._read_at)
    read_boottime = property(lambda self: NEVER)
    size = property(lambda self: sum(map(len, self._packed.values())))
    source = property(lambda self: "local")
    revision = property(lambda self: None)

    @property
    def digest(self) -> str:
        """A hash of the content; not the one that a daemon would publish."""
        return sha256(repr(sorted(self._packed.items())).encode()).hexdigest()

    def __getitem__(self, option: str) -> ReadOnlyDict:
        try:
            return self.decoded[option]
        except (KeyError, TypeError):
            raise OptionNotFound(option, self.store) from None

    def __contains__(self, option: object) -> bool:
        return option in self.decoded

    def __len__(self) -> int:
        return len(self.decoded)

    def __iter__(self) -> Iterator[str]:
        return iter(self.decoded)

    def everything(self) -> ReadOnlyDict:
        """Every option, in order of their names."""
        return ReadOnlyDict(self.decoded)

    def changes(self) -> ChangeLog:
        """Return a log that knows of no change."""
        return ChangeLog(self._generation)

    def packed(self) -> dict[str, bytes]:
        """Return every option, name to packed keys; there is nothing to check."""
        return dict(self._packed)


class FakeConfig(Config):
    """A Config over options that a test sets.

    ``age`` (seconds) and ``failure`` (an error that every read raises, or None) can be set too.
    """

    __slots__ = ("_age", "_fake", "_packed", "failure")

    def __init__(
        self,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        table: str = "config",
        store: str = "test",
        max_age: float | None = None,
    ) -> None:
        super().__init__(Names(table, store), Trust(), max_age)
        self._age: float | None = 0.0
        self.failure: ConfigError | None = None
        self._packed = {name: _packed(name, keys) for name, keys in (options or {}).items()}
        self._fake = FakeSnapshot(store, 1, self._packed)

    def set(self, option: str, keys: Mapping[str, Any]) -> None:
        """Give *option* these keys and no others; raises ValueRefused for what DynamoDB refuses."""
        self._publish({**self._packed, option: _packed(option, keys)})

    def delete(self, option: str) -> None:
        """Take *option* away; raises OptionNotFound."""
        if option not in self._packed:
            raise OptionNotFound(option, self.store)
        self._publish({name: raw for name, raw in self._packed.items() if name != option})

    # A copy of the snapshot would be a plain dict, so a copy of the Config makes one of its own.

    def __getstate__(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        attributes, slots = super().__getstate__()
        return attributes, slots | {"_fake": self._fake.generation}

    def __setstate__(self, state: tuple[dict[str, Any] | None, dict[str, Any]]) -> None:
        attributes, slots = state
        if attributes:
            vars(self).update(attributes)
        for name, value in slots.items():
            setattr(self, name, value)
        self._fake = FakeSnapshot(self.store, slots["_fake"], self._packed)

    def _publish(self, packed: dict[str, bytes]) -> None:
        # As the daemon does it: no new generation when nothing changed, and then the same objects.
        if packed != self._packed:
            before, self._packed = self._fake, packed
            self._fake = FakeSnapshot(self.store, before.generation + 1, packed)
            for name, value in before.decoded.items():
                if self._fake.decoded.get(name) == value:
                    self._fake.decoded[name] = value

    @property
    def age(self) -> float | None:
        """What the test says it is."""
        return self._age

    @age.setter
    def age(self, seconds: float | None) -> None:
        self._age = seconds

    def _served_age(self) -> float | None:
        return self._age

    def _current(self) -> FakeSnapshot:
        if self.failure is not None:
            raise self.failure
        return self._fake

    def reload(self, timeout: float = 5.0, *, accept: bool = False) -> None:
        """Nothing to do: what was set is there."""

    def status(self) -> Status:
        """A status as a daemon that fares well would have it."""
        return Status(
            namespace=self.namespace,
            store=self.store,
            page=self._names.page,
            layout_version=LAYOUT_VERSION,
            generation=self._fake.generation,
            published=self._fake.generation,
            digest=self._fake.digest,
            options=len(self._fake),
            bytes=self._fake.size,
            read_at=self._fake.read_at,
            polled_at=None if self._age is None else time.time() - self._age,
            age=self._age,
            interval=60.0,
            source="local",
            polls=self._fake.generation,
            failures=0,
            skipped=0,
            error=None,
            held=None,
            held_since=None,
            copy_error=None,
            held_bytes=0,
            revision=0,
            epoch="",
            daemon="running",
            daemon_pid=None,
            replaced=False,
            reader="fake",
            reader_error=None,
        )


def _packed(option: str, keys: Mapping[str, Any]) -> bytes:
    return pack_option(option, attributes_of(option, keys))
