"""Guards: a bad push never reaches a worker, and what is meant gets through (G4)."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.errors import SchemaError, TableUnreachable
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.status import Status
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.guards import Guard, GuardRefused, SchemaGuard, ShrinkGuard
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.daemon import SECRET
from support.shm import reading


class FakeSource:
    """Answers every poll with what ``now`` is, or raises ``error``."""

    def __init__(self) -> None:
        self.now = reading({})
        self.error: Exception | None = None

    def read(self, progress: Progress) -> Reading:
        if self.error is not None:
            raise self.error
        return self.now


def store(count: int) -> Reading:
    return reading({f"option-{number:02}": {"secret": SECRET} for number in range(count)})


class Rig:
    """A refresher with guards, over real shared memory and a source that the test sets."""

    def __init__(self, names: Names, guards: Sequence[Guard]) -> None:
        self.source = FakeSource()
        self.publisher = Publisher(names)
        self.refresher = Refresher(
            self.source, self.publisher, 60.0, pid=os.getpid(), guards=guards
        )
        self.names = names

    def poll(self, now: Reading, *, scheduled: bool = True) -> Exception | None:
        self.source.now = now
        return self.refresher.poll(scheduled=scheduled)

    @property
    def status(self) -> Status:
        return ddbcfg_client.connect(self.names.namespace, self.names.store).status()

    @property
    def page(self) -> PageStatus:
        return Page(self.names, Trust()).status()

    @property
    def options(self) -> int:
        return len(ddbcfg_client.connect(self.names.namespace, self.names.store))


@pytest.fixture
def rig(names: Names) -> Iterator[Rig]:
    made = Rig(names, [ShrinkGuard()])
    yield made
    made.publisher.close()


def test_an_emptied_store_is_never_believed_by_itself(rig: Rig) -> None:
    assert rig.poll(store(3)) is None
    for _ in range(10):
        error = rig.poll(store(0))
        assert isinstance(error, GuardRefused)
        assert "all of 3 options are gone" in str(error)
        assert rig.options == 3


def test_a_shrink_is_believed_when_it_has_stood_for_three_polls(rig: Rig) -> None:
    rig.poll(store(20))
    for poll in (1, 2):
        error = rig.poll(store(5))
        assert f"15 of 20 options are gone, more than 50 % (so far at {poll} of 3" in str(error)
        assert rig.options == 20
    assert rig.poll(store(5)) is None
    assert rig.options == 5


def test_polls_that_readers_ask_for_do_not_count(rig: Rig) -> None:
    rig.poll(store(20))
    for _ in range(20):
        error = rig.poll(store(5), scheduled=False)
        assert "(so far at 0 of 3" in str(error)
    assert rig.options == 20
    for scheduled, options in ((True, 20), (False, 20), (True, 20), (False, 20), (True, 5)):
        rig.poll(store(5), scheduled=scheduled)
        assert rig.options == options


@pytest.mark.parametrize("between", [20, 0])
def test_what_comes_back_or_goes_in_between_starts_the_count_anew(rig: Rig, between: int) -> None:
    rig.poll(store(20))
    for count in (5, 5, between, 5, 5):
        rig.poll(store(count))
        assert rig.options == 20


def test_a_loss_of_more_than_half_is_refused_and_of_half_is_not(rig: Rig) -> None:
    rig.poll(store(20))
    assert isinstance(rig.poll(store(9)), GuardRefused)
    assert rig.options == 20
    assert rig.poll(store(10)) is None
    assert rig.options == 10


def test_a_small_store_may_lose_what_it_likes_but_not_all(rig: Rig) -> None:
    rig.poll(store(9))
    assert rig.poll(store(1)) is None


def test_options_that_were_replaced_by_others_are_lost_too(rig: Rig) -> None:
    rig.poll(store(10))
    others = reading({f"other-{number}": {} for number in range(10)})
    assert isinstance(rig.poll(others), GuardRefused)


def test_a_store_that_was_empty_may_be_empty(rig: Rig) -> None:
    assert rig.poll(store(0)) is None
    assert rig.poll(store(0)) is None


@pytest.mark.parametrize(
    ("guard", "left"), [(ShrinkGuard(allow_empty=True), 0), (ShrinkGuard(polls=1), 1)]
)
def test_an_operator_can_set_the_guard_otherwise(
    names: Names, guard: ShrinkGuard, left: int
) -> None:
    rig = Rig(names, [guard])
    rig.poll(store(20))
    assert rig.poll(store(left)) is None
    rig.publisher.close()


def test_max_shrink_100_lets_all_but_an_empty_store_through(names: Names) -> None:
    rig = Rig(names, [ShrinkGuard(max_shrink=100)])
    rig.poll(store(20))
    assert rig.poll(store(1)) is None
    rig.publisher.close()


def test_it_holds_for_what_an_earlier_daemon_published(rig: Rig) -> None:
    rig.poll(store(20))
    rig.publisher.close()
    again = Rig(rig.names, [ShrinkGuard()])
    assert isinstance(again.poll(store(2)), GuardRefused)
    assert again.options == 20
    again.publisher.close()


def test_what_is_refused_is_held_and_no_failure(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.poll(store(3))
    with caplog.at_level(logging.INFO, "ddbcfg"):
        rig.poll(store(0))
    status = rig.status
    assert (status.failures, status.error, status.generation) == (0, None, 1)
    assert "all of 3 options are gone" in (status.held or "")
    assert "reload --accept" in (status.held or "")
    assert status.held_since == pytest.approx(time.time(), abs=30)
    assert "the shrink guard refused it: all of 3 options are gone" in caplog.text
    assert "still serving generation 1, 0 s old" in caplog.text
    assert "failed" not in caplog.text
    assert "held since 2" in rig.refresher.summary
    assert rig.refresher.refused
    # It is said once; and the time is that of the first refusal.
    rig.poll(store(0))
    assert rig.status.held_since == status.held_since
    assert caplog.text.count("all of 3 options are gone") == 1
    rig.poll(store(3))
    assert (rig.status.held, rig.status.held_since) == (None, None)
    assert not rig.refresher.refused
    assert "held" not in rig.refresher.summary


def test_what_is_served_does_not_age_while_newer_content_is_held(rig: Rig) -> None:
    rig.poll(store(3))
    before = rig.page.success
    rig.poll(store(0))
    held = rig.page
    assert held.success > before
    assert held.success == pytest.approx(held.poll_finished, abs=10**9)
    assert held.success_unix == pytest.approx(time.time_ns(), abs=30 * 10**9)


def test_a_poll_that_fails_while_something_is_held_is_a_failure_beside_it(rig: Rig) -> None:
    rig.poll(store(3))
    rig.poll(store(0))
    success = rig.page.success
    rig.source.error = TableUnreachable("config", "Query", "Timeout", "nobody is there")
    assert rig.poll(store(0)) is rig.source.error
    status = rig.status
    assert status.failures == 1
    assert "nobody is there" in (status.error or "")
    assert "all of 3 options are gone" in (status.held or "")
    assert rig.page.success == success  # the age goes on
    rig.source.error = None
    rig.poll(store(0))
    assert (rig.status.failures, rig.status.error) == (0, None)
    assert rig.refresher.refused


def test_an_empty_store_that_is_published_is_a_snapshot_like_any_other(rig: Rig) -> None:
    assert rig.poll(store(0)) is None
    assert "generation 1, 0 options" in rig.refresher.summary
    assert rig.refresher.ready


def accept(rig: Rig) -> None:
    """What ``reload --accept`` asks for, without waiting for a poll that this test makes itself."""
    rig.refresher._requests.ask(accept=True)


def test_an_operator_accepts_what_is_refused_once(rig: Rig) -> None:
    rig.poll(store(3))
    assert isinstance(rig.poll(store(0)), GuardRefused)
    accept(rig)
    assert rig.poll(store(0)) is None
    assert rig.options == 0


def test_an_acceptance_that_was_not_needed_is_not_kept(rig: Rig) -> None:
    rig.poll(store(3))
    accept(rig)
    assert rig.poll(store(3)) is None
    assert isinstance(rig.poll(store(0)), GuardRefused)


# --- the schema ----------------------------------------------------------------------------------

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


def test_a_store_that_goes_on_shrinking_has_not_stood_yet() -> None:
    guard = ShrinkGuard(max_shrink=50, polls=3)
    before = [f"option-{number}" for number in range(100)]

    def refused(left: int) -> bool:
        now = Reading(dict.fromkeys(before[:left], b"\x80"), 1)
        try:
            guard.check(before, now, scheduled=True)
        except GuardRefused:
            return True
        return False

    # Half done at each of the first polls, and then as it was meant.
    assert [refused(left) for left in (40, 30, 20, 10, 10)] == [True] * 5
    assert not refused(10)
    # One that grows again, but not enough, goes on standing.
    assert [refused(left) for left in (10, 12, 11)] == [True, True, False]
