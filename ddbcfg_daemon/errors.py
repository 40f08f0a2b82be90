"""The errors that keep the daemon from publishing.  They extend the client's tree of errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from errno import EACCES, EMFILE, ENOSPC, EROFS, errorcode
from os import strerror

from ddbcfg_client.errors import ConfigError


class SettingRefused(ConfigError):
    """A setting has an invalid value; ``flag`` and ``variable`` are the places that can set it."""

    def __init__(self, reason: str, flag: str = "", variable: str = "") -> None:
        super().__init__(reason, flag, variable)
        self.reason = reason
        self.flag = flag
        self.variable = variable

    def __str__(self) -> str:
        return f"{self.flag} ({self.variable}): {self.reason}" if self.flag else self.reason


class SettingsFileRefused(SettingRefused):
    """The file of settings cannot be used; ``line`` is 0 if no line is wrong."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(reason)
        self.args = (path, line, reason)
        self.path = path
        self.line = line

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}" if self.line else super().__str__()


class UnitsRefused(ConfigError):
    """The files for systemd cannot be installed or removed; ``path`` is what prevents it."""

    def __init__(self, path: str, fault: str, advice: str) -> None:
        super().__init__(path, fault, advice)
        self.path = path
        self.fault = fault
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.path} {self.fault}; {self.advice}"


class SourceUnusable(ConfigError):
    """A source cannot be read, and no later poll will change that.

    ``kind`` is the class name of the source's own error, which is the ``__cause__``.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class Held(ConfigError):
    """The table was read, but what it has is held and not published."""


class PublishError(ConfigError):
    """A snapshot could not be published; the snapshot published before is unchanged."""


class WriterLocked(PublishError):
    """Another daemon serves the store; ``pid`` is 0 if it is unknown."""

    def __init__(self, store: str, name: str, pid: int) -> None:
        super().__init__(store, name, pid)
        self.store = store
        self.name = name
        self.pid = pid

    def __str__(self) -> str:
        who = f"pid {self.pid}" if self.pid else "its pid is unknown"
        return (
            f"store {self.store!r} is served by another daemon on this host ({who}); stop it "
            "first, or start this one with another --namespace"
        )


class ForeignObject(PublishError):
    """An object of another user has a name that the daemon needs."""

    def __init__(self, name: str, owner: str, what: str) -> None:
        super().__init__(name, owner, what)
        self.name = name
        self.owner = owner
        self.what = what

    def __str__(self) -> str:
        return (
            f"{self.name} is in the way: {self.what} of {self.owner}, which this user may not "
            "remove; have it removed from /dev/shm, or use another --namespace"
        )


class GroupRefused(PublishError):
    """The daemon may not assign its objects to the group in the settings."""

    def __init__(self, group: int) -> None:
        super().__init__(group)
        self.group = group

    def __str__(self) -> str:
        return (
            f"--group (DDBCFG_GROUP): this user may not assign objects to group {self.group}; make "
            "the user a member of the group"
        )


class OtherSource(PublishError):
    """A store was published from another ``source``, and this one may not replace it."""

    def __init__(self, store: str, source: str, advice: str) -> None:
        super().__init__(store, source, advice)
        self.store = store
        self.source = source
        self.advice = advice

    def __str__(self) -> str:
        return (
            f"store {self.store!r} of this namespace was published from {self.source}, and readers "
            f"may be using it: {self.advice}"
        )


class NoSpace(PublishError):
    """Shared memory is full; sizes in bytes.

    ``held`` is the size of the replaced segments that readers still have open.
    """

    def __init__(self, name: str, needed: int, free: int, held: int) -> None:
        super().__init__(name, needed, free, held)
        self.name = name
        self.needed = needed
        self.free = free
        self.held = held

    def __str__(self) -> str:
        held = f", {self.held} held by replaced segments" if self.held else ""
        return (
            f"no space in /dev/shm for {self.name}: ENOSPC, {self.needed} bytes needed, "
            f"{self.free} free{held}; remove files from it, or enlarge it "
            "(mount -o remount,size=...; a container's --shm-size)"
        )


class UntrustedPath(ConfigError):
    """A file or folder is not used, because another user could have changed it."""

    def __init__(self, path: str, fault: str, advice: str) -> None:
        super().__init__(path, fault, advice)
        self.path = path
        self.fault = fault
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.path} {self.fault}, so it is not used; {self.advice}"


class ShmRefused(PublishError):
    """The system refused to create an object in shared memory; ``errno`` is the reason."""

    def __init__(self, name: str, errno: int) -> None:
        super().__init__(name, errno)
        self.name = name
        self.errno = errno

    def __str__(self) -> str:
        advice = {
            ENOSPC: "it has no inode left; remove files from it, or enlarge it "
            "(mount -o remount,nr_inodes=...)",
            EROFS: "it is mounted read-only; the daemon needs it writable",
            EACCES: "this user may not create files in it; set its mode to 1777",
            EMFILE: "this process has no descriptor left; raise its limit (LimitNOFILE=)",
        }
        reason = f"{errorcode.get(self.errno, self.errno)}, {strerror(self.errno)}"
        more = f": {advice[self.errno]}" if self.errno in advice else ""
        return f"/dev/shm refused {self.name}: {reason}{more}"


class PollTimeout(ConfigError):
    """A poll did not finish within ``timeout`` seconds.

    ``pages`` is the number of pages received in that time.  If ``hanging`` is not 0, nothing was
    requested, because that many earlier readings have not ended yet.
    """

    def __init__(self, timeout: float, pages: int, hanging: int) -> None:
        super().__init__(timeout, pages, hanging)
        self.timeout = timeout
        self.pages = pages
        self.hanging = hanging

    def __str__(self) -> str:
        if self.hanging:
            return (
                f"{self.hanging} earlier readings still hang after their {self.timeout:g} s, so "
                "none was started: check DNS, network, credential_process and token file"
            )
        limit = f"the poll took longer than {self.timeout:g} s (--poll-timeout)"
        if self.pages:
            return f"{limit}; {self.pages} pages received: the table or the network is slow"
        advice = "check DNS, network, endpoint and the credentials' source"
        return f"{limit} and no page was received: {advice}"


class ReadingAbandoned(ConfigError):
    """Ends the thread of a reading whose poll has already timed out."""

    def __str__(self) -> str:
        return "the poll ended before the response came"


class SomeNotServed(ConfigError):
    """Not all stores were served, or the reasons differ; ``reasons`` has one for each failure."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(reasons)
        self.reasons = reasons

    def __str__(self) -> str:
        return "; ".join(self.reasons)


