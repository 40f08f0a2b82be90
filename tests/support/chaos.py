"""Chaos: everything that may go wrong on a host, at random, while readers check every value.

    python -m support.chaos --seconds 30 [--seed N]        (make chaos)

In rounds: some seconds of trouble (the daemon killed with -9 or stopped and continued, files of
/dev/shm removed, every fault that the proxy in front of DynamoDB knows, neighbours who hold or fill
connections, take the names of segments to come, forge the copy on disk, or are killed with the
semaphore) while options are being written; then all is made whole again, and every reader must have
the last value within 5 s and one interval.  Whatever a reader ever reads must be a value that was
really written, whole.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import ddbcfg_client
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.sources.local_dynamodb import LocalDynamoDB
from support.daemon import DaemonProcess, left_of
from support.fault_proxy import FAULTS, HANG, FaultProxy
from support.hostile_acts import HostileActs
from support.shm import attributes

INTERVAL = 0.5  # seconds
LIMIT = 5.0 + INTERVAL  # from "whole again" to "current everywhere"
READERS = 4
OPTIONS = ("alpha", "beta", "gamma")
STORE = "prod"
_FAULTS = [fault for fault in FAULTS if fault is not HANG]
NEVER = 1 << 40  # a number that no run writes


def proof(option: str, number: int) -> str:
    """What must stand beside *number* in an option that was really written."""
    return sha256(f"{option}:{number}".encode()).hexdigest() * (1 + number % 5)


def read(namespace: str, board: Any, place: int, written: Any, stop: Event) -> None:
    """A reader process: checks each value, and puts what it has seen on the board."""
    config = ddbcfg_client.connect(namespace, STORE, wait=30)
    reads = 0
    try:
        while not stop.is_set():
            for index, option in enumerate(OPTIONS):
                value = config[option]
                number = int(value["number"])
                if value["proof"] != proof(option, number):
                    raise AssertionError(f"{option} is torn at {number}")
                if number > written[index]:
                    raise AssertionError(f"{option} has {number}, which was never written")
                board[place + 1 + index] = number
            reads += len(OPTIONS)
            board[place] = reads
            if reads % 3000 == 0:
                time.sleep(0.001)  # two cores have more to do than to read
    except (ConfigError, AssertionError) as error:
        print(f"reader: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None


@dataclass
class Report:
    """What a run was made of, and how long readers took to be current again, in seconds."""

    seed: int
    rounds: int = 0
    reads: int = 0
    writes: int = 0
    troubles: dict[str, int] = field(default_factory=dict)
    recoveries: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        troubles = ", ".join(f"{count} {name}" for name, count in sorted(self.troubles.items()))
        return (
            f"chaos: seed {self.seed}, {self.rounds} rounds, {self.reads} reads, {self.writes} "
            f"writes, none torn or lost; troubles: {troubles}; current again after at most "
            f"{max(self.recoveries, default=0.0):.2f} s (limit {LIMIT:g} s)"
        )


class Chaos:
    """One run; everything that it draws comes from *seed*."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.report = Report(seed)
        self._random = random.Random(seed)
        self._names = Names(f"test-{uuid4().hex[:12]}", STORE)
        self._folder = folder
        # Spawned, for this process has threads; without locks, for readers may be killed.
        context = multiprocessing.get_context("spawn")
        self._written = context.Array("Q", len(OPTIONS), lock=False)
        self._board = context.Array("Q", READERS * (1 + len(OPTIONS)), lock=False)
        self._stop = context.Event()
        self._readers = [
            context.Process(
                target=read,
                args=(
                    self._names.namespace,
                    self._board,
                    number * (1 + len(OPTIONS)),
                    self._written,
                    self._stop,
                ),
            )
            for number in range(READERS)
        ]
        self._daemon: DaemonProcess | None = None
        forged = {option: {"number": NEVER, "proof": proof(option, NEVER)} for option in OPTIONS}
        self._neighbours = HostileActs(self._names, folder, forged, self._random)
        self._troubles = (
            *(self._kill, self._boot, self._freeze, self._fault),
            *(self._remove_one, self._remove_all),
            *self._neighbours.acts,
        )

    def run(self, seconds: float) -> Report:
        """Make trouble for so long; AssertionError when a guarantee is broken."""
        with LocalDynamoDB() as dynamodb, FaultProxy(dynamodb.endpoint_url) as self._proxy:
            dynamodb.load("config", {})
            self._table = Table(dynamodb.client(), "config")
            for option in OPTIONS:
                self._write(option)
            try:
                self._start()
                for reader in self._readers:
                    reader.start()
                self._settle()
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    self._round()
            finally:
                self._stop.set()
                self._neighbours.end()
                self._end()
                for reader in self._readers:
                    reader.join(30)
        assert [reader.exitcode for reader in self._readers] == [0] * READERS
        self.report.reads = sum(self._board[:: 1 + len(OPTIONS)])
        return self.report

    # --- trouble ---------------------------------------------------------------------------------

    def _round(self) -> None:
        self.report.rounds += 1
        end = time.monotonic() + self._random.uniform(0.5, 2.5)
        while time.monotonic() < end:
            trouble = self._random.choice(self._troubles)
            name = trouble.__name__.strip("_").replace("_", " ")
            self.report.troubles[name] = self.report.troubles.get(name, 0) + 1
            trouble()
            for _ in range(self._random.randrange(4)):
                self._write(self._random.choice(OPTIONS))
            # How long a trouble is left alone is part of what is tried.
            time.sleep(self._random.uniform(0, 0.4))
            self._watch()
        self._make_whole()
        self._settle()

    def _kill(self) -> None:
        self._end()
        if self._random.random() < 0.7:
            self._start()

    def _boot(self) -> None:
        """Start on a host without shared memory and DynamoDB, and perhaps with a forged copy."""
        self._end()
        self._remove_all()
        if self._random.random() < 0.5:
            self._neighbours.forge_the_copy()
        self._proxy.fail(self._random.choice(_FAULTS))
        self._start()
        assert self._daemon is not None
        self._daemon.wait_for("poll 1 failed")  # what it serves now is the copy, if anything

    def _freeze(self) -> None:
        if self._daemon is not None:
            self._daemon.send(signal.SIGSTOP)
            time.sleep(self._random.uniform(0, 0.5))
            self._daemon.send(signal.SIGCONT)

    def _remove_one(self) -> None:
        files = self._left()
        if files:
            self._random.choice(files).unlink(missing_ok=True)

    def _remove_all(self) -> None:
        for path in self._left():
            path.unlink(missing_ok=True)

    def _fault(self) -> None:
        if self._random.random() < 0.5:
            self._proxy.heal()
        else:
            self._proxy.fail(self._random.choice(_FAULTS))

    def _left(self) -> list[Path]:
        return left_of(self._names.namespace)

    # --- and its end -----------------------------------------------------------------------------

    def _make_whole(self) -> None:
        self._proxy.heal()
        self._neighbours.end()
        # A poll that backs off after failures is due within the interval.
        if self._daemon is None or self._daemon.exit_code is not None:
            self._start()

    def _settle(self) -> None:
        """Wait until every reader has what was written last; that is what the limit is about."""
        for option in OPTIONS:
            self._write(option)
        start = time.monotonic()
        while not self._all_current():
            self._watch()
            waited = time.monotonic() - start
            # A daemon that just started first has to be there: Python and botocore take a second.
            assert waited < LIMIT + 5.0, f"frozen: {list(self._board)} for {list(self._written)}"
            if self._daemon is not None and self._daemon.exit_code is not None:
                self._start()
            if not self._daemon_is_up():
                start = time.monotonic()
            time.sleep(0.005)
        recovery = time.monotonic() - start
        assert recovery < LIMIT, f"current only after {recovery:.2f} s"
        self.report.recoveries.append(recovery)

    def _daemon_is_up(self) -> bool:
        return self._daemon is not None and bool(self._daemon.lines("serving"))

    def _all_current(self) -> bool:
        wanted = list(self._written)
        step = 1 + len(OPTIONS)
        boards = [list(self._board[at + 1 : at + step]) for at in range(0, len(self._board), step)]
        return all(board == wanted for board in boards)

    def _watch(self) -> None:
        dead = [reader.exitcode for reader in self._readers if reader.exitcode is not None]
        assert not dead, f"a reader ended with {dead[0]}"

    # --- parts -----------------------------------------------------------------------------------

    def _write(self, option: str) -> None:
        index = OPTIONS.index(option)
        number = self._written[index] + 1
        self._written[index] = number  # before: a reader may be faster than this process
        keys: dict[str, Any] = {"number": number, "proof": proof(option, number)}
        self._table.put(STORE, option, attributes(keys))
        self.report.writes += 1

    def _start(self) -> None:
        self._end()
        self._daemon = DaemonProcess(
            *("--table", "config", "--store", STORE, "--namespace", self._names.namespace),
            *("--endpoint-url", self._proxy.url, "--interval", str(INTERVAL)),
            *("--state-dir", str(self._folder), "--region", "us-east-1"),
            environment={
                "AWS_ACCESS_KEY_ID": "AKIDTEST",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
            impatient=True,
        )

    def _end(self) -> None:
        if self._daemon is not None:
            self._daemon.send(signal.SIGCONT)
            self._daemon.__exit__()  # kill -9
            self._daemon = None

    def clean_up(self) -> None:
        """Leave nothing in /dev/shm."""
        for path in self._left():
            path.unlink(missing_ok=True)


def run(seed: int, seconds: float) -> Report:
    """One run with its own memory and folder."""
    with TemporaryDirectory() as folder:
        chaos = Chaos(seed, Path(folder))
        try:
            return chaos.run(seconds)
        finally:
            chaos.clean_up()


def main() -> None:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    given = parser.parse_args()
    print(f"chaos: seed {given.seed}, {given.seconds:g} s", flush=True)
    print(run(given.seed, given.seconds))


if __name__ == "__main__":
    main()
