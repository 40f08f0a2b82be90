"""The drawings of the documents: small, whole in themselves, readable in light and dark."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRAWINGS = sorted((ROOT / "docs/images").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def drawn(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(path.read_text())


def style(path: Path) -> str:
    return drawn(path).findtext(f"{SVG}style") or ""


def rules(css: str) -> set[str]:
    """Return the selectors that set a colour."""
    return {
        selector.strip() for selector in re.findall(r"([.\w-]+) \{[^{}]*(?:fill|stroke): #", css)
    }


def test_there_is_one_for_each_of_the_three_ways() -> None:
    assert [path.stem for path in DRAWINGS] == ["change", "outage", "read"]


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_each_drawing_is_small_and_loads_nothing(path: Path) -> None:
    text = path.read_text()
    assert len(text) < 30_000
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)|<script|<image|href|@import", text) == []


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_each_drawing_says_in_words_what_it_shows(path: Path) -> None:
    root = drawn(path)
    assert root.get("aria-labelledby") == "title about"
    assert root.findtext(f"{SVG}title")
    assert len(root.findtext(f"{SVG}desc") or "") > 100


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_each_colour_has_one_for_a_dark_page(path: Path) -> None:
    light, _, dark = style(path).partition("@media (prefers-color-scheme: dark)")
    assert {"text", ".ground", ".card"} <= rules(light)
    assert rules(light) == rules(dark)
    assert not any(
        element.get(name, "none") != "none"
        for element in drawn(path).iter()
        for name in ("fill", "stroke")
    )


def test_all_drawings_have_one_style() -> None:
    assert len({style(path) for path in DRAWINGS}) == 1
