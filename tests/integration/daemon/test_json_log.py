"""A whole daemon with ``--log-format json``: every line is an object, and no poll is a line."""

from __future__ import annotations

import json

from ddbcfg_client.dynamodb.revision.place import REVISION_OPTION
from support.daemon import SECRET, Host
from support.tables import ConfigTable


def test_every_line_is_an_object_and_an_uneventful_poll_none(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host=SECRET)
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", moto_url),
        *("--interval", "0.1", "--log-format", "json"),
    )
    daemon.wait_for("published")
    host.wait_for_status(lambda status: status.polls > 3)
    assert daemon.stop() == 0
    lines = [json.loads(line) for line in daemon.output.splitlines()]
    assert [line["event"] for line in lines] == ["serving", "published", "stopping"]
    assert {(line.get("namespace"), line.get("store")) for line in lines[:2]} == {
        (host.namespace, "prod")
    }


def test_a_line_about_a_revision_or_a_layer_has_the_names_of_the_store(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host=SECRET)
    table.put("_ddbcfg/prod", REVISION_OPTION, rev="damaged")
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", moto_url),
        *("--layers", "nope,prod", "--once", "--log-format", "json"),
    )
    assert daemon.wait() == 0
    lines = [json.loads(line) for line in daemon.output.splitlines()]
    [line] = [line for line in lines if "its revision is not followed" in line["message"]]
    assert (line["namespace"], line["store"]) == (host.namespace, "prod")


def test_why_it_ends_is_an_object_too(host: Host, table: ConfigTable, moto_url: str) -> None:
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", moto_url),
        *("--once", "--log-format", "json"),
    )
    assert daemon.wait() == 1
    last = json.loads(daemon.output.splitlines()[-1])
    assert (last["event"], last["level"]) == ("failed", "error")
    assert "no options" in last["message"]
