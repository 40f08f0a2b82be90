"""The fixtures ddbcfg and ddbcfg_override, for each way in which programs connect."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.files import TOML

from .conftest import Run

IN_A_TEST = """
import pytest, ddbcfg_client, application
from ddbcfg_client import OptionNotFound, SnapshotUnavailable, connect
from ddbcfg_client.errors import ValueRefused

@pytest.fixture
def db(ddbcfg):
    ddbcfg.set("db", {"host": "h1", "port": 5432})

def test_connect_returns_the_fixture(ddbcfg, db):
    assert connect() is connect("config", "prod", wait=5) is ddbcfg_client.connect() is ddbcfg
    assert application.host() == "h1"

def test_a_test_begins_without_the_options_of_others(ddbcfg):
    assert ddbcfg.get() == application.config().get() == {}
    with pytest.raises(OptionNotFound):
        ddbcfg.delete("db")

def test_a_program_that_connected_in_an_earlier_test_sees_this_one(ddbcfg, db):
    assert application._config is ddbcfg
    assert application.host() == "h1"

def test_an_override_ends_with_its_block(ddbcfg, db, ddbcfg_override):
    before = ddbcfg.generation
    with ddbcfg_override({"external-port": {"n": 1}}, db={"host": "h2"}) as config:
        assert config is ddbcfg and application.host() == "h2"
        assert "port" not in config.db and config["external-port"] == {"n": 1}
        with ddbcfg_override(db=None):
            assert "db" not in application.config()
            ddbcfg.set("db", {"host": "h3"})
            assert application.host() == "h3"
        assert application.host() == "h2"
    assert ddbcfg.get() == {"db": {"host": "h1", "port": 5432}}
    assert ddbcfg.generation == before + 5

def test_an_override_ends_after_an_error_too(ddbcfg, db, ddbcfg_override):
    with pytest.raises(ZeroDivisionError), ddbcfg_override(db={"host": "h2"}):
        1 / 0
    assert application.host() == "h1"

def test_an_override_without_a_block_lasts_until_the_end_of_the_test(ddbcfg_override):
    ddbcfg_override(db={"host": "h4"})
    assert application.host() == "h4"

def test_it_was_restored(ddbcfg):
    assert ddbcfg.get() == {}

def test_what_dynamodb_refuses_changes_nothing(ddbcfg, ddbcfg_override):
    with pytest.raises(ValueRefused):
        ddbcfg_override(db={"when": object()}, cache={"ttl": 1})
    assert ddbcfg.get() == {}

def test_a_program_reads_as_it_asked(ddbcfg, db, ddbcfg_override):
    native = connect("config", "prod", numbers="native", defaults={"cache": {"ttl": 5}})
    assert native is connect("config", numbers="native", defaults={"cache": {"ttl": 5}})
    assert type(native.db["port"]) is int and type(ddbcfg.db["port"]) is not int
    assert native.cache == {"ttl": 5} and "cache" not in ddbcfg
    with ddbcfg_override(db={"host": "h2"}):
        assert native.db == {"host": "h2"}
    ddbcfg.failure = SnapshotUnavailable("/ddbcfg.config.test", "no daemon")
    for config in (native, ddbcfg):
        with pytest.raises(SnapshotUnavailable):
            config.get("db")

def test_a_failure_ends_with_its_test(ddbcfg):
    assert ddbcfg.get() == {}
    ddbcfg.age = 61
    with pytest.raises(ddbcfg_client.SnapshotTooStale):
        connect(max_age=60).get()

def test_it_is_not_used_without_the_fixture():
    with pytest.raises(SnapshotUnavailable):
        connect("no-such-table", "prod")
"""

IMPORTED = """
import pytest, ddbcfg_client

config = ddbcfg_client.connect("config", "prod")
native = ddbcfg_client.connect("config", "test", numbers="native")
pinned = config.snapshot()

def test_it_reads_the_file():
    assert config.db["host"] == "h1" and native.db["host"] == "localhost"
    assert config.status().source == "file"

def test_the_fixture_begins_with_the_file(ddbcfg):
    assert ddbcfg.db == config.db
    ddbcfg.set("db", {"host": "h2", "port": 1})
    assert config.db == native.db == ddbcfg.db == {"host": "h2", "port": 1}
    assert type(native.db["port"]) is int and pinned["db"]["host"] == "h1"
    ddbcfg.delete("db")
    assert "db" not in config

def test_each_store_is_itself_again(ddbcfg_override):
    assert config.db["host"] == "h1" and native.db["host"] == "localhost"
    with ddbcfg_override(new={"n": 1}):
        assert config.new == native.new == {"n": 1}
        assert (config.db["host"], native.db["host"]) == ("h1", "localhost")
    assert list(config) == list(native) == ["db"]
    assert config.digest == pinned.digest
"""


def test_a_program_that_connects_in_a_test(run: Run) -> None:
    run(test_it=IN_A_TEST).assert_outcomes(passed=11)


def test_a_program_that_connects_when_it_is_imported(run: Run, pytester: pytest.Pytester) -> None:
    Path("settings.toml").write_text(TOML)
    pytester.makeini("[pytest]\nddbcfg_file = settings.toml\n")
    run(test_it=IMPORTED).assert_outcomes(passed=3)


def test_each_worker_of_xdist_sets_the_file_before_it_collects(
    run: Run, pytester: pytest.Pytester
) -> None:
    Path("settings.toml").write_text(TOML)
    pytester.makeini("[pytest]\nddbcfg_file = settings.toml\n")
    run("-p", "xdist", "-n", "1", test_it=IMPORTED).assert_outcomes(passed=3)


def test_a_file_that_does_not_exist_is_a_usage_error(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nddbcfg_file = missing.toml\n")
    done = run(test_it="def test_it(): pass")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines("ERROR: ddbcfg_file: there is no file */missing.toml")
