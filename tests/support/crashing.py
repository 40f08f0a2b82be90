"""Publishers that are killed, each in a child process, at exactly the point that a test names.

``python -m support.crashing``: reads one order a line, ``{"act", "namespace", "number", "step",
"line"}``, forks a child that carries it out, and answers with a line when the child has ended.

``python -m support.crashing NAMESPACE`` is a daemon instead that stays until it is killed.

``step`` N kills the child with SIGKILL when it is about to take the publisher's Nth named step.
``line`` N kills it when it is about to execute, for the first time, the Nth different line of
ddbcfg: between any two of them, that is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import ddbcfg_client
import ddbcfg_daemon.publishing.publisher
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.status import process_start
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading
from support.children import answer, ask, start_module
from support.racing import OPTIONS, option

_OURS = tuple(os.path.dirname(package.__file__ or "") for package in (ddbcfg_client, ddbcfg_daemon))


def reading(number: int) -> Reading:
    """Publication *number*: the same number in every option."""
    return Reading(dict.fromkeys(OPTIONS, option(number)), time.time_ns())


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# --- what the child does -------------------------------------------------------------------------


def publish(names: Names, number: int, at: Callable[[str], None]) -> None:
    """Take the store over and publish, as the daemon does."""
    publisher = Publisher(names, at=at)
    status = publisher.status()
    status.daemon_pid, status.daemon_start = os.getpid(), process_start(os.getpid())
    publisher.report(status)
    publisher.publish(reading(number))
    publisher.report(PageStatus(polls=number, daemon_pid=os.getpid()))
    publisher.close()


def repair_page(names: Names, number: int, at: Callable[[str], None]) -> None:
    """Notice that the control page is gone, and make a new one."""
    publisher = Publisher(names, at=at)
    path_of(names.page).unlink()
    publisher.verify()
    publisher.publish(reading(number))
    publisher.close()


def repair_segment(names: Names, number: int, at: Callable[[str], None]) -> None:
    """Notice that the snapshot segment is gone, and make it anew."""
    publisher = Publisher(names, at=at)
    path_of(names.segment(publisher.generation)).unlink()
    publisher.verify()
    publisher.publish(reading(number))
    publisher.close()


def start_without_page(names: Names, number: int, at: Callable[[str], None]) -> None:
    """Take over after somebody removed the page of a publisher that is gone."""
    path_of(names.page).unlink()
    publish(names, number, at)


ACTS = {act.__name__: act for act in (publish, repair_page, repair_segment, start_without_page)}


def _child(order: dict[str, Any], told: int) -> None:
    steps = 0
    seen: set[tuple[str, int]] = set()

    def at(step: str) -> None:
        nonlocal steps
        steps += 1
        os.write(told, f"{step}\n".encode())
        if steps == order.get("step"):
            _die()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        file = frame.f_code.co_filename
        if not file.startswith(_OURS):
            return None
        if event == "line" and (file, frame.f_lineno) not in seen:
            seen.add((file, frame.f_lineno))
            if len(seen) == order["line"]:
                where = f"{os.path.basename(file)}:{frame.f_lineno}"
                os.write(told, f"{where}\n".encode())
                _die()
        return trace

    if "line" in order:
        sys.settrace(trace)
    ACTS[order["act"]](Names(order["namespace"], "prod"), order["number"], at)


def hold(namespace: str) -> None:
    """Be a daemon that serves the store, reports its pid, and does what each line tells it."""
    publisher = Publisher(Names(namespace, "prod"))
    publisher.publish(reading(1))
    start_time = process_start(os.getpid())
    publisher.report(PageStatus(daemon_pid=os.getpid(), daemon_start=start_time))
    print("ready", flush=True)
    for line in sys.stdin:
        came: object = None
        match line.strip():
            case "verify":
                try:
                    came = publisher.verify()
                except ConfigError as error:
                    came = [type(error).__name__]
            case "fork":
                if os.fork():
                    continue
                print(os.getpid(), flush=True)
                signal.pause()
            case "spawn":
                came = subprocess.Popen(["sleep", "60"]).pid
        print(json.dumps(came), flush=True)


def serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        reading_end, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading_end)
            code = 1
            try:
                _child(order, told)
                code = 0
            finally:
                os._exit(code)
        os.close(told)
        with open(reading_end) as pipe:
            steps = pipe.read().split("\n")[:-1]
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"status": status, "steps": steps}), flush=True)


# --- who gives the orders ------------------------------------------------------------------------


class Crasher:
    """The process above, as a test has it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] = start_module("support.crashing")

    def run(self, act: str, namespace: str, number: int, **kill: int) -> tuple[bool, list[str]]:
        """Whether the child was killed, and the steps that it came to.

        Killed at a line, the last of them is that line.
        """
        order = {"act": act, "namespace": namespace, "number": number} | kill
        came = json.loads(ask(self._process, json.dumps(order)))
        assert came["status"] in (0, -signal.SIGKILL), came
        return came["status"] != 0, came["steps"]

    def close(self) -> None:
        with self._process as process:
            process.communicate()


class Holder:
    """A process that serves a store, as a test has it."""

    def __init__(self, namespace: str) -> None:
        self._process = start_module("support.crashing", namespace)
        self.pid = self._process.pid
        assert answer(self._process) == "ready"

    def tell(self, order: str) -> Any:
        return json.loads(ask(self._process, order))

    def kill(self) -> None:
        """Kill it and leave it a zombie: nobody has waited for it yet."""
        self._process.kill()
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def close(self) -> None:
        with self._process as process:
            process.kill()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        hold(sys.argv[1])
    else:
        serve()
