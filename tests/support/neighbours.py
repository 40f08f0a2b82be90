"""Acts of another user than root.

``python -m support.neighbours`` reads one order a line, ``{"act", "namespace"}``, forks a child
that becomes that user and carries it out, and answers with a line: what came of it.  ``read`` reads
an option, ``publish`` takes the store over.
"""

from __future__ import annotations

# All that is used later, for that user may not be allowed to read where Python is.
import grp
import json
import os
import pwd
import sys
from typing import Any

import ddbcfg_client
import ddbcfg_client.shm.status
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from support.children import ask, start_module
from support.request_serving import serving
from support.shm import reading

SQUATTER = 65533
USER = 65534


def publish(names: Names) -> object:
    with serving(names) as served:
        served.publisher.publish(reading({"db": {"host": "ours"}}))
        return served.publisher.generation


def read(names: Names) -> object:
    return ddbcfg_client.connect(names.namespace, names.store).get("db")["host"]


def publish_often(names: Names) -> object:
    """Publish past whatever has the names of the next segments: each generation."""
    with serving(names) as served:
        generations = []
        for number in range(5):
            served.publisher.publish(reading({"db": {"host": f"ours {number}"}}))
            generations.append(served.publisher.generation)
        return generations


ACTS = {act.__name__: act for act in (publish, publish_often, read)}


def carry_out(order: dict[str, str]) -> object:
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)
    try:
        return ACTS[order["act"]](Names(order["namespace"], "prod"))
    except ConfigError as error:
        return [type(error).__name__, str(error)]


def serve() -> None:
    assert grp, pwd
    for line in sys.stdin:
        reading_end, writing_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading_end)
            with open(writing_end, "w") as pipe:
                json.dump(carry_out(json.loads(line)), pipe)
            os._exit(0)
        os.close(writing_end)
        with open(reading_end) as pipe:
            answer = pipe.read()
        os.waitpid(pid, 0)
        print(answer, flush=True)


class Neighbour:
    """The process above, as a test has it."""

    def __init__(self) -> None:
        self._process = start_module("support.neighbours")

    def act(self, act: str, names: Names) -> Any:
        return json.loads(
            ask(self._process, json.dumps({"act": act, "namespace": names.namespace}))
        )

    def close(self) -> None:
        with self._process as process:
            process.communicate()


if __name__ == "__main__":
    serve()
