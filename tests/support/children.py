"""Child processes that run this Python: started here for the tests and for the benchmarks.

A child either runs to its end, or exchanges lines: one line to its standard input, one line back
from its standard output.  It ends when its standard input does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

TESTS = Path(__file__).parents[1]


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


def start_python(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    process_group: int | None = None,
) -> subprocess.Popen[str]:
    """Start this Python with *arguments*, and pipes of text to and from it.

    Its environment is that of the caller unless *environment* is given.
    """
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=None if environment is None else dict(environment),
        cwd=cwd,
        process_group=process_group,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def start_module(module: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a module of the tests' support, such as ``support.racing``."""
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    return start_python("-m", module, *arguments, environment=os.environ | {"PYTHONPATH": path})


def tell(process: subprocess.Popen[str], line: str) -> None:
    """Send a child a line."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def answer(process: subprocess.Popen[str]) -> str:
    """Return a child's next line without its end; an empty one when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def ask(process: subprocess.Popen[str], line: str) -> str:
    """Send a child a line, and return the line that it sends back."""
    tell(process, line)
    return answer(process)
