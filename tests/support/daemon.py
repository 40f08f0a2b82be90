"""Real daemons and clients, each a process of its own, whose every word is kept.

Values can be secrets, so none may get into a log, a status or an error (G9).  Tests put SECRET into
the values that they store; after the last test, nothing that was recorded may hold it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self
from uuid import uuid4

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.status import Status
from ddbcfg_client.shm.trust import Trust

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/config.json"
PATIENCE = 20.0  # seconds after which what was waited for will not come

SECRET = "hunter2-9f3c1d"
# The part of it that a text which was cut would still show, and the example's secret.
_TELLTALES = ("hunter2", "7h1s-15-n07-4-r34l-k3y")

# The daemon, but it gives up on a silent DynamoDB sooner and does not sleep before a retry.
_IMPATIENT = """
from types import SimpleNamespace
import botocore.endpoint
from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_daemon.cli import main
botocore.endpoint.time = SimpleNamespace(sleep=lambda seconds: None)
connecting.READ_TIMEOUT = connecting.CONNECT_TIMEOUT = 1.0
raise SystemExit(main())
"""


class Record:
    """What processes said, and who said it."""

    def __init__(self) -> None:
        self._said: list[tuple[str, str]] = []

    def add(self, who: str, text: str) -> None:
        self._said.append((who, text))

    def leaks(self) -> list[str]:
        """Who said something that only readers may know."""
        return [who for who, text in self._said if any(secret in text for secret in _TELLTALES)]

    def __len__(self) -> int:
        return len(self._said)


RECORD = Record()


@pytest.fixture(scope="session", autouse=True)
def _nothing_leaks() -> Iterator[None]:
    yield
    assert not RECORD.leaks(), "a secret value was printed"


def environment_of(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment without what a host may have set, and with these variables."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DDBCFG_", "NOTIFY_", "WATCHDOG_", "JOURNAL_", "PYTHON"))
        and not name.lower().endswith("_proxy")
    }
    return {**ours, **(settings or {})}


class DaemonProcess:
    """A running ``ddbcfg-daemon``; a thread collects what it prints."""

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        impatient: bool = False,
        within: Sequence[str] = (),
    ) -> None:
        """Start it, with a command before its own, if there is one *within* which it is to run."""
        program = ["-c", _IMPATIENT] if impatient else ["-m", "ddbcfg_daemon"]
        self._process = subprocess.Popen(
            [*within, sys.executable, *program, *arguments],
            cwd=ROOT,
            env=environment_of(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self._who = f"daemon {' '.join(arguments)}"
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                with self._changed:
                    self._lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal killed it."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """Everything it printed so far."""
        return "\n".join(self._lines)

    def lines(self, text: str) -> list[str]:
        """The lines with this text in them, so far."""
        return [line for line in self._lines if text in line]

    def wait_for(self, text: str, count: int = 1) -> str:
        """Return the *count*-th line with this text in it, as soon as there is one."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.lines(text)) >= count or self._ended, PATIENCE)
            found = self.lines(text)
        assert len(found) >= count, f"no {text!r} ({count}) in:\n{self.output}"
        return found[count - 1]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """The exit code, when it ends by itself and all that it printed is here."""
        code = self._process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal; its exit code."""
        self.send(number)
        return self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self.wait()
        RECORD.add(self._who, self.output)


class Host:
    """One namespace of this host: daemons that publish into it, and clients that read it."""

    def __init__(self, namespace: str, stack: ExitStack) -> None:
        self.namespace = namespace
        self._stack = stack

    def daemon(
        self,
        *arguments: str,
        impatient: bool = False,
        within: Sequence[str] = (),
        **settings: str,
    ) -> DaemonProcess:
        """A daemon with these flags and variables, which ends with the test at the latest."""
        settings.setdefault("DDBCFG_NAMESPACE", self.namespace)
        made = DaemonProcess(*arguments, environment=settings, impatient=impatient, within=within)
        return self._stack.enter_context(made)

    def client(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """What a whole ``ddbcfg-client`` process answers."""
        settings.setdefault("DDBCFG_NAMESPACE", self.namespace)
        done = subprocess.run(
            [sys.executable, "-m", "ddbcfg_client", *arguments],
            cwd=ROOT,
            env=environment_of(settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        # Only these two are there to print values.
        said = "" if arguments[0] in ("get", "watch") else done.stdout
        RECORD.add(f"client {' '.join(arguments)}", said + done.stderr)
        return done

    def names(self, store: str = "prod") -> Names:
        return Names(self.namespace, store)

    def config(self, store: str = "prod") -> Config:
        """A reader in this process; nothing is opened yet."""
        return Config(self.names(store), Trust())

    def wait_for_status(self, is_it: Callable[[Status], bool], store: str = "prod") -> Status:
        """The store's status as soon as it is like that."""
        config = self.config(store)
        deadline = time.monotonic() + PATIENCE
        while True:
            status = config.status()
            RECORD.add("status", str(status))
            if is_it(status):
                return status
            assert time.monotonic() < deadline, f"the status stays {status}"
            time.sleep(0.005)


@contextmanager
def a_host() -> Iterator[Host]:
    """A namespace of its own; afterwards its daemons have ended and its memory is gone."""
    namespace = f"test-{uuid4().hex[:12]}"
    try:
        with ExitStack() as stack:
            yield Host(namespace, stack)
    finally:
        for path in left_of(namespace):
            path.unlink(missing_ok=True)


def left_of(namespace: str) -> list[Path]:
    """Every file in /dev/shm of this namespace, and of those whose names begin with it."""
    return sorted(path for path in Path("/dev/shm").iterdir() if f"ddbcfg.{namespace}" in path.name)


@pytest.fixture
def host() -> Iterator[Host]:
    """A namespace of the test's own on this host."""
    with a_host() as made:
        yield made


class ServiceManager:
    """The socket that systemd would listen to; ``address`` is what it puts in NOTIFY_SOCKET."""

    def __init__(self, folder: Path | None = None) -> None:
        """In *folder*, or without one an abstract socket, which is no file."""
        # The folder's path is long, and 108 bytes are all that an address has room for.
        self.address = f"{folder / 'notify'}" if folder else f"@ddbcfg-{uuid4().hex}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address.replace("@", "\0", 1) if not folder else self.address)
        self._socket.settimeout(PATIENCE)

    def receive(self) -> list[str]:
        """The states in the next datagram."""
        text = self._socket.recv(65536).decode()
        RECORD.add("sd_notify", text)
        return text.split("\n")

    def receive_until(self, state: str) -> list[list[str]]:
        """All datagrams up to the first with this state."""
        received = [self.receive()]
        while state not in received[-1]:
            received.append(self.receive())
        return received

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()
