"""Open the outputs that the settings select."""

from __future__ import annotations

from ddbcfg_daemon.outputs.base import Output
from ddbcfg_daemon.outputs.metrics import Metrics
from ddbcfg_daemon.outputs.metrics_file import MetricsFile
from ddbcfg_daemon.settings.values import DaemonSettings


def open_outputs(settings: DaemonSettings) -> list[Output]:
    """Return the outputs; none of them does anything before its first update."""
    outputs: list[Output] = []
    if settings.metrics_file:
        outputs.append(Metrics(MetricsFile(settings.metrics_file)))
    return outputs
