"""Two emulators of DynamoDB, each over real HTTP on a free loopback port.

moto runs in a thread of this process.  dynalite runs in node and is closer to the service: it has
real pages, real validation and tables that are CREATING for a while.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moto.server import ThreadedMotoServer

NAMES = ("moto", "dynalite")
ROOT = Path(__file__).resolve().parents[2]
RECIPE = Path(__file__).parent / "dynalite"


class EmulatorMissing(Exception):
    """The emulator cannot run here; the text says why."""


@contextmanager
def emulator(name: str) -> Iterator[str]:
    """Run an emulator; yield its URL.  Raise EmulatorMissing when it cannot run here."""
    with {"moto": _moto, "dynalite": _dynalite}[name]() as url:
        yield url


@contextmanager
def _moto() -> Iterator[str]:
    import logging

    from moto.server import ThreadedMotoServer

    from ddbcfg_daemon.sources.local_dynamodb import keep_every_digit, take_whole_transactions
    from support.garbage import leave_out_what_is_here
    from support.quick_moto import hurry

    keep_every_digit()
    take_whole_transactions()
    hurry()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    leave_out_what_is_here()  # moto has many modules
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    _trace_no_request(server)
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def _trace_no_request(server: ThreadedMotoServer) -> None:
    from support.untraced import untraced

    running: Any = server._server
    running.process_request_thread = untraced(running.process_request_thread)


@contextmanager
def _dynalite() -> Iterator[str]:
    folder = _installed_dynalite()
    node = subprocess.Popen(
        ["node", "serve.js"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert node.stdin is not None
    assert node.stdout is not None
    with node:
        port = node.stdout.readline().strip()
        if not port:
            raise EmulatorMissing(f"dynalite ended with code {node.wait()}")
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            node.stdin.close()  # ends it


def _installed_dynalite() -> Path:
    """Return the folder that dynalite is installed in, after installing it if it is not."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise EmulatorMissing(f"{tool} is not installed")
    cache = Path(os.environ.get("DDBCFG_TEST_CACHE", ROOT / ".cache"))
    folder = cache / "dynalite"
    folder.mkdir(parents=True, exist_ok=True)
    recipe = {path.name: path.read_bytes() for path in RECIPE.iterdir() if path.is_file()}
    stamp = folder / "installed"
    lock = recipe["package-lock.json"]
    with (folder / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # another Python's run of the suite may be at it too
        for name, content in recipe.items():
            if not (folder / name).exists() or (folder / name).read_bytes() != content:
                (folder / name).write_bytes(content)
        if not stamp.exists() or stamp.read_bytes() != lock:
            npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(npm, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                raise EmulatorMissing(f"npm ci failed: {done.stderr.strip()[-300:]}")
            stamp.write_bytes(lock)
    return folder
