"""``ddbcfg-client status``: for a person, or one JSON object a line for a script."""

from __future__ import annotations

import json
import sys
import time

from ddbcfg_client.connection import all_names_of, trust_in
from ddbcfg_client.errors import LayoutMismatch, SnapshotError, StoreNotNamed
from ddbcfg_client.reader import Config

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ddbcfg_client.status import Status


def print_status(given: argparse.Namespace) -> int:
    """Print the named store's status, or every store's on this host; the exit code.

    0 when all have a snapshot that is young enough, 3 when one has none, 4 when one is too old.
    """
    stores = all_names_of(given.table, given.store, given.namespace)
    if not stores:
        raise StoreNotNamed([])
    code = 0
    trust = trust_in(given.owner)
    for number, names in enumerate(stores):
        try:
            status = Config(names, trust).status()
        except (SnapshotError, LayoutMismatch) as error:
            # One that cannot be read must not hide the others.
            print(f"ddbcfg-client: {error}", file=sys.stderr)
            code = max(code, 3)
            continue
        if given.json:
            print(json.dumps(status.to_dict()))
        else:
            print(("\n" if number else "") + _text(status))
        if status.generation == 0:
            code = max(code, 3)
        elif given.max_age is not None and (status.age is None or status.age > given.max_age):
            code = max(code, 4)
    return code


def _text(status: Status) -> str:
    """The status as a person reads it."""
    daemon = f"{status.daemon} (pid {status.daemon_pid})" if status.daemon_pid else status.daemon
    if status.replaced:
        daemon += ", replaced by a newer one"
    read_at = "never"
    if status.read_at is not None:
        read_at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status.read_at))
    rows = {
        "store": f"{status.namespace}/{status.store}",
        "generation": f"{status.generation}, read {read_at}" if status.generation else "none yet",
        "digest": status.digest or "-",
        "content": f"{status.options} options, {status.bytes} bytes",
        "age": f"{_seconds(status.age)} (polled every {status.interval:g} s)",
        "source": status.source,
        "polls": f"{status.polls}"
        + (f", the last {status.failures} failed" if status.failures else ""),
        "last error": status.error or "none",
        "skipped": f"{status.skipped} items" if status.skipped else "",
        "daemon": daemon,
        "memory": f"/dev/shm{status.page}, layout {status.layout_version}",
        "reader": status.reader,
    }
    return "\n".join(f"{name + ':':12}{text}" for name, text in rows.items() if text)


def _seconds(age: float | None) -> str:
    if age is None:
        return "unknown"
    if age < 120:
        return f"{age:.1f} s"
    minutes, seconds = divmod(int(age), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
