"""Merging layers: several stores of packed options become one, the first layer wins.

With ``options``, an option comes whole from the first layer that has it.  With ``keys``, each key
comes from the first layer that has it; a value, also a map, is never merged with another one.

The mark ``{"_ddbcfg_removed": True}`` stands for something that is removed: in the place of a key's
value for the key, in the place of an option's keys for the option.  It hides what lower layers have
there, and is not in the merged store itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from operator import is_, is_not

from msgpack import Packer, Unpacker, packb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    #: Packed options by name.
    Layer = Mapping[str, bytes]

OPTIONS = "options"
KEYS = "keys"
MERGES = (OPTIONS, KEYS)

#: The mark as a value; a reader of a merged store never sees it.
REMOVED: Mapping[str, bool] = {"_ddbcfg_removed": True}
_MARK = bytes(packb(REMOVED))


@dataclass(frozen=True, slots=True)
class Layering:
    """Layers and their merged options.  Immutable: each merge is built from the last one.

    ``options`` is sorted by name.  An option that did not change keeps its bytes object, and if no
    option changed, ``options`` is the same object as before.
    """

    layers: tuple[Layer, ...]
    merge: str
    options: dict[str, bytes]

    @classmethod
    def of(cls, layers: Sequence[Layer], merge: str) -> Layering:
        """Return the merge of ``layers``; the first one wins."""
        options = {}
        for name in sorted(set[str]().union(*layers)):
            packed = merged_option(layers, merge, name)
            if packed is not None:
                options[name] = packed
        return cls(tuple(layers), merge, options)

    def follow(self, layers: Sequence[Layer]) -> Layering:
        """Return the merge of the same layers now; only options that changed in one are merged."""
        changed: set[str] = set()
        for before, after in zip(self.layers, layers, strict=True):
            changed.update(_changed(before, after))
        news, in_order = {}, True
        for name in changed:
            packed, before_it = merged_option(layers, self.merge, name), self.options.get(name)
            if packed != before_it:
                news[name] = packed
                in_order = in_order and before_it is not None
        if not news:
            return Layering(tuple(layers), self.merge, self.options)
        options = dict(self.options)
        for name, packed in news.items():
            if packed is None:
                del options[name]
            else:
                options[name] = packed
        if not in_order:
            options = {name: options[name] for name in sorted(options)}
        return Layering(tuple(layers), self.merge, options)


def _changed(before: Layer, after: Layer) -> Iterator[str]:
    """Yield the names of the options that are not the same in both."""
    if before is after:
        return
    if len(before) == len(after) and all(map(is_, before, after)):
        # The usual case: a source keeps the objects of what did not change.
        for name in compress(after, map(is_not, before.values(), after.values())):
            if before[name] != after[name]:
                yield name
        return
    for name, packed in after.items():
        old = before.get(name)
        if old is not packed and old != packed:
            yield name
    for name in before:
        if name not in after:
            yield name


def merged_option(layers: Sequence[Layer], merge: str, option: str) -> bytes | None:
    """Return the packed keys of ``option`` in the merged store; None if it has no such option."""
    found = [layer[option] for layer in layers if option in layer]
    if merge == OPTIONS:
        del found[1:]
    if not found or found[0] == _MARK:
        return None
    if len(found) == 1 and _MARK not in found[0]:
        return found[0]  # the object of the layer itself
    keys: dict[str, bytes] = {}
    for packed in found:
        if packed == _MARK:
            break
        for key, value in _values(packed):
            keys.setdefault(key, value)
    return _packed({key: value for key, value in keys.items() if value != _MARK})


def _values(option: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each key of a packed option, with the bytes of its value."""
    unpacker = Unpacker(max_buffer_size=len(option))
    unpacker.feed(option)
    for _ in range(unpacker.read_map_header()):
        key = unpacker.unpack()
        start = unpacker.tell()
        unpacker.skip()
        yield key, option[start : unpacker.tell()]


def _packed(keys: Mapping[str, bytes]) -> bytes:
    """Return the packed option with these keys and the bytes of their values."""
    packer = Packer()
    pieces = [bytes(packer.pack_map_header(len(keys)))]
    for key in sorted(keys):
        pieces += (bytes(packer.pack(key)), keys[key])
    return b"".join(pieces)


# --- where a value comes from --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """What decides one key of an option.

    ``layer`` is the number of the layer that decides.  ``value`` is its packed value; None if the
    key is not in the merged store: ``layer`` removes it, or has the whole option.  ``hidden`` are
    the packed values of lower layers, by the layer's number.
    """

    layer: int
    value: bytes | None
    hidden: tuple[tuple[int, bytes], ...] = ()


def origins(layers: Sequence[Layer], merge: str, option: str) -> dict[str, Origin]:
    """Return what decides each key that any layer has in ``option``, in the order of the keys."""
    found: dict[str, Origin] = {}
    bar: int | None = None  # the layer below which nothing of this option counts
    for number, layer in enumerate(layers):
        packed = layer.get(option)
        if packed is None:
            continue
        for key, value in () if packed == _MARK else _values(packed):
            has = None if value == _MARK else value
            if key in found:
                more = () if has is None else ((number, has),)
                above = found[key]
                found[key] = Origin(above.layer, above.value, above.hidden + more)
            elif bar is None:
                found[key] = Origin(number, has)
            elif has is not None:
                found[key] = Origin(bar, None, ((number, has),))
        if bar is None and (packed == _MARK or merge == OPTIONS):
            bar = number
    return {key: found[key] for key in sorted(found)}
