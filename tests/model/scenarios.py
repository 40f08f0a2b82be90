"""Who is at work in each search, and what must come of it."""

from __future__ import annotations

from ddbcfg_client.dynamodb.revision.comparing import Unchanged
from ddbcfg_client.dynamodb.revision.content import digest_of, total_of
from ddbcfg_client.dynamodb.revision.history import past
from ddbcfg_client.dynamodb.revision.importing import write_import
from ddbcfg_client.dynamodb.revision.item import parse_revision
from ddbcfg_client.dynamodb.revision.known import Known
from ddbcfg_client.dynamodb.revision.place import change_option
from ddbcfg_client.dynamodb.revision.record import parse_record
from ddbcfg_client.dynamodb.revision.repairing import repair
from ddbcfg_client.dynamodb.revision.syncing import sync
from ddbcfg_client.dynamodb.revision.writing import Change, write_change
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.values import pack_option
from model.actors import ModelAccess
from model.search import Search, Writer, Wrong
from model.world import NAMES, PLACE, State


def value(number: int) -> bytes:
    """The packed keys of an option with this number in it."""
    return pack_option("o", {"n": {"N": str(number)}})


BEFORE = (value(1), value(1))


def setter(name: str, losses: int = 0, **options: bytes | None) -> Writer:
    """Writes these options in one transaction."""
    change = Change(options, name)
    return Writer(name, lambda access: write_change(access, change), losses)


def importer(name: str, losses: int = 0, **options: bytes | None) -> Writer:
    """Writes these options in parts of one option."""
    change = Change(options, name)
    return Writer(name, lambda access: write_import(access, change), losses)


def repairer(name: str, *, take_back: bool) -> Writer:
    """Ends an import, whether it has ended or not."""
    return Writer(name, lambda access: repair(access, by=name, take_back=take_back))


def scribe(name: str, *, remembers: bool = False) -> Writer:
    """One round of a scribe, which remembers the first revision or nothing."""
    known = first_known() if remembers else None
    return Writer(name, lambda access: sync(access, known, by=name))


def first_known() -> Known:
    """What is known of the store at its first revision."""
    content = {n: cell for n, cell in zip(NAMES, BEFORE, strict=True) if cell is not None}
    total = total_of(content)
    return Known("e1", 1, digest_of(total), content, total)


def editor(name: str, **options: bytes | None) -> Writer:
    """A writer that does not know the protocol, and writes these options in their order."""

    def edit(access: ModelAccess) -> None:
        for option, packed in options.items():
            access.edit(option, packed)

    return Writer(name, edit, crashes=False)


def restorer(name: str) -> Writer:
    """Restores the table, behind all backs."""
    return Writer(name, lambda access: access.restore(), crashes=False)


def restorer_with_repair(name: str) -> Writer:
    """Restores the table, and begins a new epoch, as the manual says."""

    def restore(access: ModelAccess) -> None:
        access.restore()
        repair(access, by=name, new_epoch=True)

    return Writer(name, restore)


def counter(name: str, losses: int = 0) -> Writer:
    """Reads option a and the revision, and counts it up by compare-and-set."""

    def count(access: ModelAccess) -> int:
        found, options = access.together(("a",))
        assert found is not None
        revision = parse_revision(PLACE, found)
        now = unpack_option(options["a"])["n"]
        unchanged = Unchanged(revision.rev, revision.epoch)
        change = Change({"a": value(int(now) + 1)}, name, unchanged=unchanged)
        written = write_change(access, change)
        assert written is not None
        return len(written.entries)

    return Writer(name, count, losses)


# --- what must hold in the end -----------------------------------------------------------------


def counted(search: Search, state: State) -> None:
    """No update is lost: the count is that of the writers that know that it was written, or more.

    More, for one that died may have written too.
    """
    done = died = 0
    for actor in state.actors:
        kind, result = search.nodes.ask(actor.node) if actor.status == "done" else ("dead", 0)
        done += kind == "done" and result == 1
        died += kind != "done"
    cell = state.store[-1][0]
    assert cell is not None
    count = int(unpack_option(cell)["n"]) - 1
    if not done <= count <= done + died:
        raise Wrong(f"{done} counted for certain, {died} may have, and the count is {count}")


def on_record(search: Search, state: State) -> None:
    """The record leads back to every revision, and has each writer's change once."""
    revision = search.revision(state)
    assert revision is not None
    if revision.pending is not None:
        return
    writers = []
    for number in range(2, revision.rev + 1):
        item = search.world.items.item(dict(state.changes[-1]).get(change_option(number)))
        if item is None:
            raise Wrong(f"revision {number} has no change item")
        record = parse_record(PLACE, item)
        writers.append(record.by)
        if record.gap and not search.scenario.edits:
            raise Wrong(f"revision {number} does not say all that it changed")
    if len(set(writers)) < len(writers):
        raise Wrong(f"a change was made twice: {writers}")
    if search.scenario.edits:
        return
    for number in range(1, revision.rev + 1):
        was, _ = search.alone(state, lambda access, rev=number: past(access, rev))
        if isinstance(was, ConfigError):
            raise Wrong(str(was))
        cells = tuple(was.content.get(name) for name in NAMES)
        if cells not in state.legal:
            raise Wrong(f"on record revision {number} is {cells}, which the store never was")
