"""The embedded DynamoDB of --local: real boto3 over real HTTP; grouped by hazard."""

from __future__ import annotations

import http.server
import logging
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.errors import MissingExtra, NotationError, TableError, ValueRefused
from ddbcfg_client.notation.files import load_file
from ddbcfg_daemon.sources.local_dynamodb import REGION, LocalDynamoDB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

pytest.importorskip("moto.server", reason="moto is not installed")

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/config.json"


@pytest.fixture
def local() -> Iterator[LocalDynamoDB]:
    with LocalDynamoDB() as running:
        yield running


@pytest.fixture
def client(local: LocalDynamoDB) -> Iterator[DynamoDBClient]:
    client = local.client()
    yield client
    client.close()


def read(client: DynamoDBClient, store: str, store_key: str = "_store") -> dict[str, Any]:
    """Return the items of ``store`` by their option, as boto3 understands them."""
    from boto3.dynamodb.types import TypeDeserializer

    class Deserializer(TypeDeserializer):
        def _deserialize_n(self, value: str) -> Decimal:
            return Decimal(value)  # boto3's own refuses the zeros of 1E+125

    pages = client.get_paginator("query").paginate(
        TableName="config",
        KeyConditionExpression="#s = :s",
        ExpressionAttributeNames={"#s": store_key},
        ExpressionAttributeValues={":s": {"S": store}},
    )
    deserialize = Deserializer().deserialize
    found = {}
    for page in pages:
        for item in page["Items"]:
            values = {key: deserialize(value) for key, value in item.items()}
            assert values.pop(store_key) == store
            found[values.pop("_option")] = values
    return found


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a Python of its own, warnings as errors, with these variables on top."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


class TestExactTypes:
    """What is in the file is what boto3 reads (G6)."""

    def test_the_example_comes_whole(self, local: LocalDynamoDB, client: DynamoDBClient) -> None:
        stores = load_file(EXAMPLE)
        local.load("config", stores)
        for store, options in stores.items():
            assert read(client, store) == options
        features = read(client, "prod")["features"]
        assert type(features["beta-users"]) is set
        assert type(features["new-checkout"]) is bool
        assert type(features["limits"]["upload-bytes"]) is Decimal
        assert features["retired-on"] is None

    def test_every_type_and_the_ends_of_the_range(
        self, local: LocalDynamoDB, client: DynamoDBClient
    ) -> None:
        values = {
            "digits": Decimal("0.12345678901234567890123456789012345678"),
            "large": Decimal("9." + "9" * 37 + "E+125"),
            "small": Decimal("-1E-130"),
            "bytes": bytes(range(256)),
            "numbers": {Decimal("1.5"), Decimal("1E+30")},
            "binaries": {b"\x00", b"\xff"},
            "texts": {"é", "🐍"},
            "empty": ["", b"", [], {}],
            "$set": {"$map": [True, False, None, {"$binary": "x"}]},
        }
        local.load("config", {"prod": {"all": values}})
        assert read(client, "prod") == {"all": values}

    def test_every_digit_survives_reading_some_keys(
        self, local: LocalDynamoDB, client: DynamoDBClient
    ) -> None:
        values = {"n": 10**40, "some": {Decimal("9." + "9" * 37 + "E+125"), 1}, "other": 1}
        local.load("config", {"prod": {"all": values}})
        with DynamoDBConfigStore(client, "config", "prod") as store:
            found = store.config.get("all", keys=["n", "some"])
        assert found == {"n": 10**40, "some": values["some"]}
        assert f"{found['n']}" == "1" + "0" * 40

    def test_more_options_than_go_into_one_request(
        self, local: LocalDynamoDB, client: DynamoDBClient
    ) -> None:
        options = {f"option-{i}": {"value": i} for i in range(60)}
        local.load("config", {"prod": options, "test": {"one": {}}})
        assert read(client, "prod") == options
        assert read(client, "test") == {"one": {}}

    def test_the_table_is_keyed_as_asked(
        self, local: LocalDynamoDB, client: DynamoDBClient
    ) -> None:
        local.load("config", {"prod": {"db": {"_store": "a value"}}}, KeyNames("s"))
        table = client.describe_table(TableName="config")["Table"]
        assert [key["AttributeName"] for key in table["KeySchema"]] == ["s", "_option"]
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert read(client, "prod", "s") == {"db": {"_store": "a value"}}


