"""Credentials that come late, fail or are rotated: they are got without a restart (G4)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.credentials import SSOProvider
from botocore.utils import ContainerMetadataFetcher

from ddbcfg_client.dynamodb.connecting import connect_dynamodb
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import CredentialsRefused
from ddbcfg_daemon.source import DynamoDBSource
from ddbcfg_daemon.sources.connection import Connection
from support.credentials import SOURCES, CredentialSource
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
    reader = DynamoDBSource(connection, "prod", consistent=False)
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
