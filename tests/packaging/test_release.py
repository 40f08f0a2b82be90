"""What may be released, and the workflow that does it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
NOTES = runpy.run_path(str(ROOT / ".ci/check_release.py"), run_name="check_release")["notes"]

VERSION = 'VERSION = "1.2.3"\n'
CHANGELOG = """# Changelog

## [1.2.3] - 2026-11-29

### Added

- A thing.

## [1.2.2] - 2026-10-01

- An older thing.
"""


def test_the_notes_of_a_release_are_its_section_of_the_changelog() -> None:
    assert NOTES("v1.2.3", VERSION, CHANGELOG) == "### Added\n\n- A thing."


@pytest.mark.parametrize(
    ("tag", "changelog", "reason"),
    [
        ("v1.2.4", CHANGELOG, "the tag is v1.2.4, but ddbcfg_client/version.py says 1.2.3"),
        ("v1.2.3", CHANGELOG.replace("[1.2.3] - 2026-11-29", "[Unreleased]"), "Unreleased"),
        ("v1.2.3", CHANGELOG.replace("1.2.3", "1.2.4"), "must be"),
        ("v1.2.3", CHANGELOG.replace("11-29", "11-31"), "day"),
        ("v1.2.3", CHANGELOG.replace("### Added\n\n- A thing.\n", ""), "says nothing about 1.2.3"),
        ("v1.2.3", "# Changelog\n", "must be"),
    ],
)
def test_a_tag_that_is_not_ready_is_refused(tag: str, changelog: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        NOTES(tag, VERSION, changelog)


def workflow(name: str) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / f".github/workflows/{name}").read_text())
    return parsed


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_action_is_pinned_by_its_hash_and_says_its_version(path: Path) -> None:
    uses = re.findall(r"uses: (.+)", path.read_text())
    assert uses
    for line in uses:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_only_the_job_that_publishes_may_ask_for_the_indexs_trust() -> None:
    release = workflow("release.yml")
    assert release["permissions"] == {}
    allowed = {name: set(job["permissions"]) for name, job in release["jobs"].items()}
    trusted = {name for name, permissions in allowed.items() if "id-token" in permissions}
    assert trusted == {"attest", "publish"}
    assert release["jobs"]["publish"]["environment"]["name"] == "pypi"


def test_nothing_is_published_that_was_not_checked() -> None:
    jobs = workflow("release.yml")["jobs"]
    needed: set[str] = set()
    wanted = ["publish"]
    while wanted:
        needs = jobs[wanted.pop()].get("needs", [])
        wanted += [needs] if isinstance(needs, str) else needs
        needed |= set(wanted)
    assert needed == set(jobs) - {"publish"}
    for job in jobs.values():
        assert "continue-on-error" not in str(job)
    # A run by hand builds everything and stops there.
    assert jobs["publish"]["if"] == jobs["attest"]["if"] == "github.event_name == 'push'"


def test_wheels_are_built_for_each_python_that_ci_tests_and_the_newest_without_the_gil() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text()
    tested = workflow("ci.yml")["jobs"]["ci"]["strategy"]["matrix"]["python"]
    built = " ".join(f"cp{version.replace('.', '')}-*" for version in (*tested, f"{tested[-1]}t"))
    assert f'\nbuild = "{built}"\n' in pyproject
    for version in tested:
        assert f'"Programming Language :: Python :: {version}"' in pyproject


def test_each_change_compiles_what_only_free_threaded_python_compiles() -> None:
    jobs = workflow("ci.yml")["jobs"]
    newest = jobs["ci"]["strategy"]["matrix"]["python"][-1].replace(".", "")
    [builder] = re.findall(r"pipx run (cibuildwheel==\S+)", str(workflow("release.yml")["jobs"]))
    command = f"pipx run {builder} --only cp{newest}t-manylinux_x86_64"
    assert jobs["without-gil"]["steps"][-1]["run"] == command
