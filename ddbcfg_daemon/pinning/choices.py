"""What can be pinned: the published content, and the generations on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from ddbcfg_client.errors import ConfigError
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.generations import KINDS, Kept, kept_of
from ddbcfg_daemon.pinning.pinned import Pinned, PinRefused
from ddbcfg_daemon.publication import Publication
from ddbcfg_daemon.sources.base import Provenance, Reading

PATIENCE = 10.0  # seconds that the disk may take

T = TypeVar("T")


def done(keeper: CopyKeeper, job: Callable[[], T], failed: Callable[[], None] = lambda: None) -> T:
    """Run ``job`` in the thread of the disk and return its result; raise PinRefused.

    If the disk hangs, call ``failed``: the job may still be done later.
    """
    future: Future[T] = keeper.do(job)
    try:
        return future.result(PATIENCE)
    except TimeoutError:
        failed()
        raise PinRefused(f"the disk hangs: not done in {PATIENCE:g} s ({keeper.folder})") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PinRefused(f"{reason} ({error.filename or keeper.folder})") from None
    except (ConfigError, ValueError) as error:
        raise PinRefused(f"it cannot be read from disk or written: {error}") from None


class Choices:
    """The contents of one store that can be pinned."""

    def __init__(self, keeper: CopyKeeper | None, publication: Publication) -> None:
        self._keeper = keeper
        self._publication = publication

    def content(
        self, generation: int | None, revision: int | None, pinned: Pinned | None
    ) -> tuple[Reading, int, str]:
        """Return the content to pin, its generation and its digest; raise PinRefused.

        By default that is the published one.  ``pinned`` is what is pinned already.
        """
        current = self._current()
        if generation is None and revision is None:
            if current is None:
                raise PinRefused("nothing is published that could be pinned")
            return self._published(current)
        if current is not None and _is(current, generation, revision):
            return self._published(current)
        if pinned is not None and generation == pinned.generation:
            return pinned.reading, pinned.generation, pinned.digest
        kept = next((one for one in self._kept() if _is(one, generation, revision)), None)
        if kept is None:
            raise PinRefused(self._gone(generation, revision, current))
        generations = None if self._keeper is None else self._keeper.generations
        assert self._keeper is not None
        assert generations is not None
        copy = done(self._keeper, lambda: generations.load(kept.digest))
        if copy is None:
            raise PinRefused(f"generation {kept.generation} was removed from {generations.path}")
        return copy.reading, generation or copy.generation, copy.digest

    def rows(self, pinned: Pinned | None) -> Iterable[Mapping[str, Any]]:
        """Yield what can be pinned, the newest first, each as a row of a response."""
        current = self._current()
        kept = list(self._kept())
        if current is not None and all(one.digest != current.digest for one in kept):
            kept.insert(0, current)
        for one in kept:
            yield {
                "generation": one.generation,
                "earlier": list(one.earlier),
                "read_at": one.read_at / 1e9,
                "revision": one.revision or None,
                "digest": one.digest,
                "options": one.options,
                "bytes": one.size,
                **{kind: list(one.names.get(kind, ())) for kind in KINDS},
                "names_left_off": one.names_left_off,
                "current": current is not None and one.digest == current.digest,
                "pinned": pinned is not None and one.digest == pinned.digest,
            }

    def _kept(self) -> tuple[Kept, ...]:
        return () if self._keeper is None else self._keeper.kept

    def _current(self) -> Kept | None:
        snapshot = self._publication.snapshot
        return None if snapshot is None else kept_of(snapshot)

    def _published(self, current: Kept) -> tuple[Reading, int, str]:
        options = self._publication.published
        assert options is not None
        provenance = Provenance(epoch=current.epoch, revision=current.revision)
        reading = Reading(options, current.read_at, "disk", provenance=provenance)
        return reading, current.generation, current.digest

    def _gone(self, generation: int | None, revision: int | None, current: Kept | None) -> str:
        kept = list(self._kept())
        if current is not None and all(one.digest != current.digest for one in kept):
            kept.insert(0, current)
        if revision is not None:
            numbers = [one.revision for one in kept if one.revision]
            what = f"no generation with revision {revision}"
        else:
            numbers = [number for one in kept for number in one.numbers]
            what = f"no generation {generation}"
        there = ", ".join(map(str, sorted(set(numbers), reverse=True))) or "none"
        return f"this host has {what} any more; it has {there} ('ddbcfg-client generations')"


def _is(kept: Kept, generation: int | None, revision: int | None) -> bool:
    if revision is not None:
        return kept.revision == revision
    return generation in kept.numbers
