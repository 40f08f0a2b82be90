"""What an operator wants to know about a store on this host."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddbcfg_client.accelerator import READER
from ddbcfg_client.clock import age_of
from ddbcfg_client.layout import LAYOUT_VERSION
from ddbcfg_client.layout.page import NEVER

if TYPE_CHECKING:
    from ddbcfg_client.segment import Page
    from ddbcfg_client.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Status:
    """A store's state at one moment.  Ages and intervals are seconds; None where not known."""

    namespace: str
    store: str
    page: str
    layout_version: int
    generation: int  # 0 when nothing is published
    digest: str | None
    options: int
    bytes: int
    read_at: float | None  # when this generation's content was read, seconds since 1970
    polled_at: float | None  # the last successful poll, seconds since 1970
    age: float | None  # since the last successful poll, whether or not anything had changed
    interval: float
    source: str
    polls: int
    failures: int  # polls that failed since the last that did not
    skipped: int  # items whose option name is no string, at the last successful poll
    error: str | None  # of the last poll, if that failed
    # running, stopped (by itself) or gone: killed, or hidden by a pid namespace or ProtectProc=
    daemon: str
    daemon_pid: int | None
    replaced: bool  # another page has this one's name: the daemon was started anew
    reader: str  # which implementation of the hot path this process uses

    def to_dict(self) -> dict[str, Any]:
        """The fields as a dict that json can dump."""
        return asdict(self)


def process_start(pid: int) -> int:
    """When *pid* was started, in clock ticks since boot (proc(5), stat, field 22); 0 if it ended.

    With the pid it names a process for good: pids are used again.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The second field, the command in parentheses, may hold spaces and parentheses itself.
    fields = text.rpartition(")")[2].split()
    # A zombie has ended, though nobody has waited for it yet.
    return 0 if fields[0] in "ZX" else int(fields[19])


def is_running(pid: int, start: int) -> bool:
    """Whether the process *pid* that was started at *start* runs; no if *start* is not known."""
    return start != 0 and process_start(pid) == start


def status_of(page: Page, snapshot: Snapshot | None) -> Status:
    """The status of the store behind *page*; raises SnapshotCorrupt."""
    status = page.status()
    if status.daemon_pid == 0:
        daemon = "stopped"
    elif is_running(status.daemon_pid, status.daemon_start):
        daemon = "running"
    else:
        daemon = "gone"
    return Status(
        namespace=page.names.namespace,
        store=page.names.store,
        page=page.names.page,
        layout_version=LAYOUT_VERSION,
        generation=snapshot.generation if snapshot else 0,
        digest=snapshot.digest if snapshot else None,
        options=len(snapshot) if snapshot else 0,
        bytes=snapshot.size if snapshot else 0,
        read_at=snapshot.read_at if snapshot else None,
        polled_at=None if status.success_unix == NEVER else status.success_unix / 1e9,
        age=age_of(status.success),
        interval=status.interval / 1e9,
        source=status.source,
        polls=status.polls,
        failures=status.failures,
        skipped=status.skipped,
        error=status.error or None,
        daemon=daemon,
        daemon_pid=status.daemon_pid or None,
        replaced=page.replaced(),
        reader=READER,
    )
