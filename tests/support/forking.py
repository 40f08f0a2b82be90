"""Scenes in which a process that reads forks.

``python -m support.forking SCENE NAMESPACE``, a process of its own, so that it has the threads that
the scene starts and no others.  It asks whoever started it to publish by printing ``publish N``, is
answered with a line, and prints ``ok`` at the end.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import ddbcfg_client.format.index
import ddbcfg_client.page_follower
import ddbcfg_client.snapshot
from ddbcfg_client.config import Config
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Trust
from support.racing import number_in

HANG = 20  # seconds after which a child counts as hanging


def ask_for(number: int) -> None:
    """Have publication *number* published."""
    print(f"publish {number}", flush=True)
    sys.stdin.readline()


def numbers(config: Config) -> tuple[int | None, ...]:
    """The publication as every way of reading tells it."""
    everything = config.get()
    return tuple(
        number_in(value)
        for value in (config.get("db"), config["timeouts"], everything["secret-key"])
    )


class Child:
    """A forked child that reads on request; what it raises fails its parent's test."""

    def __init__(self, act: Callable[[], object]) -> None:
        (ours, self._commands), (self._answers, theirs) = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(ours)
            os.close(theirs)
            return
        os.close(self._commands)
        try:
            # Not until the pipe ends: a child that was forked later has its other end, too.
            while os.read(ours, 1) == b"!":
                signal.alarm(HANG)
                os.write(theirs, b"=" + repr(act()).encode())
        except BaseException:  # noqa: BLE001 - its parent raises it
            # Its end, as much as a pipe takes in one piece.
            os.write(theirs, b"!" + traceback.format_exc().encode()[-4000:])
        finally:
            os._exit(0)

    def act(self) -> str:
        os.write(self._commands, b"!")
        answer = os.read(self._answers, 4096).decode(errors="replace")
        assert answer, "the child ended without an answer"
        assert answer[0] == "=", f"the child raised:\n{answer[1:]}"
        return answer[1:]

    def end(self) -> None:
        os.write(self._commands, b".")
        os.close(self._commands)
        os.close(self._answers)
        assert os.waitpid(self.pid, 0)[1] == 0


def act_and_end(child: Child) -> str:
    answer = child.act()
    child.end()
    return answer


def in_forked_child(act: Callable[[], object]) -> None:
    """Fork, call *act* in the child, and wait; fails when the child fails or hangs."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(HANG)
            act()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(pid, 0)[1]
    assert not os.WIFSIGNALED(status), f"the child hung (signal {os.WTERMSIG(status)})"
    assert status == 0, "the child failed"


def family(config: Config) -> None:
    """Children forked before and after a publication, the parent, and a grandchild."""
    assert numbers(config) == (1, 1, 1)
    pinned = config.snapshot()
    early = Child(lambda: numbers(config))
    ask_for(2)
    late = Child(lambda: numbers(config))  # the parent has not read since the publication
    assert early.act() == late.act() == "(2, 2, 2)"
    assert numbers(config) == (2, 2, 2)
    ask_for(3)
    assert numbers(config) == (3, 3, 3)
    assert early.act() == late.act() == "(3, 3, 3)"
    # What was pinned before the fork is the same on both sides, decoded or not.
    assert number_in(pinned["external-port"]) == 1
    pinning = Child(lambda: (pinned.generation, number_in(pinned["external-port"])))
    ask_for(4)
    assert pinning.act() == "(1, 1)"
    # A child that lets go, or ends, takes nothing from the others.
    closing = Child(config.close)
    closing.act()
    closing.end()
    early.end()
    assert numbers(config) == (4, 4, 4)
    assert late.act() == "(4, 4, 4)"
    grandchild = Child(lambda: act_and_end(Child(lambda: numbers(config))))
    ask_for(5)
    assert grandchild.act() == repr("(5, 5, 5)")
    for child in (late, pinning, grandchild):
        child.end()


def midway(config: Config) -> None:
    """Forks while another thread is in the middle of each part of the slow path."""
    parent, inside, go_on = os.getpid(), threading.Event(), threading.Event()

    def held(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if os.getpid() == parent and threading.current_thread() is not threading.main_thread():
                inside.set()
                assert go_on.wait(HANG)
            return real(*arguments, **keywords)

        return call

    def read_anew() -> None:
        config.close()
        assert set(numbers(config)) <= {number, number + 1}

    places: list[tuple[Any, str]] = [
        (ddbcfg_client.page_follower, "Page"),
        (ddbcfg_client.page_follower, "Segment"),
        (ddbcfg_client.page_follower, "Snapshot"),
        (ddbcfg_client.snapshot, "unpack_option"),
        (ddbcfg_client.format.index, "crc32"),
    ]
    number = 1
    for module, name in places:
        config._memo._kept.clear()
        inside.clear()
        go_on.clear()
        real = getattr(module, name)
        setattr(module, name, held(real))
        thread = threading.Thread(target=read_anew)
        thread.start()
        assert inside.wait(HANG), f"{name} is not in the slow path"
        expected = number

        def read_as_child() -> None:
            assert set(numbers(config)) == {expected}  # noqa: B023 - called in this round
            read_anew_as_child()

        def read_anew_as_child() -> None:
            config.close()
            assert set(numbers(config)) == {expected}  # noqa: B023 - called in this round

        in_forked_child(read_as_child)
        ask_for(number + 1)
        expected = number + 1
        in_forked_child(read_as_child)
        go_on.set()
        thread.join()
        setattr(module, name, real)
        number += 1
        assert numbers(config) == (number,) * 3


def hammer(config: Config) -> None:
    """Forks at any moment, while threads do nothing but attach anew."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def attach() -> None:
        try:
            while not stop.is_set():
                config.close()
                assert set(numbers(config)) == {1}
        except (AssertionError, ConfigError) as error:
            failures.append(error)

    def read() -> None:
        for _ in range(5):
            assert numbers(config) == (1, 1, 1)
            config.close()

    threads = [threading.Thread(target=attach) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            in_forked_child(read)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


if __name__ == "__main__":
    scene = {"family": family, "midway": midway, "hammer": hammer}[sys.argv[1]]
    scene(Config(Names(sys.argv[2], "prod"), Trust()))
    print("ok", flush=True)
