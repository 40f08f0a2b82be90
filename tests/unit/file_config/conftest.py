"""A file of options."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.files import TOML


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(TOML)
    return path
