"""The sources of several stores: which share a connection, and when none can be read."""

from __future__ import annotations

import logging

import pytest

from ddbcfg_client.errors import TableError
from ddbcfg_daemon.settings.values import DaemonSettings, StoreSettings
from ddbcfg_daemon.sources.dynamodb import DynamoDBSource, DynamoDBSources
from ddbcfg_daemon.sources.opening import open_sources

A = StoreSettings(table="t", store="a", region="eu-west-1")
B = StoreSettings(table="t", store="b", region="eu-west-1", interval=5.0)
BAD = StoreSettings(table="t", store="c", region="eu-west-1", endpoint_url="nonsense")


def sources(*stores: StoreSettings) -> DynamoDBSources:
    made = open_sources(DaemonSettings(stores=stores))
    assert isinstance(made, DynamoDBSources)
    assert made.stores == stores
    return made


def test_stores_of_one_table_share_a_connection() -> None:
    opened = sources(A, B)
    made = [opened.source(store) for store in (A, B)]
    assert all(isinstance(source, DynamoDBSource) for source in made)
    first, second = (vars(source)["_tables"] for source in made)
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
    first, second = (vars(opened.source(store))["_tables"] for store in (A, elsewhere))
    assert first is not second


def test_a_setting_that_rules_out_one_store_is_logged_and_leaves_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        assert sources(A, BAD).fault() is None
        assert "nonsense" in caplog.text
        assert sources(A, B).fault() is None
        assert isinstance(sources(BAD).fault(), TableError)
