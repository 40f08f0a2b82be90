"""What the README says of JSON is so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ddbcfg_client.testing import FakeConfig

README = Path(__file__).resolve().parents[2] / "README.md"


def test_an_option_as_json_needs_what_the_readme_says() -> None:
    assert "`json.dumps(option, default=str)` writes numbers as strings" in (
        " ".join(README.read_text().split())
    )
    option = FakeConfig({"db": {"host": "db-cluster.com", "port": 27017}})["db"]
    with pytest.raises(TypeError, match="Decimal"):
        json.dumps(option)
    assert json.dumps(option, default=str) == '{"host": "db-cluster.com", "port": "27017"}'
    assert json.dumps(FakeConfig({"db": {"host": "h"}})["db"]) == '{"host": "h"}'
