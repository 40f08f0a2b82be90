"""What a type checker makes of the integrations; ``make types`` reads it, nothing runs it."""

from __future__ import annotations

from typing import Any, assert_type

from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagResolutionDetails
from openfeature.provider import FeatureProvider
from pydantic_settings import BaseSettings

from ddbcfg_client import Config
from ddbcfg_client.integrations import django
from ddbcfg_client.integrations.openfeature import DdbcfgProvider
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


def choose(targeting: Any, context: EvaluationContext) -> str | None:
    return None


def flags(config: Config) -> None:
    provider: FeatureProvider = DdbcfgProvider(config, prefix="", stale_after=60, events=False)
    assert_type(provider.resolve_boolean_details("f", False), FlagResolutionDetails[bool])
    DdbcfgProvider(config, targeting=choose)
    DdbcfgProvider(config, targeting=len)  # type: ignore[arg-type]
    DdbcfgProvider(config, "prefix")  # type: ignore[call-arg]
