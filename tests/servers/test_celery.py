"""G3, never frozen: Celery's prefork pool, whose processes are forked after the import."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from support.publishing import Publishing
from support.serving import Load, Server, keep_current

WORKERS = 4


def test_every_pool_process_is_current_at_its_next_read(
    publishing: Publishing,
    settings: dict[str, str],
    tmp_path: Path,
    need: Callable[[str], None],
    record_property: Callable[[str, object], None],
) -> None:
    need("celery")
    from support.brokers import TaskSender

    command = [sys.executable, "-m", "celery", "--app=servers.tasks:celery", "worker"]
    command += ["--pool=prefork", f"--concurrency={WORKERS}", "--loglevel=WARNING"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    settings["SERVERS_FOLDER"] = str(tmp_path)
    with Server(command, tmp_path, settings) as server:
        with Load(lambda: TaskSender(tmp_path), server, WORKERS) as load:
            came = keep_current(publishing, load)
        load.check()
        # Not stopped but killed: Celery takes six seconds to end, whatever the application is.
    record_property("Celery prefork", str(came))
