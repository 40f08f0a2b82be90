"""What ``--http`` says of the stores: metrics and health, and never a value (G7, G9)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_daemon.errors import ForeignObject
from ddbcfg_daemon.outputs.web.messages import Request, Response
from ddbcfg_daemon.outputs.web.site import Site
from ddbcfg_daemon.served_store import STUCK
from ddbcfg_daemon.settings.http_address import HttpAddress
from support.daemon import SECRET
from support.served import Served
from support.shm import reading

LOOPBACK = HttpAddress("127.0.0.1", 9112)
AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "the network is down")

Serve = Callable[..., Served]


@pytest.fixture
def serve(namespace: str) -> Iterator[Serve]:
    """Make a store, whose memory goes with the test."""
    with ExitStack() as stack:

        def make(store: str = "prod") -> Served:
            served = Served(namespace, store)
            stack.callback(served.store.close)
            return served

        yield make


def site_of(*stores: Served, address: HttpAddress = LOOPBACK) -> Site:
    site = Site(address)
    site.show([served.store for served in stores])
    return site


def get(site: Site, target: str, method: str = "GET", host: str = "localhost:9112") -> Response:
    response = site.respond(Request(method, target, hosts=(host,)))
    assert SECRET not in str(response)
    return response


def ready(site: Site) -> tuple[int, str]:
    response = get(site, "/readyz")
    return response.status, response.body.decode()


# --- metrics -------------------------------------------------------------------------------------


def test_metrics_have_causes_durations_and_the_age(serve: Serve) -> None:
    served = serve()
    served.poll(reading({"db": {"host": SECRET}, "more": {}}))
    served.poll(AWAY)
    served.poll(AWAY)
    served.poll(reading({}))
    served.refresher.nudge()
    text = get(site_of(served), "/metrics").body.decode()

    def value(name: str, labels: str = "") -> float:
        [found] = re.findall(rf'ddbcfg_{name}\{{{labels}namespace=.*store="prod"\}} (.+)', text)
        return float(found)

    assert value("poll_failures_total", 'cause="TableUnreachable",') == 2
    assert value("poll_seconds_count") == value("polls_total") == 4
    assert value("poll_seconds_bucket", r'le="\+Inf",') == 4
    assert value("publish_seconds_count") == 1
    assert 0 < value("publish_seconds_sum") < 20
    assert (value("refusals_total"), value("refused"), value("requests_total")) == (1, 1, 1)
    assert 0 <= value("age_seconds") < 20
    assert 'ddbcfg_build_info{python="3.' in text


def test_metrics_come_in_the_format_that_is_asked_for(serve: Serve) -> None:
    site = site_of(serve())
    plain = site.respond(Request("GET", "/metrics", hosts=("localhost",)))
    accept = "application/openmetrics-text;version=1.0.0"
    open_ = site.respond(Request("GET", "/metrics", accept, ("localhost",)))
    assert plain.kind.startswith("text/plain; version=0.0.4")
    assert open_.kind.startswith("application/openmetrics-text; version=1.0.0")
    assert open_.body.endswith(b"# EOF\n")


@pytest.mark.parametrize("version", ["abc", "1.x", "2.\xe9", "", "1.0.0-\xe9", "9.0.0"])
@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain"])
def test_a_format_that_there_is_not_is_no_bug(
    serve: Serve, caplog: pytest.LogCaptureFixture, kind: str, version: str
) -> None:
    accept = f"{kind};version={version}"
    response = site_of(serve()).respond(Request("GET", "/metrics", accept, ("localhost",)))
    assert (response.status, response.kind.isascii(), caplog.text) == (200, True, "")
    assert "9.0.0" not in response.kind


# --- health --------------------------------------------------------------------------------------


def test_ready_once_each_store_has_a_snapshot_however_old(serve: Serve) -> None:
    one, other = serve("one"), serve("other")
    site = site_of(one, other)
    one.poll()
    status, text = ready(site)
    assert status == 503
    assert re.fullmatch(r"failed\nt.+/one: fresh\nt.+/other: starting: .+\n", text)
    other.poll(AWAY)
    assert ready(site)[0] == 503
    assert "other: empty: no snapshot yet: " in ready(site)[1]
    other.poll(reading({"db": {}}))
    one.poll(AWAY)
    status, text = ready(site)
    assert status == 200
    assert "/one: failing: the last poll failed: " in text
    assert ready(Site(LOOPBACK)) == (503, "failed\nno store is served yet\n")


def test_a_store_that_cannot_be_served_is_not_ready_and_says_why(serve: Serve) -> None:
    served = serve()
    served.store.close()
    served.store.obstacle = ForeignObject("/page", "bob (uid 1001)", "a file")
    status, text = ready(site_of(served))
    assert status == 503
    assert "/prod: not served: /page is in the way: a file of bob" in text


def test_healthy_unless_a_thread_makes_no_progress(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve()
    site = site_of(served)
    served.poll(AWAY)
    assert get(site, "/healthz").status == 200
    monkeypatch.setattr(type(served.refresher), "silence", STUCK + 1)
    response = get(site, "/healthz")
    assert (response.status, response.body.decode()[:7]) == (503, "failed\n")
    assert b"no progress for 121 s" in response.body


@pytest.mark.parametrize(
    ("target", "accept", "as_json"),
    [
        ("/readyz?format=json", "", True),
        ("/readyz", "application/json", True),
        ("/readyz?format=text", "application/json", False),
        ("/readyz", "*/*", False),
    ],
)
def test_reasons_as_text_or_json(serve: Serve, target: str, accept: str, as_json: bool) -> None:
    served = serve()
    served.poll()
    served.poll(reading({}))
    response = site_of(served).respond(Request("GET", target, accept, ("localhost",)))
    assert (response.kind == "application/json") == as_json
    if as_json:
        found = json.loads(response.body)
        [store] = found["stores"]
        assert (found["ok"], store["ok"], store["condition"]) == (True, True, "held")
        assert "empty" in store["reason"]


@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
def test_a_name_forges_no_line(serve: Serve, target: str) -> None:
    lines = get(site_of(serve("a: fresh\nb\x1b[2J")), target).body.decode().splitlines()
    assert len(lines) == 2
    assert "b\\x1b[2J" in lines[1]


# --- requests ------------------------------------------------------------------------------------


def test_paths_and_methods_that_there_are_not(serve: Serve) -> None:
    site = site_of(serve())
    assert get(site, "/nothing").status == 404
    assert get(site, "/metrics/").status == 404
    assert get(site, "/../etc/passwd").status == 404
    assert get(site, "http://[/metrics").status == 404
    for method in ("POST", "DELETE", "OPTIONS", "TRACE"):
        refused = get(site, "/metrics", method)
        assert (refused.status, dict(refused.headers)["Allow"]) == (405, "GET, HEAD")
    assert get(site, "http://localhost:9112/metrics?x=1", "HEAD").status == 200


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:9112", "[::1]:9112", "10.0.0.1"]
)
def test_a_loopback_server_serves_its_own_names(serve: Serve, host: str) -> None:
    assert get(site_of(serve()), "/metrics", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:9112", "", "127.0.0.1.evil.example", "[evil]"]
)
def test_a_name_that_was_bound_to_loopback_is_refused(serve: Serve, host: str) -> None:
    assert get(site_of(serve()), "/metrics", host=host).status == 421
    public = HttpAddress("192.0.2.1", 9112)
    assert get(site_of(serve("x"), address=public), "/metrics", host=host).status == 200


def test_a_bug_is_a_response_without_its_text(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(type(serve().refresher), "silence", property(fail))
    site = site_of(serve("other"))
    assert get(site, "/readyz").status == 500
    assert "http: RuntimeError at" in caplog.text
    assert SECRET not in caplog.text


def test_every_response_forbids_what_the_page_does_not_need(serve: Serve) -> None:
    site = site_of(serve())
    for target in ("/metrics", "/readyz", "/nothing"):
        headers = dict(get(site, target).headers)
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
