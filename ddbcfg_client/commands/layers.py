"""The states of the layers that a daemon merges, and the table of them."""

from __future__ import annotations

from ddbcfg_client.commands.columns import aligned
from ddbcfg_client.commands.output import complain
from ddbcfg_client.commands.status_text import age_text
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.request import LAYERS, Request
from ddbcfg_client.printable import printable
from ddbcfg_client.shm.daemon_socket import NoDaemon, NoResponse, NotAllowed, TimedOut, ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ddbcfg_client.format.names import Names
    from ddbcfg_client.shm.trust import Trust

    Layers = dict[str, Any]

_PATIENCE = 2.0  # seconds; the daemon responds at once
_HEAD = ("LAYER", "STATE", "AGE", "EVERY", "OPTIONS", "REVISION", "TABLE", "STORE")


def asked(names: Names, trust: Trust, request: Request) -> Layers | None:
    """Return the details of the daemon's response; None, after a complaint, if there are none."""
    try:
        response = ask(names, trust, request, _PATIENCE)
    except NoDaemon:
        reason = "no daemon serves the store"
    except (NotAllowed, NoResponse, TimedOut, ConfigError) as error:
        reason = str(error) or "the daemon does not respond"
    else:
        if response.details is not None:
            return response.details
        reason = response.why or "the daemon does not know layers"
    complain(f"the layers of {names.namespace}/{names.store} are not known: {reason}")
    return None


def layers_of(names: Names, trust: Trust) -> Layers | None:
    """Return the states of a store's layers, from its daemon."""
    return asked(names, trust, Request(LAYERS))


def layers_text(names: Names, layers: Layers | None) -> str:
    """Return the table of the layers, and the reasons of those that are not fresh."""
    label = printable(f"{names.namespace}/{names.store}")
    if layers is None:
        return f"layers of {label}: not known"
    rows: list[Sequence[str]] = [_HEAD]
    reasons = []
    for layer in layers["layers"]:
        name = printable(str(layer["name"]))
        state, reason = condition_of_layer(layer)
        every = f"{layer['interval']:g} s"
        cells = (every, layer["options"], layer["revision"] or "-", layer["table"], layer["store"])
        rows.append((name, state, age_text(layer["age"]), *(printable(str(c)) for c in cells)))
        if reason:
            reasons.append(f"layer {name} is {state}: {printable(reason)}")
        if layer["copy_error"]:
            reasons.append(f"layer {name}: {printable(str(layer['copy_error']))}")
    head = f"layers of {label}, merged by {layers['merge']}, the first one wins:"
    return "\n".join([head, aligned(rows), *reasons])


def condition_of_layer(layer: Mapping[str, Any]) -> tuple[str, str]:
    """Return the worst condition that applies to a layer, and the reason; "" if it is fresh."""
    if layer["failures"]:
        return "failing", str(layer["error"])
    if layer["held"]:
        return "held", str(layer["held"])
    if layer["in_doubt"]:
        return "in doubt", str(layer["note"] or "no revision explains what is merged")
    if layer["age"] is None:
        return "unknown", "it was not read yet"
    if layer["source"] == "disk":
        return "stale", "its copy on disk is merged"
    return "fresh", ""
