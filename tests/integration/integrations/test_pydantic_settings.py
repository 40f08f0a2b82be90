"""``DdbcfgSettingsSource``: which option fills which field of a settings class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ddbcfg_client.errors import SnapshotTooStale
from ddbcfg_client.testing import FakeConfig
from support.libraries import needs

needs("pydantic_settings")

from pydantic import AliasChoices, AliasPath, BaseModel, Field, ValidationError  # noqa: E402
from pydantic_settings import BaseSettings, SettingsConfigDict  # noqa: E402

from ddbcfg_client.integrations.pydantic_settings import DdbcfgSettingsSource  # noqa: E402


class Database(BaseModel):
    host: str
    port: int = 5432
    tags: set[str] = set()


def sourced(config: FakeConfig, **keywords: Any) -> Callable[..., Any]:
    """Return a ``settings_customise_sources`` with the environment first, and then options."""

    def sources(cls: Any, settings_cls: Any, init_settings: Any, **others: Any) -> Any:
        source = DdbcfgSettingsSource(settings_cls, config, **keywords)
        return init_settings, others["env_settings"], source

    return classmethod(sources)  # type: ignore[return-value]


@pytest.fixture
def config() -> FakeConfig:
    return FakeConfig(
        {
            "db": {"host": "a", "port": 27017, "tags": {"x", "y"}},
            "app": {"debug": True, "limits": {"requests": 5}, "workers": 4},
            "other": {"anything": 1},
        }
    )


def test_a_field_is_filled_from_the_option_of_its_name(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        db: Database
        cache: dict[str, int] = {"size": 1}
        settings_customise_sources = sourced(config)

    settings = Settings()
    assert settings.db == Database(host="a", port=27017, tags={"x", "y"})
    assert type(settings.db.port) is int
    assert settings.cache == {"size": 1}  # no such option: the default stays


def test_an_alias_path_leads_to_a_key_of_an_option(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        debug: bool = Field(validation_alias=AliasPath("app", "debug"))
        requests: int = Field(validation_alias=AliasPath("app", "limits", "requests"))
        workers: int = Field(validation_alias=AliasChoices("WORKERS", AliasPath("app", "workers")))
        settings_customise_sources = sourced(config)

    settings = Settings()
    assert (settings.debug, settings.requests, settings.workers) == (True, 5, 4)


def test_fields_are_keys_of_the_one_option_that_is_named(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        debug: bool
        workers: int
        timeout: float = 2.5
        settings_customise_sources = sourced(config, option="app")

    assert Settings().model_dump() == {"debug": True, "workers": 4, "timeout": 2.5}


def test_the_named_option_can_be_absent(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        timeout: float = 2.5
        settings_customise_sources = sourced(config, option="nope")

    assert Settings().timeout == 2.5


def test_a_prefix_goes_before_names_of_fields_and_not_before_aliases() -> None:
    config = FakeConfig({"billing.db": {"host": "b"}, "shared-db": {"host": "a"}})

    class Settings(BaseSettings):
        db: Database
        shared: Database = Field(alias="shared-db")
        settings_customise_sources = sourced(config, prefix="billing.")

    settings = Settings()
    assert (settings.db.host, settings.shared.host) == ("b", "a")


def test_a_field_with_an_alias_goes_by_its_name_if_the_class_says_so(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        model_config = SettingsConfigDict(validate_by_name=True)
        db: Database = Field(alias="database")
        settings_customise_sources = sourced(config)

    assert Settings().db.host == "a"
    config.set("database", {"host": "b"})
    assert Settings().db.host == "b"  # the alias wins


def test_the_environment_wins_key_by_key_if_it_comes_first(
    config: FakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Settings(BaseSettings):
        model_config = SettingsConfigDict(env_nested_delimiter="__")
        db: Database
        settings_customise_sources = sourced(config)

    monkeypatch.setenv("DB__HOST", "from-env")
    settings = Settings()
    assert (settings.db.host, settings.db.port) == ("from-env", 27017)
    assert config["db"]["host"] == "a"


def test_strict_fields_take_native_numbers() -> None:
    config = FakeConfig({"db": {"host": "a", "port": 1}}, numbers="native")

    class Settings(BaseSettings):
        model_config = SettingsConfigDict(strict=True)
        db: dict[str, str | int]
        settings_customise_sources = sourced(config)

    assert Settings().db == {"host": "a", "port": 1}


def test_options_are_read_anew_for_each_object(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        db: Database
        settings_customise_sources = sourced(config)

    assert Settings().db.host == "a"
    config.set("db", {"host": "b"})
    assert Settings().db.host == "b"


def test_what_is_missing_is_pydantics_error(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        nope: Database
        settings_customise_sources = sourced(config)

    with pytest.raises(ValidationError, match=r"nope\n  Field required"):
        Settings()


def test_an_error_of_a_read_is_raised(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        db: Database
        settings_customise_sources = sourced(config)

    config.failure = SnapshotTooStale("test", 9.0, 5.0)
    with pytest.raises(SnapshotTooStale):
        Settings()


def test_the_repr_of_a_source_shows_no_value(config: FakeConfig) -> None:
    class Settings(BaseSettings):
        db: Database

    source = DdbcfgSettingsSource(Settings, config, prefix="")
    assert "27017" not in repr(source)
    assert "config/test" in repr(source)
