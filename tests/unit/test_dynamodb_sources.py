"""The sources of several stores: which share a connection, and when none can be read."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from ddbcfg_client.errors import TableError
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.store_values import StoreSettings
from ddbcfg_daemon.sources.base import Source
from ddbcfg_daemon.sources.dynamodb import DynamoDBSources
from ddbcfg_daemon.sources.opening import open_sources
from ddbcfg_daemon.sources.revision import RevisionSource
from ddbcfg_daemon.sources.store import StoreSource

A = StoreSettings(table="t", store="a", region="eu-west-1")
B = StoreSettings(table="t", store="b", region="eu-west-1", interval=5.0)
BAD = StoreSettings(table="t", store="c", region="eu-west-1", endpoint_url="nonsense")


def sources(*stores: StoreSettings) -> DynamoDBSources:
    made = open_sources(DaemonSettings(stores=stores))
    assert isinstance(made, DynamoDBSources)
    assert made.stores == stores
    return made


def tables_of(source: Source) -> object:
    return vars(vars(source)["_plain"])["_tables"]


def test_a_store_whose_revision_is_not_to_be_used_is_read_plainly() -> None:
    source = sources(A).source(replace(A, use_revision="off"))
    assert isinstance(source, StoreSource)


def test_stores_of_one_table_share_a_connection() -> None:
    opened = sources(A, B)
    made = [opened.source(store) for store in (A, B)]
    assert all(isinstance(source, RevisionSource) for source in made)
    first, second = map(tables_of, made)
    assert first is second


@pytest.mark.parametrize(
    "other",
    [
        {"table": "u"},
        {"region": "eu-north-1"},
        {"endpoint_url": "http://h:1"},
        {"store_key": "app"},
        {"option_key": "name"},
    ],
)
def test_stores_of_different_tables_do_not(other: dict[str, str]) -> None:
    elsewhere = StoreSettings(**({"table": "t", "store": "b", "region": "eu-west-1"} | other))
    opened = sources(A, elsewhere)
    first, second = (tables_of(opened.source(store)) for store in (A, elsewhere))
    assert first is not second


def test_a_setting_that_rules_out_one_store_is_logged_and_leaves_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        assert sources(A, BAD).fault() is None
        assert "nonsense" in caplog.text
        assert sources(A, B).fault() is None
        assert isinstance(sources(BAD).fault(), TableError)
