"""The Terraform text of docs/deployment.md: short, formatted, and with the daemon's policy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.contrib import ROOT
from support.policies import POLICIES

[TEXT] = re.findall(
    r"^```hcl\n(.+?)^```$", (ROOT / "docs/deployment.md").read_text(), re.MULTILINE | re.DOTALL
)
ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/config"


def terraform(folder: Path, *arguments: str, given: str) -> str:
    if not shutil.which("terraform"):
        pytest.skip("no terraform here")
    done = subprocess.run(
        ["terraform", *arguments],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={
            "CHECKPOINT_DISABLE": "1",
            "HOME": str(folder),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_has_thirty_lines_and_is_formatted(tmp_path: Path) -> None:
    assert len(TEXT.splitlines()) <= 30
    terraform(tmp_path, "fmt", "-check", "-", given=TEXT)


def test_its_policy_is_the_daemons(tmp_path: Path) -> None:
    [values] = re.findall(r"^locals .+$", TEXT, re.MULTILINE)
    (tmp_path / "main.tf").write_text(values)
    [policy] = re.findall(r"policy = (jsonencode\(.+?^  \] \}\))$", TEXT, re.MULTILINE | re.DOTALL)
    expression = policy.replace("aws_dynamodb_table.config.arn", json.dumps(ARN))
    # The console reads an expression line by line.
    printed = terraform(tmp_path, "console", given=expression.replace("\n", " ") + "\n")
    assert json.loads(json.loads(printed)) == POLICIES["daemon"]
