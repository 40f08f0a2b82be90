"""docs/objects.md: its Python runs, and does what the text says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client.testing import FakeConfig

DOCUMENT = Path(__file__).parents[3] / "docs" / "objects.md"


def test_its_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    config = FakeConfig({"db": {"host": "a", "port": 1}})
    monkeypatch.setattr(ddbcfg_client, "connect", lambda table, store: config)
    code = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    assert len(code) == 3
    names: dict[str, Any] = {"__name__": "documented"}
    exec(compile("\n".join(code), DOCUMENT, "exec", dont_inherit=True), names)
    assert (names["connect_string"](), names["handle_request"]()) == ("a:1", "a")
    config.set("db", {"host": "b", "port": 2})
    assert (names["connect_string"](), names["handle_request"]()) == ("b:2", "b")
