"""``config.get(option, as_=...)``: each library's types, and errors without values (G9)."""

from __future__ import annotations

import dataclasses
import enum
import pickle
import traceback
from decimal import Decimal
from typing import Annotated, Any, Literal

import attrs
import msgspec
import pydantic
import pytest
import typing_extensions

from ddbcfg_client.errors import ConfigError, OptionInvalid
from ddbcfg_client.objects import converters
from ddbcfg_client.testing import FakeConfig

SECRET = "hunter2"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass(frozen=True)
class Replica:
    host: str
    port: int


@dataclasses.dataclass(frozen=True)
class Plain:
    host: str
    port: int
    ratio: float
    exact: Decimal
    tags: set[str]
    level: Level
    raw: bytes
    replicas: list[Replica]
    limits: dict[str, int]
    name: str | None = None


class Typed(typing_extensions.TypedDict):
    host: str
    port: int
    ratio: float
    exact: Decimal
    tags: set[str]
    level: Level
    raw: bytes
    replicas: list[Replica]
    limits: dict[str, int]


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)
    host: str
    port: int
    ratio: float
    exact: Decimal
    tags: set[str]
    level: Level
    raw: bytes
    replicas: list[Replica]
    limits: dict[str, int]


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    port: int
    ratio: float
    tags: set[str]
    hosts: list[str]


class Struct(msgspec.Struct, frozen=True):
    host: str
    port: int
    ratio: float
    exact: Decimal
    tags: set[str]
    level: Level
    raw: bytes
    replicas: list[Replica]
    limits: dict[str, int]


@attrs.frozen
class Attrs:
    host: str
    port: int
    ratio: float
    exact: Decimal
    tags: set[str]
    level: Level
    raw: bytes
    replicas: list[Replica]
    limits: dict[str, int]


EXACT = Decimal("0.12345678901234567890123456789012345678")
DB: dict[str, Any] = {
    "host": "db",
    "port": 5432,
    "ratio": Decimal("0.25"),
    "exact": EXACT,
    "tags": {"a", "b"},
    "level": 2,
    "raw": b"\xff",
    "replicas": [{"host": "r", "port": 1}],
    "limits": {"a": 5},
}

BY_LIBRARY: dict[str, Any] = {
    "dataclass by pydantic": (Plain, "pydantic"),
    "dataclass by msgspec": (Plain, "msgspec"),
    "dataclass by cattrs": (Plain, "cattrs"),
    "TypedDict by pydantic": (Typed, "pydantic"),
    "TypedDict by msgspec": (Typed, "msgspec"),
    "TypedDict by cattrs": (Typed, "cattrs"),
    "pydantic": (Model, "pydantic"),
    "msgspec": (Struct, "msgspec"),
    "attrs": (Attrs, "cattrs"),
}


