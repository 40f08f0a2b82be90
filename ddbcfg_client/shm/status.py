"""The status of a store on this host, for operators."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ddbcfg_client.format import LAYOUT_VERSION, NEVER
from ddbcfg_client.format.page import GENERATION_WORD, RETIRED
from ddbcfg_client.hotpath import READER
from ddbcfg_client.shm.clock import age_of

if TYPE_CHECKING:
    from ddbcfg_client.errors import ConfigError
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.format.page import PageStatus
    from ddbcfg_client.snapshot import Snapshot

    class StatusPage(Protocol):
        """A control page whose status can be read: a mapped one, or one in memory."""

        names: Names
        words: memoryview

        def status(self) -> PageStatus:
            """Return the status of the daemon; raise SnapshotCorrupt."""

        def replaced(self) -> bool:
            """Return whether another page has this one's name."""


@dataclass(frozen=True, slots=True)
class Status:
    """A store's state at one moment.  Ages and intervals are in seconds, None if not known."""

    namespace: str
    store: str
    page: str
    layout_version: int
    generation: int  # the one that this process serves; 0 if it has none
    published: int  # the one that the daemon has published; 0 if it has none
    digest: str | None
    options: int
    bytes: int
    read_at: float | None  # when this generation's content was read, in seconds since 1970
    polled_at: float | None  # the last successful poll, in seconds since 1970
    age: float | None  # seconds since the last poll that left this process's generation current
    interval: float
    source: str
    polls: int
    failures: int  # polls that failed since the last successful one
    skipped: int  # items whose option name is not a string, in the last successful poll
    error: str | None  # the error of the last poll, if it failed
    held: str | None  # the reason why newer content is held and not published
    held_since: float | None  # in seconds since 1970
    copy_error: str | None  # the reason why the copy on disk cannot be written
    held_bytes: int  # shared memory of replaced segments that readers still hold
    revision: int  # the table's own version of what is published; 0 without one
    epoch: str
    table_revision: int  # the newest one that the daemon has seen; 0 if it follows none
    change_by: str | None  # how the last change became known: log, query, ...
    revision_note: str | None  # why the store is not followed as usual
    in_doubt_since: float | None  # no revision explains what is published; in seconds since 1970
    doubts: int  # readings since the daemon's start that no revision explained
    poll_units: float  # read units of the last poll
    read_units: float  # since the daemon's start
    full_polls: int  # polls since then that read the whole store
    full_age: float | None  # seconds since the last of them
    pinned: int  # the generation whose content an operator pinned; 0 if none is
    pinned_since: float | None  # in seconds since 1970
    pinned_by: str | None
    # running, stopped (by itself), gone (killed), or hidden: it is in another PID namespace, or
    # /proc does not show it; none if the source is a file that this process reads
    daemon: str
    daemon_pid: int | None  # also None if the daemon is hidden
    replaced: bool  # another page has this one's name: the daemon was restarted
    reader: str  # the implementation of the hot path that this process uses
    reader_error: str | None  # why this process cannot load the current generation
    file: str | None = None  # the file that this process reads instead of shared memory
    wait_error: str | None = None  # why this process, if it waits for changes, has to look for them
    # why objects that this process made from options are older than the options
    kept_objects: list[str] = field(default_factory=list)
    merged_layers: int = 0  # how many layers the daemon merges; 0 if the store is one of a table
    longest_interval: float = 0.0  # of a layer; 0 if none is longer than ``interval``

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that json can dump."""
        return asdict(self)


def process_start(pid: int) -> int:
    """Return when ``pid`` was started, in clock ticks since boot (proc(5), stat, field 22).

    Return 0 if it has ended.  Pid and start time together identify a process; pids are reused.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The second field, the command in parentheses, can contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    # A zombie has ended too; its parent has not waited for it yet.
    return 0 if fields[0] in "ZX" else int(fields[19])


def is_running(pid: int, start: int) -> bool:
    """Return whether the process ``pid`` started at ``start`` runs; False if ``start`` is 0."""
    return start != 0 and process_start(pid) == start


def pid_namespace() -> int:
    """Return the inode of this process's PID namespace; 0 if it is not visible."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _proc_is_ours() -> bool:
    """Return whether /proc shows this PID namespace; it may be mounted from another one."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


def daemon_state(status: PageStatus) -> str:
    """Return the state of the daemon that wrote ``status``: running, stopped, gone or hidden."""
    if status.daemon_pid == 0:
        return "stopped"
    here = pid_namespace()
    if not here or (status.daemon_pidns and status.daemon_pidns != here):
        return "hidden"
    if not _proc_is_ours():
        return "hidden"
    if is_running(status.daemon_pid, status.daemon_start):
        return "running"
    # With hidepid= or ProtectProc=, /proc shows only a user's own processes.
    return "gone" if process_start(1) else "hidden"


def status_of(
    page: StatusPage,
    snapshot: Snapshot | None,
    age: float | None,
    trouble: ConfigError | None,
    deaf: str | None = None,
) -> Status:
    """Return the status of the store behind ``page``; raise SnapshotCorrupt.

    ``snapshot`` is what this process serves, ``age`` is its age, and ``trouble`` is the error that
    keeps this process from loading the current generation.  ``deaf`` is why it is not woken.
    """
    status = page.status()
    daemon = daemon_state(status)
    return Status(
        namespace=page.names.namespace,
        store=page.names.store,
        page=page.names.page,
        layout_version=LAYOUT_VERSION,
        generation=0 if snapshot is None else snapshot.generation,
        published=page.words[GENERATION_WORD] & ~RETIRED,
        digest=None if snapshot is None else snapshot.digest,
        options=0 if snapshot is None else snapshot.stored,
        bytes=0 if snapshot is None else snapshot.size,
        read_at=None if snapshot is None else snapshot.read_at,
        polled_at=None if status.success_unix == NEVER else status.success_unix / 1e9,
        age=age_of(status.success) if snapshot is None else age,
        interval=status.interval / 1e9,
        source=status.source,
        polls=status.polls,
        failures=status.failures,
        skipped=status.skipped,
        error=status.error or None,
        held=status.held or None,
        held_since=None if status.held_since == NEVER else status.held_since / 1e9,
        copy_error=status.copy_error or None,
        held_bytes=status.held_bytes,
        revision=status.revision,
        epoch=status.epoch,
        table_revision=status.table_revision,
        change_by=status.how or None,
        revision_note=status.note or None,
        in_doubt_since=None if status.doubt_since == NEVER else status.doubt_since / 1e9,
        doubts=status.doubts,
        poll_units=status.poll_half_units / 2,
        read_units=status.half_units / 2,
        full_polls=status.full_polls,
        full_age=age_of(status.full_read),
        pinned=status.pinned,
        pinned_since=None if status.pinned_since == NEVER else status.pinned_since / 1e9,
        pinned_by=status.pinned_by or None,
        daemon=daemon,
        daemon_pid=None if daemon == "hidden" else status.daemon_pid or None,
        replaced=page.replaced(),
        reader=READER,
        reader_error=None if trouble is None else str(trouble),
        wait_error=deaf,
        merged_layers=status.merged_layers,
        longest_interval=status.longest_interval / 1e9,
    )
