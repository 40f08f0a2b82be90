"""The page that a person looks at, as HTML.  Every text from outside is escaped."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from ddbcfg_client.commands.condition import (
    EMPTY,
    FAILING,
    FRESH,
    HELD,
    IN_DOUBT,
    PINNED,
    STALE,
    STALE_AFTER,
)
from ddbcfg_client.printable import printable
from ddbcfg_client.version import VERSION
from ddbcfg_daemon.outputs.web.history import Changed
from ddbcfg_daemon.outputs.web.layers import layers_of
from ddbcfg_daemon.outputs.web.states import NOT_SERVED, ORDER, STARTING, StoreState
from ddbcfg_daemon.outputs.web.texts import class_of, duration, name_text, size_text, time_text

_NAMES = 12  # names of options that a change shows

#: What each condition means for readers; the reason is the daemon's.
_MEANING = {
    NOT_SERVED: "This daemon does not serve the store. It tries again.",
    EMPTY: "Readers find no snapshot.",
    FAILING: "Readers keep the last snapshot.",
    STALE: "Readers keep the last snapshot.",
    PINNED: "An operator decides what readers get, until ddbcfg-client unpin.",
    HELD: "New content is held back. Readers keep the previous generation.",
    IN_DOUBT: "Published, although no revision explains it.",
    STARTING: "",
    FRESH: "",
}

Shown = tuple[StoreState, Sequence[Changed]]


def page(stores: Sequence[Shown]) -> bytes:
    """Return the page; stores that need a person come first."""
    ordered = sorted(stores, key=lambda shown: (ORDER.index(shown[0].condition), shown[0].label))
    host = escape(printable(socket.gethostname()))
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n',
            f"<title>{_title([state for state, _ in ordered])} · ddbcfg on {host}</title>\n",
            '<link rel="icon" href="/icon.svg">\n<link rel="stylesheet" href="/page.css">\n',
            '<script src="/page.js" defer></script>\n',
            '<noscript><meta http-equiv="refresh" content="5"></noscript>\n</head>\n<body>\n',
            f'<header class="top"><h1>ddbcfg <span>on {host}</span></h1>\n',
            f'<p class="clock">as of {time_text(time.time())} ',
            '<span id="lost" role="alert"></span></p>',
            '</header>\n<p id="announce" class="unseen" role="status"></p>\n<main id="live">\n',
            *_overview([state for state, _ in ordered]),
            '<div class="stores">\n',
            *(part for state, changes in ordered for part in _store(state, changes)),
            "</div>\n</main>\n",
            '<footer><nav aria-label="For programs"><a href="/metrics">metrics</a> ',
            '<a href="/readyz">readyz</a> <a href="/healthz">healthz</a></nav>',
            f"<p>ddbcfg {escape(VERSION)}</p></footer>\n</body>\n</html>\n",
        ]
    ).encode()


# --- all stores ----------------------------------------------------------------------------------


def _title(states: Sequence[StoreState]) -> str:
    if not states:
        return "no stores yet"
    worst = states[0].condition
    if worst == FRESH:
        return "the store is fresh" if len(states) == 1 else f"all {len(states)} stores are fresh"
    count = sum(state.condition == worst for state in states)
    if len(states) == 1:
        return f"the store is {worst}"
    return f"{count} of {len(states)} stores {'is' if count == 1 else 'are'} {worst}"


def _overview(states: Sequence[StoreState]) -> Iterator[str]:
    worst = states[0].condition if states else STARTING
    text = _title(states)
    yield f'<section class="overview {class_of(worst)}" aria-label="Overview">\n'
    yield f'<h2 class="verdict">{text[0].upper()}{text[1:]}</h2>\n<ul class="counts">'
    counts = Counter(state.condition for state in states)
    for condition in ORDER:
        if counts[condition]:
            yield f'<li class="{class_of(condition)}"><b>{counts[condition]}</b> {condition}</li>'
    yield "</ul>\n</section>\n"


# --- one store -----------------------------------------------------------------------------------


def _store(state: StoreState, changes: Sequence[Changed]) -> Iterator[str]:
    key = name_text(state.label)
    name = f'<span class="namespace">{name_text(state.namespace)}/</span>{name_text(state.store)}'
    yield f'<article class="store {class_of(state.condition)}" data-key="{key}"'
    yield f' data-state="{state.condition}" data-generation="{state.generation}">\n'
    yield f'<header><h3>{name}</h3><p class="state">{state.condition}</p></header>\n'
    if state.reason:
        since = f"since {time_text(state.since)}: " if state.since else ""
        yield f'<p class="reason">{since}{escape(state.reason)}.</p>\n'
    if meaning := _MEANING[state.condition]:
        yield f'<p class="meaning">{meaning}</p>\n'
    if state.copy_error:
        yield f'<p class="reason">{escape(state.copy_error)}</p>\n'
    if state.generation:
        yield from _age(state)
        yield '<dl class="facts">'
        yield from (f"<div><dt>{title}</dt><dd>{text}</dd></div>" for title, text in _facts(state))
        yield "</dl>\n"
    yield from layers_of(state.layers)
    if state.generation:
        yield from _changes(key, changes)
    yield "</article>\n"


def _age(state: StoreState) -> Iterator[str]:
    """Yield the age as a bar, which is full when the store becomes stale."""
    limit = STALE_AFTER * max(state.interval, state.longest_interval)
    share = 100 if state.age is None else max(1, min(100, round(100 * state.age / limit)))
    age = "unknown" if state.age is None else duration(state.age)
    yield f'<div class="age"><p><b>{age}</b> old <span>polled every {duration(state.interval)}'
    yield f", stale after {duration(limit)}</span></p>"
    yield f'<svg aria-hidden="true"><rect width="{share}%" height="100%" rx="2"/></svg></div>\n'


def _facts(state: StoreState) -> Iterator[tuple[str, str]]:
    revision = f" <small>revision {state.revision:,}</small>" if state.revision else ""
    yield "generation", f"{state.generation:,}{revision}"
    if state.table_revision > state.revision:
        yield "in the table", f"<small>revision</small> {state.table_revision:,}"
    yield "content since", time_text(state.read_at)
    yield "digest", f'<code title="{state.digest}">{state.digest[:12]}</code>'
    yield "options", f"{state.options:,} <small>{size_text(state.size)}</small>"
    yield "last poll", time_text(state.polled_at)
    yield "read units", f"{state.read_units:,g}"
    if state.source not in ("dynamodb", ""):
        yield "source", escape(state.source)


def _changes(key: str, changes: Sequence[Changed]) -> Iterator[str]:
    if not changes:
        return
    first, *earlier = changes
    yield '<section class="changes"><h4>What changed</h4>\n<ol>'
    yield from _change(first)
    yield "</ol>\n"
    if earlier:
        plural = "generation" if len(earlier) == 1 else "generations"
        yield f'<details id="earlier-{key}"><summary>{len(earlier)} {plural} before</summary>\n<ol>'
        for change in earlier:
            yield from _change(change)
        yield "</ol></details>\n"
    yield "</section>\n"


def _change(change: Changed) -> Iterator[str]:
    when = f" {time_text(change.at)}" if change.at else ""
    yield f'<li><p class="when"><b>{change.generation:,}</b>{when}</p><p class="names">'
    kinds = (("added", change.added), ("changed", change.changed), ("removed", change.removed))
    names = [(kind, name) for kind, names in kinds for name in names]
    yield " ".join(_named(names[:_NAMES]))
    if more := len(names) - _NAMES:
        yield f" <span>and {more:,} more</span>" if more > 0 else ""
    yield "</p></li>"


def _named(names: Iterable[tuple[str, str]]) -> Iterator[str]:
    for kind, name in names:
        word = f'<span class="unseen">{kind} </span>'
        yield f'<span class="name {kind}">{word}<bdi>{name_text(name)}</bdi></span>'
