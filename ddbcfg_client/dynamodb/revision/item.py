"""The revision item: what a store's revision is, and what changed last.

=========  =====  ==================================================================
attribute  type   what
=========  =====  ==================================================================
format     N      1; a reader leaves any other alone
epoch      S      identifies a sequence of revisions; a new sequence has a new one
rev        N      the revision
digest     B      of the content at this revision; missing until the first one is made
count      N      how many options that content has
by, at     S      who made it, and when
region     S      of the writers, in a global table; "" for any
base       N      the log has every revision after this one
log        B      zlib of msgpack [[revision, option, packed keys or nil], ...]
pending    M      an import under way: token, beat, by, plan, parts
fleet      N      how many hosts there are, a hint
ttl, keep  S, N   the table's TTL attribute, and for how many days change items are kept
=========  =====  ==================================================================

It is kept small enough to cost half a read unit.  Times are text, so that none can be used as a
time to live.  Attributes that this release does not know are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ddbcfg_client.dynamodb.item_size import least_size
from ddbcfg_client.dynamodb.revision.packing import LogEntry, pack_log, unpack_log
from ddbcfg_client.dynamodb.revision.place import NO_REVISION, REVISION_OPTION, Place
from ddbcfg_client.errors import RevisionDamaged, RevisionFormatUnknown

FORMAT = 1
#: Half a read unit ends at 4,096 bytes; how the service counts some types is documented only
#: roughly.
LARGEST = 3500
DIGEST_SIZE = 32
MAX_FLEET = 1_000_000
LONGEST_BY = 256  # characters
LONGEST_EPOCH = 40  # bytes; the control page would truncate a longer one
_FIRST_BASE = 2**63

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pending:
    """An import under way.

    Its writer increments ``beat`` as long as it lives.  ``plan`` names the parts of the plan; there
    are ``parts`` of them, 0 until all are written.
    """

    token: str
    by: str
    beat: int = 0
    plan: str = ""
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Revision:
    """A store's revision, as in its revision item; the module describes each field."""

    epoch: str
    rev: int
    digest: bytes | None
    count: int = 0
    by: str = ""
    at: str = ""
    region: str = ""
    base: int = _FIRST_BASE
    log: bytes = b""
    pending: Pending | None = None
    fleet: int = 0
    ttl: str = ""
    keep: int = 0
    others: Item = field(default_factory=dict)

    def changes_after(self, rev: int) -> list[LogEntry] | None:
        """Return what changed after ``rev``; None if the log is damaged or begins later."""
        if self.base > rev:
            return None
        try:
            log = unpack_log(self.log) if self.log else []
        except ValueError:
            return None
        return [entry for entry in log if entry[0] > rev]

    def following(self, *, digest: bytes, count: int, by: str, at: str, epoch: str) -> Revision:
        """Return the next revision, with an empty log; it ends an import."""
        return replace(
            self,
            epoch=epoch,
            rev=self.rev + 1,
            digest=digest,
            count=count,
            by=by[:LONGEST_BY],
            at=at,
            base=self.rev + 1,
            log=b"",
            pending=None,
        )


def parse_revision(place: Place, item: Item) -> Revision:
    """Return the revision in an item; raise ``RevisionDamaged`` or ``RevisionFormatUnknown``."""
    try:
        number = _number(item["format"])
        if number == FORMAT:
            return _parse(place, item)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RevisionDamaged(place.table, place.store, _said(error)) from None
    reason = f"the revision item has format {number}, and this release knows {FORMAT}"
    raise RevisionFormatUnknown(place.table, place.store, reason)


