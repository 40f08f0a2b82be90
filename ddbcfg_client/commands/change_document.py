"""A change as a document with its time, for ``watch --json`` and ``watch --exec``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.config import Config
    from ddbcfg_client.format.differences import Differences
    from ddbcfg_client.snapshot import Snapshot
    from ddbcfg_client.waking.change import Change


def document(config: Config, generation: int, found: Change | Differences) -> dict[str, object]:
    """Return the names of what changed; no values."""
    return {
        **_origin(config, generation),
        "added": list(found.added),
        "changed": list(found.changed),
        "removed": list(found.removed),
        "complete": getattr(found, "complete", True),
    }


def present(config: Config, snapshot: Snapshot, option: str | None) -> dict[str, object]:
    """Return what there is now: an option with its value, null if there is none, or a number."""
    origin = _origin(config, snapshot.generation)
    if option is None:
        return {**origin, "options": len(snapshot)}
    return {**origin, "option": option, "value": snapshot.get(option)}


def time_of(seconds: float) -> str:
    """Return a time in seconds since 1970 in UTC, with its zone."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _origin(config: Config, generation: int) -> dict[str, object]:
    import time

    status = config.status()
    return {
        "at": time_of(time.time()),
        "namespace": status.namespace,
        "store": status.store,
        "generation": generation,
    }
