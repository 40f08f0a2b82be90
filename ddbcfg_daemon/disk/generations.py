"""The last generations of a store on disk, from which an operator can pin one.

Each content has one file, named after its digest: a content that comes back, as after a rollback
or a reboot, takes the place of its earlier generations.  So they never push others out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.disk.copy_file import CopyFile
from ddbcfg_daemon.disk.copy_format import Content, Copy, Head
from ddbcfg_daemon.disk.trusted_folder import open_trusted_folder
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.sources.base import Provenance

MOST_BYTES = 1 << 28  # of all generations of one store together; the newest may be larger
_EARLIER = 20  # generations that had the same content before, and revisions
_FILE = re.compile(r"[0-9a-f]{64}\.copy")
_LEFT_OVER = re.compile(r"[0-9a-f]{64}\.copy\.new")
KINDS = ("added", "changed", "removed")
_NAMES = 20  # noted of one generation; the log has a few of them, history all
_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Kept:
    """A generation on disk, without its options.

    ``earlier`` are earlier generations that had the same content, ``earlier_revisions`` are earlier
    revisions of the same epoch.  ``names`` are the names that it added, changed and removed, at
    most 20; ``names_left_off`` is the number of the others.
    """

    generation: int
    digest: str
    read_at: int
    revision: int
    epoch: str
    options: int
    size: int
    earlier: tuple[int, ...]
    earlier_revisions: tuple[int, ...]
    names: Mapping[str, tuple[str, ...]]
    names_left_off: int

    @property
    def numbers(self) -> tuple[int, ...]:
        """All generations that had this content, as far as is known."""
        return (self.generation, *self.earlier)

    @property
    def revisions(self) -> tuple[int, ...]:
        """All revisions of its epoch that had this content, as far as is known."""
        return (self.revision, *self.earlier_revisions) if self.revision else ()

    def after(self, before: Kept) -> Kept:
        """Return this one with what is known of the same content from ``before``."""
        numbers = [number for number in before.numbers if number != self.generation]
        same = self.revisions and before.epoch == self.epoch
        revisions = [number for number in before.revisions if same and number != self.revision]
        return replace(
            self,
            earlier=tuple(numbers[:_EARLIER]),
            earlier_revisions=tuple(revisions[:_EARLIER]),
        )


class Generations:
    """The last ``limit`` generations of the store ``names``, in their own folder.

    That folder is in ``folder``.

    Only one thread may use it at a time, except ``kept`` and ``error``.
    """

    def __init__(
        self, folder: Path, names: Names, access: Access | None = None, *, limit: int
    ) -> None:
        self.path = folder / f"{names.page[1:]}.generations"
        self.limit = limit
        self.error = ""  # why a file cannot be used; empty if all can
        self.kept: tuple[Kept, ...] = ()  # the newest first, as last seen by this process
        self._above = folder
        self._names = names
        self._access = access or Access()
        self._looked = False

    def look(self) -> None:
        """Find out which generations are there; raise OSError or UntrustedPath."""
        found = []
        self.error = ""
        for name in self._files():
            try:
                head = self._file(name).head()
                if head is not None and name == f"{head[0].digest}.copy":
                    found.append(_kept(*head))
                elif head is not None:
                    self.error = f"{self.path / name}: it has another content"
            except (ConfigError, ValueError, OSError) as error:
                self.error = f"{self.path / name}: {error}"
        self.kept = tuple(sorted(found, key=lambda kept: -kept.generation))
        self._looked = True

    def follow(self, content: Content) -> None:
        """Keep ``content``, unless it is kept already; raise OSError or UntrustedPath."""
        if not self._looked:
            self.look()
        known = next((kept for kept in self.kept if kept.digest == content.digest), None)
        if self.limit and (known is None or content.generation not in known.numbers):
            self._make_folder()
            if not content.notes.get("proved"):  # in doubt: the table has no revision of it
                content = replace(content, revision=0, epoch="")
            new = _kept(_head_of(content), 0)
            if known is not None:
                new = new.after(known)
            earlier = {"earlier": new.earlier, "earlier_revisions": new.earlier_revisions}
            noted = replace(content, notes={**content.notes, **earlier})
            self._file(f"{content.digest}.copy").save(noted)
            self.look()
        self._drop()

    def drop_oldest(self) -> bool:
        """Remove the oldest generation, to free its space; return whether there was one."""
        if not self.kept:
            return False
        oldest = self.kept[-1]
        self._file(f"{oldest.digest}.copy").remove()
        self.kept = self.kept[:-1]
        return True

    def load(self, digest: str) -> Copy | None:
        """Return a kept content; None if it is gone.  Raise as ``CopyFile.load`` does."""
        file = self._file(f"{digest}.copy")
        try:
            copy = file.load()
        except ValueError as error:
            raise ValueError(f"{file.path}: {error}") from None
        if copy is not None and copy.digest != digest:
            raise ValueError(f"{file.path}: it has another content")
        return copy

    def _drop(self) -> None:
        while len(self.kept) > self.limit or (
            len(self.kept) > 1 and sum(kept.size for kept in self.kept) > MOST_BYTES
        ):
            self.drop_oldest()

    def _files(self) -> Iterator[str]:
        try:
            folder = open_trusted_folder(self.path, self._access.uid)
        except FileNotFoundError:
            return
        try:
            for name in sorted(os.listdir(folder)):
                if _LEFT_OVER.fullmatch(name):  # by a daemon that was killed while writing
                    with suppress(OSError):
                        os.unlink(name, dir_fd=folder)
                elif _FILE.fullmatch(name):
                    yield name
        finally:
            os.close(folder)

    def _file(self, name: str) -> CopyFile:
        return CopyFile(self.path, name, self._names, self._access)

    def _make_folder(self) -> None:
        if self.path.exists():
            return
        above = open_trusted_folder(self._above, self._access.uid)
        try:
            os.mkdir(self.path.name, 0o700, dir_fd=above)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            folder = os.open(self.path.name, flags, dir_fd=above)
            try:
                self._access.own(folder)
                os.fchmod(folder, 0o700)  # a umask can remove the owner's permissions, too
            finally:
                os.close(folder)
        finally:
            os.close(above)


def notes_of(snapshot: Snapshot) -> dict[str, object]:
    """Return the notes for a snapshot's file: the number of options, and what it changed.

    Raise SnapshotCorrupt.
    """
    log = [entry for entry in snapshot.changes().log if entry[0] == snapshot.generation]
    names = dict(zip(KINDS, log[0][1:], strict=True)) if log else {}
    left = total = sum(map(len, names.values()))
    size = 0
    noted: dict[str, list[str]] = {}
    for kind in KINDS:
        for name in names.get(kind, ()):
            size += len(name.encode())
            if total - left < _NAMES and size <= _BYTES:
                noted.setdefault(kind, []).append(name)
                left -= 1
    proved = snapshot.revision is not None
    layers = snapshot.about().layers
    notes = {"options": snapshot.stored, **noted, "names_left_off": left, "proved": proved}
    return {**notes, "layers": layers} if layers else notes


def kept_of(snapshot: Snapshot) -> Kept:
    """Return what would be kept of a snapshot; raise SnapshotCorrupt."""
    epoch, revision = snapshot.revision or ("", 0)
    read_at = round(snapshot.read_at * 1e9)
    about = Provenance(epoch=epoch, revision=revision)
    head = Head(snapshot.generation, snapshot.digest, read_at, about, notes_of(snapshot))
    return _kept(head, snapshot.size)


def _head_of(content: Content) -> Head:
    about = Provenance(epoch=content.epoch, revision=content.revision)
    return Head(content.generation, content.digest, content.read_at, about, content.notes)


def _kept(head: Head, size: int) -> Kept:
    """Return what a file says of itself; what its notes do not say, or say wrongly, is left off."""
    notes = head.notes
    return Kept(
        head.generation,
        head.digest,
        head.read_at,
        head.provenance.revision,
        head.provenance.epoch,
        _number(notes.get("options")),
        size,
        _numbers(notes.get("earlier")),
        _numbers(notes.get("earlier_revisions")),
        {
            kind: tuple(name for name in _listed(notes.get(kind)) if isinstance(name, str))
            for kind in KINDS
        },
        _number(notes.get("names_left_off")),
    )


def _number(value: object) -> int:
    return value if type(value) is int and value >= 0 else 0


def _numbers(value: object) -> tuple[int, ...]:
    return tuple(number for number in _listed(value) if type(number) is int)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
