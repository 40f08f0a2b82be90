"""What is said over a daemon's request socket: one line of JSON each way.  No I/O.

A request names an operation; the response comes when it is done, and the connection ends with it.
Both sides skip fields that they do not know, so that either can be upgraded first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

PROTOCOL_VERSION = 1
LONGEST_REQUEST = 4096  # bytes, with the newline
LONGEST_RESPONSE = 65536
_LONGEST_TEXT = 5000  # characters, each of which may take twelve bytes as JSON's escapes

# Operations.
POLL = "poll"  # read the table now
ACCEPT = "accept"  # the same, and publish even what a guard refuses; over the admin socket only

# Why a request was refused; more may come.
BUSY = "busy"  # too many connections are open; come again with the ticket
FORBIDDEN = "forbidden"  # not for this user, or not over this socket
MALFORMED = "malformed"  # it is not a request
UNKNOWN = "unknown"  # this daemon does not know the operation
STOPPING = "stopping"  # the daemon stops serving the store


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for.

    ``ticket`` comes from a response that refused an earlier try as busy: a poll that began after
    that one is as good as a later one.
    """

    op: str
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What became of a request.

    ``refused`` is why nothing was done, and ``why`` the same as a sentence.  If it is empty, the
    table was polled: ``generation`` is current now, ``published`` whether this poll made it so,
    ``held`` why a guard held back what was read, ``error`` why the poll failed.
    """

    refused: str = ""
    why: str = ""
    ticket: int | None = None
    generation: int = 0
    published: bool = False
    held: str = ""
    error: str = ""


def pack_request(request: Request) -> bytes:
    """Return the line that says ``request``."""
    fields: dict[str, Any] = {"version": PROTOCOL_VERSION, "op": request.op}
    if request.ticket is not None:
        fields["ticket"] = request.ticket
    return _line(fields)


def pack_response(response: Response) -> bytes:
    """Return the line that says ``response``; long texts are cut."""
    fields: dict[str, Any] = {"version": PROTOCOL_VERSION}
    if response.refused:
        fields |= {"refused": response.refused, "why": response.why[:_LONGEST_TEXT]}
        if response.ticket is not None:
            fields["ticket"] = response.ticket
    else:
        # No text is as long as two of these: a poll is held or has failed.
        fields |= {
            "generation": response.generation,
            "published": response.published,
            "held": response.held[: _LONGEST_TEXT // 2],
            "error": response.error[: _LONGEST_TEXT // 2],
        }
    return _line(fields)


def parse_request(line: bytes) -> Request:
    """Return the request that ``line`` says; raise ValueError if it says none."""
    fields = _fields(line)
    op, ticket = fields.get("op"), fields.get("ticket")
    if not isinstance(op, str):
        raise ValueError("it names no operation")
    return Request(op, _number(ticket))


def parse_response(line: bytes) -> Response:
    """Return the response that ``line`` says; raise ValueError if it says none."""
    fields = _fields(line)
    refused = _text(fields, "refused")
    if refused:
        return Response(refused, _text(fields, "why") or refused, _number(fields.get("ticket")))
    generation, published = _number(fields.get("generation")), fields.get("published")
    if generation is None or not isinstance(published, bool):
        raise ValueError("it does not say what became of the poll")
    return Response(
        generation=generation,
        published=published,
        held=_text(fields, "held"),
        error=_text(fields, "error"),
    )


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def _fields(line: bytes) -> dict[str, Any]:
    try:
        # Decoded here: json would guess the encoding.
        fields = json.loads(line.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(fields, dict):
        raise ValueError("it is not a JSON object")
    if not _number(fields.get("version")):
        raise ValueError("it names no version of the protocol")
    return fields


def _number(value: object) -> int | None:
    """Return ``value`` if it is an integer that is not negative; a bool is none."""
    return value if type(value) is int and value >= 0 else None


def _text(fields: dict[str, Any], name: str) -> str:
    """Return the text called ``name``, which can be printed; empty if there is none."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a text")
    return value.encode(errors="replace").decode()  # JSON can say half a surrogate pair
