"""Checks the built site: every public name has a place, and every document is in the navigation."""

from __future__ import annotations

import re
import sys
import tomllib

from support.daemon import ROOT
from support.site.api import PAGES
from support.site.pages import documents, generated

HTML = ROOT / ".cache/site/html"


def problems() -> list[str]:
    """Return what the build left out."""
    found = []
    for name, page in PAGES.items():
        ids = set(re.findall(r' id="([^"]+)"', (HTML / f"reference/api-{name}.html").read_text()))
        found += [f"{each} is not described" for each in page.names if each not in ids]
    return found + [f"{page} is not in the navigation" for page in unlisted()]


def unlisted() -> set[str]:
    """Return the pages that zensical.toml does not list."""
    settings = tomllib.loads((ROOT / "zensical.toml").read_text())
    return {*documents().values(), *generated()} - set(re.findall(r"[\w/-]+\.md", str(settings)))


if __name__ == "__main__":
    sys.exit("\n".join(problems()) or 0)
