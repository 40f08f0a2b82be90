"""docs/format.md is enough to write a reader: here is one, made from the document alone.

G6 (exact) and G9 (what is checked).  It uses struct, zlib, hashlib and msgpack, and nothing of
ddbcfg; what ddbcfg publishes is compared with the document's bytes.
"""

from __future__ import annotations

import hashlib
import re
import struct
import sys
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgpack
import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.format.about import About
from ddbcfg_client.format.builder import PackedStore
from ddbcfg_client.format.changes import ChangeLog
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus, pack_status, status_slot
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading

DOCUMENT = Path(__file__).parents[2] / "docs" / "format.md"

pytestmark = pytest.mark.skipif(
    sys.byteorder != "little", reason="the document's bytes are a little-endian machine's"
)


def dump(name: str) -> bytes:
    """The bytes of one of the document's hex dumps; its addresses must be right, too."""
    (block,) = re.findall(rf"```hexdump {name}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    result = b""
    for line in block.splitlines():
        address, _, digits = line.partition("  ")
        assert int(address, 16) == len(result)
        result += bytes.fromhex(digits)
    return result


# --- the reader that the document describes ------------------------------------------------------

HEADER = [
    "magic",
    "layout",
    "generation",
    "header_size",
    "size",
    "options",
    "slot_bits",
    "slots",
    "longest_probe",
    "slots_at",
    "blocks_at",
    "block_checksum",
    "entries_at",
    "body_at",
    "body_size",
    "body_checksum",
    "about_at",
    "about_size",
    "about_checksum",
    "changes_at",
    "changes_size",
    "changes_checksum",
    "read_at",
    "read_boottime",
]


class Damaged(Exception):
    pass


def check(condition: bool) -> None:
    if not condition:
        raise Damaged


def extension(code: int, data: bytes) -> Any:
    if code == 1:
        return Decimal(data.decode("ascii"))
    elements = msgpack.unpackb(data)
    return {2: set, 3: lambda texts: set(map(Decimal, texts)), 4: set}[code](elements)


def unpack(data: bytes) -> Any:
    return msgpack.unpackb(data, ext_hook=extension)


class Segment:
    def __init__(self, raw: bytes, generation: int) -> None:
        self.raw = raw
        check(len(raw) >= 512)
        self.header = dict(zip(HEADER, struct.unpack_from("<22Qqq", raw), strict=True))
        at = self.header
        check(raw[:8] == bytes.fromhex("44 44 42 43 46 47 53 01"))
        check(at["layout"] == 2)
        size = at["header_size"]
        check(512 <= size <= 65536 and size % 8 == 0 and size <= len(raw))
        check(struct.unpack_from("<Q", raw, size - 8) == (zlib.crc32(raw[: size - 8]),))
        check(at["size"] == len(raw))
        check(at["generation"] == generation)
        check(at["slot_bits"] <= 32)
        check(at["slots"] >= 2 ** at["slot_bits"])
        self.blocks = -(-at["slots"] * 8 // 4096)
        for start, length in (
            (at["slots_at"], 8 * at["slots"]),
            (at["blocks_at"], 4 * self.blocks),
            (at["entries_at"], 16 * at["options"]),
            (at["about_at"], at["about_size"]),
            (at["changes_at"], at["changes_size"]),
            (at["body_at"], at["body_size"]),
        ):
            check(size <= start and start + length <= at["size"])
        self.digest = raw[192:224]

    def section(self, name: str) -> Any:
        at = self.header
        section = self.raw[at[f"{name}_at"] :][: at[f"{name}_size"]]
        check(zlib.crc32(section) == at[f"{name}_checksum"])
        return unpack(section)

    def entry(self, ordinal: int) -> bytes:
        at = self.header
        check(ordinal < at["options"])
        offset, rest = struct.unpack_from("<QQ", self.raw, at["entries_at"] + 16 * ordinal)
        length, checksum = rest >> 32, rest & 0xFFFFFFFF
        check(offset + length <= at["body_size"])
        entry = self.raw[at["body_at"] + offset :][:length]
        check(zlib.crc32(entry) == checksum)
        return entry

    def get(self, name: str) -> Any:
        """The option; KeyError when there is none."""
        at = self.header
        wanted = zlib.crc32(name.encode())
        home = (wanted * 0x9E3779B1) % 2**32 >> (32 - at["slot_bits"])
        looked_at = []
        for slot in range(home, min(home + at["longest_probe"], at["slots"])):
            looked_at.append(slot)
            (word,) = struct.unpack_from("<Q", self.raw, at["slots_at"] + 8 * slot)
            if word == 0:
                break
            if word >> 32 != wanted:
                continue
            unpacker = msgpack.Unpacker(ext_hook=extension)
            unpacker.feed(self.entry((word & 0xFFFFFFFF) - 1))
            found = unpacker.unpack()
            if found == name:
                return unpacker.unpack()
            check(zlib.crc32(found.encode()) == wanted)
        table = self.raw[at["blocks_at"] :][: 4 * self.blocks]
        check(zlib.crc32(table) == at["block_checksum"])
        slots = self.raw[at["slots_at"] :][: 8 * at["slots"]]
        for block in {slot * 8 // 4096 for slot in looked_at}:
            (checksum,) = struct.unpack_from("<I", table, 4 * block)
            check(zlib.crc32(slots[4096 * block :][:4096]) == checksum)
        raise KeyError(name)

    def everything(self) -> Any:
        return self.section("body")

    def sum_of_entries(self) -> bytes:
        total = sum(int.from_bytes(hashlib.sha256(e).digest(), "big") for e in self.entries())
        return (total % 2**256).to_bytes(32, "big")

    def entries(self) -> list[bytes]:
        return [self.entry(ordinal) for ordinal in range(self.header["options"])]


def status_in(slot: bytes) -> dict[str, Any]:
    checksum, size = struct.unpack_from("<QQ", slot)
    check(size <= 2000)
    check(zlib.crc32(slot[8 : 16 + size]) == checksum)
    found: dict[str, Any] = unpack(slot[16 : 16 + size])
    return found


def read_store(namespace: str, store: str) -> tuple[Segment, dict[str, Any]]:
    """From the names to a segment, as the document says; both parts of the name must be plain."""
    name = f"/dev/shm/ddbcfg.{namespace}.{store}"
    page = Path(name).read_bytes()
    check(len(page) == 4096)
    check(page[:8] == bytes.fromhex("44 44 42 43 46 47 50 01"))
    layout, generation, count = struct.unpack_from("<QQQ", page, 8)
    check(layout == 2)
    check(not generation >> 63)
    slot = page[2080:] if count & 1 else page[64:2080]
    return Segment(Path(f"{name}.{generation}").read_bytes(), generation), status_in(slot)


# --- the document's own bytes --------------------------------------------------------------------

ATTRIBUTES: dict[str, Any] = {
    "größe": {
        "parts": {"BS": [b"b", b"a"]},
        "key": {"B": b"\x00\xff"},
        "ids": {"NS": ["7", "-1.25"]},
    },
    "features": {
        "on": {"BOOL": True},
        "limits": {"M": {"retry": {"L": [{"N": "1"}, {"NULL": True}]}, "burst": {"N": "2.25"}}},
        "beta-users": {"SS": ["bob", "alice"]},
    },
    "db": {"port": {"N": "27017"}, "host": {"S": "db-cluster.com"}},
}
VALUES = {
    "db": {"host": "db-cluster.com", "port": Decimal(27017)},
    "features": {
        "beta-users": {"alice", "bob"},
        "limits": {"burst": Decimal("2.25"), "retry": [Decimal(1), None]},
        "on": True,
    },
    "größe": {"ids": {Decimal("-1.25"), Decimal(7)}, "key": b"\x00\xff", "parts": {b"a", b"b"}},
}
READ_AT = 1_700_000_000_123_456_789
READ_BOOTTIME = 4_940_000_000_000


def packed() -> dict[str, bytes]:
    return {name: pack_option(name, keys) for name, keys in ATTRIBUTES.items()}


def test_the_documents_segment_is_what_is_published() -> None:
    about = About(READ_AT, READ_BOOTTIME, "dynamodb", 41, "3f1c")
    changes = ChangeLog(5).then((6, ("größe",), (), ("old",)))
    image = PackedStore.of(packed()).image(7, about, changes.then((7, (), ("db",), ())))
    assert image.header.pack() + b"".join(image.parts()) == dump("segment")


def test_the_documents_segment_reads_as_it_says() -> None:
    segment = Segment(dump("segment"), 7)
    assert {name: segment.get(name) for name in VALUES} == VALUES
    assert segment.everything() == VALUES
    assert list(segment.everything()) == ["db", "features", "größe"]
    assert [list(option) for option in segment.everything().values()] == [
        ["host", "port"],
        ["beta-users", "limits", "on"],
        ["ids", "key", "parts"],
    ]
    assert str(segment.get("features")["limits"]["burst"]) == "2.25"
    times = segment.header["read_at"], segment.header["read_boottime"]
    assert times == (READ_AT, READ_BOOTTIME)
    assert segment.section("about") == {"source": "dynamodb", "revision": 41, "epoch": "3f1c"}
    log = [[6, ["größe"], [], ["old"]], [7, [], ["db"], []]]
    assert segment.section("changes") == {"base": 5, "log": log}
    assert segment.sum_of_entries() == segment.digest
    for absent in ("", "nope", "port", *map(str, range(200))):
        with pytest.raises(KeyError):
            segment.get(absent)


def test_the_walk_through_the_documents_segment_is_right() -> None:
    text = " ".join(DOCUMENT.read_text().split())
    raw = dump("segment")
    segment = Segment(raw, 7)
    assert segment.header["slot_bits"] == 3
    wanted = zlib.crc32(b"db")
    home = (wanted * 0x9E3779B1) % 2**32 >> 29
    slot = segment.header["slots_at"] + 8 * home
    assert f"`db` has CRC-32 0x{wanted:08X} and home {home}, at byte 0x{slot:x}" in text
    (ordinal,) = struct.unpack_from("<I", raw, slot)
    assert ordinal - 1 == 0
    entry = segment.entry(0)
    place = segment.header["entries_at"]
    assert f"at byte 0x{place:x}, says offset 1, length 0x{len(entry):x}" in text
    assert f"CRC-32 0x{zlib.crc32(entry):08X}: byte 0x{segment.header['body_at'] + 1:x}" in text
    assert entry.startswith(b"\xa2db\x82")
    assert segment.digest.hex() in text


def test_the_documents_status_is_what_is_published_and_reads_as_it_says() -> None:
    expected = {
        "interval": 60_000_000_000,
        "poll_started": 5_000_000_000_000,
        "poll_finished": 5_000_020_000_000,
        "generation": 7,
        "success": 4_940_000_000_000,
        "success_unix": READ_AT,
        "polls": 83,
        "failures": 1,
        "source": "dynamodb",
        "daemon_pid": 4242,
        "daemon_start": 123456,
        "error": "Query on table 'config': timed out",
    }
    assert pack_status(PageStatus(**expected)) == dump("status")  # type: ignore[arg-type]
    assert status_in(dump("status")) == expected


def test_the_documents_words_of_the_page_are_where_it_says() -> None:
    text = DOCUMENT.read_text()
    for count in (0, 1):
        assert f"| {status_slot(count)} | status slot {count} |" in text


# --- against a live publisher --------------------------------------------------------------------


def test_the_reader_made_from_the_document_reads_what_a_daemon_publishes(names: Names) -> None:
    publisher = Publisher(names)
    many = {
        f"option-{number}": pack_option("o", {"n": {"N": str(number)}}) for number in range(900)
    }
    publisher.publish(Reading(packed(), READ_AT))
    publisher.publish(Reading(packed() | many, READ_AT))
    publisher.report(PageStatus(polls=2, error="größer"))
    segment, status = read_store(names.namespace, names.store)
    assert (status["polls"], status["error"], status.get("success")) == (2, "größer", None)
    config = Config(names, Trust())
    assert segment.header["generation"] == config.generation == 2
    assert segment.digest.hex() == config.digest
    assert segment.everything() == config.get()
    assert {name: segment.get(name) for name in config} == config.get()
    assert len(segment.entries()) == 903
    assert segment.blocks > 1
    for number in range(900, 1800):
        with pytest.raises(KeyError):
            segment.get(f"option-{number}")
    publisher.report(PageStatus(polls=3))
    assert read_store(names.namespace, names.store)[1]["polls"] == 3
    publisher.close()


def read_all(raw: bytes) -> None:
    """Read in every way; what is not noticed to be damaged must be right."""
    segment = Segment(raw, 1)
    assert {name: segment.get(name) for name in VALUES} == VALUES
    for number in range(200):
        with pytest.raises(KeyError):
            segment.get(str(number))
    assert segment.everything() == VALUES
    segment.section("about"), segment.section("changes")


def test_the_reader_made_from_the_document_finds_damage(names: Names) -> None:
    publisher = Publisher(names)
    publisher.publish(Reading(packed(), READ_AT))
    raw = path_of(names.segment(1)).read_bytes()
    publisher.close()
    at = Segment(raw, 1).header
    covered = (
        (0, at["header_size"]),
        (at["about_at"], at["about_size"]),
        (at["slots_at"], 8 * at["slots"]),
        (at["blocks_at"], 4),
        (at["entries_at"], 16 * at["options"]),
        (at["changes_at"], at["changes_size"]),
        (at["body_at"], at["body_size"]),
    )
    # Between the sections are zeros that mean nothing.
    for position in {start + n for start, length in covered for n in range(length)}:
        damaged = bytearray(raw)
        damaged[position] ^= 0x40
        with pytest.raises(Damaged):
            read_all(bytes(damaged))


def test_names_are_quoted_as_the_document_says() -> None:
    def quoted(text: str) -> str:
        plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
        raw = text.encode()
        name = "".join(chr(byte) if chr(byte) in plain else f"%{byte:02X}" for byte in raw)
        return name if len(name) <= 80 else f"{name[:47]}~{hashlib.sha256(raw).hexdigest()[:32]}"

    for text in ("prod", "a.b/c", "größe", "x" * 80, "x" * 81, "ö" * 40):
        assert Names(text, "s").page == f"/ddbcfg.{quoted(text)}.s"
        names = Names("t", text)
        assert names.lock == f"{names.page}.lock"
        assert (names.requests, names.admin) == (f"{names.page}.requests", f"{names.page}.admin")
        assert (names.semaphore, names.segment(7)) == (names.page, f"{names.page}.7")
