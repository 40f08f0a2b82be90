"""A real daemon for tests, on an embedded DynamoDB, in its own namespace."""

from __future__ import annotations

import base64
import http.client
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlsplit
from uuid import uuid4

from ddbcfg_client.config import Config
from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS
from ddbcfg_client.dynamodb.limits import checked_option
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import DaemonNotStarted, SnapshotUnavailable
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import SHM_DIR, Trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal, Self

_NEEDED = ("boto3", "flask", "flask_cors", "moto")  # for an embedded DynamoDB
_TABLE = "config"
_STORE = "test"
_REGION = "us-east-1"
_PATIENCE = 60.0  # seconds; moto alone takes one or two to import

# The embedded DynamoDB does not check signatures, but finds the region here.
_AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential=test/20200101/{_REGION}/dynamodb/aws4_request"


def why_no_daemon() -> str | None:
    """Return the reason why no daemon can run here; None if one can."""
    if not os.path.isdir(SHM_DIR):
        return f"this host has no {SHM_DIR}"
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed: pip install 'ddbcfg[local]'"
    return None


class RunningDaemon:
    """The fixture ``ddbcfg_daemon``: a daemon that ends with this object, or with this process.

    ``environ`` has the variables with which another process finds the store and the DynamoDB.
    """

    def __init__(self) -> None:
        """Start it; raise DaemonNotStarted."""
        self.table = _TABLE
        self.store = _STORE
        self.namespace = f"pytest-{uuid4().hex[:12]}"
        self._names = Names(self.namespace, self.store)
        self._pid = os.getpid()
        self._output = tempfile.TemporaryFile("a+")  # noqa: SIM115 - until stop()
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({self.store: {}}, file)
            file.flush()
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable,
                    "-m",
                    "ddbcfg_client.testing.with_parent",
                    *self._command(file.name),
                ],
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=subprocess.STDOUT,
            )
            try:
                self._config = self.connect()
                self.endpoint = self._started()
            except BaseException:
                self.stop()
                raise
        self.environ = {
            "DDBCFG_FILE": "",
            "DDBCFG_TABLE": self.table,
            "DDBCFG_STORE": self.store,
            "DDBCFG_NAMESPACE": self.namespace,
            "DDBCFG_ENDPOINT_URL": self.endpoint,
            "DDBCFG_REGION": _REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": _REGION,
        }

    def _command(self, file: str) -> list[str]:
        command = ["ddbcfg_daemon", "--local", file, "--table", self.table, "--store", self.store]
        command += ["--namespace", self.namespace]
        # It polls when something is set, and publishes whatever a test writes.
        return [*command, "--interval", "86400", "--allow-empty", "--max-shrink", "100"]

    def _started(self) -> str:
        """Wait for the first generation; return the endpoint of the embedded DynamoDB."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                if self._config.generation:
                    break
            except SnapshotUnavailable:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise DaemonNotStarted(self._said())
            time.sleep(0.02)
        found = re.search(r"^DynamoDB: +(\S+)", self._said(), re.MULTILINE)
        if found is None:
            raise DaemonNotStarted(self._said())
        return found[1]

    def _said(self) -> str:
        self._output.seek(0)
        return self._output.read()

    def set(self, option: str, keys: Mapping[str, Any]) -> None:
        """Write the whole option to the table, and return when it is published.

        Raise ValueRefused if DynamoDB cannot hold it, and ReloadFailed if the daemon cannot poll.
        """
        item = attributes_of(option, keys, DEFAULT_KEYS)
        self._send("PutItem", {"Item": item | self._key(option)})

    def delete(self, option: str) -> None:
        """Delete the option from the table, if it is there, and return when that is published."""
        self._send("DeleteItem", {"Key": self._key(option)})

    def _key(self, option: str) -> dict[str, Any]:
        return DEFAULT_KEYS.key(self.store, checked_option(option))

    def _send(self, operation: str, request: dict[str, Any]) -> None:
        # Without boto3, which the program under test may have replaced by a mock.
        address = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(address.netloc, timeout=_PATIENCE)
        try:
            connection.request(
                "POST",
                "/",
                json.dumps({"TableName": self.table} | request, default=_encoded),
                {
                    "Content-Type": "application/x-amz-json-1.0",
                    "X-Amz-Target": f"DynamoDB_20120810.{operation}",
                    "Authorization": _AUTHORIZATION,
                },
            )
            response = connection.getresponse()
            response.read()
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise OSError(f"the embedded DynamoDB refused {operation}: HTTP {response.status}")
        self._config.reload(_PATIENCE)

    def connect(
        self,
        *,
        max_age: float | None = None,
        numbers: Literal["decimal", "native"] = "decimal",
        defaults: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Config:
        """Return a Config that reads what this daemon publishes, in every test."""
        return Config(self._names, Trust(), max_age, numbers, defaults)

    def stop(self) -> None:
        """End the daemon, and with it the DynamoDB and all that was published."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._pid != os.getpid():
            return  # a forked child: the daemon is its parent's
        # A forked child that still runs keeps the other end of the daemon's input open.
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def _environment() -> dict[str, str]:
    """Return this process's environment without settings that are meant for other daemons.

    Nor does the daemon import modules of the folder that the tests run in, such as ``secrets.py``.
    """
    ours = ("DDBCFG_", "AWS_", "NOTIFY_", "WATCHDOG_", "JOURNAL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONSAFEPATH": "1"}


def _encoded(value: object) -> str:
    """Return bytes as DynamoDB's JSON has them."""
    assert isinstance(value, bytes)
    return base64.b64encode(value).decode()
