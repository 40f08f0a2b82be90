"""Requests and responses, without any I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

#: Only what this daemon serves itself may be loaded or run, and no other page may embed it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("Connection", "close"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", _POLICY),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)

HTML = "text/html; charset=utf-8"
JSON = "application/json"
OPENMETRICS = "application/openmetrics-text"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request: its method, its target, and the headers that matter, "" without one.

    ``hosts`` has each Host header.
    """

    method: str
    target: str
    accept: str = ""
    hosts: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The path of the target, "" if the target is none."""
        try:
            return urlsplit(self.target).path
        except ValueError:
            return ""

    @property
    def wants_json(self) -> bool:
        """Whether ``?format=json``, or without a format the Accept header, asks for JSON."""
        try:
            formats = parse_qs(urlsplit(self.target).query, max_num_fields=20).get("format")
        except ValueError:
            formats = None
        return formats[-1] == "json" if formats else JSON in self.accept.lower()

    @property
    def wants_openmetrics(self) -> bool:
        """Whether the Accept header names OpenMetrics, of whatever version."""
        kinds = (part.partition(";")[0].strip().lower() for part in self.accept.split(","))
        return OPENMETRICS in kinds


@dataclass(frozen=True, slots=True)
class Response:
    """A response; ``more`` has further headers."""

    status: int
    body: bytes
    kind: str = TEXT
    more: tuple[tuple[str, str], ...] = field(default=())

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All headers."""
        its = [("Content-Type", self.kind), ("Content-Length", str(len(self.body)))]
        return [*its, *_HEADERS, *self.more]


def text(status: int, line: str, *more: tuple[str, str]) -> Response:
    """Return a response of one line."""
    return Response(status, f"{line}\n".encode(), more=more)
