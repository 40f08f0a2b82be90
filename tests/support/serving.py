"""Real servers, load on them, and what every worker must keep to while generations change."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

from support.daemon import RECORD, environment_of
from support.publishing import Publishing
from support.waiting import wait_until

TESTS = Path(__file__).parents[1]
PATIENCE = 20.0  # seconds after which what was waited for will not come
HANG = 5.0  # seconds after which a request counts as one that nobody answers
LIMIT = 5.0  # seconds in which a reader is back after its page was made anew (G3)
VISITORS = 3  # threads that ask without a pause
GENERATIONS = 10  # in a row, while nothing else happens

Ask = AbstractContextManager[Callable[[], dict[str, Any]]]


class Server:
    """A server and its workers, in a process group of their own."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        cwd: Path | None = None,
    ) -> None:
        self.command = command
        self._log = folder / "log"
        ours = {"PYTHONPATH": str(TESTS), "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=cwd or folder,
                env=environment_of({**ours, "TMPDIR": str(folder), **environment}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """Everything it printed so far."""
        return self._log.read_text("utf-8", "replace")

    def is_running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end, and wait until all its processes have ended: none hangs."""
        self._process.send_signal(signal.SIGTERM)
        self._wait_for_all()

    def interrupt(self) -> None:
        """Press Ctrl-C, and wait until all its processes have ended."""
        self._signal_all(signal.SIGINT)
        self._wait_for_all()

    def _wait_for_all(self) -> None:
        self._process.wait(PATIENCE)
        wait_until(lambda: not self._signal_all(0), PATIENCE)

    def _signal_all(self, number: int) -> bool:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._signal_all(signal.SIGKILL)
        self._process.wait()
        print(self.log)
        RECORD.add(" ".join(self.command), self.log)


def accepts(path: Path, server: Server) -> bool:
    """Whether the server listens there by now."""
    assert server.is_running(), "the server ended"
    with socket.socket(socket.AF_UNIX) as attempt:
        return attempt.connect_ex(str(path)) == 0


class _Connection(HTTPConnection):
    """HTTP over a Unix socket: there is no port that somebody else may have."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Visitor:
    """Asks over HTTP, so many times by one connection; not for several threads."""

    def __init__(self, path: Path, requests: int = 1, timeout: float = HANG) -> None:
        self._connection = _Connection(path, timeout)
        self._requests = self._left = requests

    def __call__(self, url: str = "/") -> dict[str, Any]:
        self._left -= 1
        headers = {"Connection": "keep-alive" if self._left else "close"}
        self._connection.request("GET", url, headers=headers)
        response = self._connection.getresponse()
        body = response.read()
        if self._left == 0:
            self._connection.close()  # uWSGI closes it, too, but does not say so
            self._left = self._requests
        assert response.status == 200, f"{response.status}: {body[:500]!r}"
        answer: dict[str, Any] = json.loads(body)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()


class Load:
    """Threads that ask without a pause, and check every answer.

    No answer may be older than what was published before its request was sent, nor older than what
    its worker had answered by then.
    """

    def __init__(self, make_ask: Callable[[], Ask], server: Server, workers: int) -> None:
        self._server = server
        self._workers = workers
        self._changed = threading.Condition()
        self._stop = False
        self._floor = 0
        self._newest: dict[int, tuple[int, int]] = {}  # each worker's number and generation
        self.errors: list[str] = []
        self.answers: Counter[int] = Counter()  # of each worker
        self.reads = 0
        self._threads = [
            threading.Thread(target=self._visit, args=(make_ask,)) for _ in range(VISITORS)
        ]

    def _visit(self, make_ask: Callable[[], Ask]) -> None:
        try:
            with make_ask() as ask:
                while not self._stop:
                    floor, known = self._floor, dict(self._newest)
                    self._note(ask(), floor, known)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells
            self._fail(f"{type(error).__name__}: {error}")

    def _note(
        self, answer: Mapping[str, int], floor: int, known: Mapping[int, tuple[int, int]]
    ) -> None:
        pid, number, generation = answer["pid"], answer["number"], answer["generation"]
        before = known.get(pid, (0, 0))
        if number < floor:
            self._fail(f"{pid} answers {number} when {floor} is published")
        if number < before[0] or generation < before[1]:
            self._fail(f"{pid} answers {number, generation} after {before}")
        with self._changed:
            self._newest[pid] = max(self._newest.get(pid, (0, 0)), (number, generation))
            self.answers[pid] += 1
            self.reads += answer["reads"]
            self._changed.notify_all()

    def _fail(self, error: str) -> None:
        with self._changed:
            self.errors.append(error)
            self._changed.notify_all()

    def require(self, number: int) -> None:
        """From now on every request has to be answered with this publication or a later one."""
        self._floor = number

    def wait_until_current(self, number: int) -> float:
        """Return when each worker has answered with this publication: after how many seconds."""
        start = time.monotonic()
        self._wait(
            lambda: sum(newest >= number for newest, _ in self._newest.values()) == self._workers,
            f"publication {number} of each worker",
        )
        return time.monotonic() - start

    def wait_for_answers(self, count: int) -> None:
        """Return when each worker has answered so many requests more."""
        before = self.answers.copy()
        self._wait(
            lambda: all(self.answers[pid] >= before[pid] + count for pid in before),
            f"{count} answers more of each worker",
        )

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            come = self._changed.wait_for(
                lambda: self.errors or not self._server.is_running() or condition(), PATIENCE
            )
        self.check()
        assert self._server.is_running(), "the server ended"
        assert come, f"no {what}: {self._newest}"

    def check(self) -> None:
        """No request failed, and every worker is one that was there at the start."""
        assert self.errors == [], self.errors
        assert len(self._newest) <= self._workers, f"workers came and went: {self._newest}"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop = True
        for thread in self._threads:
            thread.join()


def keep_current(publishing: Publishing, load: Load) -> str:
    """All that may happen to a store while its workers are asked; what came of it.

    Every worker has each generation at its very next read; only after the page was removed while
    nobody served it does it take up to LIMIT.
    """
    load.wait_until_current(publishing.number)
    for _ in range(GENERATIONS):
        load.require(publishing.publish())
        load.wait_until_current(publishing.number)

    # Killed at any moment of a publication; nobody serves the store; somebody does again.
    first = publishing.storm()
    load.wait_until_current(first + 50)
    publishing.kill()
    load.wait_for_answers(2)
    publishing.start()
    load.require(publishing.publish())
    killed = load.wait_until_current(publishing.number)

    publishing.remove_page()
    load.wait_for_answers(2)
    load.require(publishing.publish())
    removed = load.wait_until_current(publishing.number)

    # Killed and removed: nothing tells the workers that their page is nobody's any more.
    publishing.kill()
    publishing.remove_page()
    load.wait_for_answers(2)
    publishing.start()
    number = publishing.publish()
    orphaned = load.wait_until_current(number)
    assert orphaned < LIMIT
    load.require(number)
    load.require(publishing.publish())
    load.wait_until_current(publishing.number)

    load.check()
    return (
        f"{len(load.answers)} workers, {load.answers.total()} requests, {load.reads} reads, "
        f"{publishing.publications} publications, no error; all current after: kill "
        f"{killed * 1000:.0f} ms, page removed {removed * 1000:.0f} ms, both {orphaned:.2f} s"
    )
