"""Four hosts and a Prometheus, for the picture of the dashboard: all of it real but DynamoDB.

A host is a daemon with a /dev/shm of its own.  Needs root, Linux and the program ``prometheus``.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from support.daemon import environment_of
from support.emulators import emulator

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ("web-1", "web-2", "web-3", "web-4")
INTERVAL = 5
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1"}
_PRIVATE = (
    'mount --make-rprivate / && mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$@"',
    "sh",
)
_SETTINGS = """
namespace = "config"
interval = {interval}
http = "127.0.0.1:{port}"
state_dir = "{folder}"
[[stores]]
table = "config"
store = "prod"
[[stores]]
table = "config"
store = "flags"
guard_polls = 1000  # the shrink is held
[[stores]]
table = "config"
store = "app"
layers = ["eu", "common"]
merge = "keys"
"""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


class Fleet:
    """The hosts, the table, and the Prometheus that reads their metrics."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        url = stack.enter_context(emulator("moto"))
        self._environment = environment_of(
            {**_KEYS, "DDBCFG_ENDPOINT_URL": url, "DDBCFG_TABLE": "config"}
        )
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = {name: free_port() for name in HOSTS}
        self.port = free_port()

    def _run(self, *command: str | Path) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, cwd=ROOT, env=self._environment)
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        return process

    def client(self, *arguments: str | Path, host: str | None = None) -> None:
        """Run ``ddbcfg-client``, on *host* if one is named."""
        within: Sequence[str] = ()
        if host is not None:
            within = ("nsenter", "--mount", f"--target={self._daemons[host].pid}", f"--wd={ROOT}")
        program = [*within, sys.executable, "-m", "ddbcfg_client", *map(str, arguments)]
        environment = dict(self._environment)
        if host is not None:
            del environment["DDBCFG_TABLE"]
        subprocess.run(program, cwd=ROOT, env=environment, check=True)

    def enable(self, *stores: str) -> None:
        """Make the first revision of each, at the same time: it takes a minute."""
        program = (sys.executable, "-m", "ddbcfg_client", "revision", "enable", "--store")
        for process in [self._run(*program, store) for store in stores]:
            assert process.wait() == 0

    def start(self, host: str) -> None:
        """Start the daemon of *host*."""
        folder = self._folder / host
        folder.mkdir(mode=0o700)
        file = folder / "ddbcfg.toml"
        file.write_text(_SETTINGS.format(interval=INTERVAL, port=self._ports[host], folder=folder))
        daemon = (sys.executable, "-m", "ddbcfg_daemon", "--config", file)
        self._daemons[host] = self._run("unshare", "-m", "sh", "-c", *_PRIVATE, *daemon)

    def watch(self) -> None:
        """Start the Prometheus."""
        targets = [
            {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": name}}
            for name, port in self._ports.items()
        ]
        file = self._folder / "prometheus.yml"
        job = {"job_name": "ddbcfg", "scrape_interval": "2s", "static_configs": targets}
        file.write_text(json.dumps({"scrape_configs": [job]}))
        self._run(
            "prometheus",
            f"--config.file={file}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=error",
        )

    def query(self, kind: str, **parameters: object) -> list[dict[str, object]]:
        """Return the series that a query (``query`` or ``query_range``) finds."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{kind}?{urlencode(parameters)}"
        with urlopen(url, timeout=20) as response:
            found: list[dict[str, object]] = json.load(response)["data"]["result"]
            return found


@contextmanager
def a_fleet(folder: Path) -> Iterator[Fleet]:
    """A fleet on which all that the dashboard shows has happened, which takes four minutes."""
    os.environ.update(_KEYS)
    with ExitStack() as stack:
        fleet = Fleet(folder, stack)
        many = folder / "options.json"
        flags = {f"flag-{number}": {"on": True} for number in range(24)}
        prod = {f"option-{number}": {"host": "x" * 80} for number in range(40)}
        fleet.client("create-table")
        many.write_text(json.dumps({"prod": prod, "flags": flags}))
        fleet.client("import", many)
        fleet.enable("prod", "flags")
        fleet.client("set", "--store", "common", "db", "host=a")
        fleet.client("set", "--store", "eu", "db", "pool=5")
        fleet.watch()
        for host in HOSTS:
            fleet.start(host)
            time.sleep(3)
        time.sleep(30)
        fleet.client("set", "--store", "prod", "db", "host=b")
        time.sleep(25)
        fleet.client("pin", "--store", "prod", host="web-3")
        fleet.client("set", "--store", "prod", "db", "host=c")
        fleet.client("set", "--store", "eu", "web", "port=80")
        time.sleep(20)
        few = folder / "few.json"
        few.write_text(json.dumps({"flags": {"flag-1": {"on": True}}}))
        fleet.client("import", "--store", "flags", "--replace", "--yes", few)
        time.sleep(8)
        yield fleet
