"""Whom a reader trusts, whatever it was told (G9)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ddbcfg_client.errors import UntrustedSegment
from ddbcfg_client.shm.trust import Trust

STRANGER = 65533


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to own files as somebody else")
@pytest.mark.parametrize("owner", ["", "\N{SUPERSCRIPT TWO}", "a\0b", "\udcff", "nosuchuser", -1])
def test_an_owner_that_nobody_can_be_is_nobody(owner: str | int, tmp_path: Path) -> None:
    file = tmp_path / "page"
    file.touch(0o640)
    os.chown(file, STRANGER, STRANGER)
    with pytest.raises(UntrustedSegment, match=f"--owner {STRANGER}"):
        Trust(owner).check("/page", file.stat())
    Trust(str(STRANGER)).check("/page", file.stat())
