"""docs/migration.md: its Python runs, its new calls work, and the names in it are there."""

from __future__ import annotations

import os
import re
import textwrap
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from ddbcfg_client import errors
from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.local_dynamodb import REGION, LocalDynamoDB
from ddbcfg_daemon.sources.store import StoreSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

DOCUMENT = Path(__file__).parents[2] / "docs" / "migration.md"
TEXT = DOCUMENT.read_text()
DB = {"host": "db-cluster.com", "port": 27017}


def snippets() -> list[str]:
    """The blocks of Python, also those that are indented as parts of a list."""
    found = re.findall(r"^( *)```python\n(.*?)^\1```$", TEXT, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(code) for _, code in found]


def rows(heading: str) -> list[list[str]]:
    """The rows of the table with this heading, cell by cell."""
    _, _, rest = TEXT.partition(f"| {heading} |")
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.fixture(scope="module")
def connection() -> Iterator[DynamoDBClient]:
    """An account of the document's own, that every way of connecting leads to."""
    with (
        LocalDynamoDB() as local,
        pytest.MonkeyPatch.context() as patch,
        closing(local.client()) as c,
    ):
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", local.endpoint_url)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        yield c


@pytest.fixture(autouse=True)
def table(connection: DynamoDBClient) -> Table:
    """The document's table, as it is before anything happens."""
    with DynamoDBConfigStore(connection, "config", "prod") as store:
        store.set("db", DB)
        store.set("external-port", {"port": 80})
    return Table(connection, "config")


@pytest.fixture
def published(table: Table, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The store is published on this host, where no other table called config is in the way."""
    monkeypatch.setenv("DDBCFG_NAMESPACE", namespace)
    source = StoreSource(Connection(lambda: table), "prod", consistent=True)
    publisher = Publisher(Names(namespace, "prod"))
    assert Refresher(source, publisher, 60, pid=os.getpid()).poll() is None
    yield
    publisher.remove()


@pytest.mark.usefixtures("published")
def test_the_snippets_run_one_after_the_other() -> None:
    names: dict[str, Any] = {}
    assert len(snippets()) == TEXT.count("```python") >= 6
    for number, code in enumerate(snippets(), 1):
        exec(compile(code, f"{DOCUMENT.name}, snippet {number}", "exec"), names)
        if "store" in names:
            names["store"].config.get()
    names["store"].close()


def new_calls() -> list[str]:
    return [code for row in rows("DynamoDB Config Store | ddbcfg") for code in code_in(row[1])]


@pytest.mark.parametrize("code", new_calls())
def test_the_new_call_works(connection: DynamoDBClient, code: str) -> None:
    with DynamoDBConfigStore(
        connection, "config", "prod", config_store="TimeBasedConfigStore"
    ) as s:
        names: dict[str, Any] = {
            "boto3": boto3,
            "connection": connection,
            "data": dict(DB),
            "store": s,
            "DynamoDBConfigStore": DynamoDBConfigStore,
        }
        try:
            result = eval(compile(code, code, "eval"), names)
        except SyntaxError:
            exec(compile(code, code, "exec"), names)
        else:
            if isinstance(result, DynamoDBConfigStore):
                result.close()


def test_the_tables_are_found() -> None:
    assert len(new_calls()) > 20
    assert len(rows("boto 2 | ddbcfg")) > 10


@pytest.mark.parametrize("row", rows("boto 2 | ddbcfg"), ids=lambda row: row[0])
def test_the_exceptions_are_there(row: list[str]) -> None:
    named = [name for name in code_in(row[1]) if name != "code"]
    for name in named:
        module, _, last = name.rpartition(".")
        if module:
            from ddbcfg_client import exceptions as others

            assert getattr(others, last) is errors.OptionNotFound
        else:
            assert issubclass(getattr(errors, name), ConfigError)


def test_what_the_document_says_of_the_exceptions() -> None:
    for row in rows("boto 2 | ddbcfg")[3:8]:
        assert issubclass(getattr(errors, code_in(row[1])[0]), errors.TableError)
    assert issubclass(errors.OptionAttributeError, (errors.OptionNotFound, AttributeError))
    assert issubclass(errors.UnknownConfigStore, NotImplementedError)


def test_a_list_as_the_second_argument_still_means_keys(connection: DynamoDBClient) -> None:
    with DynamoDBConfigStore(connection, "config", "prod") as store:
        get: Any = store.config.get
        assert get("db", ["host"]) == get("db", ("host",)) == {"host": DB["host"]}
        with pytest.raises(errors.OptionNotFound):
            get("nope", ["host"])
        assert get("nope", None) is None
        assert get("nope", {}) == {}
        assert get("db", keys=[]) == {}
        with pytest.raises(errors.OptionNotFound):
            get("")
