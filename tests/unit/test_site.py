"""The documentation site: no command, flag, setting or public name is missing, no link is dead."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import pytest_ddbcfg
from ddbcfg_client.commands.registry import COMMANDS, load
from ddbcfg_daemon.settings.parsing import daemon_parser
from support.site.api import PAGES, api_page, public
from support.site.built import unlisted
from support.site.commands import client_page, daemon_page
from support.site.pages import MissingTarget, documents, relinked, stage

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ddbcfg_client", "ddbcfg_daemon", "pytest_ddbcfg")


def test_each_command_has_a_section_with_all_its_flags() -> None:
    page = "\n".join(client_page())
    sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", page + "\n", re.MULTILINE))
    assert list(sections) == [*COMMANDS, "Exit codes"]
    for name in COMMANDS:
        flags = load(name).parser()._option_string_actions
        assert "--help" in flags
        assert [flag for flag in flags if f"`{flag}" not in sections[name]] == [], name


def test_each_flag_of_the_daemon_is_on_its_page() -> None:
    page = "\n".join(daemon_page())
    flags = daemon_parser()._option_string_actions
    assert "--interval" in flags
    assert [flag for flag in flags if f"`{flag}" not in page] == []
    assert "## install-units" in page


@pytest.mark.parametrize("name", ["ddbcfg_client", "ddbcfg_client.errors", "ddbcfg_client.testing"])
def test_each_public_name_is_on_a_page(name: str) -> None:
    written = "\n".join("\n".join(api_page(page)) for page in PAGES.values())
    names = importlib.import_module(name).__all__
    assert public(name) == list(names)
    assert [each for each in names if f"::: {name}.{each}\n" not in written] == []


def test_the_fixtures_of_the_plugin_are_public() -> None:
    found = public("pytest_ddbcfg")
    assert {"ddbcfg", "ddbcfg_override", "ddbcfg_daemon"} <= set(found)
    assert all(hasattr(pytest_ddbcfg, name) for name in found)


def test_docstrings_have_no_markup_that_the_reference_would_show_as_it_is() -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    role = re.compile(r":[a-z]+:`[^`\n]+`|^ *\.\. [a-z]+::", re.MULTILINE)
    assert len(paths) > 100
    assert role.search("Raise :class:" + "`ConfigError`.")
    found = {path.relative_to(ROOT): role.findall(path.read_text()) for path in paths}
    assert {path: roles for path, roles in found.items() if roles} == {}


def test_each_page_is_in_the_navigation() -> None:
    assert unlisted() == set()


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_each_link_of_a_document_leads_to_a_file(document: Path) -> None:
    relinked(document, document.read_text(), "")


def test_a_link_to_a_file_that_is_not_there_is_an_error() -> None:
    with pytest.raises(MissingTarget, match=r"README\.md links to docs/nope\.md"):
        relinked(ROOT / "README.md", "[x](docs/nope.md)", "")


@pytest.mark.parametrize(
    ("repository", "expected"),
    [("", "app"), ("https://h/r", "[app](https://h/r/blob/main/setup.py)")],
)
def test_a_link_to_a_file_that_is_no_page_leads_to_the_repository(
    repository: str, expected: str
) -> None:
    assert relinked(ROOT / "docs/guide.md", "[app](../setup.py)", repository) == expected


def test_links_in_code_stay_as_they_are() -> None:
    text = "```python\nx[0](docs/nope.md)\n```\n[the README](README.md#more)"
    assert relinked(ROOT / "README.md", text, "").splitlines()[1:] == [
        "x[0](docs/nope.md)",
        "```",
        "[the README](index.md#more)",
    ]


def test_the_first_steps_are_commands_of_the_guide_where_they_are_run() -> None:
    first, guide = ((ROOT / "docs" / name).read_text() for name in ("start.md", "guide.md"))
    blocks = re.findall(r"^```\w+\n(.*?)^```$", first, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    assert [block for block in blocks if block not in guide] == []


def test_the_site_has_each_picture_that_a_page_shows(tmp_path: Path) -> None:
    stage(tmp_path / "site", "")
    shown = re.compile(r"!\[[^]]*\]\(([^)\s]+)\)")
    pictures = {
        picture
        for page in documents().values()
        for picture in shown.findall((tmp_path / "site" / page).read_text())
    }
    assert "images/page-light.png" in pictures
    assert [picture for picture in pictures if not (tmp_path / "site" / picture).is_file()] == []
