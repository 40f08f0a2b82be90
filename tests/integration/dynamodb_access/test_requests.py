"""The access to DynamoDB, over HTTP: connecting, pages and aliases."""

from __future__ import annotations

import subprocess
import sys
import traceback
from typing import TYPE_CHECKING

import pytest

from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    CredentialsRefused,
    TableError,
    TableNotFound,
    TableUnreachable,
)

if TYPE_CHECKING:
    from support.fault_proxy import FaultProxy
from support.dynamodb_access import SECRET

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
    with pytest.raises(TableError, match="NoRegionError.*a region; name one: --region, AWS_REGION"):
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
