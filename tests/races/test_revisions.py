"""G11, whole changes: writers, a scribe and hosts race on one store, each a process of its own.

Every content that a host publishes is checked against what was written: the numbers in it against
the writers' notes, and its digest against the content that the record has at that revision.  The
checker is proven too: a plain Query beside the hosts tears.

The emulator shows half of a transaction, has late replicas, and loses responses, as the service
may: see ``support.transactional``.  ``make race`` goes on until each host has published thousands
of contents.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.revision.content import digest_of, total_of, with_options
from ddbcfg_client.dynamodb.revision.history import entries_of, names_of, past, records
from ddbcfg_client.dynamodb.table import Table
from support.children import answer, start_module, tell
from support.revising import EDITED, LARGE, SMALL, number_in
from support.revising import start as at_first
from support.revisions import RevisedStore

#: How many contents each host has to publish.
ENOUGH = int(os.environ.get("DDBCFG_RACE", "25"))
PATIENCE = 60.0 + ENOUGH  # seconds
GROUPS = [*SMALL, LARGE, [EDITED]]
LATE, PAUSE, LOST = 0.03, 0.002, 0.01


@pytest.fixture
def url() -> Iterator[str]:
    """An emulator with replicas 30 ms late, which loses one of a hundred responses."""
    settings = map(str, (LATE, PAUSE, LOST, 1))
    with start_module("support.transactional.server", *settings) as server:
        yield answer(server)
        assert server.stdin is not None
        server.stdin.close()


@pytest.fixture
def store(url: str) -> Iterator[RevisedStore]:
    """A store at its first revision, with 0 everywhere."""
    client = connect_dynamodb(endpoint_url=url)
    ensure_table(Table(client, "config"))
    made = RevisedStore(client, "config")
    made.begin(at_first())
    yield made
    client.close()


def race(
    url: str, folder: Path, roles: list[str], *, enough: int, seconds: float
) -> list[dict[str, Any]]:
    """Run processes of these roles at once, for so long and until each has done its part.

    Return what each counted.
    """
    with ExitStack() as stack:
        processes = []
        for seed, role in enumerate(roles, 1):
            arguments = (role, url, "config", str(folder), str(seed), str(enough))
            process = stack.enter_context(start_module("support.revising", *arguments))
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert answer(process) == "ready"
        for process in processes:
            tell(process, "go")
        began = time.monotonic()
        while time.monotonic() < began + seconds or len(list(folder.glob("enough-*"))) < len(roles):
            assert time.monotonic() < began + PATIENCE
            time.sleep(0.05)
        (folder / "stop").touch()
        found = [json.loads(answer(process)) for process in processes]
    for role, counts in zip(roles, found, strict=True):
        print(role, {name: value for name, value in counts.items() if name != "seen"})
    return found


def written(folder: Path) -> set[tuple[int, int]]:
    """What the writers noted: the group, and the number that they wrote into it."""
    noted = {(group, 0) for group in range(len(GROUPS))}
    for notes in folder.glob("written-*"):
        for line in notes.read_text().splitlines():
            group, number = line.split()
            noted.add((int(group), int(number)))
    return noted


def published(folder: Path) -> set[tuple[int, str]]:
    """What the hosts noted: the revision, and the digest of the content published at it."""
    lines = [line for notes in folder.glob("published-*") for line in notes.read_text().split("\n")]
    return {(int(rev), digest) for rev, digest in map(str.split, filter(None, lines))}


def on_record(store: RevisedStore) -> dict[int, str]:
    """The digest of the content at each revision, made from the record of all changes."""
    access = store.access()
    content = at_first()
    digests = {1: digest_of(total_of(content)).hex()}
    for record in sorted(records(access), key=lambda record: record.rev):
        content = with_options(content, ((e.name, e.after) for e in entries_of(access, record)))
        digests[record.rev] = digest_of(total_of(content)).hex()
    return digests


def check_hosts(hosts: list[dict[str, Any]], noted: set[tuple[int, int]]) -> None:
    for counts in hosts:
        assert (counts["torn"], counts["revisions back"]) == (0, 0)
        assert {(group, number) for group, number in counts["seen"]} <= noted


@pytest.mark.timeout(120 + 2 * PATIENCE)
def test_hosts_publish_what_the_store_was(
    store: RevisedStore,
    url: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    roles = ["set", "set", "import", "scribe", "tear"]
    roles += ["host", "host-slowly", "publish", "read"]
    *writers, _, torn, host, slow, daemon, reader = race(
        url, tmp_path, roles, enough=ENOUGH, seconds=2.0
    )
    hosts = [host, slow, reader]
    assert daemon["failures"] == 0
    record_property("hosts", [counts["publications"] for counts in hosts])
    record_property("generations of a daemon", daemon["generations"])
    record_property("torn readings of a plain Query", [torn["torn"], torn["publications"]])
    check_hosts(hosts, written(tmp_path))
    assert min(host["publications"], daemon["generations"]) >= ENOUGH
    assert store.proves()
    assert store.revision().pending is None
    access = store.access()
    # Each change is on record once, whatever became of its response, and the record leads back to
    # the beginning.
    made = sum(counts["written"] for counts in writers)
    assert store.revision().rev == made + 1
    assert all(len(names_of(access, record)) in (4, len(LARGE)) for record in records(access))
    assert past(access, 1).content == at_first()
    assert all(number_in(store.content(), names) is not None for names in GROUPS)
    digests = on_record(store)
    assert [pair for pair in published(tmp_path) if digests.get(pair[0]) != pair[1]] == []
    # Positive control.
    assert torn["torn"] > 0


@pytest.mark.timeout(120)
def test_edits_behind_the_protocols_back_are_found_whole(
    store: RevisedStore, url: str, tmp_path: Path
) -> None:
    roles = ["set-slowly", "edit", "scribe-of-edits", "daemon"]
    setter, editor, scribe, host = race(url, tmp_path, roles, enough=5, seconds=4.0)
    check_hosts([host], written(tmp_path))
    assert setter["written"] >= 2
    assert editor["edits"] >= 3
    assert scribe["revised"]
    assert len({number for group, number in host["seen"] if group == len(GROUPS) - 1}) > 1
