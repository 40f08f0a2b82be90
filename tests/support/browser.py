"""A real Chromium, as the machine has it, driven by playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome") or ""
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own, with an empty profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=PROGRAM, args=list(_FLAGS))
        try:
            yield made
        finally:
            made.close()


@contextmanager
def page_of(
    chromium: Browser, width: int = 1120, scheme: Literal["light", "dark"] = "light"
) -> Iterator[Page]:
    """A page of this width, for a person with this preference."""
    context = chromium.new_context(
        viewport={"width": width, "height": 720}, color_scheme=scheme, device_scale_factor=1
    )
    try:
        yield context.new_page()
    finally:
        context.close()
