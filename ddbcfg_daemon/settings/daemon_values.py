"""The table of settings, second part: those of the daemon, with all stores.

A new setting needs a field here, and the code that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ddbcfg_daemon.settings import kinds
from ddbcfg_daemon.settings.http_address import HttpAddress
from ddbcfg_daemon.settings.row import rows_of, setting
from ddbcfg_daemon.settings.store_values import PLACE, STORE_ROWS, StoreSettings

_HOST = "the daemon itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """The settings of the daemon, and the stores to publish.

    ``each_store`` has the settings for a store that the settings do not name.
    """

    stores: tuple[StoreSettings, ...] = ()
    each_store: StoreSettings = field(default_factory=StoreSettings)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    config: Path | None = setting(
        _HOST,
        kinds.path,
        "read settings and stores from this TOML file",
        more="docs/settings.md describes it. An empty flag stands for no file.",
        metavar="FILE",
        default_is="ddbcfg.toml in the unit's configuration directory or in /etc/ddbcfg, if it "
        "exists; none with --local",
        not_in_file=True,
    )
    local: str | None = setting(
        _HOST,
        kinds.text,
        "serve this JSON file from an embedded DynamoDB",
        more="For development: docs/local.md. Without --store, the file's first store is "
        "published. Needs the extra ddbcfg[local].",
        metavar="FILE",
        by_hand=True,
    )
    once: bool = setting(
        _HOST,
        kinds.switch,
        "poll once, publish, and exit",
        more="Exits with 0 if all stores were published. A store without options is a failure, "
        "unless --allow-empty is set.",
        default="no",
        switch=True,
        by_hand=True,
    )
    check: bool = setting(
        _HOST,
        kinds.switch,
        "validate the settings, print them, read each store once, and exit",
        more="Publishes nothing and does not disturb a running daemon. Exits with 0 if all stores "
        "could be read, have options and fit their schemas.",
        default="no",
        switch=True,
        by_hand=True,
    )
    metrics_file: Path | None = setting(
        _HOST,
        kinds.path,
        "write Prometheus metrics to this file",
        more=f"For node_exporter's textfile collector. {PLACE}",
        metavar="FILE",
    )
    http: HttpAddress | None = setting(
        _HOST,
        kinds.http_address,
        "serve a status page, metrics and health checks over HTTP at this address",
        more="For example 127.0.0.1:9112, [::1]:9112 or unix:/run/ddbcfg/http.sock: docs/page.md.",
        metavar="ADDRESS",
    )
    http_public: bool = setting(
        _HOST,
        kinds.switch,
        "let --http listen on an address that other hosts can reach",
        more="The page shows the names of stores and options, never values. There is no password "
        "and no encryption.",
        default="no",
        switch=True,
    )
    hostname: str | None = setting(
        _HOST,
        kinds.name,
        "the value of {hostname} in the names of layers",
        metavar="NAME",
        default_is="the host's name",
    )
    instance_id: str | None = setting(
        _HOST,
        kinds.name,
        "the value of {instance_id} in the names of layers",
        metavar="ID",
    )
    layer_variables: tuple[str, ...] = setting(
        _HOST,
        kinds.names,
        "environment variables that the names of layers may have, separated by commas",
        metavar="NAMES",
        listed=True,
        unset=(),
    )
    log_level: str = setting(
        _HOST,
        kinds.log_level,
        "the lowest level to log: debug, info, warning or error",
        metavar="LEVEL",
        default="info",
    )
    log_format: str = setting(
        _HOST,
        kinds.log_format,
        "the format of log lines: text, or json for one object a line",
        metavar="FORMAT",
        default="text",
    )

    def store(self, name: str) -> StoreSettings:
        """Return the settings for the store ``name``."""
        return replace(self.each_store, store=name)


DAEMON_ROWS = tuple(rows_of(DaemonSettings))
ROWS = STORE_ROWS + DAEMON_ROWS
