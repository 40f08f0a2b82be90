"""The access to DynamoDB, over HTTP: pages, aliases, schema, every way an answer can be wrong."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    AnswerMalformed,
    CredentialsRefused,
    MisconfiguredSchemaException,
    TableError,
    TableNotCreatedException,
    TableNotFound,
    TableNotReadyException,
    TableThrottled,
    TableUnreachable,
)
from support import fault_proxy as faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import Fault, FaultProxy

SECRET = "p1anted-s3cret"


@pytest.fixture(scope="module")
def impatient() -> Iterator[None]:
    """Time-outs and pauses that a test can wait for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
        patch.setattr(connecting, "READ_TIMEOUT", 1.0)
        patch.setattr(connecting, "CONNECT_TIMEOUT", 1.0)
        yield


@pytest.fixture(scope="module")
def proxied_client(impatient: None, _emulators: dict[str, Any]) -> Iterator[list[DynamoDBClient]]:
    """Holds the client of the proxy once a test has made it."""
    clients: list[DynamoDBClient] = []
    yield clients
    for client in clients:
        client.close()


@pytest.fixture
def table(client: DynamoDBClient, table_name: str) -> Table:
    table = Table(client, table_name)
    ensure_table(table)
    return table


@pytest.fixture
def faulty(proxied_client: list[DynamoDBClient], proxy: FaultProxy, table_name: str) -> Table:
    """A table behind the proxy, with one option in it."""
    if not proxied_client:
        proxied_client.append(connect_dynamodb(endpoint_url=proxy.url))
    table = Table(proxied_client[0], table_name)
    ensure_table(table)
    table.put("prod", "db", {"password": {"S": SECRET}})
    proxy.reset()
    return table


# --- connecting ----------------------------------------------------------------------------------


