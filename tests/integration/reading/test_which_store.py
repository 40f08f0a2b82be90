"""Which store a config reads when none is named."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import ddbcfg_client
from ddbcfg_client import connecting as connection
from ddbcfg_client.errors import (
    SnapshotUnavailable,
    StoreNotNamed,
    UntrustedSegment,
)
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.host import published_stores
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.publisher import Publisher
from support.reading import OPTIONS, published
from support.shm import reading


@pytest.fixture
def alone(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host on which only this test publishes."""

    def mine(trust: Trust) -> tuple[list[Names], list[UntrustedSegment]]:
        stores, refused = published_stores(trust)
        return [names for names in stores if names.namespace == namespace], [
            error for error in refused if f".{namespace}." in error.name
        ]

    monkeypatch.setattr(connection, "published_stores", mine)


@pytest.mark.usefixtures("alone")
def test_the_one_store_of_a_host_need_not_be_named(namespace: str) -> None:
    with published(namespace, "prod.eu 1"):
        config = ddbcfg_client.connect()
        assert (config.namespace, config.store) == (namespace, "prod.eu 1")
        assert config["name"] == {"is": "prod.eu 1"}


@pytest.mark.usefixtures("alone")
def test_of_several_stores_one_has_to_be_named(namespace: str) -> None:
    with published(namespace, "prod", "test"):
        with pytest.raises(StoreNotNamed) as caught:
            ddbcfg_client.connect()
        assert sorted(caught.value.published) == [(namespace, "prod"), (namespace, "test")]
        assert f"this host has {namespace}/prod, {namespace}/test" in str(caught.value)
        assert ddbcfg_client.connect(store="test")["name"] == {"is": "test"}
        with pytest.raises(StoreNotNamed):
            ddbcfg_client.connect(namespace)


@pytest.mark.usefixtures("alone")
def test_on_a_host_without_stores_the_error_says_what_to_start(namespace: str) -> None:
    for arguments in ((), (namespace,), (None, "prod")):
        with pytest.raises(StoreNotNamed, match="systemctl start ddbcfg-daemon") as caught:
            ddbcfg_client.connect(*arguments)
        assert caught.value.published == []


@pytest.mark.usefixtures("alone")
def test_wait_waits_for_a_store_to_appear(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publishers: list[Publisher] = []

    def sleep(_: float) -> None:
        publishers.append(Publisher(Names(namespace, "prod")))
        publishers[0].publish(reading(OPTIONS))

    monkeypatch.setattr(connection, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=sleep))
    assert ddbcfg_client.connect(wait=5)["db"] == OPTIONS["db"]
    publishers[0].close()


def test_variables_name_the_store(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with published(namespace, "prod", "test"):
        monkeypatch.setenv("DDBCFG_TABLE", namespace)
        monkeypatch.setenv("DDBCFG_STORE", "test")
        assert ddbcfg_client.connect()["name"] == {"is": "test"}
        assert ddbcfg_client.connect(store="prod")["name"] == {"is": "prod"}
        # A namespace that is not the table's name.
        monkeypatch.setenv("DDBCFG_NAMESPACE", namespace)
        monkeypatch.setenv("DDBCFG_TABLE", "some-table")
        assert ddbcfg_client.connect()["name"] == {"is": "test"}
        assert ddbcfg_client.connect("table")["name"] == {"is": "test"}
        monkeypatch.delenv("DDBCFG_NAMESPACE")
        assert ddbcfg_client.connect(namespace=namespace)["name"] == {"is": "test"}
        with pytest.raises(SnapshotUnavailable, match=r"/ddbcfg\.some-table\.test"):
            ddbcfg_client.connect()
        monkeypatch.setenv("DDBCFG_TABLE", "")  # an empty variable is none
        monkeypatch.setenv("DDBCFG_NAMESPACE", namespace)
        monkeypatch.setenv("DDBCFG_OWNER", "")
        assert ddbcfg_client.connect()["name"] == {"is": "test"}


def test_a_table_with_a_long_name_is_found_by_it(namespace: str) -> None:
    table = f"{namespace}.{'long-' * 40}"
    names = Names(table, "prod")
    publisher = Publisher(names)
    publisher.publish(reading(OPTIONS))
    try:
        assert ddbcfg_client.connect(table)["db"] == OPTIONS["db"]
    finally:
        publisher.remove()
