"""Fixtures of the tests in this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from support.rig import KINDS, open_rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from support.rig import Rig


@pytest.fixture(params=KINDS)
def rig(request: pytest.FixtureRequest, client: DynamoDBClient, table_name: str) -> Iterator[Rig]:
    with open_rig(request.param, client, table_name) as rig:
        yield rig


@pytest.fixture
def store(client: DynamoDBClient, table_name: str) -> Iterator[DynamoDBConfigStore]:
    kwargs = {"consistent_read": True}
    with DynamoDBConfigStore(client, table_name, "prod", config_store_kwargs=kwargs) as store:
        yield store
