"""The revision protocol in every interleaving of its processes: nothing wrong is ever published.

The protocol's own code decides, hosts and writers alike (see ``actors``); the table is the model's
(see ``world``).  In every state what a host publishes was the store, and revisions do not go back;
and when nothing goes on any more, the revision's digest is the store's, and a poll finds it.

``make model`` searches further, with more processes at once.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from ddbcfg_client.dynamodb.revision import importing, item, pending
from ddbcfg_client.dynamodb.revision.known import How
from model.rejected import (
    WithDrift,
    anew_after_a_lost_response,
    as_if_near,
    blind_scribe,
    bump_then_put,
    by_number_only,
    by_unproved_changes,
    put_then_bump,
    with_names_only,
    without_digest,
    without_strong_readings,
)
from model.scenarios import (
    BEFORE,
    counted,
    counter,
    editor,
    importer,
    on_record,
    repairer,
    restorer,
    restorer_with_repair,
    scribe,
    setter,
    value,
)
from model.search import Reader, Scenario, Search, Writer, Wrong
from model.world import Rules

ONE, TWO = value(2), value(3)
BOTH = {"a": ONE, "b": ONE}
LATE = Rules(late=True)
POLL = Reader((False,))


def lives(writer: Writer) -> Writer:
    """The same, but it never dies: what it leaves when it does is another scenario's."""
    return replace(writer, crashes=False)


X, Y = setter("x", **BOTH), setter("y", a=TWO)
UNSURE = setter("x", losses=1, **BOTH)
IMPORT = importer("x", **BOTH)

PROTOCOL = {
    "two setters, one response lost": Scenario(BEFORE, (UNSURE, Y), POLL),
    "two setters, late requests": Scenario(BEFORE, (UNSURE, Y), rules=LATE, final=on_record),
    "two setters, a host that polls twice": Scenario(
        BEFORE, (lives(X), lives(Y)), Reader((False, False))
    ),
    "a deletion, replicas two versions late": Scenario(
        BEFORE, (setter("x", a=None, b=ONE), lives(Y)), POLL, Rules(lag=2)
    ),
    "two that compare and set": Scenario(
        BEFORE, (counter("x", 1), counter("y")), rules=LATE, final=counted
    ),
    "an import, replicas two versions late": Scenario(
        BEFORE, (importer("x", 1, **BOTH),), Reader((False, True)), Rules(lag=2), final=on_record
    ),
    "an import and a setter": Scenario(BEFORE, (lives(IMPORT), lives(Y)), final=on_record),
    "an import that is finished by others": Scenario(
        BEFORE, (IMPORT, repairer("r", take_back=False)), POLL
    ),
    "an import that is taken back": Scenario(BEFORE, (IMPORT, repairer("r", take_back=True)), POLL),
    "a zombie import and its repair": Scenario(
        BEFORE, (IMPORT, repairer("r", take_back=True)), rules=LATE
    ),
    "an import, an edit and a scribe": Scenario(
        BEFORE, (IMPORT, editor("e", a=TWO), lives(scribe("s"))), edits=True
    ),
    "an edit, a setter and a host": Scenario(
        BEFORE, (editor("e", a=TWO), lives(X)), POLL, edits=True
    ),
    "an edit, a setter and a scribe": Scenario(
        BEFORE, (editor("e", a=TWO), X, lives(scribe("s"))), edits=True
    ),
    "an edit and a setter of one option, a scribe that remembers": Scenario(
        BEFORE, (editor("e", a=TWO), Y, scribe("s", remembers=True)), POLL, edits=True
    ),
    "two edits in order, a scribe that remembers and a host": Scenario(
        BEFORE,
        (editor("e", a=TWO, b=TWO), lives(scribe("s", remembers=True))),
        Reader((True, False)),
        edits=True,
    ),
    "an edit and two scribes": Scenario(
        BEFORE, (editor("e", a=TWO), scribe("s"), scribe("t")), POLL, edits=True
    ),
    "a full poll, an edit and a scribe": Scenario(
        BEFORE, (editor("e", a=TWO), scribe("s")), Reader((True, False)), edits=True
    ),
    "a host in another region": Scenario(BEFORE, (lives(X),), Reader((True,)), Rules(remote=True)),
    "a restored table": Scenario(BEFORE, (lives(X), restorer("r"), lives(Y)), POLL, restores=True),
    "a restored table, and a new epoch": Scenario(
        BEFORE, (lives(Y), lives(restorer_with_repair("r"))), POLL, restores=True
    ),
}

#: With a revision item that has no room for a log, so that hosts read change items.
WITHOUT_LOG = {
    "a setter, change items": Scenario(BEFORE, (X,), Reader((False, False))),
    "change items missing, damaged and wrong": Scenario(
        BEFORE, (lives(X),), Reader((False, False)), Rules(changes_lie=True)
    ),
}
LARGER_WITHOUT_LOG = {
    "two setters, change items": Scenario(BEFORE, (lives(X), lives(Y)), POLL),
    "two setters, change items missing, damaged and wrong": Scenario(
        BEFORE, (lives(X), lives(Y)), POLL, Rules(changes_lie=True)
    ),
}

