"""What type checkers make of objects that are made from options; ``make types`` reads it.

Each ``type: ignore`` is a test, too: that line has to be an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

import attrs
import msgspec
import pydantic

import ddbcfg_client
from ddbcfg_client import Bound, Config, OptionInvalid
from ddbcfg_client.readonly import ReadOnlyDict
from ddbcfg_client.testing import FakeConfig


@dataclass(frozen=True)
class Database:
    host: str
    port: int


class Mapping(TypedDict):
    host: str


class Model(pydantic.BaseModel):
    host: str


class Struct(msgspec.Struct):
    host: str


@attrs.frozen
class Attrs:
    host: str


class Pool:
    def __init__(self, host: str) -> None:
        self.host = host

    def close(self) -> None: ...


def url_of(option: ReadOnlyDict) -> str:
    return str(option["url"])


def connecting() -> None:
    assert_type(ddbcfg_client.connect(numbers="native", defaults={"db": {"port": 1}}), Config)
    ddbcfg_client.connect(numbers="float")  # type: ignore[arg-type]
    assert_type(FakeConfig(numbers="native", defaults={}), FakeConfig)


def converting(config: Config) -> None:
    assert_type(config.get("db", as_=Database), Database)
    assert_type(config.get("db", as_=Database, keep_valid=True), Database)
    assert_type(config.get("db", None, as_=Database), Database | None)
    assert_type(config.get("db", default=5, as_=Database), Database | int)
    assert_type(config.get("db", as_=Mapping), Mapping)
    assert_type(config.get("db", as_=Model), Model)
    assert_type(config.get("db", as_=Struct), Struct)
    assert_type(config.get("db", as_=Attrs), Attrs)
    assert_type(config.get("db", as_=url_of), str)
    assert_type(config.get("db", as_=dict[str, int]), dict[str, int])
    assert_type(config.get("db"), ReadOnlyDict)
    config.get("db", as_=5)  # type: ignore[call-overload]
    config.get("db", as_=Database, keys=["host"])  # type: ignore[call-overload]
    config.get(as_=Database)  # type: ignore[call-overload]


def make(option: ReadOnlyDict) -> Pool:
    return Pool(option["host"])


def make_from(database: Database) -> Pool:
    return Pool(database.host)


def make_of_two(db: ReadOnlyDict, cache: ReadOnlyDict) -> Pool:
    return Pool(db["host"] + cache["host"])


def binding(config: Config) -> None:
    pool = config.bind("db", make)
    assert_type(pool, Bound[Pool])
    assert_type(pool(), Pool)
    assert_type(pool.close(), None)
    assert_type(config.bind("db", make, dispose=Pool.close)(), Pool)
    assert_type(config.bind("db", make_from, Pool.close, as_=Database)(), Pool)
    assert_type(config.bind(["db", "cache"], make_of_two, keep_valid=True)(), Pool)
    assert_type(config.bind(["db"], make_from, as_=[Database])(), Pool)
    assert_type(config.bind("db", lambda option: Pool(option["host"]))(), Pool)
    with config.bind("db", make) as handle:
        assert_type(handle(), Pool)
    config.bind("db", make, url_of)  # type: ignore[misc]
    config.bind("db", make_from, as_=Model)  # type: ignore[misc]
    config.bind("db")  # type: ignore[call-overload]


def catching(error: OptionInvalid) -> None:
    assert_type((error.store, error.option, error.path), tuple[str, str, str])
    shown: list[Any] = [error.expected, error.found, error.target]
    del shown
