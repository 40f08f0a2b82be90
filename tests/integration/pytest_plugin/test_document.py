"""The programs and tests of docs/testing.md do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_the_examples_pass(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs/testing.md").read_text()
    files = dict(re.findall(r"```(?:python|ini)\n# (\S+)\n(.*?)```", text, re.DOTALL))
    (files["settings.toml"],) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(files) == 7
    for name, body in files.items():
        (pytester.path / name).write_text(body)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    done = pytester.runpytest_subprocess("-q", "-W", "error", "-p", "ddbcfg")
    done.assert_outcomes(passed=5)
