"""What the tests of hostile bytes share."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from ddbcfg_client.config import Config
from ddbcfg_client.errors import ConfigError, OptionNotFound
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import (
    PageStatus,
)
from ddbcfg_client.format.segment import HEADER_SIZE, parse_header
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading

SMALL = ["db", "external-port", "größe", "plumless", "secret-key"]


LARGE = [f"option-{number}" for number in range(600)]


ABSENT = ["", "buckeroo", "option-9999", "x" * 300]  # buckeroo has the CRC-32 of plumless


Action = Callable[[Config], tuple[object, object]]


def value_of(name: str) -> dict[str, Any]:
    return {"is": name, "n": Decimal(len(name)), "raw": name.encode()}


def packed(name: str) -> bytes:
    attributes = {"S": name}, {"N": str(len(name))}, {"B": name.encode()}
    return pack_option(name, dict(zip(("is", "n", "raw"), attributes, strict=True)))


class Victim:
    """A published store whose shared memory a test damages, and puts right again."""

    def __init__(self, names: Names, options: list[str]) -> None:
        self.names = names
        self.options = sorted(options)
        self.publisher = Publisher(names)
        self.publisher.publish(Reading({name: packed(name) for name in options}, time.time_ns()))
        self.old = PageStatus(success=5, polls=1, error="an earlier error")
        self.new = PageStatus(success=6, polls=2, failures=3, error="the last error")
        self.publisher.report(self.old)
        self.publisher.report(self.new)
        self.segment = path_of(names.segment(1))
        self.page = path_of(names.page)
        self.whole = self.segment.read_bytes()
        self.whole_page = self.page.read_bytes()
        self.header = parse_header(self.whole[:HEADER_SIZE], len(self.whole))
        config = Config(names, Trust())
        self.digest = config.digest
        self.everything = {name: value_of(name) for name in self.options}

    def put(self, raw: bytes) -> None:
        """Make these the segment's bytes."""
        self.segment.write_bytes(raw)

    def put_page(self, raw: bytes) -> None:
        """Make these the page's bytes; a new object, for who maps a page that shrinks is killed."""
        self.page.unlink(missing_ok=True)
        self.page.write_bytes(raw)
        self.page.chmod(0o640)

    def actions(self, options: list[str]) -> Iterator[Action]:
        """Every way to read, each with what is the right answer."""
        for name in options:
            right = self.everything[name]
            yield lambda config, name=name, right=right: (config[name], right)
            yield lambda config, name=name: (name in config, True)
        for name in ABSENT:
            yield lambda config, name=name: (config.get(name, None), None)
            yield lambda config, name=name: (name in config, False)
        yield lambda config: (config.get(), self.everything)
        yield lambda config: (list(config), self.options)
        yield lambda config: (len(config), len(self.options))
        yield lambda config: (config.generation, 1)
        yield lambda config: (config.digest, self.digest)
        yield lambda config: (config.age is None or config.age > 0, True)
        yield lambda config: (
            # Of a generation that nobody has, status tells that there is none.
            (config.status().generation, config.status().options)
            in ((1, len(self.options)), (0, 0)),
            True,
        )
        yield lambda config: (config.status().polls in (1, 2), True)
        yield lambda config: (config.status().error in (self.old.error, self.new.error), True)
        yield lambda config: (config.snapshot().verify(), None)

    def check(self, options: list[str] | None = None, config: Config | None = None) -> int:
        """Read in every way: each must be right or a ConfigError.  How many were right."""
        if config is None:
            config = Config(self.names, Trust())
        right = 0
        for action in self.actions(self.options if options is None else options):
            try:
                found, expected = action(config)
            except OptionNotFound as error:
                raise AssertionError(f"{error.option} is there") from error
            except ConfigError:
                continue
            assert found == expected
            right += 1
        return right

    def check_consistent(self, options: list[str]) -> None:
        """For headers that lie with a right checksum: what is found must still be right."""
        config = Config(self.names, Trust())
        for name in [*options, *ABSENT]:
            try:
                assert config[name] == self.everything[name]
            except ConfigError:
                pass
        readers: list[Callable[[], object]] = [
            lambda: len(config),
            lambda: config.digest,
            lambda: config.status().to_dict(),
            lambda: config.snapshot().verify(),
        ]
        for read in readers:
            try:
                read()
            except ConfigError:
                pass
        try:
            assert config.get().items() <= self.everything.items()
        except ConfigError:
            pass
        try:
            assert set(config) <= set(self.options)
        except ConfigError:
            pass


def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """*raw* after some overwriting, copying about, cutting and appending."""
    result = bytearray(raw)
    for _ in range(draw(st.integers(1, 4))):
        size = len(result)
        at = draw(st.integers(0, size))
        match draw(st.sampled_from(["overwrite", "word", "copy", "zero", "cut", "append"])):
            case "overwrite":
                new = draw(st.binary(min_size=1, max_size=40))[: size - at]
                result[at : at + len(new)] = new
            case "word":
                at = at // 8 * 8
                new = draw(st.sampled_from(WORDS)).to_bytes(8, sys.byteorder)[: size - at]
                result[at : at + len(new)] = new
            case "copy":
                # Of whole words: it makes entries and slots that are right, in the wrong place.
                source, at = (draw(st.integers(0, size // 8)) * 8 for _ in range(2))
                length = draw(st.sampled_from([8, 16, 32, 64, 256, 4096]))
                new = result[source : source + length][: max(size - at, 0)]
                result[at : at + len(new)] = new
            case "zero":
                length = min(draw(st.integers(1, 300)), size - at)
                result[at : at + length] = bytes(length)
            case "cut":
                del result[at:]
            case "append":
                result += draw(st.binary(min_size=1, max_size=40))
    return bytes(result)


WORDS = [0, 1, 2, 5, 8, 255, 4096, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
