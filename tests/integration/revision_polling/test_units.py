"""Read units of a daemon's polls, as dynalite counts them: it counts as the service does (G12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.revision.content import digest_of, total_of, with_options
from ddbcfg_client.dynamodb.revision.item import item_of, with_log
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.format.names import Names
from support.fault_proxy import FaultProxy
from support.revision_following import NEW
from support.revision_polling import Host
from support.revisions import RevisedStore, packed


@pytest.fixture
def dynalite(emulator_url: str, emulator_name: str, table_name: str) -> Any:
    if emulator_name != "dynalite":
        pytest.skip("moto's capacity units are not the service's")
    client = connect_dynamodb(endpoint_url=emulator_url)
    ensure_table(Table(client, table_name))
    yield RevisedStore(client, table_name)
    client.close()


def test_units_are_those_of_the_requests_of_each_poll(
    dynalite: RevisedStore, proxy: FaultProxy, names: Names
) -> None:
    content = {f"o{number:02}": packed("o", text="x" * 1050) for number in range(40)}
    revision = dynalite.begin(content)
    host = Host(dynalite, proxy, names)
    host.poll()
    # 43 KB, eventually consistent, and a consistent revision item.
    assert host.page.poll_half_units == 11 + 2
    host.poll()
    assert host.page.poll_half_units == 1
    # dynalite has no transactions: this is what a writer would leave.
    changed = with_options(content, [("o07", NEW)])
    item = replace(revision, rev=2, digest=digest_of(total_of(changed)))
    log = with_log(dynalite.place, item, [(2, "o07", NEW)], 1)
    dynalite.put_revision(item_of(dynalite.place, log))
    host.poll()
    assert (host.page.how, host.page.poll_half_units) == ("log", 1)
    assert host.options == changed
    assert host.page.half_units == 11 + 2 + 2
    host.stop()
