"""Any bytes at all, chosen by coverage: a typed error or a right value, never anything else (G9).

    make fuzz MINUTES=5

Six targets: the control page, a snapshot segment, the packed bytes of an option, the two decoders
of msgpack, the copy on disk, and what is said over the request sockets.  Inputs are patches to
valid bytes.  Half of them get their checksums put right afterwards, so that the code behind the
checksums meets hostile bytes too.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import sys
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from zlib import crc32

import atheris

# Only Python code guides the fuzzer: each case of msgpack is one of the compiled decoder, too.
os.environ["MSGPACK_PUREPYTHON"] = "1"

with atheris.instrument_imports(include=["ddbcfg_client", "ddbcfg_daemon", "msgpack"]):
    from ddbcfg_client.config import Config
    from ddbcfg_client.errors import ConfigError
    from ddbcfg_client.format import LAYOUT_VERSION
    from ddbcfg_client.format import unpack as decoding
    from ddbcfg_client.format.about import About
    from ddbcfg_client.format.builder import PackedStore
    from ddbcfg_client.format.changes import ChangeLog
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.format.options import unpack_option
    from ddbcfg_client.format.page import PAGE_MAGIC, new_page
    from ddbcfg_client.format.request import (
        Request,
        Response,
        pack_request,
        pack_response,
        parse_request,
        parse_response,
    )
    from ddbcfg_client.format.segment import BLOCK_SIZE, HEADER_SIZE, SLOT_SIZE
    from ddbcfg_client.format.values import pack_option
    from ddbcfg_client.readonly import ReadOnlyDict
    from ddbcfg_client.shm.trust import SHM_DIR, Trust
    from ddbcfg_daemon.disk.copy_format import Content
    from ddbcfg_daemon.disk.disk_copy import DiskCopy
    from ddbcfg_daemon.disk.moment import Moment
    from ddbcfg_daemon.publishing.objects import Access
    from ddbcfg_daemon.publishing.poll_requests import PollRequests
    from ddbcfg_daemon.publishing.request_server import RequestServer
    from ddbcfg_daemon.publishing.request_sockets import RequestSockets
    from support.decoding import reference

NAMES = Names(f"test-fuzz-{os.getpid()}", "prod")
OPTIONS = {
    "db": pack_option("db", {"host": {"S": "db1"}, "port": {"N": "27017"}}),
    "sets": pack_option("sets", {"s": {"SS": ["a", "b"]}, "n": {"NS": ["1", "2.5"]}}),
    "deep": pack_option("deep", {"m": {"M": {"l": {"L": [{"B": b"\0"}, {"NULL": True}]}}}}),
    "empty": pack_option("empty", {}),
}
RIGHT = {name: unpack_option(packed) for name, packed in OPTIONS.items()}
IMAGE = PackedStore.of(OPTIONS).image(1, About(0, 0, "dynamodb"), ChangeLog(1))
SEGMENT = b"".join((IMAGE.header.pack(), *IMAGE.parts()))
PAGE = struct.pack("=QQQ", PAGE_MAGIC, LAYOUT_VERSION, 1) + new_page()[24:]
PAGE_FILE = Path(SHM_DIR + NAMES.page)
SEGMENT_FILE = Path(SHM_DIR + NAMES.segment(1))
COPY = DiskCopy(Path(mkdtemp(prefix="ddbcfg-fuzz-")), NAMES)
COPY.follow(Content(OPTIONS, 1, "00" * 32, 0, Moment(0, 0, bytes(16))))
COPY_BYTES = COPY.path.read_bytes()
LINES = (
    pack_request(Request("poll")),
    pack_request(Request("accept", 7)),
    pack_response(Response("busy", "4 connections are open already", 7)),
    pack_response(Response(generation=7, published=True, held="held", error="error")),
)
SOCKET_FILES = [Path(SHM_DIR + name) for name in (NAMES.requests, NAMES.admin)]


def patched(valid: bytes, data: atheris.FuzzedDataProvider) -> bytes:
    """*valid* with some bytes overwritten, and perhaps another length."""
    raw = bytearray(valid)
    for _ in range(data.ConsumeIntInRange(0, 4)):
        at = data.ConsumeIntInRange(0, len(raw) - 1)
        patch = data.ConsumeBytes(data.ConsumeIntInRange(1, 16))
        raw[at : at + len(patch)] = patch
    if data.ConsumeIntInRange(0, 7) == 0:
        raw = raw[: data.ConsumeIntInRange(0, len(raw))] + data.ConsumeBytes(64)
    return bytes(raw)


def resealed(raw: bytes) -> bytes:
    """A segment whose checksums are right for whatever its header says now."""
    if len(raw) < HEADER_SIZE:
        return raw
    sealed = bytearray(raw)
    fields = struct.unpack_from("=24Q", sealed)
    options, slots, slots_at, blocks_at = fields[5], fields[7], fields[9], fields[10]
    entries_at, body_at = fields[12], fields[13]
    with_slots = range(slots_at, min(slots_at + slots * SLOT_SIZE, len(raw)), BLOCK_SIZE)
    for number, at in enumerate(with_slots):
        end = min(at + BLOCK_SIZE, slots_at + slots * SLOT_SIZE)
        put(sealed, blocks_at + number * 4, struct.pack("=I", crc32(sealed[at:end])))
    put(sealed, 88, struct.pack("=Q", crc32(sealed[blocks_at : blocks_at + len(with_slots) * 4])))
    for word in (13, 16, 19):  # body, about and changes: where, size, checksum
        start, size = fields[word : word + 2]
        if start + size <= len(sealed):
            put(sealed, 8 * (word + 2), struct.pack("=Q", crc32(sealed[start : start + size])))
    for number in range(min(options, 16)):
        at = entries_at + number * 16
        if at + 16 <= len(sealed):
            offset, check = struct.unpack_from("=QQ", sealed, at)
            entry = sealed[body_at + offset : body_at + offset + (check >> 32)]
            put(sealed, at + 8, struct.pack("=Q", check >> 32 << 32 | crc32(entry)))
    put(sealed, HEADER_SIZE - 8, struct.pack("=Q", crc32(sealed[: HEADER_SIZE - 8])))
    return bytes(sealed)


def put(raw: bytearray, at: int, patch: bytes) -> None:
    if at + len(patch) <= len(raw):
        raw[at : at + len(patch)] = patch


def reads(config: Config) -> Iterator[tuple[str, object]]:
    """What each way of reading gives; a typed error is as good as none."""
    for option in OPTIONS:
        try:
            yield option, config[option]
        except ConfigError:
            pass
    for read in (config.get, lambda: list(config), lambda: "nope" in config, config.status):
        try:
            read()
        except ConfigError:
            pass


def fuzz_shared_memory(data: atheris.FuzzedDataProvider) -> None:
    reseal = data.ConsumeBool()
    page, segment = PAGE, SEGMENT
    if data.ConsumeBool():
        page = patched(PAGE, data)
    else:
        segment = patched(SEGMENT, data)
    if reseal:
        segment = resealed(segment)
    PAGE_FILE.write_bytes(page)
    SEGMENT_FILE.write_bytes(segment)
    for path in (PAGE_FILE, SEGMENT_FILE):
        path.chmod(0o640)
    for option, value in reads(Config(NAMES, Trust())):
        # Whoever can put a checksum right can say what he likes: then only the type is promised.
        assert type(value) is ReadOnlyDict if reseal else value == RIGHT[option]


def fuzz_option(data: atheris.FuzzedDataProvider) -> None:
    raw = patched(OPTIONS[data.PickValueInList(list(OPTIONS))], data)
    try:
        assert type(unpack_option(raw)) is ReadOnlyDict
    except ValueError:
        pass


def fuzz_decoders(data: atheris.FuzzedDataProvider) -> None:
    if data.ConsumeBool():
        raw = patched(OPTIONS[data.PickValueInList(list(OPTIONS))], data)
    else:
        raw = data.ConsumeBytes(200)
    found = []
    for unpack in (decoding.unpack, reference()):
        try:
            # As text: two NaNs are not equal, and 1 equals True.
            found.append(repr(unpack(raw, lambda code, data: (code, data))))
        except ValueError:
            found.append("refused")
    assert found[0] == found[1], raw


def fuzz_copy(data: atheris.FuzzedDataProvider) -> None:
    raw = patched(COPY_BYTES, data)
    reseal = data.ConsumeBool()
    if reseal and len(raw) >= 128:
        raw = raw[:32] + sha256(raw[128:]).digest() + raw[64:]
    COPY.path.write_bytes(raw)
    try:
        found = COPY.load()
    except ValueError:
        return
    # The record from byte 64 on, when it was confirmed, has a checksum of its own.
    assert found is not None
    assert reseal or raw[:64] + COPY_BYTES[64:128] + raw[128:] == COPY_BYTES


@cache
def request_server() -> RequestServer:
    """A server that runs; made late, for its thread would not survive the fork."""
    server = RequestServer()
    server.__enter__()
    RequestSockets(NAMES, Access(), server.listener(PollRequests())).open()
    return server


def fuzz_requests(data: atheris.FuzzedDataProvider) -> None:
    raw = patched(data.PickValueInList(list(LINES)), data)
    for parse in (parse_request, parse_response):
        try:
            parse(raw)
        except ValueError:
            pass
    server = request_server()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(5)
        peer.connect(str(data.PickValueInList(SOCKET_FILES)))
        try:
            peer.sendall(raw)
            peer.shutdown(socket.SHUT_WR)
            received = peer.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            received = b""
    assert not received or parse_response(received).refused
    assert server._thread.is_alive()


def fuzz_one(raw: bytes) -> None:
    data = atheris.FuzzedDataProvider(raw)
    targets = [fuzz_shared_memory, fuzz_shared_memory, fuzz_option, fuzz_decoders, fuzz_copy]
    data.PickValueInList([*targets, fuzz_requests])(data)


def main() -> None:
    logging.disable(logging.CRITICAL)  # each damaged copy is worth a line
    atheris.Setup(sys.argv, fuzz_one)
    # libFuzzer ends its process without a word to Python, so somebody else has to clean up.
    child = os.fork()
    if child == 0:
        atheris.Fuzz()
    try:
        _, status = os.waitpid(child, 0)
    finally:
        for path in (PAGE_FILE, SEGMENT_FILE, COPY.path, *SOCKET_FILES):
            path.unlink(missing_ok=True)
        COPY.path.parent.rmdir()
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
