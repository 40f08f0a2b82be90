"""What the tests of whole daemons share."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from ddbcfg_client.shm.status import Status
from support.daemon import (
    ROOT,
    Host,
    environment_of,
)
from support.fault_proxy import Fault
from support.tables import ConfigTable

if TYPE_CHECKING:
    pass


NEVER = "3600"  # an interval in which no test sees a second poll, unless it asks for one


OFTEN = "0.1"


def of(table: ConfigTable, url: str, *stores: str, interval: str = NEVER) -> list[str]:
    """The flags of a daemon that serves these stores of the table behind the URL."""
    flags = ["--table", table.name, "--endpoint-url", url, "--interval", interval]
    return [*flags, *(word for store in stores or ("prod",) for word in ("--store", store))]


def well(status: Status) -> bool:
    return status.failures == 0 and status.generation > 0 and status.polls > 0


def wrong_answer(name: str, *items: dict[str, dict[str, str]]) -> Fault:
    """An answer to a Query that no emulator gives."""
    body = json.dumps({"Items": items, "Count": len(items), "ScannedCount": len(items)})
    return Fault(name, make=lambda _: body.encode(), served=False)


_READER = """
import sys
import threading
import threading
import ddbcfg_client
config = ddbcfg_client.connect(store="prod", wait=20)
for line in sys.stdin:
    print(config.get("db")["host"], config.generation, flush=True)
"""


class Reader:
    """A process that connects once, and reads when it is told to."""

    def __init__(self, host: Host) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _READER],
            cwd=ROOT,
            env=environment_of({"DDBCFG_NAMESPACE": host.namespace}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def read(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")
