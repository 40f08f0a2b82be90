"""The layers of a store on the page, as HTML.  Every text from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from ddbcfg_client.commands.layers import condition_of_layer
from ddbcfg_client.printable import printable, without_passwords
from ddbcfg_daemon.layers.state import LayerState
from ddbcfg_daemon.outputs.web.texts import class_of, duration, name_text


def layers_of(layers: Sequence[LayerState]) -> Iterator[str]:
    """Yield the section with the layers of a store; nothing if it has none."""
    if not layers:
        return
    yield '<section class="layers"><h4>Layers, the first one wins</h4>\n<ol>'
    for layer in layers:
        condition, reason = condition_of_layer(layer.to_dict())
        yield f'<li class="{class_of(condition)}"><b>{name_text(layer.name)}</b>'
        yield f' <span class="state">{condition}</span>'
        yield f" <span>{' · '.join(_facts(layer))}</span>"
        for text in filter(None, (reason, layer.copy_error)):
            yield f'<p class="reason">{escape(printable(without_passwords(text)))}</p>'
        yield "</li>\n"
    yield "</ol></section>\n"


def _facts(layer: LayerState) -> Iterator[str]:
    if layer.age is not None:
        yield f"{duration(layer.age)} old, read every {duration(layer.interval)}"
    yield "1 option" if layer.options == 1 else f"{layer.options:,} options"
    if layer.revision:
        yield f"revision {layer.revision:,}"
    yield name_text(f"{layer.table}/{layer.store}")
