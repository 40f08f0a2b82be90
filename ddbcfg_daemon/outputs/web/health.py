"""``/healthz`` and ``/readyz``: whether the daemon works, and whether readers have snapshots."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from ddbcfg_client.printable import printable
from ddbcfg_daemon.outputs.web.messages import JSON, Request, Response
from ddbcfg_daemon.outputs.web.states import StoreState
from ddbcfg_daemon.served_store import STUCK


def health(request: Request, states: Sequence[StoreState]) -> Response:
    """Return 200 unless the thread of a store makes no progress; then 503.

    A restart would help against that.  It does not help if DynamoDB is away, so that is healthy.
    """
    return _response(request, states, _stuck)


def readiness(request: Request, states: Sequence[StoreState]) -> Response:
    """Return 200 if readers have a snapshot of every store, however old; else 503."""
    if not states:
        return _response(request, states, _unready, "no store is served yet")
    return _response(request, states, _unready)


def _stuck(state: StoreState) -> str:
    return f"no progress for {state.stuck:.0f} s" if state.stuck >= STUCK else ""


def _unready(state: StoreState) -> str:
    if state.ready:
        return ""
    return f"{state.condition}: {state.reason}" if state.reason else state.condition


def _response(
    request: Request,
    states: Sequence[StoreState],
    flaw_of: Callable[[StoreState], str],
    general: str = "",
) -> Response:
    flaws = [(state, flaw_of(state)) for state in states]
    well = not general and not any(flaw for _, flaw in flaws)
    code = 200 if well else 503
    if request.wants_json:
        stores = [
            {
                "namespace": state.namespace,
                "store": state.store,
                "ok": not flaw,
                "condition": state.condition,
                "reason": flaw or state.reason,
                "generation": state.generation,
                "age": None if state.age is None else round(state.age, 3),
            }
            for state, flaw in flaws
        ]
        found = {"ok": well, "reason": general, "stores": stores}
        return Response(code, f"{json.dumps(found)}\n".encode(), JSON)
    lines = ["ok" if well else "failed", general]
    for state, flaw in flaws:
        what = f"{state.condition}: {state.reason}" if state.reason else state.condition
        lines.append(f"{printable(state.label)}: {flaw or what}")
    return Response(code, "".join(f"{line}\n" for line in lines if line).encode())