def _parse(place: Place, item: Item) -> Revision:
    left = place.key_names.others_in(item)
    del left["format"]

    def take(name: str, read: Callable[[Any], Any], otherwise: Any) -> Any:
        return read(left.pop(name)) if name in left else otherwise

    revision = Revision(
        epoch=_text(left.pop("epoch")),
        rev=_number(left.pop("rev")),
        digest=take("digest", digest_in, None),
        count=take("count", _number, 0),
        by=take("by", _text, ""),
        at=take("at", _text, ""),
        region=take("region", _text, ""),
        base=take("base", _number, _FIRST_BASE),
        log=take("log", _binary, b""),
        pending=take("pending", _pending, None),
        fleet=min(take("fleet", _number, 0), MAX_FLEET),
        ttl=take("ttl", _text, ""),
        keep=take("keep", _number, 0),
        others=left,
    )
    if not revision.epoch:
        raise ValueError("it names no epoch")
    if len(revision.epoch.encode("utf-8", "replace")) > LONGEST_EPOCH:
        raise ValueError(f"its epoch is longer than {LONGEST_EPOCH} bytes")
    if revision.rev >= NO_REVISION:
        raise ValueError("its revision has more than 12 digits")
    if revision.digest is None and revision.pending is None:
        raise ValueError("it has no digest")
    return revision


def _pending(attribute: Mapping[str, Any]) -> Pending:
    members = attribute["M"]
    return Pending(
        token=_text(members["token"]),
        by=_text(members["by"]),
        beat=_number(members["beat"]),
        plan=_text(members["plan"]),
        parts=_number(members["parts"]),
    )


def item_of(place: Place, revision: Revision) -> dict[str, Any]:
    """Return the item that ``parse_revision`` parses."""
    item: dict[str, Any] = {
        **revision.others,
        **place.key_names.key(place.home, REVISION_OPTION),
        "format": {"N": str(FORMAT)},
        "epoch": {"S": revision.epoch},
        "rev": {"N": str(revision.rev)},
        "count": {"N": str(revision.count)},
        "by": {"S": storable(revision.by)},
        "at": {"S": revision.at},
        "region": {"S": revision.region},
        "base": {"N": str(revision.base)},
    }
    if revision.digest is not None:
        item["digest"] = {"B": revision.digest}
    if revision.log:
        item["log"] = {"B": revision.log}
    if pending := revision.pending:
        item["pending"] = {
            "M": {
                "token": {"S": pending.token},
                "by": {"S": storable(pending.by[:LONGEST_BY])},
                "beat": {"N": str(pending.beat)},
                "plan": {"S": pending.plan},
                "parts": {"N": str(pending.parts)},
            }
        }
    if revision.fleet:
        item["fleet"] = {"N": str(revision.fleet)}
    if revision.ttl:
        item |= {"ttl": {"S": revision.ttl}, "keep": {"N": str(revision.keep)}}
    return item


def with_log(place: Place, revision: Revision, log: list[LogEntry], base: int) -> Revision:
    """Return the revision with as much of ``log``, complete after ``base``, as there is room for.

    The oldest revisions are dropped first, each as a whole.
    """
    room = LARGEST - least_size(item_of(place, replace(revision, log=b"", base=base)))
    while log:
        packed = pack_log(log)
        if len(packed) <= room:
            return replace(revision, base=base, log=packed)
        base = log[0][0]
        log = [entry for entry in log if entry[0] > base]
    return replace(revision, base=revision.rev, log=b"")


def storable(text: str) -> str:
    """Return text with ``?`` for what is not valid Unicode, such as bytes of another encoding."""
    return text.encode("utf-8", "replace").decode()


def _number(attribute: Mapping[str, Any]) -> int:
    text = attribute["N"]
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ValueError("a number is not valid")
    return int(text)


def _text(attribute: Mapping[str, Any]) -> str:
    text = attribute["S"]
    if not isinstance(text, str):
        raise TypeError("a text is not a string")
    return text


def _binary(attribute: Mapping[str, Any]) -> bytes:
    return bytes(attribute["B"])


def digest_in(attribute: Mapping[str, Any]) -> bytes:
    """Return the digest in an attribute; raise ValueError, KeyError or TypeError without one."""
    digest = _binary(attribute)
    if len(digest) != DIGEST_SIZE:
        raise ValueError("its digest is not valid")
    return digest


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing or of another type"
    return str(error) if type(error) is ValueError else "an attribute is of another type"
