"""What the tests of DynamoDBConfigStore share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


DB = {"host": "db-cluster.com", "port": 27017}


# For what no emulator has a say in.
once = pytest.mark.parametrize("emulator_name", ["moto"])


def client_of(url: str) -> DynamoDBClient:
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client("dynamodb", endpoint_url=url, config=once)
