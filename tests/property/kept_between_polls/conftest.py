"""Fixtures of the tests in this folder."""

from __future__ import annotations

from typing import Any

import pytest

from ddbcfg_client.dynamodb import items
from ddbcfg_client.format.values import pack_option


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the options that were packed, in turn."""
    names: list[str] = []

    def pack(option: str, keys: Any) -> bytes:
        names.append(option)
        return pack_option(option, keys)

    monkeypatch.setattr(items, "pack_option", pack)
    return names
