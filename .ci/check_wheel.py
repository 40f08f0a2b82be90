"""Run in a venv that holds the wheel and what it requires, without extras: can it read?

The argument says what the wheel must have: ``compiled`` or ``pure``; by default, either is right.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from decimal import Decimal
from pathlib import Path

EXTRAS = ("boto3", "botocore", "flask", "moto")
NO_SNAPSHOT = 3


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"wheel-check: failed: {what}")
    print(f"wheel-check: {what}")


def main() -> None:
    import ddbcfg_client

    package = Path(ddbcfg_client.__file__).parent
    check(package.is_relative_to(sys.prefix), "ddbcfg_client is the wheel's, not the source tree's")
    check((package / "py.typed").exists(), "the wheel says that it is typed")
    check(
        ddbcfg_client.__version__ == importlib.metadata.version("ddbcfg"),
        "the package and the distribution agree on the version",
    )
    check(
        not any(importlib.util.find_spec(name) for name in EXTRAS),
        f"none of {', '.join(EXTRAS)} is installed",
    )
    check(not sys.modules.keys() & set(EXTRAS), "ddbcfg_client imports without them")

    from ddbcfg_client.readonly import COMPILED

    kind = "compiled" if COMPILED else "pure"
    check(kind in (sys.argv[1:] or [kind]), f"the reader is {kind}")
    if COMPILED:
        question = "from ddbcfg_client.readonly import COMPILED; print(COMPILED)"
        asked = [sys.executable, "-c", question]
        without = os.environ | {"DDBCFG_PURE": "1"}
        done = subprocess.run(asked, env=without, capture_output=True, text=True, check=True)
        check(done.stdout == "False\n", "DDBCFG_PURE turns the compiled part off")
    check_units()

    nobody = {"DDBCFG_TABLE": f"wheel-check-{os.getpid()}", "DDBCFG_STORE": "nobody"}
    client = Path(sysconfig.get_path("scripts"), "ddbcfg-client")
    done = subprocess.run(
        [client, "get", "db"], env=os.environ | nobody, capture_output=True, text=True, check=False
    )
    check(
        done.returncode == NO_SNAPSHOT and "ddbcfg-daemon" in done.stderr,
        f"without a daemon 'get' exits with {NO_SNAPSHOT} and says what to start: {done.stderr!r}",
    )
    check_reading(client)
    check(not sys.modules.keys() & set(EXTRAS), "reading imported none of them")


def check_units() -> None:
    """Install the files for systemd that the wheel carries, below a folder."""
    daemon = Path(sysconfig.get_path("scripts"), "ddbcfg-daemon")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [daemon, "install-units", "--destdir", folder], check=True, stdout=subprocess.DEVNULL
        )
        [unit] = Path(folder).rglob("ddbcfg-daemon.service")
        check(
            f"\nExecStart={daemon}\n" in unit.read_text(),
            "install-units installs a unit that starts this ddbcfg-daemon",
        )


def check_reading(client: Path) -> None:
    """Publish without DynamoDB, and read it here and from the command line."""
    import ddbcfg_client
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.format.values import pack_option
    from ddbcfg_daemon.publishing.publisher import Publisher
    from ddbcfg_daemon.sources.base import Reading

    names = Names(f"wheel-check-{os.getpid()}", "prod")
    keys = {"host": {"S": "db-cluster.com"}, "port": {"N": "27017"}}
    publisher = Publisher(names)
    try:
        publisher.publish(Reading({"db": pack_option("db", keys)}, time.time_ns()))
        config = ddbcfg_client.connect(names.namespace, names.store)
        check(
            config.get("db") == {"host": "db-cluster.com", "port": Decimal(27017)},
            "a process reads what is published",
        )
        command = [client, "get", "db", "--table", names.namespace, "--store", names.store]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        check(
            done.stdout == '{"host": "db-cluster.com", "port": 27017}\n',
            f"'ddbcfg-client get' prints it: {done.stdout!r} {done.stderr!r}",
        )
    finally:
        publisher.remove()


main()
