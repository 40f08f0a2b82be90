"""The page of ``--http`` lists the layers as ``status`` does."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_daemon.outputs.web.messages import Request
from ddbcfg_daemon.outputs.web.site import Site
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.settings.http_address import HttpAddress
from ddbcfg_daemon.sources.base import Provenance, Reading
from support.daemon import SECRET
from support.layering import LayeredStore
from support.shm import reading

Make = Callable[..., LayeredStore]


def test_each_layer_is_listed_with_its_state_age_options_and_revision(make: Make) -> None:
    store = make()
    served = ServedStore(
        store.settings.names,
        lambda: store.refresher,
        interval=60.0,
        end=lambda refresher: refresher.close(),
    )
    served.refresher = store.refresher
    site = Site(HttpAddress("127.0.0.1", 9112))
    site.show([served])

    def layers() -> list[str]:
        response = site.respond(Request("GET", "/", hosts=("localhost",)))
        text = response.body.decode()
        assert SECRET not in text
        found = re.search('<section class="layers">(.*?)</section>', text, re.S)
        assert found is not None
        return [re.sub("<[^>]+>", "", line) for line in found[1].splitlines()[1:-1]]

    away = TableUnreachable("config", "Query", "Error", f"<at> http://user:{SECRET}@proxy/")
    store["host"].content = away
    content = reading({"db": {"host": SECRET}})
    provenance = Provenance("e1", 7, 7, "log")
    store["eu"].content = Reading(content.options, content.read_at, provenance=provenance)
    store.refresher.poll()
    host = layers()[0]  # also before anything is published
    assert host.startswith("host failing 0 options · config/hostQuery on table")
    assert "&lt;at&gt;" in host
    store["host"].put({})
    with closing(served):
        assert store.reload() is None
        ages = "0 s old, read every 1 min"
        assert layers() == [
            f"host fresh {ages} · 0 options · config/host",
            f"eu fresh {ages} · 1 option · revision 7 · config/eu",
            f"common fresh {ages} · 0 options · config/common",
        ]
        store["eu"].put({})
        store.reload()
        _, eu, _ = layers()
        assert eu.startswith("eu held ")
        assert "its only option is gone" in eu
