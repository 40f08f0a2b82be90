"""What ``ddbcfg-client`` prints where it can: never a forged line, never a wrong exit code (G7)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from support.daemon import PATIENCE, ROOT, Host, environment_of
from support.shm import reading

# Escape sequences of a terminal, also the one-byte forms; a line's ends; a text turned round.
UNPRINTABLE = "a\x1b[2J\x9b2J\x7f\u2028\u202e\nb\U000e0001"
STORE: dict[str, Mapping[str, Any]] = {
    "db": {"host": "Zürich \U0001f600", "port": 27017},
    UNPRINTABLE: {"k": UNPRINTABLE},
    '"quoted"': {},
    "a b": {},
    "größe": {},
}

ASCII = {"PYTHONIOENCODING": "ascii"}
NOT_WRITTEN = "ddbcfg-client: standard output cannot be written: "


@pytest.fixture
def publisher(host: Host) -> Iterator[Publisher]:
    publisher = Publisher(host.names())
    publisher.publish(reading(STORE))
    yield publisher
    publisher.close()


def client(
    host: Host, redirection: str, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[bytes]:
    """A whole command whose output a shell redirects."""
    command = [sys.executable, "-m", "ddbcfg_client", *arguments]
    return subprocess.run(
        ["bash", "-c", f'exec "$@" {redirection}', "bash", *command],
        cwd=ROOT,
        env=environment_of({"DDBCFG_NAMESPACE": host.namespace, **settings}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


# --- names ---------------------------------------------------------------------------------------


def test_a_line_of_list_is_a_name_or_the_json_of_one(host: Host, publisher: Publisher) -> None:
    done = host.client("list")
    lines = done.stdout.splitlines()
    assert done.stdout == "".join(f"{line}\n" for line in lines)
    assert all(line.isprintable() for line in lines)
    names = [json.loads(line) if line.startswith('"') else line for line in lines]
    assert sorted(names) == sorted(STORE)
    assert {"db", "a b", "größe", '"\\"quoted\\""'} <= set(lines)


def test_no_name_or_value_in_json_reaches_the_terminal_raw(
    host: Host, publisher: Publisher
) -> None:
    for arguments in (("get",), ("get", UNPRINTABLE)):
        text = host.client(*arguments).stdout
        assert text.replace("\n", "").isprintable()
        found = json.loads(text)
        assert found.get(UNPRINTABLE, found) == {"k": UNPRINTABLE}
    # A key's value is bare: what a script gets is what is stored.
    assert host.client("get", UNPRINTABLE, "k").stdout == f"{UNPRINTABLE}\n"


def test_no_complaint_is_more_than_a_line(host: Host, publisher: Publisher) -> None:
    other = Publisher(Names(host.namespace, UNPRINTABLE))
    other.publish(reading({}))
    try:
        for arguments in (("get", "x" + UNPRINTABLE, "--store", "prod"), ("get",), ("status",)):
            done = host.client(*arguments)
            said = done.stderr or done.stdout
            assert r"a\x1b[2J\x9b2J" in said
            assert said.replace("\n", "").isprintable()
            assert done.stderr.count("\n") <= 1
    finally:
        other.close()


# --- encodings -----------------------------------------------------------------------------------


def test_json_and_names_are_exact_in_every_encoding(host: Host, publisher: Publisher) -> None:
    text = client(host, "", "get", **ASCII)
    assert (text.returncode, text.stderr) == (0, b"")
    assert json.loads(text.stdout.decode("ascii")) == json.loads(host.client("get").stdout)
    names = client(host, "", "list", **ASCII)
    assert (names.returncode, names.stderr) == (0, b"")
    assert b'"gr\\u00f6\\u00dfe"' in names.stdout.splitlines()
    assert client(host, "", "status", **ASCII).returncode == 0


def test_a_bare_value_that_the_encoding_lacks_is_not_printed_wrong(
    host: Host, publisher: Publisher
) -> None:
    done = client(host, "", "get", "db", "host", **ASCII)
    assert (done.returncode, done.stdout) == (74, b"")
    said = done.stderr.decode()
    assert said.startswith(f"{NOT_WRITTEN}its encoding, ascii, lacks")
    assert "PYTHONIOENCODING=utf-8" in said
    assert said.count("\n") == 1
    assert client(host, "", "get", "db", "port", **ASCII).stdout == b"27017\n"


# --- output that cannot be written ---------------------------------------------------------------

COMMANDS = [("get",), ("get", "db"), ("get", "db", "host"), ("list",), ("status",), ("wait",)]
COMMANDS += [("status", "--json"), ("watch",), ("watch", "db"), ("--help",), ("set", "--help")]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_is_said_and_has_an_exit_code_of_its_own(
    host: Host, publisher: Publisher, arguments: tuple[str, ...]
) -> None:
    done = client(host, ">/dev/full", *arguments)
    assert done.stderr.decode() == f"{NOT_WRITTEN}No space left on device\n"
    assert done.returncode == 74


@pytest.mark.parametrize(
    "arguments", [words for words in COMMANDS if "--help" not in words], ids=" ".join
)
def test_without_an_output_nothing_is_done(
    host: Host, publisher: Publisher, arguments: tuple[str, ...]
) -> None:
    done = client(host, ">&-", *arguments)
    assert done.stderr.decode() == f"{NOT_WRITTEN}it is closed\n"
    assert done.returncode == 74


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_complaint_that_cannot_be_written_changes_no_exit_code_and_no_output(
    host: Host, publisher: Publisher, redirection: str
) -> None:
    done = client(host, redirection, "get", "nope")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    assert client(host, redirection, "get", "db", "port").stdout == b"27017\n"


# --- watching ------------------------------------------------------------------------------------


def test_watching_an_option_that_is_not_there_ends_at_once(
    host: Host, publisher: Publisher
) -> None:
    done = client(host, "", "watch", "typo")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"store 'prod' has no option 'typo'" in done.stderr


# --- descriptors ---------------------------------------------------------------------------------


def with_descriptors(host: Host, limit: int, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """A whole command that may have so many descriptors open."""
    command = [sys.executable, "-m", "ddbcfg_client", *arguments]
    return subprocess.run(
        ["bash", "-c", f'ulimit -n {limit}; exec "$@"', "bash", *command],
        cwd=ROOT,
        env=environment_of({"DDBCFG_NAMESPACE": host.namespace}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


def test_an_error_needs_no_descriptor_more_than_an_answer(host: Host, publisher: Publisher) -> None:
    limits = range(4, 10)
    enough = [limit for limit in limits if with_descriptors(host, limit, "list").returncode == 0]
    assert enough
    done = with_descriptors(host, enough[0], "get", "nope")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == "ddbcfg-client: store 'prod' has no option 'nope'\n"
