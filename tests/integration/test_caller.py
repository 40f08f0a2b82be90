"""Who a revision says made it: the caller's ARN if STS returns it, else user and host."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from ddbcfg_client.dynamodb import caller
from ddbcfg_client.dynamodb.caller import caller_of, user_at_host
from ddbcfg_client.dynamodb.client import boto3_module, connect_dynamodb
from support.fault_proxy import FaultProxy


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    caller._known.clear()
    yield
    caller._known.clear()


def test_the_arn_that_sts_returns_is_asked_for_once(
    moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_url)
    client = connect_dynamodb(endpoint_url=moto_url)
    assert caller_of(client) == "arn:aws:sts::123456789012:user/moto"
    monkeypatch.setattr(caller, "_looked_up", lambda *_: pytest.fail("asked again"))
    assert caller_of(client) == "arn:aws:sts::123456789012:user/moto"
    client.close()


def test_an_emulator_has_no_callers(proxy: FaultProxy) -> None:
    client = connect_dynamodb(endpoint_url=proxy.url)
    assert caller_of(client) == user_at_host()
    client.close()
    assert proxy.count() == 0
    assert user_at_host().endswith(f"@{socket.gethostname()}")


@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "is silent"])
def test_without_sts_it_is_user_and_host_and_soon(
    silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is not asked again for every change."""
    monkeypatch.setattr(caller, "LONGEST", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not silent:
            server.close()
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{port}")
        client = boto3_module().client("dynamodb", endpoint_url="http://127.0.0.1:1")
        began = time.monotonic()
        assert caller_of(client) == user_at_host()
        assert time.monotonic() - began < 5
        monkeypatch.setattr(caller, "_looked_up", lambda *_: pytest.fail("asked again"))
        assert caller_of(client) == user_at_host()
        client.close()


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert user_at_host().partition("@")[0].isdigit()
