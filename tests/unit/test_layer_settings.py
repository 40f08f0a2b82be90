"""The layers of a store: what the file and flags say of them, and which line is wrong."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from ddbcfg_daemon.errors import SettingRefused, SettingsFileRefused
from ddbcfg_daemon.layers.distinct import named_twice
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.parsing import parse, parse_again
from ddbcfg_daemon.settings.store_values import LayerSettings
from ddbcfg_daemon.sources.opening import open_sources

FOUR = """\
[[stores]]
table = "config"
store = "app"
layers = ["host-{hostname}", "eu", "prod", "common"]
merge = "keys"
"""


def parsed(folder: Path, text: str, *flags: str, **environment: str) -> DaemonSettings:
    path = folder / "ddbcfg.toml"
    path.write_text(text)
    return parse(("--config", str(path), *flags), environment)


def one_store(layers: str, before: str = "") -> str:
    return f'{before}\n[[stores]]\ntable = "config"\nstore = "app"\nlayers = [{layers}]\n'


def layers_of(settings: DaemonSettings) -> tuple[LayerSettings, ...]:
    (store,) = settings.stores
    return store.layers


def test_layers_are_stores_of_the_same_table_with_the_settings_of_the_merged_one(
    tmp_path: Path,
) -> None:
    settings = parsed(tmp_path, 'interval = 5\nhostname = "web-1"\n' + FOUR)
    (store,) = settings.stores
    assert (store.store, store.merge) == ("app", "keys")
    assert [layer.name for layer in store.layers] == ["host-web-1", "eu", "prod", "common"]
    for layer in store.layers:
        assert layer.settings.store == layer.name
        assert (layer.settings.table, layer.settings.interval) == ("config", 5.0)
        assert (layer.required, layer.settings.layers) == (False, ())


def test_a_layer_can_be_in_another_table_and_region_with_its_own_settings(tmp_path: Path) -> None:
    layers = """
    { store = "eu", table = "regions", region = "eu-west-1", interval = 300, allow_empty = true },
    { store = "common", required = true, role_arn = "arn:aws:iam::123456789012:role/reader" },
    """
    eu, common = layers_of(parsed(tmp_path, one_store(layers)))
    assert (eu.settings.table, eu.settings.region) == ("regions", "eu-west-1")
    assert (eu.settings.interval, eu.settings.allow_empty, eu.required) == (300.0, True, False)
    assert (common.settings.table, common.required) == ("config", True)
    assert common.settings.role_arn == "arn:aws:iam::123456789012:role/reader"


def test_variables_are_the_host_its_instance_and_what_the_operator_lists(tmp_path: Path) -> None:
    before = 'instance_id = "i-0ab"\nlayer_variables = ["ROLE"]'
    text = one_store('"{hostname}", "{instance_id}", "role-{ROLE}-x"', before)
    names = [layer.name for layer in layers_of(parsed(tmp_path, text, ROLE="web"))]
    assert names == [socket.gethostname(), "i-0ab", "role-web-x"]


def test_flags_and_variables_name_layers_too(tmp_path: Path) -> None:
    named = ("--table", "config", "--store", "app", "--config", "")
    by_flag = parse((*named, "--layers", "eu,common", "--merge", "keys"), {})
    by_variable = parse(named, {"DDBCFG_LAYERS": "eu,common", "DDBCFG_MERGE": "keys"})
    assert [layer.name for layer in layers_of(by_flag)] == ["eu", "common"]
    assert by_flag.stores == by_variable.stores


@pytest.mark.parametrize(
    "text", ['["eu", "common"]', '[{"store": "eu"}]', '[{"table": "eu"}]', "[{"]
)
def test_layers_in_the_notation_of_the_file_are_refused_elsewhere(text: str) -> None:
    named = ("--table", "config", "--store", "app", "--config", "", "--layers", text)
    with pytest.raises(SettingRefused, match="without, separated by commas"):
        parse_again(named, {})


def test_layers_of_one_name_are_told_apart_by_their_tables_or_regions(tmp_path: Path) -> None:
    layers = '"app", { store = "app", table = "base" }, { store = "app", region = "us-east-1" }'
    names = [layer.name for layer in layers_of(parsed(tmp_path, one_store(layers)))]
    assert names == ["config/app", "base/app", "config/app in us-east-1"]


@pytest.mark.parametrize(
    ("layers", "reason"),
    [
        ('"eu", "eu"', "layer 'eu' is named twice"),
        ('"eu", "{ROLE}"', "layer 'eu' is named twice ('eu' and '{ROLE}')"),
        ('"{HOST}"', "layer '{HOST}' has the unknown variable {HOST}; known are {ROLE}"),
        ('"{instance_id}"', "layer '{instance_id}' has the variable {instance_id}, which has no"),
        ('"{LOOP}"', "layer '{LOOP}': the value of {LOOP} has a variable itself"),
        ('"host-{hostname"', "layer 'host-{hostname' has a '{' or '}' that belongs to no variable"),
        ('""', "a layer has no name"),
        ('5', "'layers' must be a list of strings and tables"),
        ("{ table = 'x' }", "a table in 'layers' names no store: set 'store', a string"),
        ("{ store = 'x', tabel = 'y' }", "a layer has no setting 'tabel'; did you mean 'table'?"),
        ("{ store = 'x', mode = '0640' }", "'mode' cannot be set for a layer: set it for the"),
        ("{ store = 'x', interval = 0 }", "layer 'x': interval: '0' is not a positive number"),
        ("{ store = 'x', required = 'yes' }", "'required' must be true or false"),
        (", ".join(f'"{n}"' for n in range(17)), "there are 17 layers, but at most 16"),
    ],
)  # fmt: skip
def test_the_line_of_wrong_layers_is_named(tmp_path: Path, layers: str, reason: str) -> None:
    text = one_store(layers, 'layer_variables = ["ROLE", "LOOP"]')
    path = tmp_path / "ddbcfg.toml"
    path.write_text(text)
    with pytest.raises(SettingsFileRefused) as refused:
        parse_again(("--config", str(path)), {"ROLE": "eu", "LOOP": "{LOOP}"})
    assert refused.value.line == 5
    assert reason in str(refused.value)


def test_a_layer_is_named_twice_if_the_defaults_make_it_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = '"app", { store = "app", region = "eu-north-1" }, "common"'
    settings = parsed(tmp_path, one_store(layers))
    (store,) = settings.stores
    for default, same in (("eu-north-1", True), ("eu-west-1", False)):
        monkeypatch.setenv("AWS_DEFAULT_REGION", default)
        with closing(open_sources(settings)) as sources:
            reason = named_twice(store, sources.target)
        assert reason.startswith("layers 'config/app' and") == same


def test_layers_behind_different_roles_or_profiles_are_different(tmp_path: Path) -> None:
    """A role can be one of another account, which has tables of its own."""
    role = "arn:aws:iam::123456789012:role/reader"
    layers = f'"app", {{ store = "app", role_arn = "{role}" }}, {{ store = "app", profile = "p" }}'
    settings = parsed(tmp_path, one_store(layers))
    (store,) = settings.stores
    assert [layer.name for layer in store.layers] == [
        "config/app", f"config/app as {role}", "config/app of profile p",
    ]  # fmt: skip
    assert len({layer.mark for layer in store.layers}) == 3
    with closing(open_sources(settings)) as sources:
        assert named_twice(store, sources.target) == ""
