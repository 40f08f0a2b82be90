"""The revision item and the change items: whole, small, and believed only if they parse."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.revision.content import (
    Entry,
    attributes_of_packed,
    differences,
    digest_of,
    total_of,
    weight,
    with_options,
)
from ddbcfg_client.dynamodb.revision.item import (
    LARGEST,
    LONGEST_EPOCH,
    MAX_FLEET,
    Pending,
    Revision,
    item_of,
    parse_revision,
    with_log,
)
from ddbcfg_client.dynamodb.revision.packing import pack_log, unpack_entries
from ddbcfg_client.dynamodb.revision.place import RESERVED, Place, change_option, revision_of
from ddbcfg_client.dynamodb.revision.record import (
    Plan,
    entries_of_parts,
    expiry_of,
    item_of_record,
    new_record,
    parse_record,
    part_item,
    pieces_of,
)
from ddbcfg_client.errors import NameRefused, RevisionDamaged, RevisionFormatUnknown
from ddbcfg_client.format.builder import PackedStore
from ddbcfg_client.format.page import PageStatus, pack_status, parse_status
from ddbcfg_client.format.values import pack_option

PLACE = Place("config", "prod")
REVISION = Revision(
    epoch="e",
    rev=7,
    digest=bytes(range(32)),
    count=3,
    by="arn:aws:iam::1:user/me",
    at="2026-01-01T00:00:00.000+00:00",
    region="eu-west-1",
    base=6,
    log=pack_log([(7, "db", b"\x80")]),
    pending=Pending("t", "me", 4, "plan", 2),
    fleet=10_000,
    ttl="expires",
    keep=90,
)

KEYS = pack_option(
    "o",
    {
        "s": {"S": "é"},
        "n": {"N": "-0.50"},
        "big": {"N": "9" * 38},
        "b": {"B": b"\0\xff"},
        "t": {"BOOL": True},
        "f": {"BOOL": False},
        "null": {"NULL": True},
        "m": {"M": {"l": {"L": [{"S": ""}, {"M": {}}, {"N": "1E+20"}]}}},
        "ss": {"SS": ["b", "a"]},
        "ns": {"NS": ["2", "1.0"]},
        "bs": {"BS": [b"2", b"1"]},
    },
)


def test_a_revision_item_says_what_was_put_in_it() -> None:
    assert parse_revision(PLACE, item_of(PLACE, REVISION)) == REVISION
    least = Revision("e", 0, None, pending=Pending("t", "me"))
    assert parse_revision(PLACE, item_of(PLACE, least)) == least


def test_no_attribute_of_it_can_be_taken_for_a_time_to_live() -> None:
    """DynamoDB deletes an item whose TTL attribute is a number of seconds that has passed."""
    numbers = {
        name for name, attribute in item_of(PLACE, REVISION).items() if next(iter(attribute)) == "N"
    }
    # What is a number is small: the service ignores what lies more than five years back.
    assert numbers == {"format", "rev", "count", "base", "fleet", "keep"}
    assert set(item_of(PLACE, REVISION)) - {"_store", "_option"} <= RESERVED


@pytest.mark.parametrize("name", sorted(set(item_of(PLACE, REVISION)) - {"_store", "_option"}))
def test_damage_to_any_attribute_is_noticed_or_does_not_matter(name: str) -> None:
    whole = item_of(PLACE, REVISION)
    for damaged in ({"NULL": True}, {"S": 5}, {"N": "x"}, {"B": b""}, {"L": []}, {}, None):
        item: dict[str, Any] = {**whole, name: damaged}
        try:
            parsed = parse_revision(PLACE, item)
        except (RevisionDamaged, RevisionFormatUnknown):
            continue
        # Only the log may be any bytes: it has to prove itself.
        assert name == "log"
        assert not parsed.changes_after(6)


def test_an_unknown_format_is_not_taken_for_damage() -> None:
    with pytest.raises(RevisionFormatUnknown):
        parse_revision(PLACE, {"format": {"N": "2"}, "all": {"S": "else"}})


def test_an_epoch_that_the_control_page_would_cut_is_damage() -> None:
    """Cut, it would be another one, and each start of a daemon would read the whole store."""
    longest = replace(REVISION, epoch="é" * (LONGEST_EPOCH // 2))
    assert parse_revision(PLACE, item_of(PLACE, longest)) == longest
    status = PageStatus(epoch=longest.epoch)
    assert parse_status(pack_status(status)).epoch == longest.epoch
    longer = replace(REVISION, epoch=longest.epoch + "e")
    with pytest.raises(RevisionDamaged, match="its epoch is longer than 40 bytes"):
        parse_revision(PLACE, item_of(PLACE, longer))


def test_a_revision_without_digest_is_damaged_unless_it_is_being_made() -> None:
    item = item_of(PLACE, replace(REVISION, digest=None))
    assert parse_revision(PLACE, item).digest is None
    del item["pending"]
    with pytest.raises(RevisionDamaged):
        parse_revision(PLACE, item)


@pytest.mark.parametrize("rev", [10**12, 2**53, 2**63, 10**19 - 1])
def test_a_revision_above_every_change_item_is_damaged(rev: int) -> None:
    """It could not be followed by another, and from 2**63 on no reader could read its status."""
    item = item_of(PLACE, replace(REVISION, rev=rev))
    with pytest.raises(RevisionDamaged, match="digits"):
        parse_revision(PLACE, item)
    assert parse_revision(PLACE, item_of(PLACE, replace(REVISION, rev=10**12 - 1)))


def test_the_fleet_is_capped() -> None:
    item = item_of(PLACE, replace(REVISION, fleet=10**15))
    assert parse_revision(PLACE, item).fleet == MAX_FLEET


# --- the log -------------------------------------------------------------------------------------


def test_the_log_loses_whole_revisions_from_its_old_end() -> None:
    noise = random.Random(1)
    log: list[Any] = []
    revision = replace(REVISION, log=b"", base=7)
    for rev in range(8, 60):
        log += [(rev, f"option {rev} {number}", noise.randbytes(100)) for number in range(2)]
        revision = with_log(PLACE, replace(revision, rev=rev), log, revision.base)
        kept = revision.changes_after(revision.base)
        assert kept
        # Half a read unit ends at 4,096 bytes.
        assert _bytes_of(item_of(PLACE, revision)) < 4000
        assert kept == [entry for entry in log if entry[0] > revision.base]
        assert {entry[0] for entry in kept} == set(range(revision.base + 1, rev + 1))
        log = kept
    assert 8 < revision.base < 59
    assert revision.changes_after(revision.base - 1) is None
    assert revision.changes_after(revision.rev) == []


def test_what_is_too_large_for_the_log_empties_it() -> None:
    large = [(8, "db", random.Random(1).randbytes(LARGEST))]
    revision = with_log(PLACE, replace(REVISION, rev=8), [(7, "a", b"\x80"), *large], 6)
    assert (revision.base, revision.changes_after(8)) == (8, [])
    assert revision.changes_after(7) is None


def _bytes_of(item: dict[str, Any]) -> int:
    """As large as DynamoDB could find the item: 21 bytes for a number, and more for the nested."""

    def size(attribute: Any) -> int:
        ((kind, value),) = attribute.items()
        if kind in ("S", "B"):
            return len(value)
        if kind == "M":
            return 3 + sum(1 + len(key) + size(member) for key, member in value.items())
        return 21

    return sum(len(name) + size(attribute) for name, attribute in item.items())


def test_a_long_store_name_leaves_the_revision_item_within_half_a_unit() -> None:
    place = Place("config", "s" * 2040)
    place.check()
    revision = with_log(place, replace(REVISION, by="b" * 256), [(7, "o", bytes(300))] * 9, 6)
    assert _bytes_of(item_of(place, revision)) < 4096


@pytest.mark.parametrize("key", sorted(RESERVED))
def test_keys_of_the_table_that_the_protocol_uses_itself(key: str) -> None:
    for names in (KeyNames(store=key), KeyNames(option=key)):
        place = Place("t", "s", names)
        with pytest.raises(NameRefused):
            place.check()


# --- digests and contents ------------------------------------------------------------------------


def test_the_digest_is_that_of_the_snapshot() -> None:
    content = {"db": KEYS, "é": b"\x80", "x" * 300: b"\x81\xa1n\xd4\x011"}
    assert digest_of(total_of(content)) == PackedStore.of(content).digest
    without = with_options(content, [("db", None), ("new", KEYS)])
    total = total_of(content) - weight("db", KEYS) + weight("new", KEYS)
    assert total == total_of(without)
    assert differences(content, without) == (Entry("db", KEYS, None), Entry("new", None, KEYS))


def test_packed_options_become_the_attributes_that_they_were() -> None:
    attributes = attributes_of_packed(KEYS)
    assert pack_option("o", attributes) == KEYS
    assert attributes["n"] == {"N": "-0.5"}
    assert attributes["big"] == {"N": "9" * 38}
    assert attributes["m"] == {"M": {"l": {"L": [{"S": ""}, {"M": {}}, {"N": "1" + "0" * 20}]}}}


@given(st.binary(max_size=60))
def test_no_other_bytes_become_attributes(raw: bytes) -> None:
    try:
        attributes = attributes_of_packed(raw)
    except ValueError:
        return
    assert isinstance(attributes, dict)


# --- records -------------------------------------------------------------------------------------

NOISE = random.Random(2)
RECORDS = {
    "small": [Entry("db", None, KEYS), Entry("web", KEYS, None)],
    "many names": [Entry(NOISE.randbytes(400).hex(), None, b"\x80") for _ in range(30)],
    "large": [Entry(f"o{n}", NOISE.randbytes(300_000), NOISE.randbytes(300_000)) for n in range(3)],
    # More than one list may unpack to.
    "very large": [Entry(f"o{n}", bytes(400_000), bytes([n]) * 400_000) for n in range(30)],
    "nothing": [],
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_holds_what_changed_or_says_where_that_is(name: str) -> None:
    entries = RECORDS[name]
    record, pieces = new_record(REVISION, entries, "token", "why")
    item = item_of_record(PLACE, record, expiry_of(REVISION, 1e9))
    assert parse_record(PLACE, item) == record
    assert item["expires"] == {"N": str(10**9 + 90 * 86400)}
    assert item["_option"] == {"S": "change/000000000007"}
    parts = [part_item(PLACE, "token", at, piece, {}) for at, piece in enumerate(pieces)]
    assert all(_bytes_of(part | {"more": {"N": "1"}}) < 400_000 for part in parts)
    found = list(record.entries or ())
    for plan in record.plans:
        found += entries_of_parts(parts, plan)
    assert found == entries
    assert record.changed == len(entries)
    assert bool(parts) == (name not in ("small", "nothing"))


def test_parts_that_are_missing_or_damaged_are_not_made_up_for() -> None:
    pieces = pieces_of(RECORDS["large"])
    whole = [part_item(PLACE, "t", at, piece, {}) for at, piece in enumerate(pieces)]
    plan = Plan("t", len(whole))
    assert entries_of_parts(whole, plan) == RECORDS["large"]
    damaged = [dict(part) for part in whole]
    damaged[1]["b"] = {"B": bytes(10)}
    for parts in (whole[:-1], whole[1:], damaged, [], [{}]):
        with pytest.raises(ValueError, match="part|list"):
            entries_of_parts(parts, plan)


@pytest.mark.parametrize("field", ["format", "epoch", "digest", "token", "gap", "z", "_option"])
def test_a_damaged_change_item_is_noticed(field: str) -> None:
    record, _ = new_record(REVISION, RECORDS["small"], "token", "why")
    item = item_of_record(PLACE, record, {})
    for damaged in ({"NULL": True}, {"B": b"x"}, {}, None):
        with pytest.raises(ValueError, match="damaged|format"):
            parse_record(PLACE, {**item, field: damaged})


def test_what_unpacks_to_more_than_any_record_is_refused() -> None:
    import zlib

    with pytest.raises(ValueError, match="list of options"):
        unpack_entries(zlib.compress(bytes(100 * 1024 * 1024)))


@pytest.mark.parametrize("key", ["change/12", "change/-00000000001", "part/x/000001", "revision"])
def test_other_keys_are_no_revisions(key: str) -> None:
    with pytest.raises(ValueError, match="change item"):
        revision_of(key)
    assert revision_of(change_option(12)) == 12
