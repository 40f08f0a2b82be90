"""What a changed file of settings means for a daemon that runs.

Everything that can be wrong is found before anything is changed: settings that cannot be used leave
the daemon as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.errors import ConfigError
from ddbcfg_daemon.errors import SettingRefused, SettingsFileRefused
from ddbcfg_daemon.exits import reason_of
from ddbcfg_daemon.outputs.base import Output
from ddbcfg_daemon.outputs.log_writer import choose_log
from ddbcfg_daemon.outputs.opening import open_outputs
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.service import Change
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.store_values import StoreSettings
from ddbcfg_daemon.sources.base import Sources

log = logging.getLogger("ddbcfg.daemon")

#: Makes a store, ready to be served, from its settings and the schemas of all stores.
Make = Callable[[StoreSettings, Mapping[str, Schema]], ServedStore]


def schemas_of(settings: DaemonSettings) -> dict[str, Schema]:
    """Return the compiled schemas, by the names of their files; raise SchemaError or OSError."""
    schemas: dict[str, Schema] = {}
    stores = (*settings.stores, settings.each_store)
    layers = (part for store in stores if store.layers for part in store.parts)
    for store in (*stores, *layers):
        if store.schema and store.schema not in schemas:
            try:
                schemas[store.schema] = Schema(store.schema)
            except (ConfigError, OSError) as error:
                raise with_line(error, store, "schema") from error
    return schemas


def with_line(error: ConfigError | OSError, store: StoreSettings, name: str) -> Exception:
    """Return ``error`` with the line of the file that has the setting, if it is from a file."""
    path, _, line = store.origins.get(name, "").rpartition(":")
    if not line.isdigit() or not path:
        return error
    reason = error.reason if isinstance(error, SettingRefused) else reason_of(error)
    return SettingsFileRefused(path, int(line), f"{name}: {reason}")


class Rereading:
    """Compares the settings with those that are in use, and makes what is new.

    ``reread`` returns the settings as they are now, or raises SettingRefused.
    """

    def __init__(
        self,
        settings: DaemonSettings,
        reread: Callable[[], DaemonSettings],
        sources: Sources,
        outputs: Sequence[Output],
    ) -> None:
        self._settings = settings
        self._reread = reread
        self._sources = sources
        self._outputs = outputs
        self._make: Make | None = None
        self._served: Mapping[StoreSettings, ServedStore] = {}
        self._schemas: Mapping[str, Schema] = {}

    def begin(
        self, make: Make, served: Mapping[StoreSettings, ServedStore], schemas: Mapping[str, Schema]
    ) -> None:
        """Take the stores that are served at first."""
        self._make, self._served, self._schemas = make, served, schemas

    def change(self) -> Change | None:
        """Return what to change; None if nothing changed.

        Raise ConfigError or OSError if the settings cannot be used.
        """
        # The file of an embedded DynamoDB is loaded once, so its stores stay.
        if self._make is None or self._settings.local is not None:
            return None
        settings = self._reread()
        schemas = schemas_of(settings)
        served = {
            store: self._unchanged(store, schemas) or self._make(store, schemas)
            for store in settings.stores
        }
        outputs = open_outputs(settings, self._outputs)
        # From here on, nothing fails.
        before = list(self._served.values())
        coming = [store for store in served.values() if store not in before]
        leaving = [store for store in before if store not in served.values()]
        log_as, before_as = ((its.log_level, its.log_format) for its in (settings, self._settings))
        unchanged = not (coming or leaving) and outputs == self._outputs
        if unchanged and log_as == before_as:
            return None
        choose_log(*log_as)
        self._sources.keep(settings.stores)
        self._settings, self._served, self._schemas = settings, served, schemas
        self._outputs = outputs
        log.info(
            "settings changed: %s",
            _summary(coming, leaving),
            extra={"event": "settings_changed"},
        )
        return Change(list(served.values()), coming, leaving, outputs)

    def _unchanged(self, store: StoreSettings, schemas: Mapping[str, Schema]) -> ServedStore | None:
        served = self._served.get(store)
        if served is not None:
            for name in {part.schema for part in (store, *store.parts) if part.schema}:
                if self._schemas[name].options != schemas[name].options:
                    return None
        return served


def _summary(coming: Sequence[ServedStore], leaving: Sequence[ServedStore]) -> str:
    new, old = ({store.label for store in stores} for stores in (coming, leaving))
    parts = {"added": new - old, "changed": new & old, "removed": old - new}
    texts = [f"{what} {', '.join(sorted(labels))}" for what, labels in parts.items() if labels]
    return "; ".join(texts) or "no store is affected"
