"""Without /dev/shm, as on macOS: FakeConfig and DDBCFG_FILE work, connect() says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.darwin import run_without_shm
from support.files import TOML
from support.namespaces import need_namespaces

pytestmark = pytest.mark.usefixtures("unmeasured_children")

_IMITATE = "from support.darwin import imitate\nimitate()\n"


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    need_namespaces()


def succeeds(code: str, **settings: str) -> str:
    done = run_without_shm("-c", _IMITATE + code, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_fake_config_works() -> None:
    code = """
from ddbcfg_client.testing import FakeConfig
import ddbcfg_client.hotpath
assert ddbcfg_client.hotpath.READER == "python"
config = FakeConfig({"db": {"host": "h"}})
config.set("db", {"host": "h2"})
assert config.db == {"host": "h2"} and config.generation == 2
assert 0 <= config.age < 5 and config.status().age == 0
"""
    succeeds(code)


def test_a_file_is_read_and_followed(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(TOML)
    code = f"""
import os, ddbcfg_client
config = ddbcfg_client.connect("config", "prod", max_age=60)
assert config.db["host"] == "h1" and 0 <= config.age < 20
with open({str(path)!r}, "a") as file:
    file.write("[prod.new]\\nn = 1\\n")
config.reload()
assert config.new == {{"n": 1}} and config.generation == 2
if os.fork() == 0:
    os._exit(config.new["n"] != 1)
assert os.wait()[1] == 0
assert config.status().file == {str(path)!r}
"""
    succeeds(code, DDBCFG_FILE=str(path))


@pytest.mark.parametrize("arguments", ["", "'config', 'prod'", "'config', 'prod', wait=3600"])
def test_connecting_without_a_file_says_at_once_what_to_do(arguments: str) -> None:
    code = f"""
import ddbcfg_client
from ddbcfg_client.errors import NoSharedMemory
try:
    ddbcfg_client.connect({arguments})
except NoSharedMemory as error:
    assert isinstance(error, ddbcfg_client.SnapshotUnavailable)
    print(error)
"""
    said = succeeds(code)
    assert "this host has no /dev/shm" in said
    assert "DDBCFG_FILE" in said


def test_the_commands_say_the_same_and_follow_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(TOML)
    code = _IMITATE + "from ddbcfg_client.commands.main import main\nraise SystemExit(main())"
    for command in (["get", "db"], ["status"], ["status", "--table", "t", "--store", "s"]):
        done = run_without_shm("-c", code, *command)
        assert (done.returncode, done.stdout) == (3, "")
        assert "DDBCFG_FILE" in done.stderr
    done = run_without_shm("-c", code, "get", "db", "host", DDBCFG_FILE=str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "h1\n", "")


FIXTURES = """
import ddbcfg_client

def test_options(ddbcfg, ddbcfg_override):
    ddbcfg.set("db", {"host": "h1"})
    with ddbcfg_override(db={"host": "h2"}):
        assert ddbcfg_client.connect("config", "prod").db == {"host": "h2"}
    assert ddbcfg_client.connect("config", "prod").db == {"host": "h1"}

def test_a_daemon(ddbcfg_daemon):
    raise AssertionError
"""


def test_the_fixtures_work_and_the_daemons_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(FIXTURES)
    options = ["-q", "-rs", "-W", "error", "-p", "ddbcfg", "--rootdir", str(tmp_path)]
    code = f"import pytest\nraise SystemExit(pytest.main({[*options, str(tmp_path)]}))"
    done = run_without_shm("-c", _IMITATE + code, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 skipped" in done.stdout
    assert "this host has no /dev/shm" in done.stdout
