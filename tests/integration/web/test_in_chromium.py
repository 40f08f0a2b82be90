"""The page in a real Chromium: narrow, in the dark, by keyboard, and refreshing itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ddbcfg_daemon.outputs.web.output import Web, open_web
from ddbcfg_daemon.settings.http_address import HttpAddress
from support.browser import PROGRAM, browser, page_of
from support.daemon import SECRET
from support.served import Served
from support.shm import reading

pytestmark = pytest.mark.skipif(not PROGRAM, reason="no Chromium here (Debian: chromium)")

_BRIGHT = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((a, b) => +a + +b)"


@pytest.fixture
def served(namespace: str) -> Iterator[tuple[Served, Web]]:
    """A store with a long name, and the server that shows it."""
    with ExitStack() as stack:
        made = Served(namespace, "a-store-with-" + "a-very-long-name-" * 4)
        stack.callback(made.store.close)
        web = open_web(HttpAddress("127.0.0.1", 0), "--http")
        stack.callback(web.close)
        for options in ("a", "b", "c"):
            made.poll(reading({options * 60: {"host": SECRET}}))
            web.update([made.store])
        yield made, web


def test_a_person_sees_the_stores_and_their_changes(served: tuple[Served, Web]) -> None:
    store, web = served
    with browser() as chromium, page_of(chromium, 400, "dark") as view:
        problems: list[str] = []
        view.on("console", lambda message: problems.append(message.text))
        view.on("pageerror", lambda error: problems.append(str(error)))
        view.add_init_script("const wait = setTimeout; setTimeout = (f) => wait(f, 50)")
        view.goto(web.address.url)
        # Nothing is wider than the screen, and the dark is dark.
        assert view.evaluate("document.documentElement.scrollWidth") == 400
        assert view.evaluate(_BRIGHT) < 150
        assert view.get_by_role("heading", level=2).inner_text() == "The store is fresh"
        assert view.locator(".name.added").first.inner_text() == "added\n" + "c" * 60

        # By keyboard: what a person opened stays open, and has the focus still, after a refresh.
        view.locator("summary").focus()
        view.keyboard.press("Enter")
        store.poll(reading({}))
        held = view.get_by_role("heading", name="The store is held")
        held.wait_for()
        assert view.evaluate("document.activeElement.tagName") == "SUMMARY"
        assert view.locator("details[open]").count() == 1
        assert "is held" in view.get_by_role("status").inner_text()
        assert view.title().startswith("the store is held · ddbcfg on ")
        assert SECRET not in view.content()
        assert problems == []

        # Without the daemon the page says that it is old.
        web.close()
        view.get_by_text("no response from the daemon since").wait_for()
