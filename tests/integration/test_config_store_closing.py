"""A config store that is closed lets nobody wait, whatever hangs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table_connection import TableConnection
from ddbcfg_client.errors import StoreClosed

if TYPE_CHECKING:
    from ddbcfg_client.dynamodb.table_connection import Connection

HANG = 20.0


class HangingSession:
    """A session whose source of credentials hangs, as a metadata service or a helper can."""

    def __init__(self) -> None:
        self.hangs, self.goes_on = threading.Event(), threading.Event()
        self.made: list[Any] = []

    def client(self, *arguments: Any, **settings: Any) -> Any:
        self.hangs.set()
        assert self.goes_on.wait(HANG)
        self.made.append(boto3.Session().client(*arguments, **settings))
        return self.made[-1]


def test_closing_does_not_wait_for_credentials_that_hang() -> None:
    session = HangingSession()
    given: Connection = session  # type: ignore[assignment]
    connection = TableConnection(given, "config", KeyNames())
    errors: list[BaseException] = []

    def use() -> None:
        try:
            connection.table("prod")
        except StoreClosed as error:
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert session.hangs.wait(HANG)
    closing = threading.Thread(target=connection.close)
    closing.start()
    closing.join(HANG / 4)
    hung = closing.is_alive()
    session.goes_on.set()
    for thread in (closing, *threads):
        thread.join(HANG)
    assert not hung
    assert len(errors) == 3
    assert len(session.made) == 1
    with pytest.raises(StoreClosed):
        connection.table("prod")
