"""The embedded DynamoDB of ``--local FILE``: moto's, over real HTTP on the loopback interface.

For development and tests.  moto, flask and boto3 are imported when one is started, not before.
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

REGION = "us-east-1"  # moto keeps regions apart, as AWS does: the data is in this one


# moto keeps its data in the process, apart for each account: an account for each instance is what
# keeps instances apart.
_accounts = itertools.count(1)


class LocalDynamoDB:
    """A DynamoDB of its own, empty and running once made, until ``stop()`` or the ``with`` ends.

    Raises :class:`MissingExtra` when the packages for it are not installed, OSError when there is
    no loopback port to be had, RuntimeError when there is no thread.
    """

    endpoint_url: str
    """Where it listens, such as ``http://127.0.0.1:40123``."""

    def __init__(self) -> None:
        for package in ("boto3", "flask", "flask_cors", "moto.server"):
            try:
                importlib.import_module(package)
            except ImportError as error:
                raise MissingExtra("--local", "local") from error
        self._account = f"{next(_accounts):012}"
        self._server = _make_server(_dynamodb_app(self._account))
        self.endpoint_url = f"http://{_HOST}:{self._server.port}"
        # A daemon, so that a program that forgot to stop it can end.
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},  # how long stop() takes, in seconds
            name="local-dynamodb",
            daemon=True,
        )
        try:
            self._thread.start()
        except RuntimeError:  # no thread to be had
            self._server.server_close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def client(self) -> DynamoDBClient:
        """Return a new boto3 client for this DynamoDB, which the caller closes.

        Nothing of the user's AWS set-up has a say in it: not the environment, not the files in
        ``~/.aws``, not a proxy.
        """
        import boto3
        import botocore.session
        from botocore.config import Config

        # Every setting of botocore keeps its default and loses its variable and its name in files.
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
            aws_secret_access_key="local",  # noqa: S106 (it opens nothing)
            config=client_config().merge(Config(proxies={})),
        )

    def load(
        self,
        table: str,
        stores: Mapping[str, Mapping[str, Mapping[str, object]]],
        key_names: KeyNames = DEFAULT_KEYS,
    ) -> None:
        """Create ``table`` if it is not there, and write every option of ``stores`` to it.

        Raises :class:`ValueRefused` for what DynamoDB cannot hold, before anything is sent, and
        :class:`TableError` for what it refuses.
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
        """End the server, its threads and its data; once more does nothing."""
        from moto.backends import get_backend

        self._server.shutdown()
        self._thread.join()
        get_backend("dynamodb").pop(self._account, None)


@contextlib.contextmanager
def _no_aws_environment() -> Iterator[None]:
    """Hide the user's AWS set-up: moto makes a boto3 session, which a missing profile would end."""
    saved = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AWS_")}
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    try:
        yield
    finally:
        del os.environ["AWS_CONFIG_FILE"], os.environ["AWS_SHARED_CREDENTIALS_FILE"]
        os.environ.update(saved)


def _dynamodb_app(account: str) -> WSGIApplication:
    """Return moto's DynamoDB, in which every request is this account's."""
    from moto.core.model_instances import model_data
    from moto.moto_server.werkzeug_app import create_backend_app

    with _no_aws_environment():
        dynamodb = create_backend_app("dynamodb")
    keep_every_digit()
    take_whole_transactions()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
        response = dynamodb(environ, start_response)
        # For its dashboard, which is not served here, moto keeps every object it ever made: a
        # copy of each item for each poll.
        for model in model_data["dynamodb"].values():
            getattr(model, "instances_tracked", []).clear()
        return response

    return app


def keep_every_digit() -> None:
    """Have moto keep numbers as they are when only some keys are read.

    It passes them through boto3's conversion, which refuses a number with more than 38 digits even
    if those after the 38th are zeros.
    """
    from moto.dynamodb.models import dynamo_type

    vars(dynamo_type.deserializer)["_deserialize_n"] = Decimal
    vars(dynamo_type.serializer)["_serialize_n"] = number_text


def take_whole_transactions() -> None:
    """Have moto read as many items in one transaction as the service does; it takes 25."""
    from moto.dynamodb import responses

    vars(responses)["TRANSACTION_MAX_ITEMS"] = MAX_ACTIONS


def _make_server(app: WSGIApplication) -> BaseWSGIServer:
    """Return a server that listens on a free loopback port; no thread of it outlives it."""
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    class Handler(WSGIRequestHandler):
        timeout = 2  # seconds that a client which connects and says nothing can delay stop()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing: every poll is a request."""

    class Server(ThreadedWSGIServer):
        daemon_threads = False  # so that closing waits for the requests under way

    # Bound here, since werkzeug ends the whole program when it cannot bind.
    with socket.create_server((_HOST, 0), backlog=Server.request_queue_size) as listener:
        return Server(_HOST, 0, app, Handler, fd=listener.fileno())
