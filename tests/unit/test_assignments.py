"""KEY=TEXT, KEY:=JSON and KEY:b64=BASE64: which of them an argument is, and what it says."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from ddbcfg_client.errors import NotationError
from ddbcfg_client.notation.assignments import edits_of, keys_of

SECRET = "p1anted-s3cret"


@pytest.mark.parametrize(
    ("argument", "key", "value"),
    [
        ("host=db2", "host", "db2"),
        ("port=27018", "port", "27018"),
        ("empty=", "empty", ""),
        ("query=a=b&c:=d", "query", "a=b&c:=d"),
        ("url=http://host:80/?a:b64=c", "url", "http://host:80/?a:b64=c"),
        ("two words= padded ", "two words", " padded "),
        ("lines=a\nb", "lines", "a\nb"),
        # A colon is one of the key's, unless it is the last before the =.
        ("a:b=c", "a:b", "c"),
        ("a:b64x=c", "a:b64x", "c"),
        ("b64=c", "b64", "c"),
        ("ab64=c", "ab64", "c"),
        (":a=c", ":a", "c"),
        ("port:=27018", "port", Decimal(27018)),
        ("a::=1", "a:", Decimal(1)),
        ("a:b:=1", "a:b", Decimal(1)),
        ("a:b64:=1", "a:b64", Decimal(1)),
        ("on:=true", "on", True),
        ("off:=null", "off", None),
        ('text:="a=b"', "text", "a=b"),
        ('tags:=["a","b"]', "tags", ["a", "b"]),
        ("exact:=0.10000000000000000000000000000000000001", "exact", Decimal(f"0.1{'0' * 36}1")),
        ('set:={"$set": [1, 2]}', "set", {Decimal(1), Decimal(2)}),
        ('map:={"a": {"$binary": "AP8="}}', "map", {"a": b"\x00\xff"}),
        ("bytes:b64=AP8=", "bytes", b"\x00\xff"),
        ("bytes:b64=", "bytes", b""),
        ("a:b:b64=AA==", "a:b", b"\x00"),
        ("a::b64=AA==", "a:", b"\x00"),
    ],
)
def test_the_first_equals_sign_decides(argument: str, key: str, value: Any) -> None:
    [(found, said)] = keys_of([argument]).items()
    assert (found, said, type(said)) == (key, value, type(value))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([SECRET], "argument 1 after OPTION: is not KEY=TEXT, KEY:=JSON or KEY:b64=BASE64"),
        (["a=1", f"b:{SECRET}"], "argument 2 after OPTION: is not KEY="),
        ([""], "argument 1 after OPTION: is not KEY="),
        ([f"={SECRET}"], "argument 1 after OPTION: has no key before its '='"),
        ([f':="{SECRET}"'], "argument 1 after OPTION: has no key before its '='"),
        ([f":b64={SECRET}"], "argument 1 after OPTION: has no key before its '='"),
        ([f"a={SECRET}", f"a={SECRET}"], "key 'a': is there twice"),
        ([f"a={SECRET}", f'a:="{SECRET}"'], "key 'a': is there twice"),
        (
            [f"a:={SECRET}"],
            "key 'a': not JSON: Expecting value (column 1); for a string, use = and not :=",
        ),
        ([f'a:="{SECRET}'], "key 'a': not JSON: Unterminated string"),
        (["a:="], "key 'a': not JSON"),
        (["a:=1 2"], "key 'a': not JSON: Extra data"),
        (["a:=NaN"], "key 'a': DynamoDB's numbers have at most 38 digits"),
        (["a:=" + "1" * 39], "key 'a': DynamoDB's numbers have at most 38 digits"),
        ([f'a:=[{{"b": {{"$set": ["{SECRET}", 1]}}}}]'], "key 'a': [0].b: a set holds only"),
        ([f"a:b64={SECRET}"], "key 'a': not base64"),
        (["a:b64=AP8"], "key 'a': not base64"),
        (["a:b64=A P8="], "key 'a': not base64"),
        (["a:b64=Gr\xfcezi=="], "key 'a': not base64"),
    ],
)
def test_what_is_refused_and_what_that_says(arguments: list[str], message: str) -> None:
    with pytest.raises(NotationError) as caught:
        keys_of(arguments)
    assert str(caught.value).startswith(message)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


# --- KEY-, of an option that is there ------------------------------------------------------------


def test_keys_to_change_and_to_remove() -> None:
    keys, removed = edits_of(["host=x", "port-", "a-b:=1", "a--", "b-="])
    assert keys == {"host": "x", "a-b": Decimal(1), "b-": ""}
    assert removed == ("port", "a-")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-"], "argument 1 after OPTION: is not KEY=TEXT, KEY:=JSON or KEY:b64=BASE64 or KEY-"),
        (["a=1", SECRET], "argument 2 after OPTION: is not KEY=TEXT"),
        (["a=1", "a-"], "key 'a': is there twice"),
        (["a-", "a=1"], "key 'a': is there twice"),
        (["a-", "a-"], "key 'a': is there twice"),
    ],
)
def test_edits_that_make_no_sense(arguments: list[str], message: str) -> None:
    with pytest.raises(NotationError, match=re.escape(message)) as caught:
        edits_of(arguments)
    assert SECRET not in str(caught.value)


def test_only_an_edit_removes_keys() -> None:
    with pytest.raises(NotationError, match="is not KEY=TEXT, KEY:=JSON or KEY:b64=BASE64$"):
        keys_of(["port-"])
