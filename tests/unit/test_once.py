"""An option that takes one value is refused when it is repeated."""

from __future__ import annotations

import argparse

import pytest

from ddbcfg_client.commands.once import OnceParser


def parser() -> OnceParser:
    common = OnceParser(add_help=False)
    common.add_argument("--table")
    common.add_argument("--store", action="append")
    common.add_argument("--wait", type=float, default=5.0)
    common.add_argument("--once", action="store_true")
    made = OnceParser(exit_on_error=False)
    commands = made.add_subparsers(required=True)
    get = commands.add_parser("get", parents=[common])
    get.add_argument("option", nargs="?")
    get.add_argument("keys", nargs="*")
    return made


def test_one_of_each_is_taken() -> None:
    line = ["get", "--table", "a", "--store", "b", "--store", "c", "--wait", "5.0"]
    line += ["--once", "--once", "db", "x", "y"]
    assert vars(parser().parse_args(line)) == {
        "table": "a",
        "store": ["b", "c"],
        "wait": 5.0,
        "once": True,
        "option": "db",
        "keys": ["x", "y"],
    }
    assert parser().parse_args(["get"]).wait == 5.0


@pytest.mark.parametrize(
    "line",
    [
        "--table a --table b",
        "--table a db --table=a",
        "--table= --table b",
        "--wait 5.0 --wait 5.0",
    ],
)
def test_two_of_one_are_a_usage_error(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((SystemExit, argparse.ArgumentError)) as caught:
        parser().parse_args(["get", *line.split()])
    said = capsys.readouterr().err + str(caught.value)
    flag = line[: line.index(" ")].rstrip("=")
    assert f"argument {flag}: takes one value, and is there twice" in said


def test_a_parser_can_be_used_again() -> None:
    made = parser()
    for _ in range(2):
        assert made.parse_args(["get", "--table", "a"]).table == "a"
