"""Stages the pages of the site: the documents with their links rewritten, and generated pages.

In the repository, documents link to files beside them.  On the site, a link to another document
leads to its page, and a link to any other file to the repository, if ``DDBCFG_REPOSITORY`` names
it; otherwise only its text stays.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from support.daemon import ROOT
from support.site.api import PAGES, api_page
from support.site.commands import client_page, daemon_page

#: The documents beside those in docs/, and their pages.
OTHERS = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(!?)\[((?:[^][]|\[[^]]*\])+)\]\(([^)\s]+)\)")


class MissingTarget(Exception):
    """A document links to a file that is not there."""


def documents() -> dict[Path, str]:
    """Return the path of each document, and of its page on the site."""
    found = {ROOT / name: page for name, page in OTHERS.items()}
    return found | {path: path.name for path in sorted((ROOT / "docs").glob("*.md"))}


def generated() -> dict[str, Iterator[str]]:
    """Return the pages that are made from the code."""
    pages = {
        "reference/ddbcfg-client.md": client_page(),
        "reference/ddbcfg-daemon.md": daemon_page(),
    }
    return pages | {f"reference/api-{name}.md": api_page(page) for name, page in PAGES.items()}


def shown() -> list[Path]:
    """Return the pictures and other files of docs/ that pages show."""
    found = (ROOT / "docs").rglob("*")
    return sorted(path for path in found if path.suffix in (".svg", ".png", ".json"))


def stage(folder: Path, repository: str) -> None:
    """Write all pages, and the files that they show, to a new ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "reference").mkdir(parents=True)
    for path, page in documents().items():
        (folder / page).write_text(relinked(path, path.read_text(), repository))
    for page, lines in generated().items():
        (folder / page).write_text("\n".join(lines) + "\n")
    for path in shown():
        (folder / path.relative_to(ROOT / "docs")).parent.mkdir(exist_ok=True)
        shutil.copy(path, folder / path.relative_to(ROOT / "docs"))


def relinked(document: Path, text: str, repository: str) -> str:
    """Return the text of a document with its links as the site needs them.

    Raise MissingTarget.
    """
    pages = documents()

    def replaced(match: re.Match[str]) -> str:
        image, label, target = match.groups()
        if target.startswith(("https://", "http://", "#", "mailto:")):
            return match[0]
        file, _, anchor = target.partition("#")
        path = (document.parent / file).resolve()
        if not path.exists():
            raise MissingTarget(f"{document.relative_to(ROOT)} links to {target}")
        if path in pages:
            label = title(path) if label in (target, path.name) else label
            return f"[{label}]({pages[path]}{'#' if anchor else ''}{anchor})"
        if path.is_relative_to(ROOT / "docs"):
            return f"{image}[{label}]({path.relative_to(ROOT / 'docs')})"
        return (
            f"[{label}]({repository}/blob/main/{path.relative_to(ROOT)})" if repository else label
        )

    parts = _FENCED.split(text)
    parts[::2] = [_LINK.sub(replaced, part) for part in parts[::2]]
    return "".join(parts)


def title(document: Path) -> str:
    """Return the heading of a document, which says more on the site than the name of its file."""
    return document.read_text().partition("\n")[0].removeprefix("# ")


if __name__ == "__main__":
    stage(ROOT / ".cache/site/pages", os.environ.get("DDBCFG_REPOSITORY", "").rstrip("/"))
