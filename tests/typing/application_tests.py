"""What a type checker makes of tests that use the fixtures; nothing runs it."""

from __future__ import annotations

from typing import Literal, assert_type

from ddbcfg_client import Config
from ddbcfg_client.readonly import ReadOnlyDict
from ddbcfg_client.testing import FakeConfig, Override, RunningDaemon


def setting(ddbcfg: FakeConfig) -> None:
    ddbcfg.set("db", {"host": "h", "port": 1})
    assert_type(ddbcfg["db"], ReadOnlyDict)
    ddbcfg.set("db")  # type: ignore[call-arg]


def overriding(ddbcfg_override: Override) -> None:
    with ddbcfg_override({"external-port": {"n": 1}}, db={"host": "h"}, gone=None) as config:
        assert_type(config, FakeConfig)
    ddbcfg_override(db={"host": "h"})
    ddbcfg_override(db=5)  # type: ignore[arg-type]


def running(ddbcfg_daemon: RunningDaemon, numbers: Literal["decimal", "native"]) -> None:
    ddbcfg_daemon.set("db", {"host": "h"})
    ddbcfg_daemon.delete("db")
    assert_type(ddbcfg_daemon.connect(max_age=60, numbers=numbers), Config)
    assert_type(ddbcfg_daemon.environ, dict[str, str])
    names = [ddbcfg_daemon.table, ddbcfg_daemon.store, ddbcfg_daemon.namespace]
    assert_type([*names, ddbcfg_daemon.endpoint], list[str])
