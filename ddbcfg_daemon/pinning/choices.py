"""What can be pinned: the published content, and the generations on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.page import NEVER, PageStatus
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.generations import KINDS, Kept, kept_of
from ddbcfg_daemon.pinning.pinned import Pinned, PinRefused
from ddbcfg_daemon.publication import Publication
from ddbcfg_daemon.sources.base import Provenance, Reading

PATIENCE = 10.0  # seconds that the disk may take

T = TypeVar("T")


def done(keeper: CopyKeeper, job: Callable[[], T], failed: Callable[[], None] = lambda: None) -> T:
    """Run ``job`` in the thread of the disk and return its result; raise PinRefused.

    If the disk hangs or fails, call ``failed``: the job may still be done, also later.
    """
    future: Future[T] = keeper.do(job)
    try:
        return future.result(PATIENCE)
    except TimeoutError:
        failed()
        raise PinRefused(f"the disk hangs: not done in {PATIENCE:g} s ({keeper.folder})") from None
    except OSError as error:
        failed()
        reason = error.strerror or type(error).__name__
        raise PinRefused(f"{reason} ({error.filename or keeper.folder})") from None
    except (ConfigError, ValueError) as error:
        raise PinRefused(f"it cannot be read from disk or written: {error}") from None


class Choices:
    """The contents of one store that can be pinned; ``status`` is that of its polls."""

    def __init__(
        self, keeper: CopyKeeper | None, publication: Publication, status: PageStatus
    ) -> None:
        self._keeper = keeper
        self._publication = publication
        self._status = status

    def content(
        self, generation: int | None, revision: int | None, pinned: Pinned | None
    ) -> tuple[Reading, int, str]:
        """Return the content to pin, its generation and its digest; raise PinRefused.

        By default that is the published one.  ``pinned`` is what is pinned already.
        """
        current = self._current()
        if revision is None and generation in (None, current and current.generation):
            if current is None:
                raise PinRefused("nothing is published that could be pinned")
            return self._published(current, current.generation)
        if pinned is not None and revision is None and generation == pinned.generation:
            return pinned.reading, pinned.generation, pinned.digest
        there = self._all(current)
        found = [one for one in there if _is(one, generation, revision)]
        if not found:
            raise PinRefused(_gone(generation, revision, there))
        if len({one.epoch for one in found}) > 1:
            which = " and ".join(f"generation {one.generation}" for one in found)
            raise PinRefused(
                f"revision {revision} is ambiguous: {which} had it, in different epochs of the "
                "table; select one with --generation"
            )
        kept = found[0]
        if current is not None and kept.digest == current.digest:
            return self._published(current, generation or current.generation)
        assert self._keeper is not None
        generations = self._keeper.generations
        assert generations is not None
        copy = done(self._keeper, lambda: generations.load(kept.digest))
        if copy is None:
            raise PinRefused(f"generation {kept.generation} was removed from {generations.path}")
        return copy.reading, generation or copy.generation, copy.digest

    def rows(self, pinned: Pinned | None) -> Iterable[Mapping[str, Any]]:
        """Yield what can be pinned, the newest first, each as a row of a response.

        Raise PinRefused if the disk hangs, or the generations on it cannot be used.
        """
        current = self._current()
        for one in self._all(current):
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

    def _all(self, current: Kept | None) -> Sequence[Kept]:
        """Return ``current``, the published one, and all that are on disk now, the newest first."""
        kept: Sequence[Kept] = ()
        keeper = self._keeper
        if keeper is not None and keeper.generations is not None:
            # Anyone may have removed the files, for example because of the secrets in them.
            done(keeper, keeper.generations.look)
            kept = keeper.kept
        if current is None:
            return kept
        same = next((one for one in kept if one.digest == current.digest), None)
        if same is not None:
            current = current.after(same)
        return (current, *(one for one in kept if one is not same))

    def _current(self) -> Kept | None:
        snapshot, status = self._publication.snapshot, self._status
        if snapshot is None:
            return None
        current = kept_of(snapshot)
        if status.revision and status.doubt_since == NEVER:
            # The table's newest one with this content, which the segment cannot know.
            newest = replace(current, revision=status.revision, epoch=status.epoch)
            return newest.after(current)
        return current

    def _published(self, current: Kept, generation: int) -> tuple[Reading, int, str]:
        options = self._publication.published
        assert options is not None
        provenance = Provenance(epoch=current.epoch, revision=current.revision)
        reading = Reading(options, current.read_at, "disk", provenance=provenance)
        return reading, generation, current.digest


def _gone(generation: int | None, revision: int | None, there: Sequence[Kept]) -> str:
    numbers = [number for one in there for number in one.revisions]
    if revision is not None and not numbers:
        text = ", ".join(str(one.generation) for one in there) or "none"
        return (
            f"this host knows the revision of none of its generations; it has generation {text} "
            "('ddbcfg-client generations')"
        )
    if revision is not None:
        what = f"a generation with revision {revision}"
    else:
        numbers = [number for one in there for number in one.numbers]
        what = f"generation {generation}"
    text = ", ".join(map(str, sorted(set(numbers), reverse=True))) or "none"
    return f"this host does not have {what}; it has {text} ('ddbcfg-client generations')"


def _is(kept: Kept, generation: int | None, revision: int | None) -> bool:
    if revision is not None:
        return revision in kept.revisions
    return generation in kept.numbers
