"""The daemon's connection: made when it is needed, made anew when credentials were refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import CredentialsRefused
from ddbcfg_daemon.sources.connection import GAP, Connection

NONE = CredentialsRefused("", "connecting", "NoCredentialsError", "give it some")


def _refuse(**_: object) -> None:
    raise NoCredentialsError


class Connecting:
    """Makes tables, or fails with ``error``; ``now`` is the connection's clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.error: CredentialsRefused | None = None
        self.tries = 0
        self.closed: list[int] = []
        self.connection = Connection(self._connect, lambda: self.now)

    def _connect(self) -> Table:
        self.tries += 1
        if self.error:
            raise self.error
        number = self.tries
        meta = SimpleNamespace(
            events=SimpleNamespace(register=lambda *_, **__: None),
            region_name="here",
            endpoint_url="nowhere",
        )
        client: Any = SimpleNamespace(
            meta=meta,
            close=lambda: self.closed.append(number),
            describe_table=_refuse,
        )
        return Table(client, "config")

    def refuse(self, table: Table) -> None:
        """What DynamoDB does at the next request."""
        with pytest.raises(CredentialsRefused):
            table.check()


@pytest.fixture
def connecting() -> Connecting:
    return Connecting()


def test_nothing_is_made_before_it_is_needed_and_one_is_for_all(connecting: Connecting) -> None:
    assert connecting.tries == 0
    assert connecting.connection.table() is connecting.connection.table()
    assert connecting.tries == 1


def test_refused_credentials_are_looked_for_again_once_for_all_stores(
    connecting: Connecting,
) -> None:
    connection = connecting.connection
    first = connection.table()
    connecting.now += GAP
    connecting.refuse(first)
    second = connection.table()
    assert second is not first
    assert connecting.closed == [1]
    # Another store's poll was under way with the first one.
    connecting.now += GAP
    connecting.refuse(first)
    assert connection.table() is second


def test_however_many_stores_fail_it_looks_once_a_second(connecting: Connecting) -> None:
    connection = connecting.connection
    for _ in range(10):
        for _ in range(20):
            connecting.refuse(connection.table())
        connecting.now += GAP
    assert connecting.tries == 10


def test_a_failure_to_connect_is_that_of_all_who_ask_within_a_second(
    connecting: Connecting,
) -> None:
    connection, connecting.error = connecting.connection, NONE

    def fails() -> bool:
        with pytest.raises(CredentialsRefused) as caught:
            connection.table()
        return caught.value.args == NONE.args

    with ThreadPoolExecutor(20) as pool:
        assert all(future.result() for future in [pool.submit(fails) for _ in range(20)])
    assert connecting.tries == 1
    connecting.error = None
    assert fails()
    connecting.now += GAP
    assert connection.table() is connection.table()
    assert connecting.tries == 2