class TestRefusals:
    def test_a_value_that_dynamodb_cannot_hold_is_named_and_nothing_is_sent(
        self, local: LocalDynamoDB, client: DynamoDBClient
    ) -> None:
        with pytest.raises(ValueRefused, match="password") as caught:
            local.load("config", {"prod": {"db": {"password": object()}}})
        assert "object at" not in str(caught.value)
        assert client.list_tables()["TableNames"] == []

    def test_what_dynamodb_refuses_says_where(self, local: LocalDynamoDB) -> None:
        with pytest.raises(TableError) as caught:
            local.load("config", {"prod": {"a": {}, "b" * 1025: {}}})
        assert caught.value.operation == f"BatchWriteItem of prod.a to prod.{'b' * 1025}"
        assert caught.value.code == "ValidationException"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b'{"prod": {\n  "db": {\n    "port" 1\n', ":3: not JSON: Expecting ':' delimiter"),
            (b'{"prod": {\n  "d\xe9": {}}}', ":2: not UTF-8"),
            (b'{"prod": {"db": {"port": 1e999}}}', ": prod.db.port: DynamoDB's numbers have"),
            (b'{"prod": {"db": {"_store": 1}}}', ": prod.db._store: is a key of the table"),
        ],
    )
    def test_a_file_that_says_no_stores_is_named(
        self, tmp_path: Path, content: bytes, message: str
    ) -> None:
        file = tmp_path / "config.json"
        file.write_bytes(content)
        with pytest.raises(NotationError) as caught:
            load_file(file)
        assert str(caught.value).startswith(f"{file}{message}")

    def test_the_files_keys_are_checked_against_the_tables_own(self, tmp_path: Path) -> None:
        file = tmp_path / "config.json"
        file.write_text('{"prod": {"db": {"_store": 1}}}')
        assert load_file(file, KeyNames("s", "o")) == {"prod": {"db": {"_store": 1}}}

    def test_a_file_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(NotationError, match="No such file or directory") as caught:
            load_file(tmp_path / "nope.json")
        assert caught.value.where == str(tmp_path / "nope.json")
        with pytest.raises(NotationError, match="Is a directory"):
            load_file(tmp_path)

    @pytest.mark.parametrize("package", ["boto3", "flask", "flask_cors", "moto"])
    def test_without_the_extra_it_says_what_to_install(self, package: str) -> None:
        done = run(
            f"import sys; sys.modules[{package!r}] = None\n"
            "from ddbcfg_client.errors import MissingExtra\n"
            "from ddbcfg_daemon.sources.local_dynamodb import LocalDynamoDB\n"
            "try: LocalDynamoDB()\n"
            "except MissingExtra as error: print(error)"
        )
        assert done.stdout == f"{MissingExtra('--local', 'local')}\n"
        assert "pip install 'ddbcfg[local]'" in done.stdout

    def test_importing_the_module_imports_neither_moto_nor_boto3(self) -> None:
        done = run(
            "import sys, ddbcfg_daemon.sources.local_dynamodb\n"
            "print({'boto3', 'botocore', 'flask', 'moto', 'werkzeug'} & set(sys.modules))"
        )
        assert done.stdout == "set()\n"