def test_importing_imports_no_boto3() -> None:
    program = (
        "import sys, ddbcfg_client.dynamodb; assert not {'boto3', 'botocore'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_boto3_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['boto3'] = None\n"
        "from ddbcfg_client.dynamodb.client import connect_dynamodb\n"
        "connect_dynamodb()"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "pip install 'ddbcfg[daemon]'" in done.stderr.splitlines()[-1]


def test_the_list_of_all_endpoints_is_used_and_not_kept() -> None:
    # 7 MB as Python objects; a process of its own, for other clients may keep it.
    program = """
import gc
from ddbcfg_client.dynamodb.client import connect_dynamodb
client = connect_dynamodb(region="cn-north-1")
assert client.meta.endpoint_url == "https://dynamodb.cn-north-1.amazonaws.com.cn"
gc.collect()
lists = [o["partitions"] for o in gc.get_objects() if isinstance(o, dict) and "partitions" in o]
assert not [some for some in lists if isinstance(some, list) and "services" in some[0]]
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_limits_are_pinned() -> None:
    config = connect_dynamodb(endpoint_url="http://127.0.0.1:1").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}
    assert (config.connect_timeout, config.read_timeout) == (3, 5)
    assert config.tcp_keepalive
    assert connecting.WORST_CASE_SECONDS == 37


def test_user_agent_says_ddbcfg(proxy: FaultProxy) -> None:
    client = connect_dynamodb(endpoint_url=proxy.url)
    client.list_tables()
    client.close()
    assert " ddbcfg/" in proxy.requests[-1].user_agent


def test_no_region_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(TableError, match="NoRegionError.*--region, AWS_REGION"):
        connect_dynamodb()


def test_unknown_profile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CredentialsRefused, match=r"\(nobody\).*check AWS_PROFILE"):
        connect_dynamodb()


def test_endpoint_that_is_no_url_is_told() -> None:
    with pytest.raises(TableError, match="nonsense.*check --endpoint-url"):
        connect_dynamodb(endpoint_url="nonsense")


@pytest.mark.parametrize(
    "proxy",
    [
        f"http://user:{SECRET}@127.0.0.1:1",
        f"user:{SECRET}@127.0.0.1:1",
        f"socks5://user:{SECRET}@127.0.0.1:1",
        f"http://user:{SECRET}@127.0.0.1:99999",
        f"user:{SECRET}@127.0.0.1:99999",
        f"http://user:{SECRET}/x@127.0.0.1:1",
        f"http://us er:{SECRET} @127.0.0.1:1",
    ],
)
def test_no_error_of_a_proxy_shows_its_password(
    monkeypatch: pytest.MonkeyPatch, impatient: None, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(TableUnreachable, match="check HTTPS_PROXY") as caught:
        Table(connect_dynamodb(region="eu-west-1"), "config").check()
    # As a program shows it that does not catch it: with all that it was raised from.
    assert "p1anted" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@127.0.0.1:1",
        f"http://user:{SECRET}@127.0.0.1:99999",
        f"http://us er:{SECRET} @127.0.0.1:1",
        f"user:{SECRET}@127.0.0.1:1",
    ],
)
def test_no_error_of_an_endpoint_shows_its_password(impatient: None, url: str) -> None:
    with pytest.raises(TableError) as caught:
        Table(connect_dynamodb(endpoint_url=url), "config").check()
    assert "***@127.0.0.1" in str(caught.value)
    assert "p1anted" not in "".join(traceback.format_exception(caught.value))


def test_a_missing_table_is_told_without_the_endpoints_password(
    proxy: FaultProxy, table_name: str
) -> None:
    url = proxy.url.replace("//", f"//user:{SECRET}@")
    with pytest.raises(TableNotFound, match=r"at http://\*\*\*@127\.0\.0\.1") as caught:
        Table(connect_dynamodb(endpoint_url=url), table_name).check()
    assert SECRET not in str(caught.value)


def test_a_region_that_is_set_to_nothing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "")
    with pytest.raises(TableError, match="NoRegionError"):
        connect_dynamodb(endpoint_url="http://127.0.0.1:1")


def test_no_credentials_is_told(monkeypatch: pytest.MonkeyPatch, table_name: str) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    table = Table(connect_dynamodb(endpoint_url="http://127.0.0.1:1"), table_name)
    with pytest.raises(CredentialsRefused, match="AWS_PROFILE, or the role"):
        table.check()


@pytest.mark.parametrize("half", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_of_the_credentials_is_told(
    monkeypatch: pytest.MonkeyPatch, table_name: str, half: str
) -> None:
    monkeypatch.delenv(half)
    with pytest.raises(CredentialsRefused):
        Table(connect_dynamodb(endpoint_url="http://127.0.0.1:1"), table_name).check()


# --- reading and writing -------------------------------------------------------------------------


def test_a_store_of_many_pages_comes_whole_and_in_order(table: Table) -> None:
    expected = {}
    for i in range(31):
        option = f"option-{i:03}"
        expected[option] = {"text": {"S": f"{i:03}" * 33_000}}
        table.put("prod", option, expected[option])
    table.put("test", "other", {"a": {"S": "b"}})
    pages = [len(page) for page in table.pages("prod")]
    assert len(pages) >= 3, "not past one page: this tests nothing"
    items = list(table.items("prod"))
    assert len(items) == sum(pages)
    assert [item["_option"]["S"] for item in items] == sorted(expected)
    for item in items:
        assert item.pop("_store") == {"S": "prod"}
        assert expected[item.pop("_option")["S"]] == item


def test_pages_are_as_small_as_they_are_asked_to_be(table: Table) -> None:
    for i in range(5):
        table.put("prod", str(i), {})
    pages = [[item["_option"]["S"] for item in page] for page in table.pages("prod", limit=2)]
    assert [page for page in pages if page] == [["0", "1"], ["2", "3"], ["4"]]


def test_who_has_seen_enough_asks_for_no_more_pages(faulty: Table, proxy: FaultProxy) -> None:
    for i in range(25):
        faulty.put("prod", f"{i:02}", {"text": {"S": "x" * 100_000}})
    assert next(faulty.pages("prod"))
    assert proxy.count("Query") == 1


@pytest.mark.parametrize(
    "key", ["name", "_hidden", "with.dot", "with space", "a[0]", "Größe", "#o"]
)
def test_any_key_can_be_asked_for(table: Table, key: str, emulator_name: str) -> None:
    if (emulator_name, key) == ("moto", "a[0]"):
        pytest.skip("moto takes an aliased a[0] for an index")
    # "name" is a reserved word, and the service refuses a bare name that starts with "_".
    table.put("prod", "db", {key: {"S": "yes"}, "other": {"S": "no"}})
    keys = {"_store": {"S": "prod"}, "_option": {"S": "db"}}
    expected = {**keys, key: {"S": "yes"}}
    assert table.item("prod", "db", keys=[key, key]) == expected
    assert list(table.items("prod", keys=[key, "absent", "_option"])) == [expected]
    assert table.item("prod", "db", keys=[]) == keys
    assert table.item("prod", "nope", keys=[key]) is None


def test_items_of_an_empty_store(table: Table) -> None:
    assert list(table.items("nothing here")) == []


def test_consistent_reads_are_asked_for(faulty: Table, proxy: FaultProxy) -> None:
    faulty.item("prod", "db", consistent=True)
    list(faulty.items("prod", consistent=True))
    faulty.item("prod", "db")
    assert [r.body["ConsistentRead"] for r in proxy.requests[-3:]] == [True, True, False]


def test_put_if_absent_and_delete(table: Table) -> None:
    assert table.put("prod", "db", {"a": {"S": "1"}}, if_absent=True) is True
    assert table.put("prod", "db", {"a": {"S": "2"}}, if_absent=True) is False
    assert table.item("prod", "db", keys=["a"])["a"] == {"S": "1"}  # type: ignore[index]
    assert table.put("prod", "db", {"b": {"S": "2"}}) is True
    item = table.item("prod", "db", consistent=True)
    assert item == {"_store": {"S": "prod"}, "_option": {"S": "db"}, "b": {"S": "2"}}
    assert table.delete("prod", "db") is True
    assert table.delete("prod", "db") is False


# --- the schema ----------------------------------------------------------------------------------


def create(client: DynamoDBClient, name: str, *keys: tuple[str, str]) -> None:
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": key, "KeyType": kind}  # type: ignore[typeddict-item]
            for (key, _), kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": of_type}  # type: ignore[typeddict-item]
            for key, of_type in keys
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ([("_store", "S")], "no range key"),
        ([("_option", "S"), ("_store", "S")], "hash key '_option' of type S, range key '_store'"),
        ([("_store", "S"), ("_option", "N")], "range key '_option' of type N"),
        ([("_store", "B"), ("_option", "S")], "hash key '_store' of type B"),
        ([("store", "S"), ("_option", "S")], "hash key 'store' of type S"),
    ],
)
def test_wrong_key_schemas(
    client: DynamoDBClient, table_name: str, keys: list[tuple[str, str]], found: str
) -> None:
    create(client, table_name, *keys)
    with pytest.raises(MisconfiguredSchemaException) as caught:
        Table(client, table_name).check()
    assert found in caught.value.found
    assert caught.value.expected == "hash key '_store' of type S, range key '_option' of type S"


def test_right_key_schema_of_other_names(client: DynamoDBClient, table_name: str) -> None:
    create(client, table_name, ("app", "S"), ("name", "S"))
    table = Table(client, table_name, KeyNames("app", "name"))
    table.check()
    table.put("prod", "db", {"a": {"S": "b"}})
    assert list(table.items("prod", keys=["a"])) == [
        {"app": {"S": "prod"}, "name": {"S": "db"}, "a": {"S": "b"}}
    ]


def test_missing_table_is_told_with_region_and_endpoint(
    client: DynamoDBClient, table_name: str
) -> None:
    table = Table(client, table_name)
    where = f"in region eu-west-1 at {client.meta.endpoint_url}"
    calls: list[Callable[[], object]] = [
        table.check,
        lambda: list(table.items("prod")),
        lambda: table.item("prod", "db"),
        lambda: table.put("prod", "db", {}),
        lambda: table.delete("prod", "db"),
    ]
    for call in calls:
        with pytest.raises(TableNotFound, match=where):
            call()


def describing(status: str) -> dict[str, Any]:
    return {
        "Table": {
            "TableStatus": status,
            "KeySchema": [
                {"AttributeName": "_store", "KeyType": "HASH"},
                {"AttributeName": "_option", "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "_store", "AttributeType": "S"},
                {"AttributeName": "_option", "AttributeType": "S"},
            ],
        }
    }


@pytest.mark.parametrize("status", ["CREATING", "DELETING", "ARCHIVED", "REPLICATING"])
def test_table_that_is_not_ready(status: str) -> None:
    client = connect_dynamodb()
    with Stubber(client) as stub:
        stub.add_response("describe_table", describing(status))
        with pytest.raises(TableNotReadyException, match=f"is {status}, not ACTIVE"):
            Table(client, "config").check()


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
def test_table_that_is_ready(status: str) -> None:
    client = connect_dynamodb()
    with Stubber(client) as stub:
        stub.add_response("describe_table", describing(status))
        Table(client, "config").check()


# --- creation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [(3, 2), (None, 1), (1, None)])
def test_creation_with_units_or_on_demand(
    client: DynamoDBClient, table_name: str, units: tuple[int | None, int | None]
) -> None:
    table = Table(client, table_name)
    assert ensure_table(table, *units) is True
    assert ensure_table(table, 7, 7) is False
    described = client.describe_table(TableName=table_name)["Table"]
    throughput = described["ProvisionedThroughput"]
    if None in units:
        assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    else:
        assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == units


def test_creation_that_does_not_end() -> None:
    client = connect_dynamodb()
    with Stubber(client) as stub:
        stub.add_client_error("describe_table", "ResourceNotFoundException", http_status_code=400)
        stub.add_response("create_table", {})
        stub.add_response("describe_table", describing("CREATING"))
        with pytest.raises(TableNotCreatedException, match="CREATING.*not ACTIVE within 0 s"):
            ensure_table(Table(client, "config"), timeout=0)


def test_creation_that_is_refused(proxy: FaultProxy, table_name: str) -> None:
    proxy.fail(faults.DENIED, "CreateTable")
    client = connect_dynamodb(endpoint_url=proxy.url)
    with pytest.raises(TableNotCreatedException, match="allow dynamodb:CreateTable"):
        ensure_table(Table(client, table_name))
    client.close()


# --- faults --------------------------------------------------------------------------------------

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
    faults.RESET: (TableUnreachable, "try again|did not come whole"),
    faults.CLOSED: (TableUnreachable, "ConnectionClosedError"),
    # Without a checksum it would be no JSON; some releases of botocore count the bytes.
    faults.TRUNCATED: (TableError, "checksum does not match|whole|without an error"),
    faults.GARBAGE: (AnswerMalformed, "check endpoint and proxies"),
    faults.LOGIN_PAGE: (AnswerMalformed, "check endpoint and proxies"),
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
    with pytest.raises(AnswerMalformed, match="the items that it counts"):
        list(faulty.items("prod"))
    with pytest.raises(AnswerMalformed, match="describes no table"):
        faulty.check()


@pytest.mark.parametrize("name", ["items", "item"])
def test_a_wrong_checksum_is_not_believed(faulty: Table, proxy: FaultProxy, name: str) -> None:
    proxy.fail(faults.BAD_CHECKSUM)
    with pytest.raises(AnswerMalformed, match="checksum does not match"):
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
        with pytest.raises(TableUnreachable, match="EndpointConnectionError.*nothing answers"):
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
    with pytest.raises(AnswerMalformed):
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
