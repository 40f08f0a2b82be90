"""Child processes that run a Python program to its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run_python(
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run this Python with *arguments*, and return its exit code and all that it wrote.

    Its environment is that of the test, plus *settings*.
    """
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | dict(settings or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=check,
    )
