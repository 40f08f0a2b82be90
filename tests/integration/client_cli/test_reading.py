"""``ddbcfg-client`` get and list: exact (G6) and honest (G7), and exit codes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from ddbcfg_daemon.publishing.publisher import Publisher
from support.client_cli import (
    AWAY,
    DB,
    EXACT,
    NOW,
    STORE,
    Client,
    Publish,
    answered,
    failed,
    running,
)
from support.daemon import PATIENCE, SECRET, Host

# --- get and list: 0 and 1 -----------------------------------------------------------------------


def test_option_is_one_line_of_json(host: Host, publish: Publish) -> None:
    publish(STORE)
    expected = f'{{"host": "db-cluster.com", "password": "{SECRET}", "port": 27017}}\n'
    assert answered(host.client("get", "db")) == expected
    assert answered(host.client("get", "empty")) == "{}\n"


def test_json_is_exact(host: Host, publish: Publish) -> None:
    publish(STORE)
    text = answered(host.client("get", "exact"))
    # As it is written, before any parser can round it.
    assert '"long": -1234567890123456789.0123456789012345678' in text
    assert '"round": 100000000000000000000000000000000000000,' in text
    assert f'"tiny": 0.{"0" * 129}1' in text
    assert "größer" in text
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) == EXACT | {
        "binary": "AP8=",
        "tags": ["a", "b"],
        "primes": [2, 3],
    }


@pytest.mark.parametrize(
    ("key", "bare"),
    [
        ("long", "-1234567890123456789.0123456789012345678"),
        ("tiny", f"0.{'0' * 129}1"),
        ("text", EXACT["text"]),
        ("yes", "true"),
        ("nothing", "null"),
        ("binary", '"AP8="'),
        ("tags", '["a", "b"]'),
        ("tree", '{"empty": {}, "list": [1, {"deep": null}]}'),
    ],
)
def test_key_is_a_bare_value(host: Host, publish: Publish, key: str, bare: str) -> None:
    publish(STORE)
    assert answered(host.client("get", "exact", key)) == f"{bare}\n"


def test_whole_store_is_one_json_object_in_order(host: Host, publish: Publish) -> None:
    publish(STORE)
    text = answered(host.client("get"))
    everything = json.loads(text)
    assert list(everything) == ["db", "empty", "exact"]
    assert everything["db"] == DB
    assert text.startswith('{\n  "db": {\n')


def test_list_prints_the_names_in_order(host: Host, publish: Publish) -> None:
    publish({"b": {}, "ä": {}, "a b": {}, "B": {}})
    assert answered(host.client("list")) == "B\na b\nb\nä\n"


def test_empty_store_has_nothing_to_print_and_that_is_no_error(
    host: Host, publish: Publish
) -> None:
    publish({})
    assert answered(host.client("get")) == "{}\n"
    assert answered(host.client("list")) == ""


def test_no_such_option_or_key(host: Host, publish: Publish) -> None:
    publish(STORE)
    assert "no option 'nope'" in failed(host.client("get", "nope"), 1)
    assert "no option ''" in failed(host.client("get", ""), 1)
    said = failed(host.client("get", "db", "nope"), 1)
    assert "'db' has no key 'nope'" in said


def test_reader_that_has_seen_enough_is_no_error(
    publish: Publish, start: Callable[..., Client]
) -> None:
    # Far more than a pipe holds.
    publish({f"option-{number:06}": {} for number in range(20_000)})
    client = start("list")
    assert client.line() == "option-000000"
    assert client.process.stdout is not None
    client.process.stdout.close()
    assert client.process.stderr is not None
    assert client.process.stderr.read() == ""
    assert client.process.wait(PATIENCE) == 0


# --- which store: 2 ------------------------------------------------------------------------------


def test_the_only_store_need_not_be_named(host: Host, publish: Publish) -> None:
    publish(STORE, "only")
    assert answered(host.client("get", "empty")) == "{}\n"


def test_reading_as_json_is_one_line(host: Host, publish: Publish) -> None:
    """For scripts: whatever is asked for, and whatever its name."""
    odd = 'a\n"b'
    publish({"db": {"host": "h", "port": 1}, odd: {}})
    assert answered(host.client("get", "db", "host", "--json")) == '"h"\n'
    assert answered(host.client("get", "db", "port", "--json")) == "1\n"
    for arguments in (("get", "db"), ("get",), ("list",)):
        text = answered(host.client(*arguments, "--json"))
        assert text.count("\n") == 1
        found = json.loads(text)
        expected = {"db": {"host": "h", "port": 1}, odd: {}}
        assert found == {("get", "db"): expected["db"], ("list",): [odd, "db"]}.get(
            arguments, expected
        )


def test_one_of_several_stores_must_be_named(host: Host, publish: Publish) -> None:
    publish(STORE, "prod")
    publish({"db": {"host": "localhost"}}, "test")
    said = failed(host.client("get", "db"), 2)
    for words in (f"{host.namespace}/prod", f"{host.namespace}/test", "--store", "DDBCFG_STORE"):
        assert words in said
    expected = '{"host": "localhost"}\n'
    assert answered(host.client("get", "db", "--store", "test")) == expected
    assert answered(host.client("get", "db", DDBCFG_STORE="test")) == expected
    both = answered(host.client("status", "--json", "--store", "prod, test"))
    assert [json.loads(line)["store"] for line in both.splitlines()] == ["prod", "test"]
    for several in (("--store", "prod,test"), ()):
        said = failed(host.client("get", "db", *several, DDBCFG_STORE="test,prod"), 2)
        assert "several stores are named" in said
    # Without --namespace, it is the table's name.
    by_table = ("--table", host.namespace, "--store", "test")
    assert answered(host.client("get", "db", *by_table, DDBCFG_NAMESPACE="")) == expected
    by_variable = {"DDBCFG_TABLE": host.namespace, "DDBCFG_STORE": "test", "DDBCFG_NAMESPACE": ""}
    assert answered(host.client("get", "db", **by_variable)) == expected


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "COMMAND"),
        (("nonsense",), "nonsense"),
        (("get", "a", "b", "c"), "c"),
        (("get", "--nonsense"), "--nonsense"),
        (("get", "--wait", "soon"), "--wait"),
        (("get", "--max-age", "-1"), "--max-age"),
        (("reload", "--timeout", "nan"), "--timeout"),
    ],
)
def test_usage_errors(host: Host, arguments: tuple[str, ...], named: str) -> None:
    done = host.client(*arguments or ("--store", "prod"))
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr.splitlines()[-1]


def test_a_store_that_is_not_here_is_told_which_are(host: Host, publish: Publish) -> None:
    publish(STORE, "prod")
    publish(STORE, "test")
    here = (f"{host.namespace}/prod", f"{host.namespace}/test")
    for command in ("get", "list", "status", "watch", "reload"):
        said = failed(host.client(command, "--store", "typo"), 3)
        assert f"{host.namespace}.typo: no daemon has published it" in said
        assert all(name in said for name in here)


def test_store_whose_name_is_not_utf8(host: Host) -> None:
    assert "UTF-8" in failed(host.client("get", "--store", "\udcff"), 2)


# --- nothing to read: 3 --------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["get", "list", "status", "watch", "reload"])
@pytest.mark.parametrize("named", [True, False])
def test_without_a_daemon_it_says_at_once_what_to_start(
    host: Host, command: str, named: bool
) -> None:
    arguments = ("--store", "prod") if named else ()
    began = time.monotonic()
    said = failed(host.client(command, *arguments), 3)
    assert time.monotonic() - began < 15  # of the 60 that "wait" waits
    assert "no daemon has published" in said
    assert "systemctl start ddbcfg-daemon" in said


def test_before_the_first_snapshot_it_says_why_there_is_none(host: Host) -> None:
    publisher = Publisher(host.names())
    publisher.report(running())
    assert "has not read DynamoDB yet" in failed(host.client("get", "db"), 3)
    publisher.report(running(failures=1, error=str(AWAY)))
    assert str(AWAY) in failed(host.client("get", "db"), 3)
    publisher.report(running())
    publisher.close()
    assert "stopped before it had read DynamoDB" in failed(host.client("get", "db"), 3)
    done = host.client("status")
    assert done.returncode == 3
    assert "none yet" in done.stdout


# --- too old: 4 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("success", "age"), [(-120 * 10**9, "is 12"), (3600 * 10**9, "unknown")], ids=["old", "unknown"]
)
def test_too_old(host: Host, publish: Publish, success: int, age: str) -> None:
    publish(STORE).report(running(success=NOW(time.CLOCK_BOOTTIME) + success))
    for arguments in (("get",), ("get", "db"), ("list",)):
        said = failed(host.client(*arguments, "--max-age", "60"), 4)
        assert age in said
        assert "60 s" in said
    assert host.client("status", "--max-age", "60").returncode == 4
    # Without a limit, old data is served.
    assert answered(host.client("get", "empty")) == "{}\n"
    assert host.client("status").returncode == 0


def test_young_enough(host: Host, publish: Publish) -> None:
    publish(STORE)
    assert answered(host.client("get", "empty", "--max-age", "60")) == "{}\n"
    assert host.client("status", "--max-age", "60").returncode == 0
