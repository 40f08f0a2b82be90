"""A Config for the tests of programs that use ddbcfg: no daemon, no shared memory.

>>> from ddbcfg_client.testing import FakeConfig
>>> config = FakeConfig({"db": {"host": "localhost", "port": 5432}})
>>> config.get("db")
{'host': 'localhost', 'port': Decimal('5432')}
>>> config.set("db", {"host": "replica"})  # a new generation, as after a poll
>>> config.db
{'host': 'replica'}
>>> FakeConfig(layers=[{"db": {"port": 1}}, {"db": {"host": "all"}}], merge="keys").db
{'host': 'all', 'port': Decimal('1')}

Options are packed into the bytes that a daemon would publish, and read from them as in production.
So values are read-only and have the types that DynamoDB returns: numbers are Decimal, or int and
float with ``numbers="native"``.
"""

from __future__ import annotations

import time
from dataclasses import replace

from ddbcfg_client.attachment import Attachment
from ddbcfg_client.config import Config
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import ConfigError, OptionNotFound
from ddbcfg_client.format import NEVER
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.in_memory.generation import Generation
from ddbcfg_client.in_memory.objects import MemoryPage
from ddbcfg_client.shm.status import Status, status_of
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.waking.bell import Bell
from ddbcfg_client.waking.waiter import Waiter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    from ddbcfg_client.attachment import Position
    from ddbcfg_client.snapshot import Snapshot

_INTERVAL = 60 * 10**9  # the daemon's default, in nanoseconds


class FakeConfig(Config):
    """A Config over options that a test sets.

    Tests can also set ``age`` (in seconds) and ``failure`` (an error that every read raises).
    ``set`` and ``delete`` wake the threads and tasks that wait for a change.
    """

    __slots__ = ("_age", "_bell", "_fake", "_generation", "_read", "failure")

    def __init__(
        self,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        table: str = "config",
        store: str = "test",
        max_age: float | None = None,
        numbers: Literal["decimal", "native"] = "decimal",
        defaults: Mapping[str, Mapping[str, Any]] | None = None,
        layers: Sequence[Mapping[str, Mapping[str, Any]]] | None = None,
        merge: Literal["options", "keys"] = "options",
    ) -> None:
        """Have ``options``, or what ``layers`` make, merged as the daemon does it."""
        if options is not None and layers is not None:
            raise TypeError("FakeConfig takes options or layers, not both")
        super().__init__(Names(table, store), Trust(), max_age, numbers, defaults)
        self._age: float | None = 0.0
        self.failure: ConfigError | None = None
        first = _packed_store(options or {}) if layers is None else merged_layers(layers, merge)
        self._generation = Generation.first(first)
        self._fake = self._snapshot()
        self._read = self._fake.generation, self._fake.digest, None
        self._bell = Bell()

    def set(self, option: str, keys: Mapping[str, Any]) -> None:
        """Set the whole option; raise ValueRefused if DynamoDB would refuse it."""
        self._publish({**self._generation.options(), option: _packed(option, keys)})

    def set_layers(
        self,
        layers: Sequence[Mapping[str, Mapping[str, Any]]],
        *,
        merge: Literal["options", "keys"] = "options",
    ) -> None:
        """Replace all options by what ``layers`` make, of which the first one wins.

        The mark REMOVED stands for a key or an option that a layer removes.  Raise ValueRefused if
        DynamoDB would refuse an option of a layer.
        """
        self._publish(merged_layers(layers, merge))

    def delete(self, option: str) -> None:
        """Remove ``option``; raise OptionNotFound."""
        options = self._generation.options()
        if option not in options:
            raise OptionNotFound(option, self.store)
        del options[option]
        self._publish(options)

    def _publish(self, options: Mapping[str, bytes]) -> None:
        generation = self._generation.then(options)
        if generation is not self._generation:
            self._generation = generation
            self._fake = self._snapshot()
            self._bell.ring()

    def _waiter(self) -> Waiter:
        return Waiter(self, self._bell)

    def _position(self) -> Position:
        return self._read

    def _snapshot(self) -> Snapshot:
        return self._generation.snapshot(self._names, self._memo, "local")

    # A copied snapshot would be a plain dict, so a copy of the Config builds its own.

    def __getstate__(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        attributes, slots = super().__getstate__()
        del slots["_fake"]
        return attributes, slots

    def __setstate__(self, state: tuple[dict[str, Any] | None, dict[str, Any]]) -> None:
        attributes, slots = state
        if attributes:
            vars(self).update(attributes)
        for name, value in slots.items():
            setattr(self, name, value)
        self._fake = self._snapshot()

    @property
    def age(self) -> float | None:
        """The age that the test set."""
        return self._age

    @age.setter
    def age(self, seconds: float | None) -> None:
        self._age = seconds

    def _attached(self) -> Attachment:
        if self.failure is not None:
            raise self.failure
        attached = _Attached(self._fake, self._age)
        self._read = attached.served.generation, attached.served.digest, None
        return attached

    def reload(self, timeout: float = 5.0, *, accept: bool = False, full: bool = False) -> None:
        """Do nothing: options are current as soon as they are set."""

    def status(self) -> Status:
        """Return the status that a healthy daemon would show."""
        generation = self._fake.generation
        polled = NEVER if self._age is None else time.time_ns() - round(self._age * 1e9)
        said = PageStatus(interval=_INTERVAL, source="local", polls=generation, success_unix=polled)
        page = MemoryPage(self._names, generation, said)
        status = status_of(page, self._fake, self._age, None)
        status = replace(status, daemon="running", daemon_pid=None, reader="fake")
        return status if self._troubled is None else self._troubled.added_to(status)


class _Attached(Attachment):
    """The attachment of a FakeConfig: the snapshot's age is the one that the test set."""

    __slots__ = ("_age",)

    def __init__(self, snapshot: Snapshot, age: float | None) -> None:
        super().__init__(snapshot=snapshot)
        self._age = age

    def age(self) -> float | None:
        return self._age


def _packed(option: str, keys: Mapping[str, Any]) -> bytes:
    return pack_option(option, attributes_of(option, keys))


def _packed_store(options: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    return {name: _packed(name, keys) for name, keys in options.items()}


def merged_layers(
    layers: Sequence[Mapping[str, Mapping[str, Any]]], merge: str
) -> dict[str, bytes]:
    """Return the packed options that ``layers`` make; raise ValueRefused."""
    from ddbcfg_client.format.layering import MERGES, Layering

    if merge not in MERGES:
        raise ValueError(f"merge is {merge!r}, but must be options or keys")
    return Layering.of([_packed_store(layer) for layer in layers], merge).options