@pytest.fixture(params=BY_LIBRARY)
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A type, while only the library that is to convert it counts as installed."""
    target, library = BY_LIBRARY[request.param]
    monkeypatch.setattr(converters, "_known", {})
    monkeypatch.setattr(converters, "find_spec", lambda name: name == library or None)
    return target


def member(made: Any, name: str) -> Any:
    return made[name] if isinstance(made, dict) else getattr(made, name)


@pytest.mark.parametrize("numbers", ["decimal", "native"])
def test_every_field_has_its_type(target: Any, numbers: Any) -> None:
    made = FakeConfig({"db": DB}, numbers=numbers).get("db", as_=target)
    assert [type(member(made, name)) for name in ("host", "port", "ratio", "raw", "tags")] == [
        str, int, float, bytes, set,
    ]  # fmt: skip
    for name, value in DB.items():
        if name == "replicas":
            assert member(made, name) == [Replica("r", 1)]
        elif name != "exact":
            assert member(made, name) == value
    exact = member(made, "exact")
    assert float(exact) == float(EXACT)
    if numbers == "decimal":
        assert exact == EXACT
    assert type(member(made, "limits")["a"]) is int


@pytest.mark.parametrize(
    ("change", "path", "found"),
    [
        ({"port": SECRET}, "db.port", "str"),
        ({"port": Decimal("2.5")}, "db.port", "Decimal|float"),
        ({"host": 5}, "db.host", "Decimal|int"),
        ({"host": None}, "db.host", "None"),
        ({"replicas": [{"host": "r", "port": 1}, {"host": "r", "port": SECRET}]},
         "db.replicas[1].port", "str"),
        ({"replicas": [{"host": SECRET}]}, "db.replicas[0].port", "nothing"),
        ({"replicas": SECRET}, "db.replicas", "str"),
        ({"replicas": [SECRET]}, "db.replicas[0]", "str"),
        ({"limits": {"a": SECRET}}, "db.limits(.a)?", "str|dict"),
        ({"level": 77}, "db.level", "Decimal|int"),
    ],
)  # fmt: skip
def test_a_misfit_names_path_and_types_and_never_the_value(
    target: Any, change: dict[str, Any], path: str, found: str
) -> None:
    import re

    config = FakeConfig({"db": DB | change})
    for _ in range(2):
        with pytest.raises(OptionInvalid) as caught:
            config.get("db", as_=target)
        error = caught.value
        assert (error.store, error.option) == ("test", "db")
        assert error.target == target.__name__
        assert re.fullmatch(path.replace("[", r"\[").replace("]", r"\]"), error.path), error.path
        assert re.fullmatch(found, error.found), error.found
        assert error.__context__ is None
        assert error.__cause__ is None
        said = "".join(traceback.format_exception(error)) + repr(error.args)
        assert SECRET not in said
        assert "77" not in str(error)
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("numbers", ["decimal", "native"])
def test_a_strict_model_takes_what_the_store_can_hold(numbers: Any) -> None:
    option = {"port": 1, "ratio": Decimal("0.5"), "tags": {"a"}, "hosts": ["h"]}
    config = FakeConfig({"db": option, "bad": option | {"port": "1"}}, numbers=numbers)
    assert config.get("db", as_=Strict).model_dump() == option
    with pytest.raises(OptionInvalid, match=r"bad\.port: expected int, found str"):
        config.get("bad", as_=Strict)


def test_a_missing_key_is_named(target: Any) -> None:
    with pytest.raises(OptionInvalid) as caught:
        FakeConfig({"db": {k: v for k, v in DB.items() if k != "port"}}).get("db", as_=target)
    assert (caught.value.path, caught.value.found) == ("db.port", "nothing")


class Validated(pydantic.BaseModel):
    host: str
    kind: Literal["a", "b"] = "a"
    port: Annotated[int, pydantic.Field(gt=10)] = 11

    @pydantic.field_validator("host")
    @classmethod
    def _check(cls, host: str) -> str:
        if host == "key":
            raise KeyError(host)
        if host != "db":
            raise ValueError(f"{host} is wrong")
        return host


class Tagged(pydantic.RootModel[Any]):
    root: Annotated[pydantic.BaseModel | Validated, pydantic.Field(union_mode="left_to_right")]


class Checked(msgspec.Struct, forbid_unknown_fields=True):
    host: str
    kind: Literal["a", "b"] = "a"
    port: Annotated[int, msgspec.Meta(gt=10)] = 11

    def __post_init__(self) -> None:
        if self.host != "db":
            raise ValueError(f"Expected `db`, got `{self.host}`")


@attrs.frozen
class Refusing:
    host: str = attrs.field()
    kind: Literal["a", "b"] = "a"

    @host.validator
    def _check(self, attribute: Any, value: str) -> None:
        if value != "db":
            raise ValueError(value)


def own(option: dict[str, Any]) -> str:
    if option["host"] != "db":
        try:
            raise ValueError(option["host"])
        except ValueError as error:
            raise RuntimeError(option["host"]) from error
    return str(option["host"])


@pytest.mark.parametrize("target", [Validated, Checked, Refusing, own])
@pytest.mark.parametrize(
    "option", [{"host": SECRET}, {"host": "key"}, {"host": "db", "kind": SECRET}]
)
def test_a_text_of_the_programs_own_checks_is_not_shown(target: Any, option: Any) -> None:
    config = FakeConfig({"db": option})
    if target is own and option["host"] == "db":
        assert config.get("db", as_=own) == "db"
        return
    with pytest.raises(OptionInvalid) as caught:
        config.get("db", as_=target)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert "key" not in caught.value.expected
    assert caught.value.path.startswith("db")


@pytest.mark.parametrize("target", [Validated, Checked])
def test_a_limit_of_the_type_is_shown(target: Any) -> None:
    with pytest.raises(OptionInvalid, match="db.port: expected .*> 10|int >= 11") as caught:
        FakeConfig({"db": {"host": "db", "port": 5}}).get("db", as_=target)
    assert caught.value.path == "db.port"


@pytest.mark.parametrize("target", [Replica, Attrs, dict[str, int]])
def test_without_a_library_the_error_names_the_extra(
    target: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converters, "_known", {})
    monkeypatch.setattr(converters, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'ddbcfg\[typed\]'") as caught:
        FakeConfig({"db": {}}).get("db", as_=target)
    assert isinstance(caught.value, ImportError)


def test_hints_are_types_too() -> None:
    config = FakeConfig({"limits": {"a": 1}})
    limits = config.get("limits", as_=dict[str, int])
    assert limits == {"a": 1}
    assert type(limits["a"]) is int
