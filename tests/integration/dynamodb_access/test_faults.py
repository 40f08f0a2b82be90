"""The access to DynamoDB: each way in which a response can be wrong."""

from __future__ import annotations

import pickle
import traceback
from typing import TYPE_CHECKING

import pytest

from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    CredentialsRefused,
    ResponseMalformed,
    TableError,
    TableNotFound,
    TableThrottled,
    TableUnreachable,
)
from support import fault_proxy as faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fault_proxy import Fault, FaultProxy
from support.dynamodb_access import SECRET

CALLS: dict[str, Callable[[Table], object]] = {
    "check": lambda table: table.check(),
    "items": lambda table: list(table.items("prod")),
    "item": lambda table: table.item("prod", "db"),
    "item that is not there": lambda table: table.item("prod", "nope"),
    "put": lambda table: table.put("prod", "db", {"password": {"S": SECRET}}),
    "delete": lambda table: table.delete("prod", "db"),
}


EXPECTED: dict[Fault, tuple[type[TableError], str]] = {
    faults.THROTTLED: (TableThrottled, "poll less often"),
    faults.REQUEST_LIMIT: (TableThrottled, "poll less often"),
    faults.EXPIRED: (CredentialsRefused, "renew the credentials"),
    faults.UNKNOWN_KEY: (CredentialsRefused, "get-caller-identity"),
    faults.DENIED: (CredentialsRefused, "allow dynamodb:"),
    faults.ERROR_500: (TableUnreachable, "InternalServerError: no; the service failed"),
    faults.PLAIN_503: (TableUnreachable, "HTTP status 503"),
    faults.HANG: (TableUnreachable, "ReadTimeoutError"),
    faults.RESET: (TableUnreachable, "try again|the response is incomplete"),
    faults.CLOSED: (TableUnreachable, "ConnectionClosedError"),
    # Without a checksum it would be no JSON; some releases of botocore count the bytes.
    faults.TRUNCATED: (TableError, "checksum does not match|whole|without an error"),
    faults.GARBAGE: (ResponseMalformed, "check endpoint and proxies"),
    faults.LOGIN_PAGE: (ResponseMalformed, "check endpoint and proxies"),
}


@pytest.mark.parametrize("fault", faults.FAULTS, ids=str)
def test_every_fault_is_an_error_that_says_what_to_do(
    faulty: Table, proxy: FaultProxy, fault: Fault
) -> None:
    kind, advice = EXPECTED[fault]
    for name, call in CALLS.items():
        before = proxy.count()
        proxy.fail(fault)
        with pytest.raises(kind, match=advice) as caught:
            call(faulty)
        proxy.heal()
        assert proxy.count() - before <= connecting.ATTEMPTS, name
        error = caught.value
        assert error.table == faulty.name
        assert error.operation in str(error)
        assert SECRET not in "".join(traceback.format_exception(error))
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert faulty.put("prod", "db", {"password": {"S": SECRET}}) is True


def test_a_parameter_of_the_wrong_type_is_not_shown(faulty: Table, proxy: FaultProxy) -> None:
    with pytest.raises(TableError, match="ParamValidationError") as caught:
        faulty.put("prod", "db", {"password": {"S": [SECRET]}})  # type: ignore[typeddict-item]
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert proxy.count() == 0


@pytest.mark.parametrize("fault", [faults.ERROR_500, faults.RESET, faults.CLOSED], ids=str)
def test_what_passes_by_itself_is_tried_again(
    faulty: Table, proxy: FaultProxy, fault: Fault
) -> None:
    # A client of its own: after many failures botocore stops trying again, to spare the service.
    table = Table(connect_dynamodb(endpoint_url=proxy.url), faulty.name)
    proxy.fail(fault, times=2)
    assert table.item("prod", "db") is not None
    assert proxy.count("GetItem") == 3
    table.client.close()


def test_an_empty_object_is_no_empty_store(faulty: Table, proxy: FaultProxy) -> None:
    proxy.fail(faults.NO_ANSWER)
    with pytest.raises(ResponseMalformed, match="its count does not match its items"):
        list(faulty.items("prod"))
    with pytest.raises(ResponseMalformed, match="describes no table"):
        faulty.check()


