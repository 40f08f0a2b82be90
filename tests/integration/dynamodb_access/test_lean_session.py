"""The session of a client keeps little, and its clients are those that boto3 would make."""

from __future__ import annotations

import os
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import DataNotFoundError

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.session import lean_session
from support import botocore_data

KEYS = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1"])
@pytest.mark.parametrize("service", ["dynamodb", "sts", "sso"])
def test_the_endpoint_is_the_one_of_boto3(service: str, region: str) -> None:
    own, lean = boto3.Session(region_name=region), lean_session(region)
    expected = own.client(service, **KEYS).meta  # type: ignore[call-overload]
    found = lean.client(service, **KEYS).meta  # type: ignore[call-overload]
    assert found.endpoint_url == expected.endpoint_url
    assert found.region_name == expected.region_name
    assert found.partition == expected.partition
    assert found.config.signature_version == expected.config.signature_version


def test_of_the_list_of_endpoints_only_the_services_that_are_needed_are_kept() -> None:
    core = lean_session("eu-west-1")._session
    kept = core.get_component("data_loader").load_data("endpoints")
    services = {name for partition in kept["partitions"] for name in partition["services"]}
    assert {"dynamodb", "sts"} <= services <= {"dynamodb", "oidc", "portal.sso", "signin", "sts"}
    assert core.get_available_regions("dynamodb") == boto3.Session().get_available_regions(
        "dynamodb"
    )


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The folders that were listed since no botocore data is in memory."""
    monkeypatch.setattr(botocore_data, "_caches", {})
    plain, folders = os.listdir, []

    def listdir(folder: str) -> list[str]:
        folders.append(folder)
        return plain(folder)

    monkeypatch.setattr(os, "listdir", listdir)
    return folders


def test_a_client_does_not_look_into_the_folders_of_other_services(listed: list[object]) -> None:
    connect_dynamodb(endpoint_url="http://127.0.0.1:1").close()
    assert 0 < len(listed) < 20  # there are 400


def test_a_service_that_does_not_exist_is_no_service() -> None:
    with pytest.raises(DataNotFoundError):
        lean_session("eu-west-1").client("dynamodb-2")


def test_a_folder_of_the_users_own_models_may_be_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    (own / "my-service").mkdir(parents=True)
    monkeypatch.setenv("AWS_DATA_PATH", f"{own}:{tmp_path / 'missing'}")
    loader = lean_session("eu-west-1")._session.get_component("data_loader")
    assert {"dynamodb", "my-service"} <= set(loader.list_available_services("service-2"))
