"""Credentials that come late, fail or are rotated: they are got without a restart (G4)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.credentials import SSOProvider
from botocore.utils import ContainerMetadataFetcher

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb import table_connection
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.dynamodb.table_connection import TableConnection
from ddbcfg_client.errors import CredentialsRefused
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.store import StoreSource
from support.credentials import (
    SOURCES,
    CredentialSource,
    Instance,
    Process,
    Profile,
    SharedFile,
)
from support.daemon import RECORD, SECRET
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable

CASES = [(kind, fault) for kind in SOURCES for fault in kind.faults]


@pytest.fixture
def make_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[type[CredentialSource]], CredentialSource]]:
    """Makes a source of credentials which is the only one that this process knows."""
    made: list[CredentialSource] = []

    def make(kind: type[CredentialSource]) -> CredentialSource:
        source = kind(tmp_path)
        made.append(source)
        # What botocore took from the environment when it was imported.
        monkeypatch.setattr(SSOProvider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path / ".aws/sso/cache"))
        monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)  # between its retries
        for name, value in source.environment.items():
            if value:
                monkeypatch.setenv(name, value)
            else:
                monkeypatch.delenv(name, raising=False)
        return source

    yield make
    for source in made:
        source.close()


@pytest.mark.parametrize(
    ("kind", "fault"), CASES, ids=[f"{kind.__name__}-{fault}" for kind, fault in CASES]
)
def test_each_source_is_asked_again_from_the_beginning_until_it_gives_credentials(
    make_source: Callable[[type[CredentialSource]], CredentialSource],
    kind: type[CredentialSource],
    fault: str,
    table: ConfigTable,
    proxy: FaultProxy,
) -> None:
    table.put("prod", "db", password=SECRET)
    source = make_source(kind)
    seconds = itertools.count()  # each look at the clock is a second later
    connection = Connection(
        lambda: Table(connect_dynamodb(endpoint_url=proxy.url), table.name),
        lambda: float(next(seconds)),
    )
    reader = StoreSource(connection, "prod", consistent=False)
    proxy.accept_only("first")
    source.fail(fault)
    for _ in range(2):
        with pytest.raises(CredentialsRefused) as caught:
            reader.read(lambda: None)
        said = str(caught.value)
        RECORD.add("credentials", said)
        assert kind.faults[fault] in said
        assert SECRET not in said
        assert "something between" not in said
        assert "allow dynamodb" not in said

    source.mend("first")
    first = reader.read(lambda: None)
    assert list(first.options) == ["db"]

    # Rotated: the old ones are refused, and the source fails once more before it has new ones.
    proxy.accept_only("second")
    source.fail(fault)
    for _ in range(2):
        with pytest.raises(CredentialsRefused):
            reader.read(lambda: None)
    source.mend("second")
    assert reader.read(lambda: None).options == first.options
    assert proxy.requests[-1].access_key == "second"


# --- config stores -------------------------------------------------------------------------------


@pytest.fixture
def store_of(
    monkeypatch: pytest.MonkeyPatch, proxy: FaultProxy, table: ConfigTable
) -> Iterator[Callable[[str, str], DynamoDBConfigStore]]:
    """Opens stores; each look at the clock that bounds new clients is a second later."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    seconds = itertools.count()
    monkeypatch.setattr(
        table_connection, "time", SimpleNamespace(monotonic=lambda: float(next(seconds)))
    )
    opened: list[DynamoDBConfigStore] = []

    def open_store(connection: str, config_store: str) -> DynamoDBConfigStore:
        session = boto3.Session() if connection == "session" else None
        kwargs = {"update_interval": 3600} if config_store == "TimeBasedConfigStore" else {}
        opened.append(
            DynamoDBConfigStore(
                session,
                table.name,
                "prod",
                config_store=config_store,
                config_store_kwargs=kwargs,
            )
        )
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.mark.parametrize("config_store", ["SimpleConfigStore", "TimeBasedConfigStore"])
@pytest.mark.parametrize("connection", ["session", "default"])
@pytest.mark.parametrize("kind", [SharedFile, Profile, Process], ids=lambda kind: kind.__name__)
def test_a_config_store_reads_rotated_keys_again_and_leaves_the_session_alone(
    make_source: Callable[[type[CredentialSource]], CredentialSource],
    store_of: Callable[[str, str], DynamoDBConfigStore],
    table: ConfigTable,
    proxy: FaultProxy,
    kind: type[CredentialSource],
    connection: str,
    config_store: str,
) -> None:
    table.put("prod", "db", host="a")
    source = make_source(kind)
    source.mend("first")
    proxy.accept_only("first")
    store = store_of(connection, config_store)
    assert store.config.get("db") == {"host": "a"}
    for number, key in enumerate(("second", "third")):
        proxy.accept_only(key)
        source.mend(key)
        table.put("prod", "db", host=str(number))

        def read() -> object:
            store.reload()
            return store.config.get("db")

        with pytest.raises(CredentialsRefused):
            read()
        assert read() == {"host": str(number)}
        assert proxy.requests[-1].access_key == key
        assert store.set("other", {"key": 1})
    session = boto3.DEFAULT_SESSION if connection == "default" else store._connection._session
    assert session.get_credentials().access_key == "first"


@pytest.fixture
def kept(
    store_of: Callable[[str, str], DynamoDBConfigStore], table: ConfigTable
) -> Iterator[Callable[[], object]]:
    """Reads with what a config store keeps, before it could read anything."""
    connection = TableConnection(None, table.name, DEFAULT_KEYS)
    yield lambda: connection.table("prod").item("prod", "db")
    connection.close()


def test_what_a_config_store_keeps_finds_a_metadata_service_that_came_up_late(
    make_source: Callable[[type[CredentialSource]], CredentialSource],
    kept: Callable[[], object],
    table: ConfigTable,
) -> None:
    table.put("prod", "db", host="a")
    source = make_source(Instance)
    source.fail("down")
    for _ in range(2):
        with pytest.raises(CredentialsRefused):
            kept()
    assert source.service.requests.count("/latest/api/token") == 2
    source.mend("key")
    assert kept()


def test_credentials_are_looked_for_once_a_second_however_often_they_are_needed(
    make_source: Callable[[type[CredentialSource]], CredentialSource],
    kept: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = make_source(Instance)
    source.fail("down")
    now = [1000.0]
    monkeypatch.setattr(table_connection, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for _ in range(3):
        for _ in range(20):
            with pytest.raises(CredentialsRefused):
                kept()
        now[0] += 1.0
    # The first client, and one more at the end of each second.
    assert source.service.requests.count("/latest/api/token") == 3
