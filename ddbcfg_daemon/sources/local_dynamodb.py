"""The embedded DynamoDB of ``--local FILE``: moto's, over real HTTP on the loopback interface.

For development and tests.  moto, flask and boto3 are imported only when an instance is created.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import socket
import threading
from decimal import Decimal
from typing import TYPE_CHECKING

from ddbcfg_client.dynamodb.client import client_config
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.errors import explained
from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS, KeyNames
from ddbcfg_client.dynamodb.limits import MAX_ACTIONS, MAX_BATCH_WRITES
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import MissingExtra
from ddbcfg_client.format.numbers import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef
    from werkzeug.serving import BaseWSGIServer

_HOST = "127.0.0.1"

REGION = "us-east-1"  # moto separates regions, as AWS does: the data is in this one


# moto keeps the data of all instances in the process, separated by account.  So each instance has
# its own account.
_accounts = itertools.count(1)


class LocalDynamoDB:
    """A separate DynamoDB, empty at first; it runs until ``stop()`` or the end of the ``with``.

    Raises ``MissingExtra`` if the packages for it are not installed, OSError if no loopback
    port is free, RuntimeError if no thread can be started.
    """

    endpoint_url: str
    """The URL on which it listens, such as ``http://127.0.0.1:40123``."""

    def __init__(self) -> None:
        for package in ("boto3", "flask", "flask_cors", "moto.server"):
            try:
                importlib.import_module(package)
            except ImportError as error:
                raise MissingExtra("--local", "local") from error
        self._account = f"{next(_accounts):012}"
        self._server = _make_server(_dynamodb_app(self._account))
        self.endpoint_url = f"http://{_HOST}:{self._server.port}"
        # daemon=True: a program that does not call stop() can still exit.
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},  # how long stop() takes, in seconds
            name="local-dynamodb",
            daemon=True,
        )
        try:
            self._thread.start()
        except RuntimeError:  # no thread can be started
            self._server.server_close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def client(self) -> DynamoDBClient:
        """Return a new boto3 client for this DynamoDB, which the caller closes.

        The client ignores the user's AWS configuration: environment variables, the files in
        ``~/.aws``, and proxies.
        """
        import boto3
        import botocore.session
        from botocore.config import Config

        # Each setting of botocore keeps its default, but is not read from variables or files.
        variables = {
            name: (None, None, default, convert)
            for name, (_, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
        }
        for file in ("config_file", "credentials_file"):
            variables[file] = (None, None, os.devnull, None)
        session = botocore.session.Session(session_vars=variables)
        return boto3.Session(botocore_session=session).client(
            "dynamodb",
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 (it is not a secret)
            config=client_config().merge(Config(proxies={})),
        )

    def load(
        self,
        table: str,
        stores: Mapping[str, Mapping[str, Mapping[str, object]]],
        key_names: KeyNames = DEFAULT_KEYS,
    ) -> None:
        """Create ``table`` if it does not exist, and write every option of ``stores`` to it.

        Raise ``ValueRefused`` for a value that DynamoDB cannot store, before anything is
        sent, and ``TableError`` for a request that it refuses.
        """
        items: list[tuple[str, WriteRequestTypeDef]] = []
        for store, options in stores.items():
            for option, keys in options.items():
                item = attributes_of(option, keys, key_names)
                item |= key_names.key(store, option)
                items.append((f"{store}.{option}", {"PutRequest": {"Item": item}}))
        with contextlib.closing(self.client()) as client:
            ensure_table(Table(client, table, key_names), None, None)
            for i in range(0, len(items), MAX_BATCH_WRITES):
                places, requests = zip(*items[i : i + MAX_BATCH_WRITES], strict=True)
                with explained(table, f"BatchWriteItem of {places[0]} to {places[-1]}"):
                    client.batch_write_item(RequestItems={table: requests})

    def stop(self) -> None:
        """Stop the server and its threads, and delete its data; a second call does nothing."""
        from moto.backends import get_backend

        self._server.shutdown()
        self._thread.join()
        get_backend("dynamodb").pop(self._account, None)


@contextlib.contextmanager
def _no_aws_environment() -> Iterator[None]:
    """Hide the user's AWS configuration: moto's boto3 session would fail on a missing profile."""
    saved = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AWS_")}
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    try:
        yield
    finally:
        del os.environ["AWS_CONFIG_FILE"], os.environ["AWS_SHARED_CREDENTIALS_FILE"]
        os.environ.update(saved)


def _dynamodb_app(account: str) -> WSGIApplication:
    """Return moto's DynamoDB; every request belongs to ``account``."""
    from moto.core.model_instances import model_data
    from moto.moto_server.werkzeug_app import create_backend_app

    with _no_aws_environment():
        dynamodb = create_backend_app("dynamodb")
    keep_every_digit()
    take_whole_transactions()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
        response = dynamodb(environ, start_response)
        # For its dashboard, which is not served here, moto keeps every object that it ever created:
        # a copy of each item for each poll.
        for model in model_data["dynamodb"].values():
            getattr(model, "instances_tracked", []).clear()
        return response

    return app


def keep_every_digit() -> None:
    """Make moto keep numbers unchanged if only some keys are read.

    It converts them with boto3's types, which refuse a number with more than 38 digits even if
    those after the 38th are zeros.
    """
    from moto.dynamodb.models import dynamo_type

    vars(dynamo_type.deserializer)["_deserialize_n"] = Decimal
    vars(dynamo_type.serializer)["_serialize_n"] = number_text


def take_whole_transactions() -> None:
    """Make moto read as many items in one transaction as DynamoDB does; its own limit is 25."""
    from moto.dynamodb import responses

    vars(responses)["TRANSACTION_MAX_ITEMS"] = MAX_ACTIONS


def _make_server(app: WSGIApplication) -> BaseWSGIServer:
    """Return a server that listens on a free loopback port; closing it ends all its threads."""
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    class Handler(WSGIRequestHandler):
        timeout = 2  # seconds for which a connected client without a request can delay stop()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Log nothing: every poll is a request."""

    class Server(ThreadedWSGIServer):
        daemon_threads = False  # so that closing waits for the running requests

    # Bind here: werkzeug exits the whole program if it cannot bind.
    with socket.create_server((_HOST, 0), backlog=Server.request_queue_size) as listener:
        return Server(_HOST, 0, app, Handler, fd=listener.fileno())
