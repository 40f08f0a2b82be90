"""Builds sdist and wheel of the files that git knows, for the tests and for ``make wheel-check``.

python -m support.distribution FOLDER [compiled|pure]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[str]:
    """The files that git knows; none in an unpacked sdist."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def copy_tree(folder: Path) -> Path:
    """Copy those files: a build writes beside what it builds, and takes what lies about."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def build(
    source: Path, folder: Path, settings: Mapping[str, str] | None = None, *arguments: str
) -> None:
    """Build the sdist, and the wheel from it, with the packages of this Python."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("DDBCFG_")
    }
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), *arguments],
        cwd=source,
        env=environment | dict(settings or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


if __name__ == "__main__":
    outdir = Path(sys.argv[1])
    build(copy_tree(outdir / "source"), outdir, {"DDBCFG_BUILD": "".join(sys.argv[2:])})
