"""docs/files.md names each folder of the packages, and modules where they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.daemon import ROOT

PAGE = (ROOT / "docs/files.md").read_text()
PACKAGES = ("ddbcfg_daemon", "ddbcfg_client")


def rows(package: str) -> list[tuple[list[Path], str]]:
    """Return the folders and the text of each row in the table of a package."""
    [table] = re.findall(rf"^\| folder of `{package}/` \|.*\n(?:\|.*\n)+", PAGE, re.MULTILINE)
    found = []
    for line in table.splitlines()[2:]:
        _, first, text, _ = line.split("|")
        folders = re.findall(r"`([^`]+)/`", first) or [""]
        found.append(([ROOT / package / folder for folder in folders], text))
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_each_folder_of_a_package_has_a_row(package: str) -> None:
    there = {path.parent for path in (ROOT / package).rglob("__init__.py")}
    assert {folder for folders, _ in rows(package) for folder in folders} == there


@pytest.mark.parametrize("package", PACKAGES)
def test_each_named_module_is_in_the_folder_of_its_row(package: str) -> None:
    named = [
        (folders, name)
        for folders, text in rows(package)
        for name in re.findall(r"`(\w+\.(?:py|c|h))`", text)
    ]
    assert len(named) > 20
    missing = [name for folders, name in named if not any((f / name).exists() for f in folders)]
    assert missing == []
