"""What ``ddbcfg-client import`` says of two stores: names and types, and no equal value differs."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from ddbcfg_client.notation.canonical import as_file, same, text_of
from ddbcfg_client.notation.import_changes import Changes, counts
from ddbcfg_client.notation.reader import loads_stores
from ddbcfg_client.readonly import ReadOnlyDict

SECRET = "p1anted-s3cret"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, Decimal(1)),
        (False, Decimal(0)),
        ("1", Decimal(1)),
        (b"a", "a"),
        ("", None),
        ([], {}),
        (["a"], {"a"}),
        ({"a"}, {b"a"}),
        ({Decimal(1)}, {"1"}),
        ({"a": True}, {"a": Decimal(1)}),
        ([True], [Decimal(1)]),
        ({"$set": ["a"]}, {"a"}),
        (Decimal("0.1"), Decimal("0.10000000000000000000000000000000000001")),
    ],
)
def test_values_of_two_types_differ(one: object, other: object) -> None:
    assert text_of(one) != text_of(other)
    assert not same(one, other)
    assert not same({"a": [one]}, {"a": [other]})
    assert text_of([one]) == text_of([one])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("1E+2"), Decimal(100)),
        (Decimal("1.50"), Decimal("1.5")),
        (Decimal("-0"), Decimal(0)),
        (100, Decimal("1E+2")),
        (Decimal("1E+125"), Decimal(f"1{'0' * 125}")),
        ({"a": 1, "b": 2}, {"b": Decimal(2), "a": Decimal(1)}),
        ({"a": 1}, ReadOnlyDict(a=Decimal("1.0"))),
        ({Decimal("1E+1"), Decimal(2)}, {Decimal(2), Decimal(10)}),
    ],
)
def test_equal_values_do_not(one: object, other: object) -> None:
    assert text_of(one) == text_of(other)
    assert same(one, other)
    assert same({"a": {"b": one}}, {"a": {"b": other}})


def test_a_file_is_sorted_and_has_a_line_for_each_thing() -> None:
    options: dict[str, Any] = {
        "web": {"tags": {"b", "a"}, "port": Decimal("8.0E+1"), "$x": {"z": None, "a": [True]}},
        "db": {"cert": b"\x00\xff", "host": "Zürich"},
    }
    text = as_file({"prod": options, "empty": {}})
    assert text == (
        """\
{
  "empty": {},
  "prod": {
    "db": {
      "cert": {"$binary": "AP8="},
      "host": "Zürich"
    },
    "web": {"$map": {
      "$x": {
        "a": [
          true
        ],
        "z": null
      },
      "port": 80,
      "tags": {"$set": [
        "a",
        "b"
      ]}
    }}
  }
}
"""
    )
    assert loads_stores(text, "file") == {"prod": options, "empty": {}}


def test_lines_name_options_keys_and_types_and_no_value() -> None:
    store: dict[str, dict[str, object]] = {
        "db": {"host": SECRET, "port": "27017", "user": SECRET, "same": Decimal(1)},
        "old one": {"x\n": SECRET},
        "same": {"a": Decimal("1E+2")},
    }
    file: dict[str, dict[str, object]] = {
        "db": {"host": f"not {SECRET}", "port": Decimal(27017), "tags": {SECRET}, "same": 1},
        "web": {"certs": {b"x"}, "primes": {Decimal(2)}, "on": True, "off": None},
        "same": {"a": Decimal(100)},
        "empty": {},
    }
    changes = Changes(store, file, replace=True)
    assert list(changes.lines()) == [
        "  ~ db",
        "      ~ host: string",
        "      ~ port: string -> number",
        "      + tags: set of strings",
        "      - user: string",
        "  + empty",
        "  - 'old one'",
        "      - 'x\\n': string",
        "  + web",
        "      + certs: set of binaries",
        "      + off: null",
        "      + on: boolean",
        "      + primes: set of numbers",
    ]
    assert counts([changes]) == "2 added, 1 changed, 1 deleted, 1 unchanged"


def test_without_replace_nothing_is_deleted() -> None:
    changes = Changes({"a": {}, "b": {}}, {"b": {}, "c": {}}, replace=False)
    assert list(changes.lines()) == ["  + c"]
    said = "1 added, 0 changed, 0 deleted, 1 unchanged, 1 kept that the file does not have"
    assert counts([changes]) == said
    assert counts([]) == "0 added, 0 changed, 0 deleted, 0 unchanged"


def test_many_changed_options_take_seconds() -> None:
    # The set of all that changed, made once for each option, would take 40,000 times 40,000 steps.
    store = {f"o{number}": {"a": "1"} for number in range(40_000)}
    file = {name: {"a": "2"} for name in store}
    began = time.process_time()
    changes = Changes(store, file, replace=False)
    assert (len(changes.changed), changes.unchanged) == (40_000, 0)
    assert time.process_time() - began < 5
