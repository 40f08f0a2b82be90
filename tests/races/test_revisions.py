"""G11, whole changes: writers, a scribe and hosts race on one store, each a process of its own.

Every content that a host publishes is checked against what was written.  The checker is proven too:
a plain Query beside the hosts tears.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from ddbcfg_client.dynamodb.revision.history import names_of, past, records
from support.children import start_module
from support.revising import EDITED, LARGE, SMALL, number_in
from support.revising import start as at_first
from support.revisions import RevisedStore
from support.tables import ConfigTable

PATIENCE = 60.0  # seconds
GROUPS = [*SMALL, LARGE, [EDITED]]


@pytest.fixture
def store(table: ConfigTable, moto_client: DynamoDBClient) -> RevisedStore:
    """A store at its first revision, with 0 everywhere."""
    made = RevisedStore(moto_client, table.name)
    made.begin(at_first())
    return made


def race(
    store: RevisedStore, url: str, folder: Path, roles: list[str], seconds: float
) -> list[dict[str, Any]]:
    """Run processes of these roles at once, for so long and until each has done its part.

    Return what each counted.
    """
    with ExitStack() as stack:
        processes = []
        for seed, role in enumerate(roles, 1):
            arguments = [role, url, store.place.table, str(folder), str(seed)]
            process = stack.enter_context(start_module("support.revising", *arguments))
            stack.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        began = time.monotonic()
        while time.monotonic() < began + seconds or len(list(folder.glob("enough-*"))) < len(roles):
            assert time.monotonic() < began + PATIENCE
            time.sleep(0.05)
        (folder / "stop").touch()
        found = [json.loads(process.stdout.readline()) for process in processes]
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


def check_hosts(hosts: list[dict[str, Any]], noted: set[tuple[int, int]]) -> None:
    for counts in hosts:
        assert (counts["torn"], counts["revisions back"]) == (0, 0)
        assert counts["publications"] >= 5
        assert {(group, number) for group, number in counts["seen"]} <= noted


@pytest.mark.timeout(120)
def test_hosts_publish_what_the_store_was(
    store: RevisedStore,
    moto_url: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    roles = ["set", "set", "import", "scribe", "host", "host", "tear"]
    *writers, _, one, two, torn = race(store, moto_url, tmp_path, roles, 4.0)
    record_property("hosts", [one["publications"], two["publications"]])
    record_property("torn readings of a plain Query", [torn["torn"], torn["publications"]])
    check_hosts([one, two], written(tmp_path))
    assert store.proves()
    assert store.revision().pending is None
    access = store.access()
    # Each change is on record once, and the record leads back to the beginning.
    made = sum(counts["written"] for counts in writers)
    assert made >= 5
    assert store.revision().rev == made + 1
    assert all(len(names_of(access, record)) in (4, len(LARGE)) for record in records(access))
    assert past(access, 1).content == at_first()
    assert all(number_in(store.content(), names) is not None for names in GROUPS)
    # Positive control.
    assert torn["torn"] > 0


@pytest.mark.timeout(120)
def test_edits_behind_the_protocols_back_are_found_whole(
    store: RevisedStore, moto_url: str, tmp_path: Path
) -> None:
    roles = ["set-slowly", "edit", "scribe-of-edits", "host"]
    setter, editor, scribe, host = race(store, moto_url, tmp_path, roles, 4.0)
    check_hosts([host], written(tmp_path))
    assert setter["written"] >= 2
    assert editor["edits"] >= 3
    assert scribe["revised"]
    assert len({number for group, number in host["seen"] if group == len(GROUPS) - 1}) > 1
