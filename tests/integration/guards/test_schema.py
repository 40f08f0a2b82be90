"""Guards: a schema refuses content, and shows no value of it (G4)."""

from __future__ import annotations

import json
import re
import socket
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.errors import SchemaError
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.guards import GuardRefused, SchemaGuard
from support.daemon import SECRET
from support.guarding import Rig
from support.shm import reading

DB = {
    "type": "object",
    "required": ["host", "port"],
    "properties": {
        "host": {"type": "string", "pattern": "^db"},
        "port": {"type": "integer", "maximum": 65535},
        "ratio": {"type": "number"},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
    "additionalProperties": False,
}


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({"db": DB, "extra": {"x-optional": True, "required": ["on"]}}))
    return Schema(path)


GOOD: dict[str, Any] = {"host": "db1", "port": 5432, "tags": {"a", "b"}}


@pytest.mark.parametrize(
    ("options", "violation"),
    [
        ({"db": GOOD}, None),
        ({"db": GOOD, "unknown": {"x": 1}}, None),
        ({}, "option 'db' is missing"),
        ({"db": {"host": "db1"}}, "option 'db' violates 'required' port"),
        ({"db": GOOD | {"port": SECRET}}, "option 'db'['port'] violates 'type' integer"),
        ({"db": GOOD | {"port": 70000}}, "option 'db'['port'] violates 'maximum' 65535"),
        ({"db": GOOD | {"host": SECRET}}, "option 'db'['host'] violates 'pattern' ^db"),
        ({"db": GOOD | {"tags": {SECRET}}}, "option 'db'['tags'][0] violates 'enum'"),
        ({"db": GOOD | {"more": SECRET}}, "option 'db' violates 'additionalProperties'"),
        ({"db": GOOD | {"port": True}}, "option 'db'['port'] violates 'type' integer"),
        ({"db": GOOD, "extra": {}}, "option 'extra' violates 'required' on"),
    ],
)
def test_a_violation_names_option_and_path_and_never_the_value(
    names: Names, schema: Schema, options: dict[str, Any], violation: str | None
) -> None:
    rig = Rig(names, [SchemaGuard(schema)])
    error = rig.poll(reading(options))
    rig.publisher.close()
    if violation is None:
        assert error is None
    else:
        assert isinstance(error, GuardRefused)
        assert error.reason == violation
        assert SECRET not in str(error)


def test_what_violates_the_schema_leaves_the_generation_before(
    names: Names, schema: Schema
) -> None:
    rig = Rig(names, [SchemaGuard(schema)])
    rig.poll(reading({"db": GOOD}))
    rig.poll(reading({"db": {}}))
    assert ddbcfg_client.connect(names.namespace, names.store)["db"]["host"] == "db1"
    rig.publisher.close()


def test_what_an_operator_accepted_is_not_said_to_be_held_at_the_next_poll(
    schema: Schema, names: Names
) -> None:
    rig = Rig(names, [SchemaGuard(schema)])
    rig.poll(reading({"db": GOOD}))
    bad = reading({"db": GOOD | {"port": 70000}})
    assert isinstance(rig.poll(bad), GuardRefused)
    rig.refresher._requests.ask(accept=True)
    for _ in range(2):
        assert rig.poll(bad) is None
        assert rig.page.held == ""
    # Only that: other content is looked at as ever.
    assert isinstance(rig.poll(reading({"db": GOOD | {"port": 70001}})), GuardRefused)
    rig.publisher.close()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 1"),
        ("[]", "it must be an object"),
        ('{"db": {"type": "strin"}}', "option 'db'"),
        ('{"db": 5}', "option 'db'"),
        ('{"db": {"maximum": NaN}}', "option 'db'"),
        pytest.param('{"db":' * 5000 + "1" + "}" * 5000, "nested too deeply", id="deep"),
    ],
)
def test_a_file_that_is_no_schema_says_why(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text)
    with pytest.raises(SchemaError, match=reason):
        Schema(path)
    with pytest.raises(SchemaError, match="No such file"):
        Schema(tmp_path / "none")


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$ref": "#/nowhere"}, "Pointer '/nowhere' does not exist"),
        ({"$ref": "#"}, "the $ref '#' leads back to itself"),
        (
            {
                "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}},
                "properties": {"x": {"$ref": "#/$defs/a"}},
            },
            "the $ref '#/$defs/b' leads back to itself",
        ),
        ({"$ref": "file:///etc/passwd"}, "file:///etc/passwd"),
        ({"pattern": "(?=a)b"}, "the pattern '(?=a)b' cannot be used"),
        ({"pattern": r"(a)\1"}, r"the pattern '(a)\\1' cannot be used"),
        ({"patternProperties": {"(?!x)": {}}}, "the pattern '(?!x)' cannot be used"),
        ({"pattern": "(.{1000}){100}"}, "too large"),
        ({"$schema": "http://example.com/none"}, "http://example.com/none"),
    ],
)
def test_what_is_wrong_with_a_schema_is_said_when_it_is_compiled(
    tmp_path: Path, schema: Any, reason: str
) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({"db": schema}))
    with pytest.raises(SchemaError, match=re.escape(reason)) as caught:
        Schema(path)
    assert "option 'db'" in str(caught.value)


