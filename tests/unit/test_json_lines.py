"""``--log-format json``: each line is one object that says what happened, when, to which store."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import datetime
from typing import Any

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.exits import log_fault
from ddbcfg_daemon.outputs.json_lines import JsonFormatter
from ddbcfg_daemon.outputs.log_writer import LineFormatter, LogWriter, choose_log
from ddbcfg_daemon.store_label import StoreLabel
from support.daemon import SECRET

PROD = StoreLabel(Names("eu/config", "prod"))


def formatted(text: str, *arguments: object, **more: object) -> dict[str, Any]:
    record = logging.LogRecord("ddbcfg.daemon", logging.WARNING, "", 0, text, arguments, None)
    record.__dict__.update(more)
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_says_when_what_and_to_which_store() -> None:
    found = formatted("%s: poll %d failed", PROD, 3, event="poll_failed")
    assert datetime.fromisoformat(found.pop("time")).tzinfo is not None
    assert found == {
        "level": "warning",
        "logger": "ddbcfg.daemon",
        "event": "poll_failed",
        "namespace": "eu/config",
        "store": "prod",
        "message": "eu/config/prod: poll 3 failed",
    }


def test_a_line_about_no_store_has_none() -> None:
    assert set(formatted("stopping")) == {"time", "level", "logger", "message"}


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "\u2028", "\u202e", "\udcff", '"}{"'])
def test_no_text_can_end_a_line(text: str) -> None:
    assert formatted("option %s", text)["message"] == f"option {text}"


def test_a_long_message_is_cut_and_passwords_are_hidden() -> None:
    assert len(formatted("x" * 100_000)["message"]) < 17_000
    assert SECRET not in str(formatted("at http://user:%s@proxy/", SECRET))


def test_of_an_exception_only_the_class_and_the_place_are_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as fault:
        found = formatted("failed", exc_info=sys.exc_info())
        log_fault(PROD, fault)
    [record] = caplog.records
    bug = json.loads(JsonFormatter().format(record))
    assert found["error"] == "ValueError"
    assert (bug["level"], bug["store"]) == ("critical", "prod")
    assert __file__ in bug["frames"][0]
    assert SECRET not in str(found) + str(bug)


def test_every_line_of_the_writer_is_in_the_format_that_is_chosen() -> None:
    reading, writing = os.pipe()
    writer = LogWriter(writing)
    root = logging.getLogger()
    level = logging.getLogger("ddbcfg").level
    root.addHandler(writer)
    try:
        choose_log("INFO", "json")
        logging.getLogger("ddbcfg.daemon").info("one")
        writer.end("no table")
        choose_log("INFO", "text")
        logging.getLogger("ddbcfg.daemon").info("two")
        writer.end("no store")
        writer.setFormatter(JsonFormatter())
        notice = writer._notice(3)
    finally:
        root.removeHandler(writer)
        logging.getLogger("ddbcfg").setLevel(level)
        writer.close()
        os.close(writing)
    with open(reading, encoding="utf-8") as file:
        lines = file.read().splitlines()
    first, failed = map(json.loads, lines[:2])
    assert first["message"] == "one"
    assert (failed["message"], failed["event"], failed["level"]) == ("no table", "failed", "error")
    assert lines[2].endswith(" INFO two")
    assert lines[3:] == ["ddbcfg-daemon: no store"]
    assert json.loads(notice)["event"] == "log_dropped"


def test_text_has_the_time_with_its_zone() -> None:
    record = logging.LogRecord("ddbcfg", logging.INFO, "", 0, "one", None, None)
    stamp, _, rest = LineFormatter(with_time=True).format(record).partition(" INFO ")
    assert datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S.%f%z").tzinfo is not None
    assert rest == "one"
