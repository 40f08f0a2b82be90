"""Scenes in which a process that has bound an object forks; see ``support.forking``.

``python -m support.bound_forking SCENE NAMESPACE``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.objects import forks
from ddbcfg_client.shm.trust import Trust
from support.forking import HANG, Child, ask_for, in_forked_child
from support.racing import number_in


class Pool:
    """Knows which process made it, from which publication, and who disposed of it."""

    def __init__(self, option: dict[str, Any]) -> None:
        self.pid = os.getpid()
        self.number = number_in(option)
        self.disposed: list[int] = []

    def dispose(self) -> None:
        assert self.pid == os.getpid(), "it was disposed of in another process"
        self.disposed.append(os.getpid())

    def __del__(self) -> None:
        if self.pid != os.getpid():
            os._exit(99)


def is_mine(pool: Callable[[], Pool]) -> tuple[bool, bool, int | None]:
    """Whether the object is of this process, whether it stays, and its publication."""
    made = pool()
    return made.pid == os.getpid(), made is pool() is pool(), made.number


def family(config: Config) -> None:
    """Children forked before and after a publication, the parent, and a grandchild."""
    pool = config.bind("db", Pool, Pool.dispose)
    first = pool()
    early = Child(lambda: is_mine(pool))
    assert early.act() == repr((True, True, 1))
    assert pool() is first
    ask_for(2)
    late = Child(lambda: is_mine(pool))  # the parent has not read since the publication
    assert late.act() == early.act() == repr((True, True, 2))
    assert first.disposed == []
    assert is_mine(pool) == (True, True, 2)
    assert first.disposed == [os.getpid()]
    grandchild = Child(lambda: run(Child(lambda: is_mine(pool))))
    assert grandchild.act() == repr(repr((True, True, 2)))
    closing = Child(pool.close)  # it made none
    closing.act()
    assert is_mine(pool) == (True, True, 2)
    assert pool().disposed == []
    for child in (early, late, grandchild, closing):
        child.end()


def run(child: Child) -> str:
    answer = child.act()
    child.end()
    return answer


def raw(config: Config) -> None:
    """A fork past Python: no hook runs, as under uWSGI."""
    pool = config.bind("db", Pool, Pool.dispose)
    first = pool()
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        signal.alarm(HANG)
        os._exit(0 if is_mine(pool) == (True, True, 1) and pool() is not first else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert pool() is first


def midway(config: Config) -> None:
    """Forks while another thread makes the object, and so holds the lock."""
    parent, inside, go_on = os.getpid(), threading.Event(), threading.Event()

    def make(option: Any) -> Pool:
        if os.getpid() == parent:
            inside.set()
            assert go_on.wait(HANG)
        return Pool(option)

    pool = config.bind("db", make, Pool.dispose)
    threads = [threading.Thread(target=pool) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert inside.wait(HANG)

    def check() -> None:
        assert is_mine(pool) == (True, True, 1)
        pool.close()

    in_forked_child(check)
    go_on.set()
    for thread in threads:
        thread.join()
    assert is_mine(pool) == (True, True, 1)


def crowd(config: Config) -> None:
    """Threads of a child that call the handle at once get one object, made once."""
    pool = config.bind("db", Pool, Pool.dispose)
    pool()

    def check() -> None:
        made: list[Pool] = []
        handle = config.bind("db", lambda option: made.append(Pool(option)) or made[-1])
        for bound in (pool, handle):
            found: list[Any] = []
            barrier = threading.Barrier(8)

            def call(bound: Any = bound, found: Any = found, barrier: Any = barrier) -> None:
                barrier.wait(HANG)
                found.append(bound())

            threads = [threading.Thread(target=call) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(found) == 8
            assert len(set(map(id, found))) == 1
        assert len(made) == 1

    sys.setswitchinterval(1e-6)
    for _ in range(20):
        in_forked_child(check)


def inside(config: Config) -> None:
    """``make`` forks, as another greenlet can while it waits: the child makes its own."""
    child: int | None = None

    def make(option: Any) -> Pool:
        nonlocal child
        made = Pool(option)
        if made.number == 2 and child is None:
            child = os.fork()
        return made

    pool = config.bind("db", make, Pool.dispose)
    first = pool()
    ask_for(2)
    assert is_mine(pool) == (True, True, 2)
    if child == 0:
        os._exit(0)
    assert first.disposed == [os.getpid()]
    assert child is not None
    assert os.waitpid(child, 0)[1] == 0


SCENES = {"family": family, "raw": raw, "midway": midway, "crowd": crowd, "inside": inside}

if __name__ == "__main__":
    if len(sys.argv) > 3:  # as on a kernel without MADV_WIPEONFORK
        forks._PROCESS.word = forks.WORD = None
    SCENES[sys.argv[1]](Config(Names(sys.argv[2], "prod"), Trust()))
    print("ok", flush=True)
    os._exit(0)
