"""``unshare --mount python -m support.full_shm``: a /dev/shm of its own, 1 MiB, filled and freed.

Prints one JSON object: what a reader and the refresher saw at each point.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import ddbcfg_client
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.shm import SHM, reading

SIZE = 1 << 20


class Source:
    def __init__(self) -> None:
        self.now = reading({})

    def read(self, progress: Progress, **_: object) -> Reading:
        return self.now


def store(size: int) -> Reading:
    return reading({"db": {"host": "x" * size}})


def main() -> None:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(SHM)]
    subprocess.run(mount, check=True)
    names, source = Names("config", "prod"), Source()
    publisher = Publisher(names)
    refresher = Refresher(source, publisher, 60.0, pid=os.getpid())

    def seen(now: Reading) -> dict[str, Any]:
        source.now = now
        refresher.poll()
        config = ddbcfg_client.connect("config", "prod")
        status = config.status()
        files = sorted(path.name for path in SHM.iterdir() if path.name[-1].isdigit())
        return {
            "length": len(config["db"]["host"]),
            "generation": status.generation,
            "failures": status.failures,
            "error": status.error,
            "segments": files,
        }

    scenes = {"first": seen(store(1000))}
    filler = SHM / "filler"
    filler.write_bytes(bytes(SIZE - (256 << 10)))
    scenes["full"] = seen(store(300_000))
    scenes["still full"] = seen(store(300_000))
    # The error's own room is in the page, so it can be told; the readers' too.
    scenes["too big for the whole"] = seen(store(2 * SIZE))
    filler.unlink()
    scenes["room again"] = seen(store(300_000))
    print(json.dumps(scenes))


if __name__ == "__main__":
    main()
