"""A mistake on the command line is refused: a repeated option, one that there is not."""

from __future__ import annotations

import pytest

from ddbcfg_client.commands.main import main
from ddbcfg_client.commands.parser import Parser


def parser() -> Parser:
    made = Parser()
    made.add_argument("--table")
    made.add_argument("--store", action="append")
    made.add_argument("--wait", type=float, default=5.0)
    made.add_argument("--once", action="store_true")
    made.add_argument("option", nargs="?")
    made.add_argument("keys", nargs="*")
    return made


def test_one_of_each_is_taken() -> None:
    line = ["--table", "a", "--store", "b", "--store", "c", "--wait", "5.0"]
    line += ["--once", "--once", "db", "x", "y"]
    assert vars(parser().parse(line)) == {
        "table": "a",
        "store": ["b", "c"],
        "wait": 5.0,
        "once": True,
        "option": "db",
        "keys": ["x", "y"],
    }
    assert parser().parse([]).wait == 5.0


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
    with pytest.raises(SystemExit) as caught:
        parser().parse(line.split())
    assert caught.value.code == 2
    said = capsys.readouterr().err
    flag = line[: line.index(" ")].rstrip("=")
    assert f"argument {flag}: takes one value, but is repeated" in said


def test_a_parser_can_be_used_again() -> None:
    made = parser()
    for _ in range(2):
        assert made.parse(["--table", "a"]).table == "a"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--tabel a", "unrecognized arguments: --tabel (did you mean --table?)"),
        ("--stor=secret", "unrecognized arguments: --stor (did you mean --store?)"),
        ("--nothing-like-it", "unrecognized arguments: --nothing-like-it\n"),
    ],
)
def test_an_unknown_option_is_answered_with_the_one_that_it_resembles(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser().parse(line.split())
    error = capsys.readouterr().err
    assert said in error
    assert "secret" not in error


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "no command is named; there are get, list, "),
        ("gte db", "no command 'gte' (did you mean get?); there are get, list, "),
        ("revision", "watch; 'ddbcfg-client revision --help' describes them"),
        ("revision enabel", "no command 'enabel' (did you mean enable?); there are enable, "),
        ("--json get", "unrecognized arguments: --json"),
    ],
)
def test_without_a_command_the_next_step_is_the_help(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
