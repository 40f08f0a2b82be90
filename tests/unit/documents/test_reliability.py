"""docs/reliability.md names files and tests that exist."""

from __future__ import annotations

import re

from support.daemon import ROOT

PAGE = (ROOT / "docs/reliability.md").read_text()
TESTS = ROOT / "tests"


def test_each_named_file_or_folder_of_tests_exists() -> None:
    folders = "|".join(path.name for path in TESTS.iterdir() if path.is_dir())
    named = set(re.findall(rf"`((?:{folders})/[\w/.]*)`", PAGE))
    assert len(named) > 80
    assert sorted(name for name in named if not (TESTS / name).exists()) == []


def test_each_named_test_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    there = {
        name
        for path in TESTS.rglob("test_*.py")
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 60
    assert sorted(named - there) == []
