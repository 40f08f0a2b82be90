"""A table of one store as a value, and every step that can come next.

Reads of several options are a step for each option.  An eventually consistent read has what was
there, or what was there one or two versions ago; and each read has its own.  A transaction is
decided in one step, on all its items, and is applied in a step for each option and one for the
items of the revision; while it is, no other transaction gets at these.  A request can be lost
before it was done, be done without a response, or be done later.

A state is a tuple, so that it can be a key; items are numbers in it, the same for equal items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from msgpack import packb

from ddbcfg_client.dynamodb.revision.access import GUARDED
from ddbcfg_client.dynamodb.revision.content import Entry
from ddbcfg_client.dynamodb.revision.packing import pack_entries, unpack_entries
from ddbcfg_client.dynamodb.revision.place import REVISION_OPTION, Place
from ddbcfg_client.format.values import pack_option

NAMES = ("a", "b")
PLACE = Place("config", "prod")
Cells = tuple[bytes | None, ...]


class Transaction(NamedTuple):
    """What a commit asks for: cells by their place, home items by their key, None to delete."""

    token: str
    cells: tuple[tuple[int, bytes | None], ...]
    home: tuple[tuple[str, int | None], ...]
    guarded: bool
    seen: int | None


class Flight(NamedTuple):
    """A transaction that was decided, and what of it is not applied yet."""

    token: str
    cells: tuple[tuple[int, bytes | None], ...]
    home: tuple[tuple[str, int | None], ...]


class Actor(NamedTuple):
    """Where a process is: in which ``node`` of what it does; see ``actors``."""

    status: str  # "run", "done", "dead"
    node: int
    #: What has to be over before its wait is: tokens of transactions, and requests on their way.
    waits: tuple[str, ...] | None
    #: How many responses may still be lost; for a reader, which poll this is.
    budget: int


class State(NamedTuple):
    """Everything there is.  Versions are oldest first."""

    store: tuple[Cells, ...]
    revision: tuple[int | None, ...]
    changes: tuple[tuple[tuple[str, int], ...], ...]
    parts: tuple[tuple[str, int], ...]
    flying: tuple[Flight, ...]
    done: frozenset[str]
    late: tuple[Transaction, ...]
    actors: tuple[Actor, ...]
    #: What the store was, as a whole, at a time at which no import was under way.
    legal: frozenset[Cells]


@dataclass
class Items:
    """Items and their numbers."""

    by_number: list[Mapping[str, Any]] = field(default_factory=list)
    _numbers: dict[bytes, int] = field(default_factory=dict)

    def number(self, item: Mapping[str, Any] | None) -> int | None:
        if item is None:
            return None
        key = packb({name: item[name] for name in sorted(item)})
        if key not in self._numbers:
            self._numbers[key] = len(self.by_number)
            self.by_number.append(item)
        return self._numbers[key]

    def item(self, number: int | None) -> Mapping[str, Any] | None:
        return None if number is None else self.by_number[number]


def _newest(versions: tuple[Any, ...], new: Any, lag: int) -> tuple[Any, ...]:
    return versions if versions[-1] == new else (*versions, new)[-1 - lag :]


class Rules(NamedTuple):
    """What the world is like, and which rule of the protocol is broken in it."""

    lag: int = 1
    ignores_pending: bool = False
    waits: bool = True
    together: bool = True
    late: bool = False
    #: The host is in another region than the writers.
    remote: bool = False
    #: Change items can be missing, damaged, or say what is not so.
    changes_lie: bool = False


class World:
    """The table's side: how requests are answered."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.items = Items()
        self.first: State | None = None

    # --- what is logically there -----------------------------------------------------------------

    @staticmethod
    def truth(state: State) -> Cells:
        """The cells, with every transaction that was decided."""
        cells = list(state.store[-1])
        for flight in state.flying:
            for place, value in flight.cells:
                cells[place] = value
        return tuple(cells)

    def importing(self, state: State) -> bool:
        """Whether an import is under way, with every transaction that was decided."""
        number = state.revision[-1]
        for flight in state.flying:
            number = dict(flight.home).get(REVISION_OPTION, number)
        item = self.items.item(number)
        return item is not None and "pending" in item

    def settle(self, state: State) -> State:
        """Remember what the store is, if it is legal to publish that."""
        if self.importing(state):
            return state
        truth = self.truth(state)
        return state if truth in state.legal else state._replace(legal=state.legal | {truth})

    # --- answers ---------------------------------------------------------------------------------

    def answers(self, state: State, request: tuple[Any, ...]) -> Iterator[tuple[Any, State]]:
        """Every answer that a request can get, and the state after it."""
        kind = request[0]
        if kind == "revision":
            versions = state.revision[-1:] if request[1] else state.revision
            for number in dict.fromkeys(versions):
                yield number, state
        elif kind == "cell":
            versions_ = state.store[-1:] if request[2] else state.store
            for value in dict.fromkeys(cells[request[1]] for cells in versions_):
                yield value, state
        elif kind == "changes":
            for version in dict.fromkeys(state.changes):
                found = tuple(n for key, n in version if request[1] <= key <= request[2])
                yield found, state
                if found and self.rules.changes_lie:
                    yield from ((lie, state) for lie in self._lies(found))
        elif kind == "change":
            yield dict(state.changes[-1]).get(request[1]), state
        elif kind == "below":
            below = [number for key, number in state.changes[-1] if key < request[1]]
            yield tuple(below[::-1][: request[2]]), state
        elif kind == "part options":
            yield tuple(key for key, _ in state.parts), state
        elif kind == "parts":
            yield tuple(n for key, n in state.parts if request[1] <= key <= request[2]), state
        elif kind == "together":
            yield from self._together(state, request[1])
        elif kind == "put":
            parts = tuple(sorted({**dict(state.parts), request[1]: request[2]}.items()))
            yield None, state._replace(parts=parts)
        elif kind == "commit":
            yield from self._commit(state, request[1])
        elif kind == "edit":
            if not self._conflict(state, {request[1]}, set()):
                cells = tuple(
                    request[2] if place == request[1] else value
                    for place, value in enumerate(state.store[-1])
                )
                yield None, self.settle(self._with_cells(state, cells))
        elif kind == "restore":
            if not state.flying:
                yield None, self._restored(state)
        else:
            raise AssertionError(kind)

    def _lies(self, found: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """What a host may find instead of these change items."""
        *rest, last = found
        item = self.items.by_number[last]
        half = [entry for entry in unpack_entries(item["z"]["B"]) if entry.name == NAMES[0]]
        other = [Entry(NAMES[0], None, pack_option("o", {"n": {"N": "9"}}))]
        yield tuple(rest)
        yield found[::-1]
        for attribute in (
            {"z": {"B": b"no list"}},
            {"z": {"B": pack_entries([])}},
            {"z": {"B": pack_entries(half)}},
            {"z": {"B": pack_entries(other)}},
            {"epoch": {"S": "another"}},
        ):
            lie = self.items.number({**item, **attribute})
            assert lie is not None
            yield (*rest, lie)

    def _restored(self, state: State) -> State:
        """The table as it was at first, its oldest versions too."""
        assert self.first is not None
        then = self.first
        return state._replace(
            store=then.store, revision=then.revision, changes=then.changes, parts=then.parts
        )

    def _together(self, state: State, places: Sequence[int]) -> Iterator[tuple[Any, State]]:
        if self._conflict(state, set(places), {REVISION_OPTION}):
            yield ("refused", "TransactionConflict"), state
        else:
            cells = tuple(state.store[-1][place] for place in places)
            yield ("found", state.revision[-1], cells), state

    def _commit(self, state: State, wanted: Transaction) -> Iterator[tuple[Any, State]]:
        if wanted.token in state.done:
            yield ("done",), state
            return
        if any(flight.token == wanted.token for flight in state.flying):
            return  # answered when it has been applied
        refusal = self._refusal(state, wanted)
        if refusal:
            yield ("refused", refusal), state
        else:
            # The answer comes when it has been applied: the writer asks again until then.
            yield None, self._decide(state, wanted)

    def lose(self, state: State, wanted: Transaction) -> Iterator[State]:
        """What can become of a request whose answer is lost."""
        yield state
        if wanted.token not in state.done and not self._refusal(state, wanted):
            yield self._decide(state, wanted)
        if self.rules.late and wanted not in state.late:
            yield state._replace(late=(*state.late, wanted))

    def arrive(self, state: State) -> Iterator[State]:
        """Requests that come late."""
        for request in state.late:
            rest = tuple(other for other in state.late if other != request)
            left = state._replace(late=rest)
            known = request.token in state.done or any(
                flight.token == request.token for flight in state.flying
            )
            if known or self._refusal(left, request):
                yield left
            else:
                yield self._decide(left, request)
                yield left

    def apply(self, state: State) -> Iterator[State]:
        """One more item of a transaction that was decided."""
        for flight in state.flying:
            for cell in flight.cells:
                rest = flight._replace(cells=tuple(c for c in flight.cells if c != cell))
                cells = list(state.store[-1])
                cells[cell[0]] = cell[1]
                yield self._land(self._with_cells(state, tuple(cells)), flight, rest)
            if flight.home:
                changed = self._with_home(state, flight.home)
                yield self._land(changed, flight, flight._replace(home=()))

    def _land(self, state: State, flight: Flight, rest: Flight) -> State:
        flying = tuple(rest if one == flight else one for one in state.flying)
        if rest.cells or rest.home:
            return state._replace(flying=flying)
        flying = tuple(one for one in flying if one != rest)
        return state._replace(flying=flying, done=state.done | {rest.token})

    def _decide(self, state: State, wanted: Transaction) -> State:
        flight = Flight(wanted.token, wanted.cells, wanted.home)
        return self.settle(state._replace(flying=(*state.flying, flight)))

    def _refusal(self, state: State, wanted: Transaction) -> str | None:
        places = {place for place, _ in wanted.cells}
        if self._conflict(state, places, {key for key, _ in wanted.home}):
            return "TransactionConflict"
        if wanted.guarded and not self._as_seen(state, wanted.seen):
            return "ConditionalCheckFailed"
        return None

    def _as_seen(self, state: State, seen: int | None) -> bool:
        now, then = self.items.item(state.revision[-1]), self.items.item(seen)
        if now is None or then is None:
            return now is then
        names = [n for n in GUARDED if n != "pending" or not self.rules.ignores_pending]
        return all(now.get(name) == then.get(name) for name in names)

    @staticmethod
    def _conflict(state: State, places: set[int], keys: set[str]) -> bool:
        return any(
            places & {place for place, _ in flight.cells} or keys & {key for key, _ in flight.home}
            for flight in state.flying
        )

    def _with_cells(self, state: State, cells: Cells) -> State:
        return state._replace(store=_newest(state.store, cells, self.rules.lag))

    def _with_home(self, state: State, home: Sequence[tuple[str, int | None]]) -> State:
        changes, parts = dict(state.changes[-1]), dict(state.parts)
        revision = state.revision[-1]
        for key, number in home:
            if key == REVISION_OPTION:
                revision = number
                continue
            into = changes if key.startswith("change/") else parts
            if number is None:
                into.pop(key, None)
            else:
                into[key] = number
        lag = self.rules.lag
        return state._replace(
            revision=_newest(state.revision, revision, lag),
            changes=_newest(state.changes, tuple(sorted(changes.items())), min(lag, 1)),
            parts=tuple(sorted(parts.items())),
        )
