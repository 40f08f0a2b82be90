"""The pictures of the page in the documents; ``make pictures`` takes them.

python -m support.page_pictures [FOLDER]

Each shows stores in all conditions, made by real refreshers over shared memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_daemon.outputs.web import page
from ddbcfg_daemon.outputs.web.output import Web, open_web
from ddbcfg_daemon.settings.http_address import HttpAddress
from ddbcfg_daemon.sources.base import Provenance
from support.browser import browser, page_of
from support.served import Served
from support.shm import reading

IMAGES = Path(__file__).resolve().parents[2] / "docs/images"
AWAY = TableUnreachable(
    "billing",
    "Query",
    "EndpointConnectionError",
    "could not connect to dynamodb.eu-west-1.amazonaws.com; check network and security groups",
)


@contextmanager
def a_scene() -> Iterator[Web]:
    """A server with stores that are fresh, held and failing."""
    with ExitStack() as stack:
        mark = uuid4().hex[:8]

        def store(namespace: str, name: str, interval: float = 60.0) -> Served:
            served = Served(f"{mark}-{namespace}", name, interval)
            stack.callback(served.refresher.close, remove=True)
            stores.append(served)
            return served

        stores: list[Served] = []
        shop, flags = store("config", "prod"), store("config", "flags", 10.0)
        billing = store("billing", "prod")
        found = Provenance("e", 41, 41, "query")
        base = {f"option-{number}": {"host": "x"} for number in range(38)}
        shop.poll(replace(reading(base), units=12.5, provenance=found))
        more = {**base, "db": {"host": "a"}, "redis": {"host": "b"}}
        web = open_web(HttpAddress("127.0.0.1", 0), "--http")
        stack.callback(web.close)
        web.update([one.store for one in stores])
        later = replace(found, revision=42, table_revision=42, how="log")
        shop.poll(replace(reading(more), units=0.5, provenance=later))
        web.update([one.store for one in stores])
        last = {**more, "db": {"host": "c"}, "smtp": {"host": "d"}}
        del last["option-7"]
        latest = replace(later, revision=43, table_revision=43)
        shop.poll(replace(reading(last), units=0.5, provenance=latest))
        flags.poll(reading({f"flag-{number}": {"on": True} for number in range(24)}))
        flags.poll(reading({"flag-1": {"on": True}}))
        billing.poll(reading({"stripe": {"key": "x"}, "invoices": {"from": "y"}}))
        for _ in range(3):
            billing.poll(AWAY)
        # Nobody needs to know this machine, or that the names are of a test.
        stack.enter_context(_renamed(mark))
        web.update([one.store for one in stores])
        yield web


@contextmanager
def _renamed(mark: str) -> Iterator[None]:
    name, hostname = page._name, page.socket.gethostname
    page._name = lambda text: name(text.removeprefix(f"{mark}-"))
    page.socket.gethostname = lambda: "web-3"
    try:
        yield
    finally:
        page._name, page.socket.gethostname = name, hostname


def main() -> None:
    """Take all pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with a_scene() as web, browser() as chromium:
        for name, width, scheme in (
            ("page-light", 1120, "light"),
            ("page-dark", 1120, "dark"),
            ("page-narrow", 400, "dark"),
        ):
            with page_of(chromium, width, scheme) as view:
                view.goto(web.address.url)
                view.screenshot(path=folder / f"{name}.png", full_page=True)


if __name__ == "__main__":
    main()