@pytest.mark.parametrize("name", ["items", "item"])
def test_a_wrong_checksum_is_not_believed(faulty: Table, proxy: FaultProxy, name: str) -> None:
    proxy.fail(faults.BAD_CHECKSUM)
    with pytest.raises(ResponseMalformed, match="checksum does not match"):
        CALLS[name](faulty)


def test_a_fault_on_a_later_page_is_an_error(faulty: Table, proxy: FaultProxy) -> None:
    for i in range(25):
        faulty.put("prod", f"{i:02}", {"text": {"S": "x" * 100_000}})
    proxy.fail(faults.EXPIRED, "Query", after=1)
    with pytest.raises(CredentialsRefused):
        list(faulty.items("prod"))
    assert proxy.count("Query") == 2


def test_connection_refused(impatient: None, proxy: FaultProxy, table_name: str) -> None:
    table = Table(connect_dynamodb(endpoint_url=proxy.url), table_name)
    proxy.stop()
    try:
        with pytest.raises(TableUnreachable, match="EndpointConnectionError.*nothing responds"):
            table.check()
    finally:
        proxy.start()
    with pytest.raises(TableNotFound):
        table.check()
    table.client.close()


@pytest.mark.parametrize(
    "answer",
    [
        {"Items": [], "Count": 1},
        {"Items": [], "ScannedCount": 0},
        {"Items": None, "Count": 0},
        {"Items": {}, "Count": None},
        {"Items": "text", "Count": 4},
        {"Items": [None], "Count": 1},
        {"Items": [{}], "Count": 1},
        {"Items": [{"_store": {"S": "prod"}}], "Count": 1},
        {"Items": [{"_store": {"S": "test"}, "_option": {"S": "a"}}], "Count": 1},
        {"Items": [{"_store": {"S": "prod"}, "_option": {"S": "a"}, "k": {"X": 1}}], "Count": 1},
        {"Items": [{"_store": {"S": "prod"}, "_option": {"S": "a"}, "k": {}}], "Count": 1},
        {"Items": [{"_store": {"S": "prod"}, "_option": {"S": "a"}, "k": None}], "Count": 1},
        {"Items": [{"_store": {"S": "prod"}, "_option": {"S": "a"}, "k": {"B": 3}}], "Count": 1},
        {"Items": [], "Count": 0, "LastEvaluatedKey": {"_option": {"N": "1"}}},
        {"Items": [], "Count": 0, "LastEvaluatedKey": {"_option": {"S": "same"}}},
        {"Items": [], "Count": 0, "LastEvaluatedKey": "text"},
        [],
        "text",
        3,
        None,
        [[[]]],
    ],
    ids=repr,
)
def test_malformed_answers(faulty: Table, proxy: FaultProxy, answer: object) -> None:
    import json

    body = json.dumps(answer).encode()
    proxy.fail(faults.Fault("malformed", make=lambda _: body, served=False))
    with pytest.raises(ResponseMalformed):
        list(faulty.items("prod"))


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({"AWS_REGION": "ap-south-1"}, "ap-south-1"),
        ({"AWS_REGION": "ap-south-1", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
    ],
)
def test_the_region_is_what_either_variable_says(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], region: str
) -> None:
    # boto3 itself does not know AWS_REGION, which every other tool of AWS goes by.
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = connect_dynamodb()
    assert client.meta.region_name == region
    client.close()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_ACCESS_KEY_ID", f"{SECRET}\n"),
        ("AWS_SESSION_TOKEN", f"{SECRET}\n"),
        ("AWS_ACCESS_KEY_ID", f"{SECRET}\udcff"),
        ("AWS_SECRET_ACCESS_KEY", f"{SECRET}\udcff"),
        ("AWS_SESSION_TOKEN", f"{SECRET}\udcff"),
    ],
)
def test_credentials_that_no_request_can_hold_are_named_and_not_shown(
    impatient: None,
    proxy: FaultProxy,
    table_name: str,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
) -> None:
    """As of a Kubernetes secret whose file ends in a line end."""
    monkeypatch.setenv(variable, value)
    client = connect_dynamodb(endpoint_url=proxy.url)
    with pytest.raises(CredentialsRefused, match="cannot be signed") as caught:
        Table(client, table_name).check()
    client.close()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
