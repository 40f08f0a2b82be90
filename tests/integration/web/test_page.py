"""The page, as HTML: each store with its condition, what changed, and no text that is markup."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_daemon.outputs.web.messages import Request
from ddbcfg_daemon.outputs.web.site import Site
from ddbcfg_daemon.outputs.web.texts import duration
from ddbcfg_daemon.settings.http_address import HttpAddress
from support.daemon import SECRET
from support.served import Served
from support.shm import reading

EVIL = "<script>alert('1')</script>&\"\u202e"
AWAY = TableUnreachable("config", "Query", EVIL, f"at http://user:{SECRET}@proxy.example/")


@contextmanager
def a_site(*stores: Served) -> Iterator[Site]:
    site = Site(HttpAddress("127.0.0.1", 9112))
    with ExitStack() as stack:
        for served in stores:
            stack.callback(served.store.close)
        site.show([served.store for served in stores])
        yield site


def html(site: Site) -> str:
    response = site.respond(Request("GET", "/", hosts=("localhost",)))
    assert (response.status, response.kind) == (200, "text/html; charset=utf-8")
    text = response.body.decode()
    assert SECRET not in text
    return text


def states(text: str) -> list[str]:
    return re.findall(r'data-state="([^"]+)"', text)


def test_stores_that_need_a_person_come_first(namespace: str) -> None:
    fresh, held, failing = (Served(namespace, name) for name in ("a", "b", "c"))
    with a_site(fresh, held, failing) as site:
        assert states(html(site)) == ["starting"] * 3
        for served in (fresh, held, failing):
            served.poll(reading({"db": {"host": SECRET}}))
        assert "All 3 stores are fresh</h2>" in html(site)
        held.poll(reading({}))
        failing.poll(AWAY)
        text = html(site)
        assert states(text) == ["failing", "held", "fresh"]
        assert "1 of 3 stores is failing</h2>" in text
        assert "The store is empty" not in text


def test_a_pin_is_shown_with_who_made_it_and_what_it_holds(namespace: str) -> None:
    served = Served(namespace)
    with a_site(served) as site:
        served.poll(reading({"db": {}}))
        assert served.store.refresher is not None
        status = served.store.refresher.status
        status.pinned, status.pinned_by, status.pinned_since = 1, "<alice>", time.time_ns()
        text = html(site)
        assert states(text) == ["pinned"]
        who = "to generation 1 by &lt;alice&gt;; "
        assert f"{who}it is not known yet whether the table has other content." in text
        served.poll(reading({"db": {}}))
        assert f"{who}the table has no other content." in html(site)
        status.pinned, status.held = 7, "newer"
        assert "to the content of generation 7 by &lt;alice&gt;; newer content is held." in html(
            site
        )


def test_a_store_whose_age_is_three_intervals_is_stale(namespace: str) -> None:
    served = Served(namespace, interval=1e-6)
    with a_site(served) as site:
        served.poll()
        assert states(html(site)) == ["stale"]


def test_no_name_and_no_error_becomes_markup(namespace: str) -> None:
    served = Served(namespace, f"store {EVIL}")
    with a_site(served) as site:
        served.poll(reading({"db": {}}))
        served.poll(reading({EVIL: {"host": SECRET}}))
        site.show([served.store])
        served.poll(AWAY)
        text = html(site)
    assert "<script>alert" not in text
    assert text.count("<script ") == 1
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;&quot;" in text
    assert not re.search(r"<[^>]+ (style|on\w+)=", text)  # which the policy would forbid


def test_it_shows_what_changed_when_and_in_which_generation(namespace: str) -> None:
    served = Served(namespace)
    with a_site(served) as site:
        for options in (("a", "b"), ("b", "c"), ("b", "c", *(f"n{n:02}" for n in range(20)))):
            served.poll(reading({option: {"host": SECRET} for option in options}))
            site.show([served.store])
        text = html(site)
    listed = [
        (generation, "<time " in when, re.findall(r'"name (\w+)">.*?<bdi>(.*?)</bdi>', names))
        for generation, when, names in re.findall(
            r'<li><p class="when"><b>(\d+)</b>(.*?)</p><p class="names">(.*?)</p></li>', text
        )
    ]
    assert listed[0][:2] == ("3", True)
    assert listed[0][2][0] == ("added", "n00")
    assert "and 8 more" in text
    assert listed[1] == ("2", True, [("added", "c"), ("removed", "a")])


def test_a_daemon_that_takes_over_knows_the_names_of_earlier_changes(namespace: str) -> None:
    served = Served(namespace)
    with a_site(served):
        served.poll(reading({"a": {}}))
        served.poll(reading({"b": {}}))
        served.poll(reading({"c": {}}))
        with a_site(served) as later:
            text = html(later)
    assert re.findall(r'<p class="when"><b>(\d+)</b>( <time)?', text) == [
        ("3", " <time"),
        ("2", ""),
    ]


def test_generations_that_start_again_replace_those_before(namespace: str) -> None:
    before = Served(namespace)
    with a_site(before) as site:
        for option in ("a", "b"):
            before.poll(reading({option: {}}))
            site.show([before.store])
        before.store.close()
        for path in Path("/dev/shm").glob(f"*ddbcfg.{namespace}.prod*"):
            path.unlink()
        after = Served(namespace)
        with closing(after.store):
            for option in ("c", "d"):  # a first generation has no changes
                after.poll(reading({option: {}}))
                site.show([after.store])
            text = html(site)
    assert re.findall(r"<bdi>(.*?)</bdi>", text) == ["d", "c"]


def test_a_page_without_stores_says_so() -> None:
    with a_site() as site:
        assert "No stores yet</h2>" in html(site)


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/page.css", "text/css"), ("/page.js", "text/javascript"), ("/icon.svg", "image/svg+xml")],
)
def test_what_the_page_loads_comes_from_the_daemon(path: str, kind: str) -> None:
    with a_site() as site:
        response = site.respond(Request("GET", path, hosts=("localhost",)))
        assert (response.status, response.kind.split(";")[0]) == (200, kind)
        assert b"http" not in response.body.replace(b"http://www.w3.org/2000/svg", b"")
        loaded = re.findall(r'(?:src|href)="([^"]+)"', html(site))
    assert path in loaded
    assert all(link.startswith("/") for link in loaded)


def test_a_page_of_a_hundred_stores_takes_little_time(namespace: str) -> None:
    served = Served(namespace)
    with a_site(served) as site:
        served.poll()
        site.show([served.store] * 100)
        html(site)
        began = time.thread_time()
        html(site)
        assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (95, "1 min 35 s"),
        (3600, "1 h"),
        (9000, "2 h 30 min"),
        (86400 * 3, "3 days"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
