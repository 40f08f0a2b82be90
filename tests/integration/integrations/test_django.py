"""``settings`` for Django: options, Django's own settings, and what tests override."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ddbcfg_client.errors import SnapshotTooStale, SnapshotUnavailable
from ddbcfg_client.testing import FakeConfig
from support.libraries import needs

needs("django")

from django.core.exceptions import ImproperlyConfigured  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.template import Context, Engine  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.urls import path  # noqa: E402

from ddbcfg_client.integrations.django import get_config, settings  # noqa: E402
from support import django_project  # noqa: E402


@pytest.fixture
def config() -> Iterator[FakeConfig]:
    django_project.set_up()
    config = FakeConfig({"db": {"host": "a"}, "debug": {"on": True}, "MiXed": {"n": 1}})
    with override_settings(DDBCFG=config):
        yield config


def test_a_setting_is_the_current_option_of_its_name_in_lower_case(config: FakeConfig) -> None:
    assert settings.DB == {"host": "a"}
    assert settings.DB is settings.db is config["db"]
    config.set("db", {"host": "b"})
    assert settings.DB == {"host": "b"}


def test_an_option_of_exactly_this_name_comes_first(config: FakeConfig) -> None:
    assert settings.MiXed == {"n": 1}
    config.set("DB", {"host": "upper"})
    assert settings.DB == {"host": "upper"}
    assert settings.db == {"host": "a"}


def test_djangos_settings_are_what_options_do_not_have(config: FakeConfig) -> None:
    assert settings.POOL == {"size": 1}
    config.delete("db")
    assert settings.DB == {"host": "settings.py"}


def test_what_django_itself_reads_never_comes_from_options(config: FakeConfig) -> None:
    config.set("secret_key", {"key": "an option"})
    assert settings.DEBUG is False
    assert settings.SECRET_KEY == "django's"
    assert settings.DDBCFG is config


def test_what_nobody_has_is_an_attribute_error(config: FakeConfig) -> None:
    with pytest.raises(AttributeError, match="no option 'nope' in store 'test', and no setting"):
        _ = settings.NOPE
    assert not hasattr(settings, "_private")
    assert getattr(settings, "NOPE", 5) == 5


def test_override_settings_overrides_options(config: FakeConfig) -> None:
    with override_settings(DB={"host": "test"}):
        assert settings.DB == settings.db == {"host": "test"}
        with override_settings(DB={"host": "inner"}, OTHER=1):
            assert settings.DB == {"host": "inner"}
        assert settings.DB == {"host": "test"}
        with override_settings(POOL={"size": 2}):
            assert settings.DB == {"host": "test"}
    assert settings.DB == {"host": "a"}


def test_a_setting_that_a_test_deletes_is_gone(config: FakeConfig) -> None:
    from django.conf import settings as django_settings

    with override_settings():
        del django_settings.DB
        assert not hasattr(settings, "DB")
    assert settings.DB == {"host": "a"}


def test_the_whole_store_can_be_overridden(config: FakeConfig) -> None:
    with override_settings(DDBCFG=FakeConfig({"db": {"host": "other"}})):
        assert settings.DB == {"host": "other"}
    assert settings.DB == {"host": "a"}


def test_it_connects_with_the_arguments_in_the_setting_when_it_is_first_read(
    monkeypatch: pytest.MonkeyPatch, config: FakeConfig
) -> None:
    from ddbcfg_client.integrations import django as integration

    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(integration, "connect", lambda **given: calls.append(given) or config)
    with override_settings(DDBCFG={"table": "config", "store": "prod", "max_age": 900}):
        assert settings.DEBUG is False
        assert calls == []
        assert settings.DB is settings.DB
        assert get_config() is config
        assert calls == [{"table": "config", "store": "prod", "max_age": 900}]
    with override_settings(DDBCFG=None):
        assert settings.DB == {"host": "a"}
        assert calls[1:] == [{}]


def test_a_store_that_is_not_published_is_no_missing_setting(config: FakeConfig) -> None:
    with (
        override_settings(DDBCFG={"table": "no-such-table", "store": "nope"}),
        pytest.raises(SnapshotUnavailable, match="no-such-table"),
    ):
        _ = settings.POOL
    config.failure = SnapshotTooStale("test", 9.0, 5.0)
    with pytest.raises(SnapshotTooStale):
        _ = settings.DB


def test_another_kind_of_setting_is_refused(config: FakeConfig) -> None:
    with (
        override_settings(DDBCFG="config/prod"),
        pytest.raises(ImproperlyConfigured, match="DDBCFG must be"),
    ):
        _ = settings.DB


def test_it_cannot_be_written(config: FakeConfig) -> None:
    with pytest.raises(AttributeError, match="override_settings"):
        settings.DB = {}  # type: ignore[misc]
    assert settings.DB == {"host": "a"}


def test_views_and_templates_read_it(config: FakeConfig) -> None:
    def view(request: HttpRequest) -> Any:
        return JsonResponse({"host": settings.DB["host"], "thread": threading.get_ident()})

    urls = SimpleNamespace(urlpatterns=[path("db", view)])
    sys.modules["documented_urls"] = urls  # type: ignore[assignment]
    try:
        with override_settings(ROOT_URLCONF="documented_urls", ALLOWED_HOSTS=["*"]):
            client = Client()
            assert client.get("/db").json()["host"] == "a"
            config.set("db", {"host": "b"})
            assert client.get("/db").json()["host"] == "b"
    finally:
        del sys.modules["documented_urls"]
    template = Engine().from_string("{{ settings.DB.host }}")
    assert template.render(Context({"settings": settings})) == "b"
