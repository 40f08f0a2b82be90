"""G7, honest: gunicorn's master connects as root, and its workers become somebody else.

They may not open the segments that come then.  They say so, and do not serve old options for ever.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.serving import Server, Visitor, accepts
from support.shm import reading
from support.waiting import wait_until

NOBODY = 65534

KINDS = {"sync": (), "gthread": ("--worker-class=gthread", "--threads=4")}


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    """A publisher that has published once."""
    publisher = Publisher(names)
    publish(publisher, "first", 0.0)
    yield publisher
    publisher.close()


def publish(publisher: Publisher, host: str, age: float) -> None:
    """Publish what was read that many seconds ago, as far as the page says."""
    publisher.publish(reading({"db": {"host": host}}))
    publisher.report(PageStatus(success=boottime() - round(age * 1e9)))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("arguments", KINDS.values(), ids=KINDS)
def test_workers_that_may_not_open_the_next_segment_serve_old_options_no_longer_than_max_age(
    arguments: tuple[str, ...],
    publisher: Publisher,
    settings: dict[str, str],
    tmp_path: Path,
    need: Callable[[str], None],
) -> None:
    need("gunicorn")
    path = tmp_path / "http"
    user = ["--user", str(NOBODY), "--group", str(NOBODY)]
    where = ["--bind", f"unix:{path}", "--preload", *user, *arguments]
    command = [sys.executable, "-m", "gunicorn", *where, "servers.aging:application"]
    with Server(command, tmp_path, settings) as server:
        wait_until(lambda: accepts(path, server))

        def ask() -> dict[str, Any]:
            with Visitor(path) as visitor:
                return visitor()

        first = ask()
        assert (first["uid"], first["host"], first["error"]) == (NOBODY, "first", None)

        publisher.report(PageStatus(success=boottime() - 4 * 10**9))
        publish(publisher, "second", 0.0)
        kept_away = ask()
        assert (kept_away["host"], kept_away["generation"], kept_away["published"]) == (
            "first",
            1,
            2,
        )
        assert kept_away["age"] >= 4
        assert "no permission to read" in kept_away["error"]
        # max_age bites, however often the daemon confirms the second generation.
        wait_until(lambda: ask()["host"] is None)
        publisher.report(PageStatus(success=boottime()))
        stale = ask()
        assert stale["host"] is None
        assert stale["old"] == "first"  # without max_age it is served, and its age grows
        assert stale["age"] > 5
        assert [line.split()[0] for line in stale["lines"]] == ["WARNING", "WARNING"]  # a Config

        path_of(publisher.names.segment(2)).chmod(0o644)
        wait_until(lambda: ask()["host"] == "second")
        wait_until(lambda: ask()["error"] is None)
        back = ask()
        assert back["pid"] == first["pid"]
        assert back["age"] < 5
        assert [line.split()[0] for line in back["lines"]] == ["WARNING"] * 2 + ["INFO"] * 2
        server.stop()
