"""What a type checker makes of the integrations; ``make types`` reads it, nothing runs it."""

from __future__ import annotations

from typing import Any, assert_type

from pydantic_settings import BaseSettings

from ddbcfg_client import Config
from ddbcfg_client.integrations import django
from ddbcfg_client.integrations.pydantic_settings import DdbcfgSettingsSource, current


class Settings(BaseSettings):
    debug: bool = False


def settings(config: Config) -> None:
    assert_type(current(Settings), Settings)
    DdbcfgSettingsSource(Settings, config, option="app", prefix="")
    current(Settings())  # type: ignore[arg-type]
    current(dict)  # type: ignore[type-var]
    DdbcfgSettingsSource(Settings)  # type: ignore[call-arg]


def django_settings() -> None:
    assert_type(django.settings.DB, Any)
    assert_type(django.get_config(), Config)
