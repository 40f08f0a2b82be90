"""The file of settings: what it sets, and which line is named when it is wrong."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ddbcfg_daemon.errors import SettingsFileRefused
from ddbcfg_daemon.settings import combining
from ddbcfg_daemon.settings.daemon_values import ROWS, DaemonSettings
from ddbcfg_daemon.settings.parsing import parse

TWO_TABLES = """\
# Both regions.
log_level = "debug"
interval = 30
state_dir = "/var/lib/ddbcfg"

[[stores]]
table = "config"
store = ["prod", "test"]
region = "eu-west-1"

[[stores]]
table = "config"
store = "prod"
namespace = "us"
region = "us-east-1"
interval = 5.5
mode = "0644"
group = 4711
allow_empty = true
state_dir = ""
"""


class Setting:
    """A file, and the settings of a daemon that reads it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ddbcfg.toml"

    def parse(self, text: str, *flags: str, **environment: str) -> DaemonSettings:
        self.path.write_text(text)
        return parse(("--config", str(self.path), *flags), environment)


@pytest.fixture
def file(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def names(settings: DaemonSettings) -> list[tuple[str, str]]:
    return [(store.names.namespace, store.store) for store in settings.stores]


# --- what it sets --------------------------------------------------------------------------------


def test_stores_of_several_tables_each_with_its_own_settings(file: Setting) -> None:
    settings = file.parse(TWO_TABLES)
    assert settings.log_level == "DEBUG"
    assert names(settings) == [("config", "prod"), ("config", "test"), ("us", "prod")]
    prod, test, other = settings.stores
    assert [store.interval for store in settings.stores] == [30.0, 30.0, 5.5]
    assert [store.region for store in settings.stores] == ["eu-west-1"] * 2 + ["us-east-1"]
    assert (other.mode, other.group, other.allow_empty) == (0o644, 4711, True)
    assert (test.mode, test.group, test.allow_empty) == (0o640, -1, False)
    assert (prod.state_dir, other.state_dir) == (Path("/var/lib/ddbcfg"), None)


def test_a_file_without_stores_sets_what_flags_would_set(file: Setting) -> None:
    settings = file.parse('table = "config"\nstore = "prod,test"\nmax_shrink = 10')
    assert names(settings) == [("config", "prod"), ("config", "test")]
    assert (
        settings.stores
        == parse(("--table", "config", "--store", "prod,test", "--max-shrink", "10"), {}).stores
    )


def test_flags_win_over_variables_and_variables_over_the_file(file: Setting) -> None:
    settings = file.parse(TWO_TABLES, "--mode", "0600", DDBCFG_INTERVAL="7", DDBCFG_MODE="0604")
    assert {(store.interval, store.mode) for store in settings.stores} == {(7.0, 0o600)}
    # The service manager's folder is only a default.
    settings = file.parse(TWO_TABLES, STATE_DIRECTORY="/run")
    assert {str(store.state_dir) for store in settings.stores} == {"/var/lib/ddbcfg", "None"}


def test_stores_that_a_flag_names_keep_their_settings_in_the_file(file: Setting) -> None:
    settings = file.parse(TWO_TABLES, "--store", "test,prod")
    assert names(settings) == [("config", "prod"), ("config", "test"), ("us", "prod")]
    settings = file.parse(TWO_TABLES, DDBCFG_STORE="test")
    assert names(settings) == [("config", "test")]
    settings = file.parse(TWO_TABLES, "--store", "new", "--table", "other")
    assert [(store.table, store.store, store.interval) for store in settings.stores] == [
        ("other", "new", 30.0)
    ]


def test_the_origin_of_each_setting_is_known(file: Setting) -> None:
    settings = file.parse(
        TWO_TABLES, "--poll-timeout", "9", DDBCFG_LOG_LEVEL="info", STATE_DIRECTORY="/run"
    )
    assert settings.origins["log_level"] == "DDBCFG_LOG_LEVEL"
    prod, _, other = settings.stores
    assert prod.origins["poll_timeout"] == "--poll-timeout"
    assert prod.origins["table"] == f"{file.path}:7"
    assert prod.origins["interval"] == f"{file.path}:3"
    assert other.origins["interval"] == f"{file.path}:16"
    assert other.origins["schema"] == "default"
    [alone] = parse(("--table", "t", "--store", "s"), {"STATE_DIRECTORY": "/run"}).stores
    assert alone.origins["state_dir"] == "STATE_DIRECTORY"


def test_settings_that_only_moved_to_another_line_are_equal(file: Setting) -> None:
    assert file.parse(TWO_TABLES) == file.parse("\n" + TWO_TABLES)


def test_every_setting_of_a_service_can_be_in_the_file(file: Setting) -> None:
    texts = {"namespace": '"n"', "metrics_file": '"m"', "schema": '"s"', "region": '"r"'}
    texts |= {"table": '"config"', "store": '"prod"', "profile": '"p"', "state_dir": '"d"'}
    texts |= {"endpoint_url": '"http://h"', "group": "7", "use_revision": '"off"'}
    texts |= {"role_arn": '"arn:aws:iam::123456789012:role/config"', "mode": '"0600"'}
    texts |= {
        "store_key": '"a"',
        "option_key": '"b"',
        "log_level": '"error"',
        "log_format": '"json"',
    }
    texts |= {"http": '"unix:/run/h"'}
    texts |= {"layers": '["a", "b"]', "merge": '"keys"', "hostname": '"h"', "instance_id": '"i"'}
    texts |= {"layer_variables": '["A"]'}
    numbers = ("interval", "poll_timeout", "full_interval", "max_shrink", "guard_polls")
    texts["keep_generations"] = "12"
    texts |= dict.fromkeys(numbers, "12")
    texts |= dict.fromkeys(("consistent_read", "allow_empty", "http_public"), "true")
    assert set(texts) == {row.name for row in ROWS if row.in_file}
    settings = file.parse("\n".join(f"{key} = {text}" for key, text in texts.items()))
    [store] = settings.stores
    origins = settings.origins | store.origins
    assert {name for name in texts if not origins[name].startswith(str(file.path))} == set()


def test_the_usual_file_is_read_if_it_exists_and_no_other_is_named(
    file: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(combining, "DEFAULT_FOLDER", file.path.parent)
    flags = ("--table", "t", "--store", "s")
    assert parse(flags, {}).stores[0].interval == 60.0
    file.path.write_text("interval = 5")
    assert parse(flags, {}).stores[0].interval == 5.0
    # The unit's is preferred.
    assert parse(flags, {"CONFIGURATION_DIRECTORY": "/nowhere"}).stores[0].interval == 60.0
    other = tmp_path / "other.toml"
    other.write_text("interval = 7")
    assert parse(flags, {"DDBCFG_CONFIG": str(other)}).stores[0].interval == 7.0
    assert parse((*flags, "--config", ""), {}).stores[0].interval == 60.0
    # What is for development must not serve what the host's service serves.
    assert parse(("--local", "file.json"), {}).each_store.interval == 60.0


# --- what is refused -----------------------------------------------------------------------------

STORE = '\n[[stores]]\ntable = "config"\nstore = "prod"\n'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("interval = \n", 1, "not TOML"),
        ("\n\ninterval = 5 s\n", 3, "not TOML"),
        ("interval = 5\ninterval = 6\n", 2, "not TOML"),
        (f"x = {'9' * 5000}", 1, "too long"),
        (f"x = {'[' * 5000}", 1, "not TOML"),
        (STORE + "intervall = 5", 5, "there is no setting 'intervall'; did you mean 'interval'?"),
        ("poll-timeout = 5" + STORE, 1, "did you mean 'poll_timeout'?"),
        (STORE + "nonsense = 5", 5, "there is no setting 'nonsense'"),
        (STORE + 'log_level = "info"', 5, "above the first [[stores]]"),
        ("once = true" + STORE, 1, "--once or DDBCFG_ONCE"),
        ('owner = "root"' + STORE, 1, "--owner or DDBCFG_OWNER"),
        ('config = "x"' + STORE, 1, "--config or DDBCFG_CONFIG"),
        ('interval = "5"' + STORE, 1, "'interval' must be a whole number or a number"),
        ("interval = true" + STORE, 1, "'interval' must be"),
        ("guard_polls = 2.5" + STORE, 1, "'guard_polls' must be a whole number"),
        ("allow_empty = 1" + STORE, 1, "'allow_empty' must be true or false"),
        ("mode = 640" + STORE, 1, "'mode' must be a string"),
        ("region = 2026-01-01" + STORE, 1, "'region' must be a string"),
        ("table = [\n1,\n]" + STORE, 1, "'table' must be a string"),
        ("[[stores]]\ntable='t'\nstore = [\n  'a',\n  1,\n]", 3, "or a list of strings"),
        ("interval = 0" + STORE, 1, "interval: '0' is not a positive number of seconds"),
        ("interval = nan" + STORE, 1, "interval: 'nan' is not"),
        ('\nmode = "0666"' + STORE, 2, "mode: '0666' is not 0600"),
        ('group = "no-such-group"' + STORE, 1, "group: there is no group 'no-such-group'"),
        ('endpoint_url = "h:1"' + STORE, 1, "endpoint_url: 'h:1' is not http://"),
        ('role_arn = "me"' + STORE, 1, "role_arn: 'me' is not arn:aws"),
        ('http = "9112"' + STORE, 1, "http: '9112' is not an address like 127.0.0.1:9112"),
        ('http = "0.0.0.0:9112"' + STORE, 1, "set http_public if they may"),
        ('log_format = "xml"' + STORE, 1, "log_format: 'xml' is neither text nor json"),
        ('log_level = "loud"' + STORE, 1, "log_level: 'loud' is not"),
        ('option_key = ""' + STORE, 1, "option_key: '' is not a name"),
        ('[[stores]]\ntable = "t"\n', 1, "names no store"),
        ('interval = 5\n[[stores]]\nstore = "prod"\n', 2, "store 'prod' has no table"),
        (STORE + STORE, 6, "store 'prod' of namespace 'config' is already in line 2"),
        ('namespace = "n"' + STORE + '[[stores]]\ntable="u"\nstore="prod"\n', 5, "in line 2"),
        ('store = "x"' + STORE, 1, "its own [[stores]]"),
        ("[daemon]\ninterval = 5", 1, "only [[stores]] begins a table"),
        ("[stores]\ninterval = 5", 1, "only [[stores]] begins a table"),
        ('stores = [{table = "t", store = "s"}]', 1, "only [[stores]] begins a table"),
        (STORE + "[stores.guards]\nmax_shrink = 5", 5, "only [[stores]] begins a table"),
        ("interval.x = 5", 1, "'interval' must be"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    file: Setting, capsys: pytest.CaptureFixture[str], text: str, line: int, words: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        file.parse(text)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    [said] = captured.err.splitlines()
    assert said.startswith(f"ddbcfg-daemon: {file.path}:{line}: ")
    assert words in said


def test_lines_are_counted_as_an_editor_counts_them(
    file: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    file.path.write_bytes(
        '# a\u2028b \x85\r\nschema = """\nx = 1\n[[stores]]\n"""  # c\r\n\n'.encode()
        + b" nonsense = 1\r\n"
    )
    with pytest.raises(SystemExit):
        parse(("--config", str(file.path)), {})
    assert f"{file.path}:7: there is no setting 'nonsense'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "No such file"),
        (b"interval = 5\n# \xff\n", ":2: this is not UTF-8"),
        (b"#" * 1_000_001, "not a settings file"),
    ],
)
def test_a_file_that_cannot_be_read(
    file: Setting, capsys: pytest.CaptureFixture[str], raw: bytes | None, words: str
) -> None:
    if raw is not None:
        file.path.write_bytes(raw)
    with pytest.raises(SystemExit) as caught:
        parse(("--config", str(file.path)), {})
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert str(file.path) in said


def test_no_message_shows_a_password(file: Setting, capsys: pytest.CaptureFixture[str]) -> None:
    for text in (
        'aws_secret_access_key = "hunter2"',
        'endpoint_url = "http://me:hunter2@"',
        'interval = "hunter2"',
        "interval = hunter2",
    ):
        with pytest.raises(SystemExit):
            file.parse(text + STORE)
        assert "hunter2" not in capsys.readouterr().err


def test_a_local_daemon_serves_no_stores_of_tables(
    file: Setting, capsys: pytest.CaptureFixture[str]
) -> None:
    assert file.parse("interval = 5", "--local", "file.json").each_store.interval == 5.0
    with pytest.raises(SystemExit):
        file.parse(STORE, "--local", "file.json")
    assert f"{file.path}:2: " in capsys.readouterr().err


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(SettingsFileRefused("/f", 3, "wrong")))
    assert (error.path, error.line, error.reason, str(error)) == ("/f", 3, "wrong", "/f:3: wrong")
