"""Fixtures of the tests in this folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.layering import LayeredStore

Make = Callable[..., LayeredStore]


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ddbcfg")


@pytest.fixture
def make(namespace: str, tmp_path: Path) -> Iterator[Make]:
    """Make a store of layers, which is stopped after the test."""
    stores: list[LayeredStore] = []

    def made(*flags: str, copies: bool = False) -> LayeredStore:
        stores.append(LayeredStore(namespace, tmp_path if copies else None, *flags))
        return stores[-1]

    yield made
    for store in stores:
        for table in store.tables.values():
            table.gate.set()
        store.stop()
