"""What a revision changed: its change item, and the parts for what has no room in the item.

A change item is small, so that a host that is some revisions behind can read several at once.  It
has the names and the values before and after if these are small, too.  Otherwise both are in parts,
which hosts never read.  ``gap`` means that more changed than is on record; its earlier values are
unknown.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ddbcfg_client.dynamodb.revision.content import Entry
from ddbcfg_client.dynamodb.revision.item import LONGEST_BY, Revision, digest_in, storable
from ddbcfg_client.dynamodb.revision.packing import pack_entries, unpack_entries
from ddbcfg_client.dynamodb.revision.place import Place, change_option, part_option, revision_of

FORMAT = 1
#: Compressed bytes in a change item: a host reads eight of them in one page.
INLINE = 8 * 1024
_INLINE_NAMES = 4 * 1024
_SLICE = 350 * 1024  # compressed bytes in a part
_GROUP_BYTES, _GROUP_ENTRIES = 1_000_000, 1000  # after which another list begins
LONGEST_WHY = 1000  # characters
_DAY = 86400


@dataclass(frozen=True, slots=True)
class Plan:
    """Parts under one token, ``count`` of them."""

    token: str
    count: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes for a part; with ``more``, their list continues in the next one."""

    packed: bytes
    more: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A change item: who made revision ``rev``, when and why.

    ``entries`` are None if they are in ``plans``; ``digest`` and ``count`` describe the content at
    the revision; ``changed`` is how many options changed.
    """

    epoch: str
    rev: int
    digest: bytes
    count: int
    by: str
    at: str
    why: str
    token: str
    changed: int
    names: tuple[str, ...] | None
    entries: tuple[Entry, ...] | None
    plans: tuple[Plan, ...] = ()
    gap: bool = False


def new_record(
    revision: Revision,
    entries: Sequence[Entry],
    token: str,
    why: str,
    *,
    plans: Sequence[Plan] = (),
    planned: int = 0,
    gap: bool = False,
) -> tuple[Record, list[Piece]]:
    """Return the record of ``revision``, and the parts that it needs in addition to ``plans``.

    The parts have the name ``token``.  The plans have ``planned`` options, ``entries`` are the
    others.
    """
    assert revision.digest is not None
    packed = pack_entries(entries)
    names = tuple(entry.name for entry in entries)
    small = not plans and sum(len(name.encode()) for name in names) <= _INLINE_NAMES
    inline = not plans and len(packed) <= INLINE
    pieces = [] if inline else list(pieces_of(entries))
    record = Record(
        epoch=revision.epoch,
        rev=revision.rev,
        digest=revision.digest,
        count=revision.count,
        by=revision.by[:LONGEST_BY],
        at=revision.at,
        why=why[:LONGEST_WHY],
        token=token,
        changed=len(entries) + planned,
        names=names if small else None,
        entries=tuple(entries) if inline else None,
        plans=(*plans, *([Plan(token, len(pieces))] if pieces else [])),
        gap=gap,
    )
    return record, pieces


def pieces_of(entries: Iterable[Entry]) -> Iterator[Piece]:
    """Yield entries packed in pieces that each fit an item; none unpacks to many megabytes."""
    for group in _groups(entries):
        packed = pack_entries(group)
        for at in range(0, len(packed), _SLICE):
            yield Piece(packed[at : at + _SLICE], more=at + _SLICE < len(packed))


def _groups(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    size = 0
    for entry in entries:
        group.append(entry)
        size += len(entry.name) + len(entry.before or b"") + len(entry.after or b"")
        if size > _GROUP_BYTES or len(group) == _GROUP_ENTRIES:
            yield group
            group, size = [], 0
    if group:
        yield group


def item_of_record(place: Place, record: Record, expiry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the change item; ``expiry`` is its TTL attribute, if it has one."""
    item: dict[str, Any] = {
        **expiry,
        **place.key_names.key(place.home, change_option(record.rev)),
        "format": {"N": str(FORMAT)},
        "epoch": {"S": record.epoch},
        "digest": {"B": record.digest},
        "count": {"N": str(record.count)},
        "by": {"S": storable(record.by)},
        "at": {"S": record.at},
        "why": {"S": storable(record.why)},
        "token": {"S": record.token},
        "changed": {"N": str(record.changed)},
        "gap": {"BOOL": record.gap},
    }
    if record.names is not None:
        item["names"] = {"L": [{"S": name} for name in record.names]}
    if record.entries is not None:
        item["z"] = {"B": pack_entries(record.entries)}
    if record.plans:
        item["parts"] = {
            "L": [
                {"M": {"token": {"S": plan.token}, "count": {"N": str(plan.count)}}}
                for plan in record.plans
            ]
        }
    return item


def parse_record(place: Place, item: Mapping[str, Any]) -> Record:
    """Return the record in an item; raise ValueError if it is damaged or of another format."""
    try:
        if item["format"] != {"N": str(FORMAT)}:
            raise ValueError("of another format")
        plans = [attribute["M"] for attribute in item["parts"]["L"]] if "parts" in item else []
        names = item["names"]["L"] if "names" in item else None
        return Record(
            epoch=item["epoch"]["S"],
            rev=revision_of(item[place.key_names.option]["S"]),
            digest=digest_in(item["digest"]),
            count=int(item["count"]["N"]),
            by=item["by"]["S"],
            at=item["at"]["S"],
            why=item["why"]["S"],
            token=item["token"]["S"],
            changed=int(item["changed"]["N"]),
            names=None if names is None else tuple(name["S"] for name in names),
            entries=tuple(unpack_entries(bytes(item["z"]["B"]))) if "z" in item else None,
            plans=tuple(Plan(plan["token"]["S"], int(plan["count"]["N"])) for plan in plans),
            gap=item["gap"]["BOOL"],
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"a damaged change item ({type(error).__name__})") from None


def part_item(
    place: Place, token: str, number: int, piece: Piece, expiry: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a part."""
    return {
        **expiry,
        **place.key_names.key(place.home, part_option(token, number)),
        "format": {"N": str(FORMAT)},
        "b": {"B": piece.packed},
        "more": {"BOOL": piece.more},
    }


def entries_of_parts(items: Iterable[Mapping[str, Any]], plan: Plan) -> list[Entry]:
    """Return the entries in the parts of a plan; raise ValueError if one is missing or damaged."""
    entries: list[Entry] = []
    found, packed, more = 0, b"", False
    try:
        for item in items:
            found += 1
            packed += bytes(item["b"]["B"])
            more = item["more"]["BOOL"]
            if not more:
                entries += unpack_entries(packed)
                packed = b""
    except (KeyError, TypeError, zlib.error) as error:
        raise ValueError(f"a damaged part ({type(error).__name__})") from None
    if found != plan.count or more:
        raise ValueError("parts are missing")
    return entries


def expiry_of(revision: Revision, now: float) -> dict[str, Any]:
    """Return the attribute with the item's time to live, if the store uses the table's TTL."""
    if not revision.ttl or not revision.keep:
        return {}
    return {revision.ttl: {"N": str(int(now) + revision.keep * _DAY)}}


def revisions_in(items: Iterable[Mapping[str, Any]], place: Place) -> Iterator[int]:
    """Yield the revisions of these items, in their order; skip those that are not change items.

    Such items were written by hand, with keys between those of change items.
    """
    for item in items:
        try:
            yield revision_of(item[place.key_names.option]["S"])
        except ValueError:
            continue
