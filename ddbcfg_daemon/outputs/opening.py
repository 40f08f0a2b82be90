"""Open the outputs that the settings select."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ddbcfg_daemon.outputs.base import Output
from ddbcfg_daemon.settings.daemon_values import DaemonSettings


def open_outputs(
    settings: DaemonSettings, present: Sequence[Output] = (), *, listen: bool = True
) -> list[Output]:
    """Return the outputs, those of ``present`` among them that are still selected.

    Without ``listen``, nothing listens: for a look at the settings, and a daemon that ends at once.
    Raise SettingRefused if one cannot be opened; nothing that was opened for it stays open.
    """
    kept = {output.selected: output for output in present}
    outputs: list[Output] = []
    try:
        for selected, open_it in _selected(settings, listen=listen):
            outputs.append(kept.get(selected) or open_it())
    except BaseException:
        close_outputs(output for output in outputs if output not in present)
        raise
    return outputs


def close_outputs(outputs: Iterable[Output]) -> None:
    """Close each."""
    for output in outputs:
        output.close()


def _selected(
    settings: DaemonSettings, *, listen: bool
) -> Iterable[tuple[object, Callable[[], Output]]]:
    """Yield the value of each setting that selects an output, and what opens it.

    Their modules load libraries, so they are imported only if they are selected.
    """
    if (file := settings.metrics_file) is not None:
        from ddbcfg_daemon.outputs.metrics import Metrics

        yield file, lambda: Metrics(file)
    if (address := settings.http) is not None and listen:
        from ddbcfg_daemon.outputs.web.output import open_web

        yield address, lambda: open_web(address, settings.origins.get("http", ""))
