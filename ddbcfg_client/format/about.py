"""The description of a segment's content: the time and the source of its read."""

from __future__ import annotations

from ddbcfg_client.format.segment import section
from ddbcfg_client.format.unpack import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ddbcfg_client.format.segment import SegmentBytes


class About:
    """The time and the source of a content.  Immutable.

    ``read_at`` is nanoseconds since 1970, ``read_boottime`` nanoseconds of CLOCK_BOOTTIME.
    ``source`` is ``dynamodb``, ``disk``, ``local``, or what later daemons add.  ``revision`` and
    ``epoch`` are the table's own version of the store; 0 and "" without one.  ``layers`` says which
    content of each layer is merged, in the daemon's own words.
    """

    __slots__ = ("epoch", "layers", "read_at", "read_boottime", "revision", "source")

    def __init__(
        self,
        read_at: int,
        read_boottime: int,
        source: str,
        revision: int = 0,
        epoch: str = "",
        layers: Mapping[str, object] | None = None,
    ) -> None:
        self.read_at = read_at
        self.read_boottime = read_boottime
        self.source = source
        self.revision = revision
        self.epoch = epoch
        self.layers = layers or {}

    def pack(self) -> bytes:
        """Return the bytes of the segment's section; the two times are in the header."""
        from msgpack import packb  # readers do not need it

        about: dict[str, object] = {"source": self.source}
        if self.revision:
            about |= {"revision": self.revision, "epoch": self.epoch}
        if self.layers:
            about["layers"] = self.layers
        return bytes(packb(about))


def about_of(segment: SegmentBytes) -> About:
    """Return the description of ``segment``; raise ValueError if it is damaged.

    Keys that this release does not know are skipped.
    """
    header = segment.header
    packed = section(segment, header.about_at, header.about_size, header.about_checksum)
    try:
        about = unpack(packed)
    except (ValueError, RecursionError):
        about = None
    if type(about) is not dict:
        raise ValueError("the description of its content is not a msgpack map")
    source, epoch, revision = about.get("source"), about.get("epoch"), about.get("revision")
    if not (isinstance(epoch, str) and isinstance(revision, int) and revision > 0):
        epoch, revision = "", 0
    if not isinstance(source, str):
        source = ""
    layers = about.get("layers")
    if not isinstance(layers, dict):
        layers = {}
    return About(header.read_at, header.read_boottime, source, revision, epoch, layers)
