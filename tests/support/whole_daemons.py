"""What the tests of whole daemons share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ddbcfg_client.shm.status import Status
from support.children import ask, start_python
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
    """A process that connects once, and reads on request."""

    def __init__(self, host: Host) -> None:
        environment = environment_of({"DDBCFG_NAMESPACE": host.namespace})
        self.process = start_python("-c", _READER, environment=environment, cwd=ROOT)

    def read(self) -> str:
        return ask(self.process, "")
