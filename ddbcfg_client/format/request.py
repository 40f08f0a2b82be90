"""The messages on a daemon's request socket: one line of JSON in each direction.  No I/O.

A request names an operation.  The response is sent when it is done, and ends the connection.  Both
sides skip unknown fields, so that either can be upgraded first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PROTOCOL_VERSION = 1
LONGEST_REQUEST = 4096  # bytes, with the newline
LONGEST_RESPONSE = 65536
_LONGEST_BY = 80  # characters
_LONGEST_LIST = 32768  # bytes; the two texts of a response take up to 60,000 when escaped
_LONGEST_TEXT = 5000  # characters; each can take twelve bytes when escaped in JSON

# Operations.
POLL = "poll"  # look now whether the table has changed
FULL = "full"  # the same, and read the whole store; over the admin socket only
ACCEPT = "accept"  # the same, and publish even what a guard refuses; over the admin socket only
LAYERS = "layers"  # the layers of a store that merges several; the response comes at once
EXPLAIN = "explain"  # from which layer each key of an option comes; the response comes at once
# Also over the admin socket only; these do not poll.
PIN = "pin"  # publish a kept content, by default the current one, and hold all others
UNPIN = "unpin"  # end that, and look soon whether the table has changed
GENERATIONS = "generations"  # list what can be pinned

# The reasons for refusing a request; later releases may add more.
BUSY = "busy"  # too many connections are open; retry with the ticket
FORBIDDEN = "forbidden"  # not for this user, or not over this socket
MALFORMED = "malformed"  # it is not a request
UNKNOWN = "unknown"  # this daemon does not know the operation
TOO_LONG = "too long"  # the response to it has more bytes than a response can have
REFUSED = "refused"  # it cannot be done: the explanation says why
STOPPING = "stopping"  # the daemon stops serving the store


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request.

    ``ticket`` is from a response that refused an earlier attempt as busy.  Any poll that began
    after that attempt satisfies the request.  ``option`` is what is to be explained.
    ``generation`` or ``revision`` select what to pin; ``by`` is the user, for the log.
    """

    op: str
    ticket: int | None = None
    option: str = ""
    generation: int | None = None
    revision: int | None = None
    by: str = ""
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """The result of a request.

    ``refused`` is the reason if nothing was done, and ``why`` is its explanation.  If it is empty,
    the table was polled: ``generation`` is current now, ``published`` says whether this poll
    published it, ``held`` why a guard held the content, and ``error`` why the poll failed.
    ``details`` is the requested information, if that needs no poll.

    For pins, ``published`` says whether this request published the generation.  ``pinned`` is the
    generation whose content is pinned, 0 if none is.  ``generations`` can be pinned, the newest
    first, as far as there was room; ``left_off`` is how many more there are.
    """

    refused: str = ""
    why: str = ""
    ticket: int | None = None
    generation: int = 0
    published: bool = False
    held: str = ""
    error: str = ""
    details: dict[str, Any] | None = None
    pinned: int = 0
    generations: tuple[Mapping[str, Any], ...] = ()
    left_off: int = 0


def pack_request(request: Request) -> bytes:
    """Return ``request`` as a line."""
    fields: dict[str, Any] = {"version": PROTOCOL_VERSION, "op": request.op}
    if request.ticket is not None:
        fields["ticket"] = request.ticket
    if request.option:
        fields["option"] = request.option
    if request.generation is not None:
        fields["generation"] = request.generation
    if request.revision is not None:
        fields["revision"] = request.revision
    if request.first is not None:
        fields["first"] = request.first
    if request.by:
        fields["by"] = request.by[:_LONGEST_BY]
    return _line(fields)


def pack_response(response: Response) -> bytes:
    """Return ``response`` as a line; long texts are cut."""
    fields: dict[str, Any] = {"version": PROTOCOL_VERSION}
    if response.refused:
        fields |= {"refused": response.refused, "why": response.why[:_LONGEST_TEXT]}
        if response.ticket is not None:
            fields["ticket"] = response.ticket
    else:
        # Half the limit each; at most one of the two is set, since a poll is either held or failed.
        fields |= {
            "generation": response.generation,
            "published": response.published,
            "held": response.held[: _LONGEST_TEXT // 2],
            "error": response.error[: _LONGEST_TEXT // 2],
        }
        if response.details is not None:
            fields["details"] = response.details
        if response.pinned:
            fields["pinned"] = response.pinned
        if response.generations:
            fields |= _listed(response)
    line = _line(fields)
    if len(line) > LONGEST_RESPONSE:
        return pack_response(Response(TOO_LONG, "the response would be too long"))
    return line


def _listed(response: Response) -> dict[str, Any]:
    """Return the fields for the generations, as many as a response has room for."""
    rows: list[Mapping[str, Any]] = []
    size = 0
    for row in response.generations:
        size += len(json.dumps(row)) + 2
        if size > _LONGEST_LIST:
            break
        rows.append(row)
    left_off = response.left_off + len(response.generations) - len(rows)
    return {"generations": rows, "left_off": left_off}


def parse_request(line: bytes) -> Request:
    """Return the request in ``line``; raise ValueError if it is not one."""
    fields = _fields(line)
    op, ticket = fields.get("op"), fields.get("ticket")
    if not isinstance(op, str):
        raise ValueError("it names no operation")
    generation, revision = _number(fields.get("generation")), _number(fields.get("revision"))
    option, by = _text(fields, "option"), _text(fields, "by")[:_LONGEST_BY]
    first = _number(fields.get("first"))
    return Request(op, _number(ticket), option, generation, revision, by, first)


def parse_response(line: bytes) -> Response:
    """Return the response in ``line``; raise ValueError if it is not one."""
    fields = _fields(line)
    refused = _text(fields, "refused")
    if refused:
        return Response(refused, _text(fields, "why") or refused, _number(fields.get("ticket")))
    generation, published = _number(fields.get("generation")), fields.get("published")
    if generation is None or not isinstance(published, bool):
        raise ValueError("it does not have the result of the poll")
    return Response(
        generation=generation,
        published=published,
        held=_text(fields, "held"),
        error=_text(fields, "error"),
        details=fields["details"] if isinstance(fields.get("details"), dict) else None,
        pinned=_number(fields.get("pinned")) or 0,
        generations=_rows(fields),
        left_off=_number(fields.get("left_off")) or 0,
    )


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def _fields(line: bytes) -> dict[str, Any]:
    try:
        # Decoded here, because json would guess the encoding.
        fields = json.loads(line.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(fields, dict):
        raise ValueError("it is not a JSON object")
    if not _number(fields.get("version")):
        raise ValueError("it names no version of the protocol")
    return fields


def _rows(fields: dict[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the generations in a response."""
    rows = fields.get("generations", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("generations is not a list of objects")
    return tuple(rows)


def _number(value: object) -> int | None:
    """Return ``value`` if it is a non-negative integer and not a bool."""
    return value if type(value) is int and value >= 0 else None


def _text(fields: dict[str, Any], name: str) -> str:
    """Return the printable text of the field ``name``; empty if there is none."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a text")
    return value.encode(errors="replace").decode()  # JSON can contain lone surrogates
