"""The session of a client keeps little, and its clients are those that boto3 would make."""

from __future__ import annotations

import boto3
import pytest

from ddbcfg_client.dynamodb.session import lean_session

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
