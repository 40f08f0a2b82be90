"""What export writes as TOML, YAML and variables is read back equal by readers of others (G6)."""

from __future__ import annotations

import io
import subprocess
from decimal import Decimal
from typing import Any

import dotenv
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ddbcfg_client.errors import ValueRefused, VariableRefused
from ddbcfg_client.notation import toml
from ddbcfg_client.notation.environment import as_dotenv, as_shell, variables
from ddbcfg_client.notation.reader import loads
from ddbcfg_client.notation.toml_writer import as_toml
from ddbcfg_client.notation.writer import dumps
from ddbcfg_client.notation.yaml import as_yaml
from support.notated import keys, typed, values

LONG = "long " * 300  # YAML looks for the end of a key in 1,024 characters only
names = st.sampled_from([LONG, "on", "No", "1", "~", "a.b", "# a"]) | keys.filter(bool)
stores = st.dictionaries(
    names,
    st.dictionaries(names, st.dictionaries(names, values, max_size=3), max_size=3),
    max_size=2,
)


class _Exact(yaml.SafeLoader):
    """PyYAML, but a number keeps every digit."""


def _number(loader: _Exact, node: Any) -> Decimal:
    return Decimal(node.value)


_Exact.add_constructor("tag:yaml.org,2002:int", _number)
_Exact.add_constructor("tag:yaml.org,2002:float", _number)


def _without_null(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_null(value[key]) for key in value}
    if isinstance(value, list):
        return [_without_null(member) for member in value]
    return "" if value is None else value


def _ordered(value: object) -> object:
    """The same with the maps in one order, and the types beside the values."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in value}
    if isinstance(value, list):
        return [_ordered(member) for member in value]
    return typed(value)


@settings(max_examples=40)
@given(stores)
@example({"s": {"o": {LONG: {LONG: [{LONG: "\x7f\x85\u2028\ufeff\U0001f600"}]}}}})
def test_yaml_is_read_by_pyyaml(content: dict[str, Any]) -> None:
    read = yaml.load(as_yaml(content), _Exact)
    again = loads(dumps(read, typed=False), "f")  # plain: what it read has the markers already
    assert _ordered(again) == _ordered(content)


@settings(max_examples=40)
@given(stores)
def test_toml_is_read_by_the_reader_of_ddbcfg_file(content: dict[str, Any]) -> None:
    expected = _without_null(content)
    assert isinstance(expected, dict)
    assert _ordered(toml.loads_stores(as_toml(expected), "f")) == _ordered(expected)


def test_toml_refuses_a_null_and_names_its_place() -> None:
    with pytest.raises(ValueRefused, match=r"'o' cannot be stored at k: .*no null.*--format"):
        as_toml({"s": {"o": {"k": [{"deep": None}]}}})


found = st.dictionaries(
    st.from_regex(r"\AX_[A-Z0-9_]{1,8}\Z"),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)
    | st.text("'\"\\$ #\nab`", max_size=8),
    max_size=5,
)


@given(found)
def test_a_dotenv_file_is_read_by_python_dotenv(found: dict[str, str]) -> None:
    try:
        text = as_dotenv(found)
    except VariableRefused as refused:
        assert found[refused.name].endswith("\\")
        return
    assert dotenv.dotenv_values(stream=io.StringIO(text), interpolate=False) == found


@settings(max_examples=25)
@given(found)
def test_a_file_of_variables_is_read_by_a_shell(found: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", 'eval "$1"; exec env -0', "sh", f"set -a\n{as_shell(found)}"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    read = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0")[:-1])
    assert {name: read.get(name) for name in found} == found


@settings(max_examples=40)
@given(st.dictionaries(names, st.dictionaries(names, values, max_size=3), max_size=3))
def test_a_variable_has_a_value_of_its_own_or_is_refused(options: dict[str, Any]) -> None:
    try:
        found = variables(options, "X_")
    except VariableRefused as refused:
        assert refused.reason
        return
    with_value = [value for option in options.values() for value in option.values()]
    assert len(found) == sum(value is not None for value in with_value)
    assert all(name.startswith("X_") and "\0" not in found[name] for name in found)
