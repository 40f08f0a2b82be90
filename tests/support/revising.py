"""Writers and hosts of one store that race, each a process of its own.

``python -m support.revising ROLE URL TABLE FOLDER SEED ENOUGH``: see ``main`` for the roles.
Each prints ``ready``, waits for a line, works until FOLDER has a file ``stop``, and prints what it
counted.  It makes a file ``enough-SEED`` there once it has done what a race is for: a host, once it
has published ENOUGH contents.

Every change writes its number into all options of a group at once, so a content in which a group
does not agree never was the store's.  More than that: each writer notes what it writes, before it
does, and each host the revision and the digest of what it publishes, so that every content can be
checked against the record.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.revision import importing
from ddbcfg_client.dynamodb.revision.content import Content, digest_of, total_of
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.importing import write
from ddbcfg_client.dynamodb.revision.known import How, Known
from ddbcfg_client.dynamodb.revision.syncing import Found, sync
from ddbcfg_client.dynamodb.revision.table_access import TableAccess
from ddbcfg_client.dynamodb.revision.writing import Change
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ChangeRefused, ConfigError, ImportPending
from ddbcfg_client.format.options import unpack_option
from ddbcfg_daemon.sources.revision import RevisionSource
from ddbcfg_daemon.sources.store import StoreSource
from support import revising_daemons
from support.revisions import noise, packed

#: Groups of options: one of few for the setters, one of many for the importer, one for edits.
SMALL = [[f"small-{group}-{number}" for number in range(4)] for group in range(2)]
LARGE = [f"large-{number:03}" for number in range(30)]
EDITED = "edited"
SMALL_NAMES = {name for group in SMALL for name in group}
_PART = 10
#: Seconds between two changes, at most.  While an import goes on, all others wait.
_PAUSES = {"set": 0.02, "set-slowly": 0.6, "import": 4.0}


def start() -> dict[str, bytes]:
    """The store before the race: number 0 everywhere."""
    return {name: numbered(name, 0) for group in (*SMALL, LARGE, [EDITED]) for name in group}


def numbered(name: str, number: int) -> bytes:
    # In the small groups with what does not compress: so the log holds a few revisions only.
    return packed("o", n=number, noise=noise(number, 600 if name in SMALL_NAMES else 8))


def number_in(content: Content, names: list[str]) -> int | None:
    """The number that all these options have; None if they do not agree."""
    found = {content.get(name) for name in names}
    if len(found) != 1:
        return None
    (raw,) = found
    return None if raw is None else int(unpack_option(raw)["n"])


class Racing(TableAccess):
    """Waits less than it should: the emulator is near.

    Only a little less where transactions have to be over, on a machine that may be busy.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table, "prod", sleep=_wait_less)


def _wait_less(seconds: float) -> None:
    time.sleep(0.5 if seconds >= 2.0 else seconds / 20)


class Race:
    """What a process knows of the race: when it is over."""

    def __init__(self, folder: Path, seed: int, enough: int) -> None:
        self.folder = folder
        self.seed = seed
        self.enough = enough
        self._enough = False

    def goes_on(self, *, enough: object) -> bool:
        """Whether to work on; *enough* says whether this process has done its part."""
        if enough and not self._enough:
            self._enough = True
            (self.folder / f"enough-{self.seed}").touch()
        return not (self.folder / "stop").exists()


# --- writers -------------------------------------------------------------------------------------


def _changes(access: TableAccess, race: Race, role: str) -> Any:
    """Write one change after another; note each before it is written."""
    importing.PART_OPTIONS = _PART
    chance = random.Random(race.seed)
    large, pause = role == "import", _PAUSES[role]
    written = refused = 0
    with (race.folder / f"written-{race.seed}").open("w", buffering=1) as notes:
        while race.goes_on(enough=written >= 1):
            number = race.seed * 1_000_000 + written + refused + 1
            group = len(SMALL) if large else chance.randrange(len(SMALL))
            names = LARGE if large else SMALL[group]
            notes.write(f"{group} {number}\n")
            change = Change({name: numbered(name, number) for name in names}, f"writer {race.seed}")
            try:
                if large:
                    importing.write_import(access, change, pace=1e9)
                else:
                    write(access, change)
                written += 1
            except (ChangeRefused, ImportPending):
                refused += 1
            time.sleep(chance.random() * pause)
    return {"written": written, "refused": refused}


def _edits(access: Racing, race: Race) -> Any:
    """Edit one option as the console does, behind the protocol's back."""
    from ddbcfg_client.dynamodb.revision.writing import write_of

    edits = 0
    with (race.folder / f"written-{race.seed}").open("w", buffering=1) as notes:
        while race.goes_on(enough=edits >= 3):
            number = race.seed * 1_000_000 + edits + 1
            notes.write(f"{len(SMALL) + 1} {number}\n")
            item = write_of(access, EDITED, numbered(EDITED, number)).item
            assert item is not None
            access.put_part(item)
            edits += 1
            time.sleep(1.0)
    return {"edits": edits}


