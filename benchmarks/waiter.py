"""A process that waits: ``python -m benchmarks.waiter NAMESPACE``, as the user nobody if it can.

It answers the line ``wait N`` with the times at which it was awake for the generations up to N, on
the clock that all processes of a host share, and ``rest S`` with its wake-ups a second
and the share of a CPU in S seconds without an announcement.
"""

from __future__ import annotations

import os
import pwd
import sys
import time
from pathlib import Path

import ddbcfg_client
from benchmarks.children import serve
from benchmarks.stores import STORE


def main(namespace: str) -> None:
    """Serve the commands."""
    config = ddbcfg_client.connect(namespace=namespace, store=STORE)
    changes = config.changes()
    changes.wait(0.01)  # what it loads when it first waits is loaded
    if os.geteuid() == 0:
        os.setgroups([])
        os.setuid(pwd.getpwnam("nobody").pw_uid)

    def wait(generation: str) -> dict[int, int]:
        awake = {}
        while True:
            change = changes.wait()
            assert change is not None
            awake[change.generation] = time.monotonic_ns()
            if change.generation >= int(generation):
                return awake

    def rest(seconds: str) -> dict[str, float]:
        before = _cost()
        changes.wait(float(seconds))
        after = _cost()
        return {name: (after[name] - before[name]) / float(seconds) for name in before}

    serve({"wait": wait, "rest": rest})


def _cost() -> dict[str, int]:
    """Pauses and nanoseconds of CPU time of this process so far."""
    running = Path("/proc/self/schedstat").read_text().split()[0]
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return {"wakes": int(line.split()[1]), "cpu": int(running)}
    raise RuntimeError("the kernel does not count how often a process pauses")


if __name__ == "__main__":
    main(sys.argv[1])
