"""Seconds that are none are refused, whichever object gets them."""

from __future__ import annotations

import pickle
from decimal import Decimal
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client.config import Config
from ddbcfg_client.errors import ConfigError, SecondsRefused
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.testing import FakeConfig

DB = {"db": {"host": "h"}}
REFUSED: list[Any] = ["900", b"9", None.__class__, True, float("nan"), -1, [5], 10**400]


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: repr(value)[:9])
def test_what_is_no_number_of_seconds(value: Any) -> None:
    with pytest.raises(SecondsRefused, match="max_age must be a number of seconds"):
        Config(Names("nobody", "nothing"), Trust(), value)
    with pytest.raises(SecondsRefused, match="wait must be a number of seconds"):
        ddbcfg_client.connect("nobody", "nothing", wait=value)
    with pytest.raises(SecondsRefused, match="timeout must be a number of seconds"):
        Config(Names("nobody", "nothing"), Trust()).reload(value)


@pytest.mark.parametrize("value", [5, 5.5, Decimal("5.5"), float("inf")])
def test_numbers_of_every_kind(value: Any) -> None:
    assert FakeConfig(DB, max_age=value)["db"]["host"] == "h"


def test_the_error_is_of_both_worlds_and_keeps_what_it_says() -> None:
    error = pickle.loads(pickle.dumps(SecondsRefused("wait", "must be a number")))
    assert isinstance(error, TypeError)
    assert isinstance(error, ValueError)
    assert isinstance(error, ConfigError)
    assert (str(error), error.argument) == ("wait must be a number", "wait")
