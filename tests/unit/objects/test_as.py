"""``config.get(option, as_=...)``: one object a version, errors without values (G9)."""

from __future__ import annotations

import dataclasses
import enum
import logging
import pickle
import threading
import traceback
from decimal import Decimal
from typing import Annotated, Any, Literal

import attrs
import msgspec
import pydantic
import pytest
import typing_extensions

from ddbcfg_client.errors import ArgumentsRefused, ConfigError, OptionInvalid, OptionNotFound
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


def test_the_object_stays_until_that_option_changes() -> None:
    config = FakeConfig({"db": {"host": "r", "port": 1}, "other": {}})
    made = config.get("db", as_=Replica)
    assert config.get("db", as_=Replica) is made
    config.set("other", {"n": 1})
    assert config.get("db", as_=Replica) is made
    config.set("db", {"host": "r", "port": 2})
    assert config.get("db", as_=Replica) == Replica("r", 2)
    assert config.get("db")["port"] == 2


def test_any_callable_gets_the_option_once_for_each_version() -> None:
    config = FakeConfig({"db": {"n": 1}})
    seen: list[Any] = []

    def make(option: Any) -> list[Any]:
        seen.append(option)
        return []

    made = config.get("db", as_=make)
    assert config.get("db", as_=make) is made
    assert seen == [config["db"]]
    assert seen[0] is config["db"]

    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, option: Any) -> list[Any]:
            return [option]

    unhashable = Unhashable()
    assert config.get("db", as_=unhashable) is config.get("db", as_=unhashable)
    for _ in range(1000):
        config.get("db", as_=lambda option: option)
    assert len(config.snapshot().version("db").made or ()) <= 64


def test_threads_get_one_object() -> None:
    config = FakeConfig({"db": {"n": 1}})
    barrier = threading.Barrier(8)
    found: list[Any] = []

    def make(option: Any) -> object:
        barrier.wait(10)  # all of them convert at once
        return object()

    threads = [
        threading.Thread(target=lambda: found.append(config.get("db", as_=make))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_default_is_returned_as_it_is_and_for_absent_options_only() -> None:
    config = FakeConfig({"db": {"host": 5}}, defaults={"spare": {"host": "s", "port": 2}})
    default = object()
    assert config.get("nope", default, as_=Replica) is default
    assert config.get("nope", default=None, as_=Replica) is None
    with pytest.raises(OptionNotFound):
        config.get("nope", as_=Replica)
    with pytest.raises(OptionInvalid):
        config.get("db", None, as_=Replica)
    spare = config.get("spare", as_=Replica)
    assert spare == Replica("s", 2)
    assert config.get("spare", as_=Replica) is spare


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [((), {}), ((None,), {}), (("db",), {"keys": ["host"]}), (("db", None, ["host"]), {})],
)
def test_it_goes_with_one_whole_option(arguments: Any, keywords: Any) -> None:
    with pytest.raises(TypeError, match="as_"):
        FakeConfig({"db": {}}).get(*arguments, as_=Replica, **keywords)


@pytest.mark.parametrize("target", [5, "Replica", [], Decimal(5)])
def test_what_is_no_type_is_a_type_error(target: Any) -> None:
    with pytest.raises(ArgumentsRefused) as caught:
        FakeConfig({"db": {}}).get("db", as_=target)
    assert isinstance(caught.value, TypeError)


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


# --- keep_valid ----------------------------------------------------------------------------------


def test_keep_valid_keeps_the_last_valid_object_and_reports_it_once_a_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ddbcfg")
    config = FakeConfig({"db": {"host": "a", "port": 1}})
    first = config.get("db", as_=Replica, keep_valid=True)
    assert config.status().kept_objects == []
    config.set("db", {"host": "b", "port": SECRET})
    for _ in range(3):
        assert config.get("db", as_=Replica, keep_valid=True) is first
    with pytest.raises(OptionInvalid):
        config.get("db", as_=Replica)
    (kept,) = config.status().kept_objects
    assert "db.port: expected int, found str" in kept
    config.delete("db")
    assert config.get("db", as_=Replica, keep_valid=True) is first
    config.set("db", {"host": "c", "port": 2})
    assert config.get("db", as_=Replica, keep_valid=True) == Replica("c", 2)
    assert config.status().kept_objects == []
    assert len(caplog.messages) == 3
    assert SECRET not in caplog.text


def test_keep_valid_without_a_valid_object_raises() -> None:
    config = FakeConfig({"db": {}})
    with pytest.raises(OptionInvalid):
        config.get("db", as_=Replica, keep_valid=True)
    with pytest.raises(OptionNotFound):
        config.get("nope", as_=Replica, keep_valid=True)


# --- with bind -----------------------------------------------------------------------------------


def test_bind_passes_converted_options(caplog: pytest.LogCaptureFixture) -> None:
    config = FakeConfig({"db": {"host": "a", "port": 1}, "limits": {"x": 1}})
    both = config.bind(["db", "limits"], lambda *given: given, as_=[Replica, dict[str, int]])
    one = config.bind("db", lambda replica: [replica], as_=Replica, keep_valid=True)
    assert both() == (Replica("a", 1), {"x": 1})
    assert both()[0] is one()[0] is config.get("db", as_=Replica)
    first = one()
    config.set("db", {"host": SECRET, "port": SECRET})
    assert one() is first
    assert "db.port: expected int, found str" in config.status().kept_objects[0]
    assert SECRET not in caplog.text
    with pytest.raises(OptionInvalid):
        both()


@pytest.mark.parametrize("as_", [Replica, [Replica], [Replica] * 3])
def test_bind_of_several_options_wants_as_many_types(as_: Any) -> None:
    with pytest.raises(ArgumentsRefused, match="as many types"):
        FakeConfig().bind(["db", "limits"], print, as_=as_)
