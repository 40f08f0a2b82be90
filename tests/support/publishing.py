"""A publisher that can be killed: the real one, in a process of its own.

``python -m support.publishing NAMESPACE`` takes commands on its standard input, and answers each
with a line or more: ``publish N`` · ``storm N``, which goes on until it is killed · ``reload``,
which waits to be asked for a poll, says so, and has polled when the next line comes.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.status import pid_namespace, process_start
from support import children
from support.children import start_module
from support.racing import OPTIONS, option

if TYPE_CHECKING:
    from ddbcfg_daemon.publishing.publisher import Publisher
    from support.request_serving import Served


class Publishing:
    """The publications of one store: numbers them, and has a publisher make them."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.number = 0  # of the last publication
        self.publications = 0
        self.start()

    def start(self) -> None:
        """Start a publisher, as a host does after one was killed."""
        self._process = start_module("support.publishing", self.names.namespace)
        assert self._answer() == "ready"

    def kill(self) -> None:
        """Kill it with SIGKILL, whatever it is doing."""
        self._process.kill()
        # Not communicate(): it leaves out what was read from the pipe together with the last line.
        assert self._process.stdout is not None
        rest = self._process.stdout.read()
        self._process.communicate()
        told = [int(line) for line in rest.splitlines()[:-1] if line.isdigit()]
        self.publications += len(told)
        # The last of a storm may have been published and not been told.
        self.number = max([self.number, *told]) + 2

    def publish(self) -> int:
        """Publish once: the publication's number, when it is announced."""
        self.number += 1
        self.publications += 1
        self._ask(f"publish {self.number}")
        assert self._answer() == str(self.number)
        return self.number

    def storm(self) -> int:
        """Publish without a pause until ``kill``: the number of the first publication."""
        self._ask(f"storm {self.number + 1}")
        self.number = int(self._answer())
        return self.number

    def await_request(self) -> None:
        """Return when a reader asked for a poll; it gets none before ``poll``."""
        self._ask("reload")
        assert self._answer() == "asked"

    def poll(self) -> None:
        """Give what was asked for."""
        self._ask("go")
        assert self._answer() == "polled"

    def remove_page(self) -> None:
        """What an operator should not do."""
        Path(f"/dev/shm{self.names.page}").unlink()

    def _ask(self, command: str) -> None:
        children.tell(self._process, command)

    def _answer(self) -> str:
        return children.answer(self._process)


def serve(served: Served) -> None:
    """Do what standard input says."""
    publisher = served.publisher
    for command, *arguments in map(str.split, sys.stdin):
        if command == "publish":
            _publish(publisher, int(arguments[0]))
        elif command == "storm":
            number = int(arguments[0])
            while True:
                _publish(publisher, number)
                number += 1
        elif command == "reload":
            served.await_request()
            print("asked", flush=True)
            sys.stdin.readline()
            served.poll()
            print("polled", flush=True)


def _publish(publisher: Publisher, number: int) -> None:
    """What the daemon does at a poll that found something new."""
    from ddbcfg_daemon.sources.base import Reading

    publisher.verify()
    publisher.publish(Reading(dict.fromkeys(OPTIONS, option(number)), time.time_ns()))
    print(number, flush=True)


if __name__ == "__main__":
    from support.request_serving import serving

    with serving(Names(sys.argv[1], "prod")) as served:
        pid = os.getpid()
        who = {"daemon_start": process_start(pid), "daemon_pidns": pid_namespace()}
        served.publisher.report(PageStatus(daemon_pid=pid, **who))
        print("ready", flush=True)
        serve(served)