class TestNothingStays:
    """Each instance begins empty, and ends whole."""

    def test_the_next_instance_is_empty(self) -> None:
        for _ in range(2):
            with LocalDynamoDB() as local:
                client = local.client()
                assert client.list_tables()["TableNames"] == []
                local.load("config", {"prod": {"db": {}}})
                assert client.list_tables()["TableNames"] == ["config"]
                client.close()

    def test_two_at_once_do_not_share(self, local: LocalDynamoDB, client: DynamoDBClient) -> None:
        local.load("config", {"prod": {"db": {"of": "first"}}})
        with LocalDynamoDB() as second:
            second.load("config", {"prod": {"db": {"of": "second"}}})
        assert read(client, "prod") == {"db": {"of": "first"}}

    def test_no_thread_descriptor_or_port_is_left(self) -> None:
        LocalDynamoDB().stop()  # imports what it imports
        threads, descriptors = threading.enumerate(), os.listdir("/proc/self/fd")
        local = LocalDynamoDB()
        local.load("config", load_file(EXAMPLE))
        local.stop()
        local.stop()
        assert threading.enumerate() == threads
        assert os.listdir("/proc/self/fd") == descriptors
        port = int(local.endpoint_url.rpartition(":")[2])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()

    def test_a_client_that_says_nothing_does_not_keep_it_from_stopping(self) -> None:
        threads = threading.enumerate()
        local = LocalDynamoDB()
        port = int(local.endpoint_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)):
            local.load("config", {})  # connections are taken in turn: that one has been
            local.stop()
            assert threading.enumerate() == threads

    def test_a_start_that_fails_leaves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        LocalDynamoDB().stop()
        descriptors = os.listdir("/proc/self/fd")

        def no_thread(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            LocalDynamoDB()
        assert os.listdir("/proc/self/fd") == descriptors

    def test_a_program_that_forgets_to_stop_it_ends(self) -> None:
        done = run(
            "from ddbcfg_daemon.sources.local_dynamodb import LocalDynamoDB\n"
            "local = LocalDynamoDB(); local.load('config', {'prod': {'db': {}}}); print('done')"
        )
        assert (done.stdout, done.returncode) == ("done\n", 0)

    def test_polling_does_not_make_it_grow(
        self, local: LocalDynamoDB, client: DynamoDBClient
    ) -> None:
        from moto.dynamodb.models.dynamo_type import Item

        local.load("config", load_file(EXAMPLE))
        for _ in range(20):
            read(client, "prod")
        assert len(Item.instances_tracked) < 20  # type: ignore[attr-defined]


class TestOtherCode:
    """It does not disturb the program around it, nor the user's set-up it."""

    def test_it_listens_on_the_loopback_interface_only(self, local: LocalDynamoDB) -> None:
        assert local.endpoint_url.startswith("http://127.0.0.1:")
        port = int(local.endpoint_url.rpartition(":")[2])
        listening = f":{port:04X} 00000000:0000 0A"
        sockets = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
        (row,) = [line for line in sockets.splitlines() if listening in line]
        assert row.split()[1] == f"0100007F:{port:04X}"

    def test_any_http_client_reaches_it(self, local: LocalDynamoDB) -> None:
        local.load("config", {"prod": {"db": {}}})
        scope = f"local/20260101/{REGION}/dynamodb/aws4_request"
        request = urllib.request.Request(
            local.endpoint_url,
            data=b"{}",
            headers={
                "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0",
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "DynamoDB_20120810.ListTables",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert b'"config"' in answer.read()

    def test_other_boto3_clients_of_the_process_are_not_mocked(self, local: LocalDynamoDB) -> None:
        import boto3

        seen = []

        class Elsewhere(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                seen.append(self.headers["X-Amz-Target"])
                self.rfile.read(int(self.headers["Content-Length"]))
                body = b'{"TableNames": ["elsewhere"]}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            url = f"http://127.0.0.1:{server.server_port}"
            client = boto3.Session().client("dynamodb", endpoint_url=url)
            assert client.list_tables()["TableNames"] == ["elsewhere"]
            client.close()
            thread.join()
        assert seen == ["DynamoDB_20120810.ListTables"]

    def test_requests_are_not_logged(
        self,
        local: LocalDynamoDB,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG, "werkzeug")
        local.load("config", {"prod": {"db": {}}})
        assert capfd.readouterr() == ("", "")
        assert [record for record in caplog.records if record.name == "werkzeug"] == []

    def test_the_users_aws_set_up_has_no_say(self, tmp_path: Path) -> None:
        broken = tmp_path / "config"
        broken.write_text("this is [no ini file\n= =\n")
        settings = {
            "AWS_PROFILE": "no-such-profile",
            "AWS_DEFAULT_PROFILE": "no-such-profile",
            "AWS_CONFIG_FILE": str(broken),
            "AWS_SHARED_CREDENTIALS_FILE": str(broken),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
            "AWS_DEFAULT_REGION": "mars-north-1",
            "AWS_REGION": "mars-north-1",
            "AWS_ACCESS_KEY_ID": "",
            "AWS_USE_FIPS_ENDPOINT": "true",
            "AWS_USE_DUALSTACK_ENDPOINT": "true",
            "AWS_ACCOUNT_ID_ENDPOINT_MODE": "required",
            "AWS_CA_BUNDLE": "/no/such/file",
            "AWS_RETRY_MODE": "no-such-mode",
            "AWS_MAX_ATTEMPTS": "no number",
            "AWS_DEFAULTS_MODE": "no-such-mode",
            "AWS_SIGV4A_SIGNING_REGION_SET": "mars-north-1",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
            "ALL_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "",
            "no_proxy": "",
        }
        done = run(
            "import os\n"
            "from ddbcfg_daemon.sources.local_dynamodb import LocalDynamoDB\n"
            "before = dict(os.environ)\n"
            "with LocalDynamoDB() as local:\n"
            "    local.load('config', {'prod': {'db': {}}})\n"
            "    client = local.client()\n"
            "    print(client.scan(TableName='config')['Count'], client.meta.region_name)\n"
            "    client.close()\n"
            "assert dict(os.environ) == before",
            **settings,
        )
        assert (done.stdout, done.stderr) == (f"1 {REGION}\n", "")
