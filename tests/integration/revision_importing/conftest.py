"""Fixtures of the tests in this folder."""

from __future__ import annotations

import pytest

from ddbcfg_client.dynamodb.revision import importing


@pytest.fixture(autouse=True)
def parts_of_two_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PART_OPTIONS", 2)
