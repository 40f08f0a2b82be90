"""Servers to compare with, each started for one run on a socket or a port of its own."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.children import environment

_PATIENCE = 10.0  # seconds in which a server has to answer
_LOOK_EVERY = 0.005  # seconds between two looks whether it does

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    keepalive_requests 1000000000;
    tcp_nodelay on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/www;
    }}
}}
"""


class Missing(Exception):
    """Something that is not installed; the text says what, and where it comes from."""


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A redis that keeps nothing on disk; the path of its socket."""
    path = folder / "redis.sock"
    command = [_program("redis-server", "redis-server"), "--port", "0", "--unixsocket", str(path)]
    with _running([*command, "--save", "", "--appendonly", "no"], folder, _unix(path)):
        yield str(path)


@contextmanager
def memcached(folder: Path) -> Iterator[str]:
    """A memcached; the path of its socket."""
    path = folder / "memcached.sock"
    # As root it wants to be told which user to be.
    command = [_program("memcached", "memcached"), "-s", str(path), "-u", getpass.getuser()]
    with _running(command, folder, _unix(path)):
        yield str(path)


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """An nginx that serves the files in ``folder/www``; its port on the loopback interface."""
    program = _program("nginx", "nginx-light")
    port = _free_port()
    (folder / "www").mkdir(exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port))
    command = [program, "-c", str(configuration), "-e", str(folder / "error.log")]
    with _running(command, folder, lambda: socket.create_connection(("127.0.0.1", port)).close()):
        yield port


def _program(name: str, package: str) -> str:
    # Debian has some of them where only root's PATH leads.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Missing(f"no {name} on PATH (Debian: {package})")
    return found


@contextmanager
def _running(command: Sequence[str], folder: Path, connect: Callable[[], None]) -> Iterator[None]:
    """Run a server from when *connect* succeeds."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                connect()
                break
            except OSError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Missing(f"{command[0]} does not answer ({error})") from None
            time.sleep(_LOOK_EVERY)
        yield
    finally:
        end(process)


def end(process: subprocess.Popen[bytes], patience: float = _PATIENCE) -> None:
    """Have a process clean up and end within *patience* seconds; return when it has."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _unix(path: Path) -> Callable[[], None]:
    def connect() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))

    return connect


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
