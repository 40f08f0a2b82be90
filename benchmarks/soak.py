"""Soak: what a daemon and its readers keep of memory, descriptors and threads over a long time.

    python -m benchmarks.soak [--seconds 600]        (make soak)

A daemon polls five times a second, with copy and metrics on disk.  Options change, some polls are
refused, and readers ask for polls and read everything.  A line each half minute shows private
memory in KB; the first comes after a minute, in which caches fill.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import ddbcfg_client
from benchmarks.children import Child, serve
from benchmarks.daemon import daemon
from benchmarks.endpoint import table_of
from benchmarks.stores import STORE
from benchmarks.worker import private_bytes
from ddbcfg_client.errors import ConfigError

_SIZE = 1000
_READERS = 2
_WARM = 60.0  # seconds
_EACH = 30.0
_STEP = 0.5  # seconds between two changes of the table


def main() -> None:
    """Run for the seconds asked for, and print what was kept."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--seconds", type=float, default=600.0)
    seconds = parser.parse_args().seconds
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        endpoint = stack.enter_context(Child("endpoint", str(_SIZE)))
        flags = ("--state-dir", str(folder), "--metrics-file", str(folder / "ddbcfg.prom"))
        url = endpoint.ready["url"]
        running = stack.enter_context(daemon(url, table_of(_SIZE), *flags, interval=0.2))
        readers = [
            stack.enter_context(Child("soak", running.config.namespace)) for _ in range(_READERS)
        ]
        start = time.monotonic()
        due = min(_WARM, seconds / 10)
        number = 0
        print("seconds  daemon KB  files  threads  readers KB  generation", flush=True)
        while (passed := time.monotonic() - start) < seconds + _STEP:
            number += 1
            endpoint.ask("change", number)
            if number % 20 == 0:
                endpoint.ask("refuse", 5)
            if passed >= due:
                due += _EACH
                print(_line(passed, running.pid, readers, running.config), flush=True)
            time.sleep(_STEP)


def _line(passed: float, pid: int, readers: list[Child], config: ddbcfg_client.Config) -> str:
    process = Path(f"/proc/{pid}")
    files, threads = (len(os.listdir(process / kind)) for kind in ("fd", "task"))
    kept = ", ".join(f"{reader.ask('read') // 1024}" for reader in readers)
    memory = private_bytes(pid) // 1024
    return f"{passed:7.0f}  {memory:9}  {files:5}  {threads:7}  {kept:>10}  {config.generation:10}"


def _read(namespace: str) -> None:
    """A reader, which reads all the time and says what it keeps when it is asked."""
    import threading

    config = ddbcfg_client.connect(namespace=namespace, store=STORE, wait=30)

    def read() -> None:
        while True:
            with contextlib.suppress(ConfigError):
                config.get()
                config.reload(timeout=1)

    threading.Thread(target=read, daemon=True).start()
    serve({"read": private_bytes})


if __name__ == "__main__":
    if len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        _read(sys.argv[1])
    else:
        main()