def test_a_reference_to_a_url_is_never_followed(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        path.write_text(json.dumps({"db": {"$ref": url}}))
        with pytest.raises(SchemaError, match=re.escape(url)):
            Schema(path)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_schema_that_goes_down_into_the_value_is_no_circle(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    tree = {"properties": {"child": {"$ref": "#"}, "size": {"type": "integer"}}}
    path.write_text(json.dumps({"tree": tree}))
    schema = Schema(path)
    assert schema.violation("tree", {"child": {"child": {"size": 1}}}) is None
    assert schema.violation("tree", {"child": {"child": {"size": SECRET}}}) == (
        "option 'tree'['child']['child']['size'] violates 'type' integer"
    )


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$", "^(.*a){12}$"])
def test_no_pattern_can_hold_up_the_daemon(tmp_path: Path, pattern: str) -> None:
    # A backtracking engine would not come to an end with 40 characters.
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({"db": {"properties": {"x": {"pattern": pattern}}}}))
    schema = Schema(path)
    started = time.process_time()
    violation = schema.violation("db", {"x": "a" * 400_000 + "!"})
    assert violation == f"option 'db'['x'] violates 'pattern' {pattern}"
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ('{"multipleOf": 0.01}', "19.99", "19.995"),
        ('{"maximum": 0.3}', "0.3", "0.30000000000000000000000000000000000001"),
        ('{"multipleOf": 2}', "1E+37", "10000000000000000000000000000000000001"),
        (
            '{"maximum": 12345678901234567890123456789012345678}',
            "12345678901234567890123456789012345678",
            "12345678901234567890123456789012345679",
        ),
        ('{"const": 0.1}', "0.10", "0.10000000000000000000000000000000000001"),
        ('{"type": "integer"}', "2.00", "2.00000000000000000000000000000000001"),
        ('{"maximum": 9.9e125}', "9.9E+125", "9.91E+125"),
        ('{"minimum": 0}', "1E-130", "-1E-130"),
    ],
)
def test_every_digit_of_a_number_counts(tmp_path: Path, schema: str, good: str, bad: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"db": {"properties": {"n": ' + schema + "}}}")
    checker = SchemaGuard(Schema(path))
    checker.check((), reading({"db": {"n": Decimal(good)}}), scheduled=True)
    with pytest.raises(GuardRefused, match=re.escape("option 'db'['n'] violates")):
        checker.check((), reading({"db": {"n": Decimal(bad)}}), scheduled=True)


def test_a_long_list_that_violates_the_schema_holds_up_nobody(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    kinds = {"anyOf": [{"type": "string"}, {"type": "boolean"}, {"enum": ["a"]}]}
    file.write_text(json.dumps({"db": {"properties": {"l": {"items": kinds}}}}))
    schema = Schema(file)
    started = time.process_time()
    violation = schema.violation("db", {"l": [Decimal(1)] * 130_000})
    assert time.process_time() - started < 2
    assert violation == "option 'db'['l'][0] violates 'anyOf'"


@pytest.mark.parametrize("number", ["1e999999999999999999999", "1e-999999999999999999999"])
def test_a_schema_with_an_absurd_number_is_refused(tmp_path: Path, number: str) -> None:
    file = tmp_path / "schema.json"
    file.write_text(f'{{"db": {{"maximum": {number}}}}}')
    with pytest.raises(SchemaError, match="absurd exponent"):
        Schema(file)
