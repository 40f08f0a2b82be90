"""Options as settings of Django, current in every process.

>>> from ddbcfg_client.integrations.django import settings  # instead of django.conf
>>> settings.DB["host"]  # the key "host" of the option "db"
'db-cluster.com'
>>> settings.DEBUG  # Django's own, as always
False

The setting ``DDBCFG`` of Django says which store this is.  ``override_settings`` works for options
too.  See docs/integrations.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import UserSettingsHolder, global_settings
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from ddbcfg_client.config import Config
from ddbcfg_client.connecting import connect

if TYPE_CHECKING:
    from typing import Any

__all__ = ["DdbcfgSettings", "get_config", "settings"]

_OWN = "DDBCFG"


class DdbcfgSettings:
    """Reads settings from what a test overrides, then from options, then from Django's settings.

    The setting ``DB`` is the option ``db``, or an option ``DB`` if there is one.  Settings that
    Django itself has, such as ``DEBUG``, are never read from options: Django reads its own.
    """

    __slots__ = ("_connected",)

    def __init__(self) -> None:
        self._connected: tuple[object, Config] | None = None

    def __getattr__(self, name: str) -> Any:
        # Python and its tools look up many names that begin with "_": never an option.
        if name.startswith("_"):
            raise AttributeError(name)
        setting = name.upper()
        if setting == _OWN or hasattr(global_settings, setting) or _is_overridden(setting):
            return getattr(django_settings, setting)
        config = self._config()
        for option in (name, name.lower()):
            found = config.get(option, None)
            if found is not None:
                return found
        try:
            return getattr(django_settings, setting)
        except AttributeError:
            raise AttributeError(
                f"there is no option {name.lower()!r} in store {config.store!r}, "
                f"and no setting {setting}"
            ) from None

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.__slots__:
            raise AttributeError(
                f"{name} cannot be set: change the option in its table, or use override_settings"
            )
        super().__setattr__(name, value)

    def _config(self) -> Config:
        """Return the Config; connect when it is first needed, because many commands need none."""
        configured = getattr(django_settings, _OWN, None)
        if isinstance(configured, Config):
            return configured
        connected = self._connected
        if connected is not None and connected[0] is configured:
            return connected[1]
        if configured is not None and not isinstance(configured, dict):
            raise ImproperlyConfigured(
                f"{_OWN} must be a Config, or a dict with the arguments of connect()"
            )
        config = connect(**(configured or {}))
        self._connected = configured, config
        return config


def _is_overridden(setting: str) -> bool:
    """Return whether ``override_settings`` sets or deletes this setting now."""
    holder = django_settings._wrapped
    while isinstance(holder, UserSettingsHolder):
        below = holder.default_settings
        if below is global_settings:
            return False  # settings.configure() makes the same kind of object
        if setting in holder.__dict__ or setting in holder._deleted:
            return True
        holder = below
    return False


#: The settings object of this process.
settings = DdbcfgSettings()


def get_config() -> Config:
    """Return the Config that ``settings`` reads, for what attributes cannot do.

    Raises:
        ImproperlyConfigured: If the setting ``DDBCFG`` is neither a dict nor a Config.
        ConfigError: What ``connect`` raises.
    """
    return settings._config()
