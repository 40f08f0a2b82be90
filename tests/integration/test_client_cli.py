"""``ddbcfg-client`` as whole processes: exact (G6) and honest (G7) answers, few imports (G10)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.hotpath import READER
from ddbcfg_client.shm.status import process_start
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.daemon import PATIENCE, ROOT, SECRET, Host, environment_of
from support.request_serving import serving
from support.shm import reading

AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "nothing answers there")
NOW = time.clock_gettime_ns

DB = {"host": "db-cluster.com", "port": 27017, "password": SECRET}
EXACT = {
    "long": Decimal("-1234567890123456789.0123456789012345678"),
    "tiny": Decimal("1E-130"),
    "round": Decimal("1E+38"),
    "text": 'größer "quoted"\n\t\x01 日本 \U0001f600',
    "yes": True,
    "nothing": None,
    "binary": b"\x00\xff",
    "tags": {"b", "a"},
    "primes": {Decimal(3), Decimal(2)},
    "tree": {"list": [1, {"deep": None}], "empty": {}},
}
STORE = {"db": DB, "exact": EXACT, "empty": {}}

Publish = Callable[..., Publisher]


@pytest.fixture
def publish(host: Host) -> Iterator[Publish]:
    """Publishes options in a store of this host, as its daemon; says which publisher did."""
    made: dict[str, Publisher] = {}

    def publish(options: Mapping[str, Mapping[str, Any]], store: str = "prod") -> Publisher:
        if store not in made:
            made[store] = Publisher(host.names(store))
            made[store].report(running())
        made[store].publish(reading(options))
        return made[store]

    yield publish
    for publisher in made.values():
        publisher.close()


def running(**more: Any) -> PageStatus:
    """The status of a daemon that is this process, and well."""
    now = NOW(time.CLOCK_BOOTTIME)
    status: dict[str, Any] = {
        "interval": 60 * 10**9,
        "poll_started": now,
        "poll_finished": now,
        "success": now,
        "success_unix": time.time_ns(),
        "polls": 1,
        "source": "dynamodb",
        "daemon_pid": os.getpid(),
        "daemon_start": process_start(os.getpid()),
    }
    return PageStatus(**{**status, **more})


class Client:
    """A running ``ddbcfg-client`` whose lines are read as they come."""

    def __init__(self, host: Host, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ddbcfg_client", *arguments],
            cwd=ROOT,
            env=environment_of({"DDBCFG_NAMESPACE": host.namespace}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """The exit code and what stands in stderr."""
        if number is not None:
            self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@pytest.fixture
def start(host: Host) -> Iterator[Callable[..., Client]]:
    """Starts clients, which end with the test at the latest."""
    started: list[Client] = []

    def start(*arguments: str) -> Client:
        started.append(Client(host, *arguments))
        return started[-1]

    yield start
    for client in started:
        client.process.kill()
        client.process.communicate()


def answered(done: subprocess.CompletedProcess[str]) -> str:
    """What it printed; it was all well."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def failed(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line that says why; nothing was printed."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("ddbcfg-client: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


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
    ("success", "age"), [(-120 * 10**9, "120."), (3600 * 10**9, "unknown")], ids=["old", "unknown"]
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


# --- reload: 5 -----------------------------------------------------------------------------------


class Answers:
    """A source that gives what the test puts in ``answer``."""

    def __init__(self) -> None:
        self.answer: Reading | Exception = reading(STORE)

    def read(self, progress: Progress) -> Reading:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def source(host: Host) -> Iterator[Answers]:
    """What the store's daemon will read; it polls once and then only when it is asked."""
    source = Answers()
    with serving(host.names()) as served:
        refresher = Refresher(
            source, served.publisher, 86400, pid=os.getpid(), requests=served.polls
        )
        polled = threading.Event()
        refresher._on_event = polled.set
        thread = threading.Thread(target=refresher.run)
        thread.start()
        assert polled.wait(PATIENCE)
        yield source
        refresher.stop()
        thread.join(PATIENCE)


def test_reload_returns_when_the_daemon_has_polled(host: Host, source: Answers) -> None:
    assert answered(host.client("reload")) == "generation 1\n"
    source.answer = reading({"db": {"host": "new"}})
    assert answered(host.client("reload")) == "generation 2\n"
    assert answered(host.client("get", "db", "host")) == "new\n"


def test_reload_that_failed_says_why(host: Host, source: Answers) -> None:
    source.answer = AWAY
    assert str(AWAY) in failed(host.client("reload"), 5)
    # What was published is still there.
    assert answered(host.client("get", "empty")) == "{}\n"


def test_reload_of_a_daemon_that_hangs_or_stopped(host: Host) -> None:
    with serving(host.names()) as served:
        served.publisher.publish(reading(STORE))
        served.publisher.report(running())
        said = failed(host.client("reload", "--timeout", "0.1"), 5)
        assert f"pid {os.getpid()}" in said
        assert "0.1 s" in said
    said = failed(host.client("reload", "--timeout", "0.1"), 5)
    assert "no daemon serves it on this host" in said


# --- wait and watch ------------------------------------------------------------------------------


def test_wait_returns_at_once_when_there_is_a_snapshot(host: Host, publish: Publish) -> None:
    publish(STORE)
    assert answered(host.client("wait")) == "generation 1\n"


def test_wait_returns_when_the_first_snapshot_comes(
    publish: Publish, start: Callable[..., Client]
) -> None:
    client = start("wait")
    # From here on it may look for one at any time.
    maps = Path(f"/proc/{client.process.pid}/maps")
    deadline = time.monotonic() + PATIENCE
    while "_cmsgpack" not in maps.read_text():
        assert time.monotonic() < deadline
    assert client.process.poll() is None
    publish(STORE)
    assert client.line() == "generation 1"
    assert client.end() == (0, "")


def test_wait_does_not_wait_for_several_stores_to_become_one(host: Host, publish: Publish) -> None:
    publish(STORE, "prod")
    publish(STORE, "test")
    assert "name the table and the store" in failed(host.client("wait"), 2)


def test_wait_gives_up(host: Host) -> None:
    assert "systemctl start" in failed(host.client("wait", "--wait", "0.1"), 3)


def test_watch_prints_a_line_for_each_generation_and_no_value(
    publish: Publish, start: Callable[..., Client]
) -> None:
    publish({"a": {"k": SECRET}, "b": {"k": 1}})
    client = start("watch")
    assert client.line() == "generation 1: 2 options"
    publish({"a": {"k": SECRET + "!"}, "c": {"k": 1}})
    assert client.line() == "generation 2: changed a; added c; removed b"
    publish({"a": {"k": SECRET + "!"}, "c": {"k": 2}})
    assert client.line() == "generation 3: changed c"
    assert client.end(signal.SIGINT) == (130, "")


def test_watch_prints_an_option_when_it_changes_and_only_then(
    publish: Publish, start: Callable[..., Client]
) -> None:
    publish({"a": {"k": 1}, "b": {"k": 1}})
    client = start("watch", "a")
    assert client.line() == '{"k": 1}'
    publish({"a": {"k": 1}, "b": {"k": 2}})
    publish({"a": {"k": 2}, "b": {"k": 2}})
    assert client.line() == '{"k": 2}'
    publish({"b": {"k": 2}})
    assert client.line() == "null"
    assert client.end(signal.SIGINT) == (130, "")


# --- status --------------------------------------------------------------------------------------


def rows(text: str) -> dict[str, str]:
    """What status says to a person: the words after each name."""
    return {
        name: words.strip() for name, _, words in (row.partition(":") for row in text.split("\n"))
    }


def test_status_for_a_person(host: Host, publish: Publish) -> None:
    publisher = publish(STORE)
    publisher.report(running(polls=7, failures=2, skipped=1, error=str(AWAY)))
    said = rows(answered(host.client("status")))
    snapshot = publisher.snapshot
    assert snapshot is not None
    assert said["store"] == f"{host.namespace}/prod"
    assert said["generation"].startswith("1, read 20")
    assert said["digest"] == snapshot.digest
    assert said["content"] == f"3 options, {snapshot.size} bytes"
    assert said["age"].endswith("(polled every 60 s)")
    assert said["source"] == "dynamodb"
    assert said["polls"].startswith("7")
    assert "2" in said["polls"]
    assert said["last error"] == str(AWAY)
    assert said["skipped"].startswith("1")
    assert said["daemon"] == f"running (pid {os.getpid()})"
    assert said["memory"].startswith(f"/dev/shm{host.names().page}")


@pytest.mark.parametrize(("seconds", "said"), [(3, "3."), (150, "2 min 3"), (7500, "2 h 5 min")])
def test_age_is_told_as_people_do(host: Host, publish: Publish, seconds: int, said: str) -> None:
    publish(STORE).report(running(success=NOW(time.CLOCK_BOOTTIME) - seconds * 10**9))
    assert rows(answered(host.client("status")))["age"].startswith(said)


def test_status_as_json(host: Host, publish: Publish) -> None:
    publisher = publish(STORE)
    polled = time.time_ns()
    publisher.report(running(polls=7, failures=2, skipped=1, error=str(AWAY), success_unix=polled))
    text = answered(host.client("status", "--json"))
    assert text.count("\n") == 1
    status = json.loads(text)
    snapshot = publisher.snapshot
    assert snapshot is not None
    assert 0 <= status.pop("age") < 30
    assert status == {
        "namespace": host.namespace,
        "store": "prod",
        "page": host.names().page,
        "layout_version": 2,
        "generation": 1,
        "published": 1,
        "digest": snapshot.digest,
        "options": 3,
        "bytes": snapshot.size,
        "read_at": snapshot.read_at,
        "polled_at": polled / 1e9,
        "interval": 60.0,
        "source": "dynamodb",
        "polls": 7,
        "failures": 2,
        "skipped": 1,
        "error": str(AWAY),
        "held": None,
        "held_since": None,
        "copy_error": None,
        "held_bytes": 0,
        "revision": 0,
        "epoch": "",
        "daemon": "running",
        "daemon_pid": os.getpid(),
        "replaced": False,
        "reader": READER,
        "reader_error": None,
    }


def test_status_tells_a_daemon_that_stopped_from_one_that_was_killed(
    host: Host, publish: Publish
) -> None:
    publisher = publish(STORE)
    publisher.report(running(daemon_start=1))  # another process has its pid by now
    assert json.loads(answered(host.client("status", "--json")))["daemon"] == "gone"
    publisher.close()
    status = json.loads(answered(host.client("status", "--json")))
    assert (status["daemon"], status["daemon_pid"]) == ("stopped", None)


def test_status_without_a_name_is_of_every_store(host: Host, publish: Publish) -> None:
    long = "long-" * 30  # too long to stand in a name of shared memory as it is
    for store in ("prod", "test", long):
        publish(STORE, store)
    lines = answered(host.client("status", "--json")).splitlines()
    stores = [json.loads(line)["store"] for line in lines]
    assert len(stores) == 3
    assert {"prod", "test"} < set(stores)
    blocks = answered(host.client("status")).split("\n\n")
    assert [rows(block)["generation"][0] for block in blocks] == ["1", "1", "1"]


def test_status_of_every_store_goes_on_after_one_that_cannot_be_read(
    host: Host, publish: Publish
) -> None:
    publish(STORE, "a")
    publish(STORE, "c")
    damaged = Path(f"/dev/shm{host.names('b').page}")
    damaged.write_bytes(b"nonsense" * 512)
    damaged.chmod(0o600)
    done = host.client("status", "--json")
    assert [json.loads(line)["store"] for line in done.stdout.splitlines()] == ["a", "c"]
    assert done.returncode == 3
    assert "is damaged" in done.stderr
    assert host.names("b").page in done.stderr


# --- G10: light ----------------------------------------------------------------------------------

_IMPORTED = """
import sys
before = set(sys.modules)
from ddbcfg_client.commands.main import main
code = main(sys.argv[1:])
print(*sorted(set(sys.modules) - before), file=sys.stderr)
raise SystemExit(code)
"""


@pytest.mark.parametrize("command", [("get", "db"), ("get", "exact", "long"), ("list",), ("get",)])
def test_reading_imports_msgpack_and_nothing_else(
    host: Host, publish: Publish, command: tuple[str, ...]
) -> None:
    publish(STORE)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _WITH_PATH, *command],
        cwd=ROOT,
        env=environment_of(
            {"DDBCFG_NAMESPACE": host.namespace, "PATHS": os.pathsep.join(sys.path)}
        ),
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules = done.stderr.split()
    # What Cython puts there is of msgpack's.
    packages = {module.partition(".")[0] for module in modules if "cython" not in module}
    assert packages - sys.stdlib_module_names == {"ddbcfg_client", "msgpack"}
    assert not packages & {"json", "asyncio", "multiprocessing", "socket", "threading", "logging"}


# -S: what the venv's .pth files import is not ours.
_WITH_PATH = f"import os, sys\nsys.path[:] = os.environ['PATHS'].split(os.pathsep)\n{_IMPORTED}"
