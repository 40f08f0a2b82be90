"""Greenlets that wait: ``python -m support.gevent_waiting NAMESPACE``, a process of its own.

It prints ``publish`` each time that all of them pause, and ``ok`` at the end.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import sys  # noqa: E402
from unittest.mock import patch  # noqa: E402

import gevent  # noqa: E402
from gevent.event import Event  # noqa: E402

from ddbcfg_client.config import Config  # noqa: E402
from ddbcfg_client.format.names import Names  # noqa: E402
from ddbcfg_client.shm.trust import Trust  # noqa: E402
from ddbcfg_client.waking.change import Change  # noqa: E402
from ddbcfg_client.waking.waiter import Waiter  # noqa: E402
from support.awaiting import PATIENCE, no_tick  # noqa: E402

WAITERS = 3


def waiting(config: Config) -> list[gevent.Greenlet]:
    """Greenlets that wait for a change, all of them pausing."""

    def pause(waiter: Waiter, seconds: float) -> None:
        pausing.append(waiter)
        if len(pausing) == WAITERS:
            all_pause.set()
        real(waiter, seconds)

    pausing: list[Waiter] = []
    all_pause, real = Event(), Waiter.pause
    with patch.object(Waiter, "pause", pause):
        greenlets = [gevent.spawn(config.wait) for _ in range(WAITERS - 1)]
        greenlets.append(gevent.spawn(next, config.changes()))
        assert all_pause.wait(PATIENCE)
    return greenlets


def check(greenlets: list[gevent.Greenlet], generation: int) -> None:
    """Fail unless the greenlets return soon."""
    assert len(gevent.joinall(greenlets, timeout=PATIENCE)) == WAITERS
    *waits, change = (greenlet.value for greenlet in greenlets)
    assert waits == [True] * (WAITERS - 1)
    assert change == Change(generation, changed=("db",))


def main(names: Names) -> None:
    config = Config(names, Trust())
    assert config.generation == 1
    with no_tick():
        greenlets = waiting(config)
        print("publish", flush=True)
        check(greenlets, 2)
    # A child goes on running its parent's greenlets.
    greenlets = waiting(config)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            check(greenlets, 3)
            code = 0
        finally:
            os._exit(code)
    print("publish", flush=True)
    check(greenlets, 3)
    assert os.waitpid(child, 0)[1] == 0
    print("ok", flush=True)


if __name__ == "__main__":
    main(Names(sys.argv[1], "prod"))
