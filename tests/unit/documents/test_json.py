"""docs/reading.md says what ``json.dumps`` accepts."""

from __future__ import annotations

import json

import pytest

from ddbcfg_client.testing import FakeConfig
from support.daemon import ROOT

PAGE = ROOT / "docs/reading.md"


def test_an_option_as_json_needs_what_the_page_says() -> None:
    assert "`json.dumps(option, default=str)` writes numbers as strings" in (
        " ".join(PAGE.read_text().split())
    )
    option = FakeConfig({"db": {"host": "db-cluster.com", "port": 27017}})["db"]
    with pytest.raises(TypeError, match="Decimal"):
        json.dumps(option)
    assert json.dumps(option, default=str) == '{"host": "db-cluster.com", "port": "27017"}'
    assert json.dumps(FakeConfig({"db": {"host": "h"}})["db"]) == '{"host": "h"}'
