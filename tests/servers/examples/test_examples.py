"""G3, never frozen: every worker of each example responds with a changed option, unrestarted."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from ddbcfg_client.testing import RunningDaemon
from support.daemon import environment_of
from support.examples import (
    CHANGE_POOL,
    asking,
    assert_all,
    free_port,
    of_every_worker,
    start,
    with_programs,
)
from support.waiting import wait_until

BEFORE = {"host": "db-cluster.com", "port": 27017}
AFTER = {"host": "db2.example.com", "port": 27018}


@pytest.mark.parametrize(
    ("name", "workers", "modules"),
    [
        ("flask", 4, ["flask", "gunicorn"]),
        ("fastapi", 2, ["fastapi", "uvicorn"]),
        ("django", 4, ["django", "gunicorn"]),
        ("uwsgi", 4, ["uwsgidecorators"]),
    ],
)
def test_every_worker_responds_with_the_new_option(
    name: str,
    workers: int,
    modules: list[str],
    ddbcfg_daemon: RunningDaemon,
    tmp_path: Path,
    need: Callable[[str], None],
) -> None:
    for module in modules:
        need(module)
    ddbcfg_daemon.set("db", BEFORE)
    port = free_port()
    with start(name, tmp_path, {**ddbcfg_daemon.environ, "PORT": str(port)}) as server:
        asks = asking(port, server)
        before = of_every_worker(asks, workers)
        assert_all(before, {"db": BEFORE})

        ddbcfg_daemon.set("db", AFTER)
        after = of_every_worker(asks, workers)
        assert_all(after, {"db": AFTER})
        assert after.keys() == before.keys()
        if name == "fastapi":
            logged = [f"process {pid}: changed: db" for pid in after]
            wait_until(lambda: all(line in server.log for line in logged))
        server.stop()


def test_every_worker_makes_a_new_pool(
    ddbcfg_daemon: RunningDaemon, tmp_path: Path, need: Callable[[str], None]
) -> None:
    for module in ("flask", "gunicorn", "sqlalchemy"):
        need(module)
    ddbcfg_daemon.set("db", {"url": "sqlite:///first.db"})
    port = free_port()
    with start("bind", tmp_path, {**ddbcfg_daemon.environ, "PORT": str(port)}) as server:
        asks = asking(port, server)
        before = of_every_worker(asks, 2)
        assert_all(before, {"answer": 42, "database": "first.db"})

        environment = with_programs(ddbcfg_daemon.environ)
        subprocess.run(CHANGE_POOL.split(), env=environment_of(environment), check=True)
        ddbcfg_daemon.connect().reload()
        after = of_every_worker(asks, 2)
        assert_all(after, {"answer": 42, "database": "other.db"})
        assert after.keys() == before.keys()
        server.stop()


def test_every_pool_process_of_celery_returns_the_new_option(
    ddbcfg_daemon: RunningDaemon, tmp_path: Path, need: Callable[[str], None]
) -> None:
    need("celery")
    from support.brokers import TaskSender

    ddbcfg_daemon.set("db", BEFORE)
    queue = tmp_path / "queue"
    environment = {**ddbcfg_daemon.environ, "CELERY_FOLDER": str(queue)}
    with ExitStack() as stack:
        # Its messages are there before the workers, which may take a file that is incomplete.
        ask = stack.enter_context(start("celery", tmp_path, environment, "ask.py"))
        wait_until(lambda: len(list(queue.glob("inbox/*"))) == 8 or not ask.is_running())
        stack.enter_context(start("celery", tmp_path, environment))
        wait_until(lambda: not ask.is_running())
        assert ask.log.count(f"'db': {BEFORE}") == 8

        asks = [stack.enter_context(TaskSender(queue, "tasks.show")) for _ in range(4)]
        before = of_every_worker(asks, 4)
        assert_all(before, {"db": BEFORE})

        ddbcfg_daemon.set("db", AFTER)
        after = of_every_worker(asks, 4)
        assert_all(after, {"db": AFTER})
        assert after.keys() == before.keys()
        # Not stopped but killed: Celery takes six seconds to end, whatever the application is.