#: What takes minutes, and more memory.
LARGER = {
    "an edit, a setter and a scribe that remembers": Scenario(
        BEFORE, (editor("e", a=TWO), lives(X), lives(scribe("s", remembers=True))), edits=True
    ),
    "an import, a setter and a host": Scenario(BEFORE, (IMPORT, lives(Y)), POLL),
    "an import, a setter, late requests": Scenario(BEFORE, (IMPORT, UNSURE), rules=LATE),
    "an import and two repairs": Scenario(
        BEFORE,
        (
            lives(IMPORT),
            lives(repairer("r", take_back=True)),
            lives(repairer("q", take_back=False)),
        ),
    ),
    "an import, a repair and a setter": Scenario(
        BEFORE, (lives(IMPORT), lives(repairer("r", take_back=True)), lives(Y))
    ),
    "an import, a repair and a scribe": Scenario(
        BEFORE, (IMPORT, repairer("r", take_back=True), scribe("s"))
    ),
    "a restored table, and all may die": Scenario(
        BEFORE, (X, restorer("r"), Y), POLL, restores=True
    ),
    "a restored table, a new epoch, and all may die": Scenario(
        BEFORE, (X, restorer_with_repair("r")), Reader((False, False)), restores=True
    ),
    "two setters, replicas two versions late": Scenario(BEFORE, (UNSURE, Y), POLL, Rules(lag=2)),
    "an edit, a setter, a scribe and a host": Scenario(
        BEFORE, (editor("e", a=TWO), lives(X), lives(scribe("s"))), POLL, edits=True
    ),
    "an edit, a setter, a scribe that remembers and a host": Scenario(
        BEFORE, (editor("e", a=TWO), lives(X), lives(scribe("s", remembers=True))), POLL, edits=True
    ),
    "an edit, two setters and a host that polls in full": Scenario(
        BEFORE, (editor("e", a=TWO), lives(X), lives(Y)), Reader((True, False)), edits=True
    ),
    "two edits in order, a setter and a host": Scenario(
        BEFORE, (editor("e", a=TWO, b=TWO), lives(X)), Reader((True, False)), edits=True
    ),
}

REJECTED = {
    "no digest": Scenario(BEFORE, (X, Y), Reader((False,), without_digest)),
    "a log of names": Scenario(BEFORE, (X, Y), Reader((False,), with_names_only)),
    "no digest in what a host has": Scenario(
        BEFORE, (X, restorer("r"), Y), Reader((False,), by_number_only), restores=True
    ),
    "a lower revision believed": Scenario(
        BEFORE, (X, Y), Reader((False, False), without_strong_readings)
    ),
    "a difference as proof": Scenario(
        BEFORE,
        (editor("e", a=TWO), setter("x", b=ONE), editor("f", a=ONE)),
        Reader((True, True), WithDrift()),
        edits=True,
    ),
    "two reads instead of a transaction": Scenario(BEFORE, (X, Y), rules=Rules(together=False)),
    "a write that does not ask for pending": Scenario(
        BEFORE, (IMPORT, Y), POLL, Rules(ignores_pending=True)
    ),
    "a repair that does not wait": Scenario(
        BEFORE, (IMPORT, repairer("r", take_back=True)), rules=Rules(waits=False)
    ),
    "a new token after a lost response": Scenario(
        BEFORE, (anew_after_a_lost_response("x", 1, **BOTH), Y), rules=LATE, final=on_record
    ),
    "bump, then put": Scenario(
        BEFORE, (bump_then_put("x", a=ONE),), Reader((False,), without_digest), digest=False
    ),
    "put, then bump": Scenario(
        BEFORE, (put_then_bump("x", a=ONE),), Reader((False,), without_digest), digest=False
    ),
    "a host in another region that believes two readings": Scenario(
        BEFORE, (lives(X),), Reader((True,), as_if_near), Rules(remote=True)
    ),
    "a blind bump": Scenario(BEFORE, (IMPORT, blind_scribe("s")), POLL),
}


@pytest.fixture(autouse=True)
def parts_of_one_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PART_OPTIONS", 1)


@pytest.mark.parametrize("name", PROTOCOL)
def test_the_protocol_holds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # One look at an import is enough to give up: to look again multiplies the states.
    monkeypatch.setattr(pending, "DEAD", 0.0)
    found = Search(PROTOCOL[name]).run()
    print(f"{name}: {found}")
    assert found.states > 100
    assert found.finals


@pytest.mark.parametrize("name", WITHOUT_LOG)
def test_the_protocol_holds_by_change_items(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item, "LARGEST", 0)
    found = Search(WITHOUT_LOG[name]).run()
    print(f"{name}: {found}, {found.how[How.CHANGES]} polls by change items")
    assert found.how[How.CHANGES] > 10


def test_change_items_that_are_believed_unproved_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positive control."""
    monkeypatch.setattr(item, "LARGEST", 0)
    scenario = WITHOUT_LOG["change items missing, damaged and wrong"]
    with pytest.raises(Wrong):
        Search(replace(scenario, reader=Reader((False,), by_unproved_changes))).run()


@pytest.mark.parametrize("name", REJECTED)
def test_what_was_rejected_is_wrong(name: str) -> None:
    """Positive control: without one of its rules the protocol fails, and the search finds it."""
    with pytest.raises(Wrong) as wrong:
        Search(REJECTED[name]).run()
    print(f"{name}: {wrong.value}")


@pytest.mark.skipif("DDBCFG_MODEL" not in os.environ, reason="minutes: make model")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", LARGER)
def test_the_protocol_holds_with_more_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "DEAD", 0.0)
    found = Search(LARGER[name]).run()
    print(f"{name}: {found}")
    assert found.finals


@pytest.mark.skipif("DDBCFG_MODEL" not in os.environ, reason="minutes: make model")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", LARGER_WITHOUT_LOG)
def test_the_protocol_holds_with_more_change_items(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item, "LARGEST", 0)
    found = Search(LARGER_WITHOUT_LOG[name]).run()
    print(f"{name}: {found}, {found.how[How.CHANGES]} polls by change items")
    assert found.how[How.CHANGES] > 100
