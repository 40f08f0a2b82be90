"""G3, never frozen: the workers of real web servers, with no hook to call.

``ddbcfg_client.connect`` is called when the application is imported: before the fork with
gunicorn's --preload, in uWSGI's master and with multiprocessing's fork.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from support.publishing import Publishing
from support.serving import Load, Server, Visitor, accepts, keep_current
from support.waiting import wait_until

APPLICATION = "servers.app:application"


class Kind(NamedTuple):
    """A server: its module, its arguments, and what it is like."""

    module: str
    arguments: tuple[str, ...]
    workers: int
    requests: int = 1  # by one connection
    concurrent: bool = False  # a worker answers others while one request waits

    def command(self, path: Path) -> list[str]:
        if self.module == "multiprocessing":
            return [sys.executable, "-m", "servers.family", *self.arguments, str(path), "4"]
        if self.module == "uwsgidecorators":
            uwsgi = Path(sys.executable).with_name("uwsgi")
            where = ["--http-socket", str(path), "--virtualenv", sys.prefix]
            return [str(uwsgi), *where, *self.arguments, "--module", APPLICATION]
        where = ["--bind", f"unix:{path}", "--workers", str(self.workers)]
        return [sys.executable, "-m", "gunicorn", *where, *self.arguments, APPLICATION]


SYNC = Kind("gunicorn", (), 4)
GTHREAD = Kind("gunicorn", ("--worker-class=gthread", "--threads=4"), 2, 10, concurrent=True)
GEVENT = Kind("gevent", ("--worker-class=gevent",), 2, 10, concurrent=True)
# The module that uwsgi and pyuwsgi, the same as a wheel, have in common.
UWSGI = Kind("uwsgidecorators", ("--master", "--need-app", "--die-on-term", "--processes=4"), 4)
THREADS = UWSGI._replace(
    arguments=(*UWSGI.arguments[:-1], "--processes=2", "--threads=4"), workers=2, concurrent=True
)


def also(kind: Kind, *arguments: str) -> Kind:
    return kind._replace(arguments=(*kind.arguments, *arguments))


KINDS = {
    "gunicorn sync": SYNC,
    "gunicorn sync preloaded": also(SYNC, "--preload"),
    "gunicorn gthread": GTHREAD,
    "gunicorn gthread preloaded": also(GTHREAD, "--preload"),
    "gunicorn gevent": GEVENT,
    "gunicorn gevent preloaded": also(GEVENT, "--preload"),
    "uWSGI": UWSGI,
    "uWSGI lazy-apps": also(UWSGI, "--lazy-apps"),
    "uWSGI threads": THREADS,
    **{
        f"multiprocessing {method}": Kind("multiprocessing", (method,), 4)
        for method in ("fork", "spawn", "forkserver")
    },
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_worker_is_current_at_its_next_read(
    kind: Kind,
    publishing: Publishing,
    settings: dict[str, str],
    tmp_path: Path,
    need: Callable[[str], None],
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    need(kind.module)
    path = tmp_path / "http"
    with Server(kind.command(path), tmp_path, settings) as server:
        wait_until(lambda: accepts(path, server))
        with Load(lambda: Visitor(path, kind.requests), server, kind.workers) as load:
            came = keep_current(publishing, load)
            if kind.concurrent:
                reload_while_others_are_answered(path, publishing, load)
            load.check()
        server.stop()
    record_property(request.node.callspec.id, str(came))


def reload_while_others_are_answered(path: Path, publishing: Publishing, load: Load) -> None:
    """``config.reload()`` waits without stopping its worker's other threads or greenlets."""
    with Visitor(path, timeout=15) as visitor, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(visitor, "/reload")
        publishing.await_request()
        # The worker that waits for the poll is one of these.
        load.wait_for_answers(5)
        assert not asked.done()
        publishing.poll()
        assert asked.result()