def _scribe(access: Racing, race: Race, role: str) -> Any:
    known: Known | None = None
    counts = {found.value: 0 for found in Found}
    wanted = [Found.REVISED.value] if role == "scribe-of-edits" else list(counts)
    while race.goes_on(enough=any(counts[found] for found in wanted)):
        synced = sync(access, known, by="scribe")
        known = synced.known
        counts[synced.found.value] += 1
        time.sleep(0.1)
    return counts


# --- hosts ---------------------------------------------------------------------------------------


class Checker:
    """Looks at what a host publishes; ``torn`` and ``back`` have to stay 0."""

    def __init__(self) -> None:
        self.publications = self.torn = self.back = 0
        self.last: tuple[int | None, ...] = ()
        self.seen: set[tuple[int, int]] = set()

    def look(self, content: Content) -> None:
        groups = [*SMALL, LARGE, [EDITED]]
        numbers = tuple(number_in(content, names) for names in groups)
        whole = set(content) == set(start()) and None not in numbers
        self.publications += 1
        self.torn += not whole
        self.seen.update((at, n) for at, n in enumerate(numbers) if n is not None)
        self.last = numbers

    def counts(self) -> dict[str, Any]:
        return {"publications": self.publications, "torn": self.torn, "last": self.last}


def _host(access: Racing, race: Race, pause: float) -> Any:
    """Poll, every fiftieth time in full, and check all that is published."""
    chance = random.Random(race.seed)
    checker, known, polls = Checker(), None, 0
    how = {one.value: 0 for one in How}
    revisions_back = 0
    enough = race.enough if pause < 0.1 else race.enough // 10
    with (race.folder / f"published-{race.seed}").open("w") as notes:
        while race.goes_on(enough=checker.publications >= enough):
            polls += 1
            found = follow(access, known, full=polls % 50 == race.seed)
            how[found.how.value] += 1
            if found.known is not None and found.known != known:
                if known is not None and found.known.rev < known.rev:
                    revisions_back += 1
                known = found.known
                checker.look(known.options)
                # Of the content itself, whatever is said of it.
                notes.write(f"{known.rev} {digest_of(total_of(known.options)).hex()}\n")
            time.sleep(chance.uniform(0.0, pause))
    return checker.counts() | {"how": how, "revisions back": revisions_back, "polls": polls,
                               "seen": sorted(checker.seen)}  # fmt: skip


def _daemon(table: Table, race: Race) -> Any:
    """Poll as a daemon does, by its own source, every twentieth time in full."""
    source = RevisionSource(
        StoreSource(_Connected(table), "prod", consistent=False),
        full_interval=3600.0,
        interval=0.01,
        sleep=_wait_less,
    )
    checker, polls, back, last = Checker(), 0, 0, 0
    published: Content | None = None
    how: Counter[str] = Counter()
    with (race.folder / f"published-{race.seed}").open("w", buffering=1) as notes:
        while race.goes_on(enough=checker.publications >= race.enough):
            polls += 1
            try:
                reading = source.read(lambda: None, full=polls % 20 == race.seed % 20)
            except (ConfigError, OSError):  # a lost response: the next poll comes soon
                continue
            how[reading.provenance.how] += 1
            if reading.confirmed and reading.options is not published:
                published, revision = reading.options, reading.provenance.revision
                back, last = back + (revision < last), revision
                checker.look(published)
                notes.write(f"{revision} {digest_of(total_of(published)).hex()}\n")
            time.sleep(0.01)
    return checker.counts() | {"how": how, "revisions back": back, "polls": polls,
                               "seen": sorted(checker.seen)}  # fmt: skip


class _Connected:
    """A connection that is made already."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def table(self) -> Table:
        return self._table


def _torn(access: Racing, race: Race) -> Any:
    """Positive control: publish what a plain Query finds."""
    checker = Checker()
    while race.goes_on(enough=checker.torn):
        checker.look(access.options(consistent=True))
        time.sleep(0.02 if not checker.torn else 0.2)
    return checker.counts()


@contextmanager
def _ready() -> Iterator[None]:
    print("ready", flush=True)
    sys.stdin.readline()
    yield


def main(role: str, url: str, table: str, folder: Path, seed: int, enough: int) -> Any:
    client = connect_dynamodb(endpoint_url=url)
    access = Racing(Table(client, table))
    access.revision(consistent=True)  # connected
    with _ready():
        race = Race(folder, seed, enough)
        match role:
            case "set" | "set-slowly" | "import":
                return _changes(access, race, role)
            case "edit":
                return _edits(access, race)
            case "scribe" | "scribe-of-edits":
                return _scribe(access, race, role)
            case "host":
                return _host(access, race, 0.01)
            case "daemon":
                return _daemon(Table(client, table), race)
            case "publish":
                return revising_daemons.publish(Table(client, table), race, _wait_less)
            case "read":
                return revising_daemons.read(race, Checker())
            case "host-slowly":
                return _host(access, race, 0.4)
    return _torn(access, race)


if __name__ == "__main__":
    role_, url_, table_, folder_, seed_, enough_ = sys.argv[1:]
    counted = main(role_, url_, table_, Path(folder_), int(seed_), int(enough_))
    print(json.dumps(counted), flush=True)
