"""What the tests of the writing commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client.commands import main as cli
from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.table import Table

if TYPE_CHECKING:
    pass


SECRET = "p1anted-s3cret"


@dataclass
class Result:
    code: int
    out: str
    err: str


class Client:
    """Runs commands on a table; what they need to know of it is in the environment."""

    def __init__(self, table: Table, capfd: pytest.CaptureFixture[str]) -> None:
        self.table = table
        self._capfd = capfd

    def __call__(self, *arguments: str | Path) -> Result:
        self._capfd.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        return Result(code, *self._capfd.readouterr())

    def done(self, *arguments: str | Path) -> str:
        """What a command prints that succeeds."""
        result = self(*arguments)
        assert (result.code, result.err) == (0, "")
        return result.out

    def store(self, name: str = "prod", table: str | None = None) -> DynamoDBConfigStore:
        return DynamoDBConfigStore(
            self.table.client,
            table or self.table.name,
            name,
            config_store_kwargs={"consistent_read": True},
        )

    def options(self, name: str = "prod", table: str | None = None) -> dict[str, Any]:
        with self.store(name, table) as store:
            return dict(store.config.get())


Writes = Callable[[], list[str]]


# For what no emulator has a say in.
once = pytest.mark.parametrize("emulator_name", ["moto"])


def python(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "ddbcfg_client", *map(str, arguments)]
