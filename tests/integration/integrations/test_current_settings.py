"""``current(Settings)``: one settings object for each version of its options (G3)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from ddbcfg_client.errors import ArgumentsRefused, SettingsInvalid, SnapshotTooStale
from ddbcfg_client.testing import FakeConfig
from support.libraries import needs

needs("pydantic_settings")

from pydantic import AliasPath, BaseModel, Field, field_validator, model_validator  # noqa: E402
from pydantic_settings import BaseSettings  # noqa: E402

from ddbcfg_client.integrations import pydantic_settings as integration  # noqa: E402
from ddbcfg_client.integrations.pydantic_settings import (  # noqa: E402
    DdbcfgSettingsSource,
    current,
)


class Database(BaseModel):
    host: str
    port: int = 5432

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if host.startswith("http"):
            raise ValueError(f"{host} is a URL")
        return host


@pytest.fixture
def config() -> FakeConfig:
    return FakeConfig({"db": {"host": "a"}, "app": {"debug": True}, "other": {"n": 0}})


@pytest.fixture
def settings(config: FakeConfig) -> Iterator[type[Any]]:
    class Settings(BaseSettings):
        db: Database
        cache: dict[str, int] = {}
        debug: bool = Field(False, validation_alias=AliasPath("app", "debug"))

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, *_: Any, **__: Any) -> Any:
            return (DdbcfgSettingsSource(settings_cls, config),)

    yield Settings
    integration._handles.clear()


def test_it_is_the_same_object_until_an_option_of_a_field_changes(
    config: FakeConfig, settings: type[Any]
) -> None:
    first = current(settings)
    assert (first.db.host, first.debug) == ("a", True)
    config.set("other", {"n": 1})
    assert current(settings) is first
    config.set("db", {"host": "b"})
    second = current(settings)
    assert second is not first
    assert second.db.host == "b"
    assert current(settings) is second


def test_an_option_that_comes_or_goes_is_a_change(config: FakeConfig, settings: type[Any]) -> None:
    assert current(settings).cache == {}
    config.set("cache", {"size": 5})
    assert current(settings).cache == {"size": 5}
    config.delete("app")
    assert current(settings).debug is False


def test_invalid_options_keep_the_last_valid_object_and_are_reported(
    config: FakeConfig, settings: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ddbcfg")
    first = current(settings)
    config.set("db", {"host": "a", "port": "s3cret"})
    for _ in range(3):
        assert current(settings) is first
    (warning,) = caplog.messages
    assert "current(" in warning
    assert "db.port must be int, and is str" in warning
    (kept,) = config.status().kept_objects
    assert "db.port" in kept
    assert "s3cret" not in warning + kept
    config.set("db", {"host": "b"})
    assert current(settings).db.host == "b"
    assert config.status().kept_objects == []


def test_without_a_valid_object_it_raises_an_error_without_values(
    config: FakeConfig, settings: type[Any]
) -> None:
    config.set("db", {"host": "http://s3cret", "port": "s3cret"})
    for _ in range(2):
        with pytest.raises(SettingsInvalid) as caught:
            current(settings)
        assert caught.value.problems == [
            ("db.host", "must be a value that its validator accepts, and is str"),
            ("db.port", "must be int, and is str"),
        ]
        assert "s3cret" not in str(caught.value)
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None
    config.delete("db")
    with pytest.raises(SettingsInvalid, match="db must be a value, and is nothing;"):
        current(settings)
    config.set("db", {"host": "a"})
    assert current(settings).db.host == "a"


def test_what_a_read_raises_is_raised(config: FakeConfig, settings: type[Any]) -> None:
    current(settings)
    config.failure = SnapshotTooStale("test", 9.0, 5.0)
    with pytest.raises(SnapshotTooStale):
        current(settings)


def test_what_else_a_validator_raises_is_raised_until_it_does_not(config: FakeConfig) -> None:
    table: dict[str, int] = {}

    class Settings(BaseSettings):
        db: dict[str, Any]

        @field_validator("db")
        @classmethod
        def _is_known(cls, db: dict[str, Any]) -> dict[str, Any]:
            return {**db, "number": table[db["host"]]}

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, *_: Any, **__: Any) -> Any:
            return (DdbcfgSettingsSource(settings_cls, config),)

    for _ in range(2):
        with pytest.raises(KeyError, match="'a'"):
            current(Settings)
    table["a"] = table["b"] = 1
    config.set("db", {"host": "b"})
    assert current(Settings).db == {"host": "b", "number": 1}


def test_all_sources_of_an_object_read_one_generation(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        db: Database
        n: int

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, *_: Any, **__: Any) -> Any:
            first = DdbcfgSettingsSource(settings_cls, config)
            config.set("other", {"n": config["other"]["n"] + 1})  # a change between the two
            return first, DdbcfgSettingsSource(settings_cls, config, option="other")

    assert current(Settings).n == 1  # the trial has published 1; the object is from before 2
    assert current(Settings).n == 2


def test_a_class_without_a_source_is_refused() -> None:
    class Settings(BaseSettings):
        debug: bool = False

    with pytest.raises(ArgumentsRefused, match="Settings has 0"):
        current(Settings)


def test_a_class_with_two_configs_is_refused(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        debug: bool = False

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, *_: Any, **__: Any) -> Any:
            return tuple(DdbcfgSettingsSource(settings_cls, c) for c in (config, FakeConfig({})))

    with pytest.raises(ArgumentsRefused, match="Settings has 2"):
        current(Settings)


def test_an_option_that_is_read_only_at_times_counts_from_then_on(config: FakeConfig) -> None:
    class Extra(BaseSettings):
        other: dict[str, int]

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, *_: Any, **__: Any) -> Any:
            return (DdbcfgSettingsSource(settings_cls, config),)

    class Settings(Extra):
        other: dict[str, int] = Field({}, validation_alias="nothing")
        app: dict[str, bool]

        @model_validator(mode="after")
        def _with_extra(self) -> Settings:
            if not self.app["debug"]:
                self.other = Extra().other  # type: ignore[call-arg]
            return self

    try:
        assert current(Settings).other == {}
        config.set("app", {"debug": False})
        first = current(Settings)
        assert first.other == {"n": 0}
        assert current(Settings) is first
        config.set("other", {"n": 1})
        assert current(Settings).other == {"n": 1}
        config.delete("other")  # invalid: the last valid object is kept
        assert current(Settings).other == {"n": 1}
        config.set("other", {"n": 2})
        assert current(Settings).other == {"n": 2}
    finally:
        integration._handles.clear()


def test_a_validator_may_edit_what_it_gets(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        db: dict[str, Any]

        @field_validator("db", mode="before")
        @classmethod
        def _named(cls, value: Any) -> Any:
            value["name"] = value.pop("host")
            return value

        @classmethod
        def settings_customise_sources(cls, settings_cls: Any, *_: Any, **__: Any) -> Any:
            return (DdbcfgSettingsSource(settings_cls, config),)

    try:
        assert Settings().db == current(Settings).db == {"name": "a"}  # type: ignore[call-arg]
        assert config["db"] == {"host": "a"}
    finally:
        integration._handles.clear()