class WouldBeRefused(ConfigError):
    """A guard would refuse what the table has; raised by ``--check``, which publishes nothing."""

    def __init__(self, table: str, store: str, guard: str, reason: str) -> None:
        super().__init__(table, store, guard, reason)
        self.table = table
        self.store = store
        self.guard = guard
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the {self.guard} guard would refuse store {self.store!r} of table {self.table!r}: "
            f"{self.reason}"
        )


class EmptyStore(PublishError):
    """One poll found no options: none was ever written, or all were deleted."""

    def __init__(self, table: str, store: str, published: bool = True) -> None:
        super().__init__(table, store, published)
        self.table = table
        self.store = store
        self.published = published

    def __str__(self) -> str:
        what = ", so it was published empty" if self.published else ""
        return (
            f"table {self.table!r} has no options for store {self.store!r}{what}; check the "
            "store's name, or use --allow-empty if this is intended"
        )


class LayerMissing(ConfigError):
    """A layer that the settings require has no options."""

    def __init__(self, table: str, store: str) -> None:
        super().__init__(table, store)
        self.table = table
        self.store = store

    def __str__(self) -> str:
        return (
            f"table {self.table!r} has no options for store {self.store!r}, which is a required "
            "layer; write them, check the name, or remove 'required'"
        )


class LayersFailed(ConfigError):
    """Layers could not be read; ``layers`` has the name of each, and why."""

    def __init__(self, layers: Sequence[tuple[str, str]]) -> None:
        super().__init__(layers)
        self.layers = layers

    def __str__(self) -> str:
        texts = []
        for names, many, reason in _by_reason(self.layers):
            part = "are merged with their" if many else "is merged with its"
            texts.append(f"{names} {part} last good content: {reason}")
        return "; ".join(texts)


class LayersUnread(ConfigError):
    """Nothing is known of layers, so there is no merged store; ``layers`` is as in LayersFailed."""

    def __init__(self, layers: Sequence[tuple[str, str]]) -> None:
        super().__init__(layers)
        self.layers = layers

    def __str__(self) -> str:
        texts = [f"{names}: {reason}" for names, _, reason in _by_reason(self.layers)]
        return f"not merged, because nothing is known of {'; '.join(texts)}"


def _by_reason(layers: Sequence[tuple[str, str]]) -> Iterator[tuple[str, bool, str]]:
    """Return the layers that share a reason, whether they are several, and the reason.

    If DynamoDB is away it is the same for all of them, and as long as a paragraph.
    """
    names: dict[str, list[str]] = {}
    for name, reason in layers:
        names.setdefault(reason, []).append(repr(name))
    for reason, found in names.items():
        many = len(found) > 1
        yield f"layer{'s' if many else ''} {', '.join(found)}", many, reason
