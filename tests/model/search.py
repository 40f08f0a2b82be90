"""Breadth-first search over every interleaving of the processes of a scenario.

A wrong state is reported with the steps that lead to it, the shortest ones there are.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ddbcfg_client.dynamodb.revision.content import digest_of, total_of
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.item import Revision, item_of, parse_revision
from ddbcfg_client.dynamodb.revision.known import Followed, How, Known
from model.actors import LOST, Nodes, Program
from model.world import NAMES, PLACE, Actor, Cells, Rules, State, World

Follow = Callable[..., Followed]
RULES = Rules()


class Wrong(AssertionError):
    """The protocol does what it must not; the steps say how."""


@dataclass(frozen=True)
class Writer:
    """A process that writes; ``losses`` is how many of its responses can be lost."""

    name: str
    program: Program
    losses: int = 0
    crashes: bool = True


@dataclass(frozen=True)
class Reader:
    """A host: it polls, in full where ``polls`` says so."""

    polls: tuple[bool, ...] = (False, False)
    follow: Follow = follow


@dataclass(frozen=True)
class Scenario:
    """A table at its first revision, and who is at work on it."""

    before: Cells
    writers: tuple[Writer, ...]
    reader: Reader | None = None
    rules: Rules = RULES
    #: Is called with each state in which nothing goes on any more, to raise Wrong.
    final: Callable[[Search, State], None] | None = None
    #: Whether writers that do not know the protocol are at work.
    edits: bool = False
    #: Whether the revision's digest has to be the store's in the end.
    digest: bool = True
    #: Whether the table can be restored, so that revisions go back.
    restores: bool = False


class _Seen:
    """The states that were found, in order, each as a few numbers: there are many of them."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._numbers: dict[Any, int] = {}
        self._keys: dict[bytes, None] = {}
        self._ordered: list[bytes] = []
        self._before = array("q")

    def __len__(self) -> int:
        return len(self._ordered)

    def add(self, state: State, before: int) -> None:
        """Add a state that comes after the one with the number *before*, if it is a new one."""
        parts = (*state[:7], state.legal, *state.actors)
        key = array("i", map(self._number, parts)).tobytes()
        if key not in self._keys:
            self._keys[key] = None
            self._ordered.append(key)
            self._before.append(before)

    def state(self, number: int) -> State:
        parts = [self._values[at] for at in array("i", self._ordered[number])]
        return State(*parts[:7], tuple(parts[8:]), parts[7])

    def before(self, number: int) -> int:
        return self._before[number]

    def _number(self, value: Any) -> int:
        number = self._numbers.get(value)
        if number is None:
            number = self._numbers[value] = len(self._values)
            self._values.append(value)
        return number


class Search:
    """One search; ``states`` is how many there were."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.world = World(scenario.rules)
        self.nodes = Nodes(self.world.items, scenario.rules)
        self.states = self.publications = self.finals = 0
        #: How polls found what they did.
        self.how: Counter[How] = Counter()
        self._checked: set[Any] = set()
        self._known: list[Known] = []
        self._known_numbers: dict[Any, int] = {}

    def __str__(self) -> str:
        return (
            f"{self.states} states, {self.publications} polls, {self.finals} ends, "
            f"{len(self.nodes)} nodes of processes"
        )

    # --- the first state -------------------------------------------------------------------------

    def first(self) -> State:
        before = self.scenario.before
        content = {n: cell for n, cell in zip(NAMES, before, strict=True) if cell is not None}
        total = total_of(content)
        revision = Revision("e1", 1, digest_of(total), len(content), base=1, region="here")
        number = self.world.items.number(item_of(PLACE, revision))
        actors = [
            Actor("run", self.nodes.start(writer.name, writer.name, writer.program), None,
                  writer.losses)
            for writer in self.scenario.writers
        ]  # fmt: skip
        state = State(
            (before,), (number,), ((),), (), (), frozenset(), (), (), frozenset((before,))
        )
        self.world.first = state
        if self.scenario.reader is not None:
            assert revision.digest is not None
            known = Known("e1", 1, revision.digest, content, total)
            actors.append(self._poll(0, self._number(known)))
        return state._replace(actors=tuple(self._arrived(state, actor) for actor in actors))

    def _number(self, known: Known) -> int:
        key = (known.epoch, known.rev, known.digest, tuple(sorted(known.options.items())))
        if key not in self._known_numbers:
            self._known_numbers[key] = len(self._known)
            self._known.append(known)
        return self._known_numbers[key]

    def _poll(self, number: int, known: int) -> Actor:
        reader = self.scenario.reader
        assert reader is not None
        had, full = self._known[known], reader.polls[number]
        node = self.nodes.start(
            ("poll", known, full), "host", lambda access: reader.follow(access, had, full=full)
        )
        return Actor("run", node, None, number * 1000 + known)

    # --- steps -----------------------------------------------------------------------------------

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        """Every state that can come next, and what has happened then."""
        for after in self.world.apply(state):
            yield "a transaction is applied further", after
        for after in self.world.arrive(state):
            yield "a late request arrives", after
        for at, actor in enumerate(state.actors):
            if actor.status == "run":
                yield from self._steps_of(state, at, actor)

    def _steps_of(self, state: State, at: int, actor: Actor) -> Iterator[tuple[str, State]]:
        writers = self.scenario.writers
        name = writers[at].name if at < len(writers) else "host"
        kind, request = self.nodes.ask(actor.node)
        assert kind == "ask"
        what = f"{name}: {request[0]}"
        if request[0] == "wait":
            assert actor.waits is not None
            going_on = {one.token for one in state.flying} | {one.token for one in state.late}
            if not going_on & set(actor.waits):
                yield what, self._advance(state, at, actor, True)
        else:
            for answer, after in self.world.answers(state, request):
                if answer is None and request[0] == "commit":
                    yield f"{what}, decided", after
                else:
                    yield f"{what} -> {answer}", self._advance(after, at, actor, answer)
        if at < len(writers):
            yield from self._failures(state, at, actor, request, name)

    def _failures(
        self, state: State, at: int, actor: Actor, request: Any, name: str
    ) -> Iterator[tuple[str, State]]:
        commits = request[0] == "commit"
        outcomes = list(self.world.lose(state, request[1])) if commits else [state]
        if commits and actor.budget:
            poorer = actor._replace(budget=actor.budget - 1)
            for after in outcomes:
                yield f"{name}: response lost", self._advance(after, at, poorer, LOST)
        if self.scenario.writers[at].crashes:
            for after in outcomes:
                yield f"{name}: dies", self._with(after, at, Actor("dead", 0, None, 0))

    def _advance(self, state: State, at: int, actor: Actor, answer: Any) -> State:
        moved = actor._replace(node=self.nodes.after(actor.node, answer), waits=None)
        return self._with(state, at, self._arrived(state, moved))

    @staticmethod
    def _with(state: State, at: int, actor: Actor) -> State:
        actors = (*state.actors[:at], actor, *state.actors[at + 1 :])
        return state._replace(actors=actors)

    def _arrived(self, state: State, actor: Actor) -> Actor:
        """An actor that has come to its node: it may be at its end there."""
        kind, what = self.nodes.ask(actor.node)
        if kind == "ask":
            if what[0] != "wait":
                return actor
            # It began now at the latest, and ends no sooner than what goes on now.
            waits = [one.token for one in state.flying]
            if what[1]:
                waits += [one.token for one in state.late]
            return actor._replace(waits=tuple(sorted(waits)))
        if isinstance(what, Followed):
            return self._published(state, actor, what)
        return Actor("done", actor.node, None, 0)

    def _published(self, state: State, actor: Actor, found: Followed) -> Actor:
        number, had = divmod(actor.budget, 1000)
        known = self._known[had]
        if found.known is not None:
            cells = tuple(found.known.options.get(name) for name in NAMES)
            if cells not in state.legal:
                raise Wrong(f"published what the store never was ({found.how}): {cells}")
            back = found.known.epoch == known.epoch and found.known.rev < known.rev
            if back and not self.scenario.restores:
                raise Wrong(f"went back from revision {known.rev} to {found.known.rev}")
            known = found.known
        self.publications += 1
        self.how[found.how] += 1
        reader = self.scenario.reader
        assert reader is not None
        if number + 1 == len(reader.polls):
            return Actor("done", actor.node, None, self._number(known))
        return self._poll(number + 1, self._number(known))

    # --- the search ------------------------------------------------------------------------------

    def run(self) -> Search:
        """Look at every state; raise Wrong, with the steps that led to it."""
        seen = _Seen()
        seen.add(self.first(), -1)
        while self.states < len(seen):
            number = self.states
            state = seen.state(number)
            self.states += 1
            try:
                busy = False
                for _, after in self.steps(state):
                    busy = True
                    seen.add(after, number)
                if not busy:
                    self._final(state)
            except Wrong as wrong:
                raise Wrong(f"{wrong}\n{self._path(seen, number)}") from None
        return self

    def _path(self, seen: _Seen, number: int) -> str:
        told: list[str] = []
        while (before := seen.before(number)) >= 0:
            wanted = seen.state(number)
            told += [what for what, after in self.steps(seen.state(before)) if after == wanted][:1]
            number = before
        return "\n".join(f"  {what}" for what in reversed(told))

    # --- when nothing goes on any more -----------------------------------------------------------

    def _final(self, state: State) -> None:
        if any(actor.status == "run" for actor in state.actors):
            raise Wrong("nothing goes on, and not all have ended")
        known = state.actors[-1].budget if self.scenario.reader is not None else -1
        results = tuple(actor.node for actor in state.actors[: len(self.scenario.writers)])
        key = (
            state.store[-1], state.revision[-1], state.changes[-1], state.parts, known, results,
            state.legal,
        )  # fmt: skip
        if key in self._checked:
            return
        self._checked.add(key)
        self.finals += 1
        quiet = state._replace(
            store=state.store[-1:], revision=state.revision[-1:], changes=state.changes[-1:]
        )
        if self.scenario.final is not None:
            self.scenario.final(self, quiet)
        check_quiet(self, quiet)

    def alone(self, state: State, program: Program, name: str = "z") -> tuple[Any, State]:
        """Run a process alone to its end: its result, or its error, and the state after it."""
        node = self.nodes.start(("alone", id(program)), name, program)
        self._kept = [*getattr(self, "_kept", []), program]  # so that its id stays its own
        while True:
            kind, what = self.nodes.ask(node)
            if kind != "ask":
                return what, state
            if what[0] == "wait":
                node = self.nodes.after(node, True)
                continue
            answers = list(self.world.answers(state, what))
            (answer, state), *others = answers
            assert not others or self.world.rules.changes_lie  # the truth comes first
            if answer is None and what[0] == "commit":
                while state.flying:
                    state = next(self.world.apply(state))
                state = state._replace(
                    store=state.store[-1:], revision=state.revision[-1:], changes=state.changes[-1:]
                )
                continue
            node = self.nodes.after(node, answer)
            state = state._replace(store=state.store[-1:])

    def revision(self, state: State) -> Revision | None:
        item = self.world.items.item(state.revision[-1])
        return None if item is None else parse_revision(PLACE, item)

    def known(self, state: State) -> Known | None:
        """What the host knows."""
        if self.scenario.reader is None:
            return None
        return self._known[state.actors[-1].budget]


def check_quiet(search: Search, state: State) -> None:
    """What must hold when nothing goes on: the revision is the store's, and hosts find it."""
    revision = search.revision(state)
    assert revision is not None
    if revision.pending is not None:
        _check_host_holds(search, state)
        return
    truth = _content(state)
    exact = search.scenario.digest and not search.scenario.edits
    if exact and revision.digest != digest_of(total_of(truth)):
        raise Wrong(f"the digest of revision {revision.rev} is not the store's")
    if search.scenario.edits:
        state = _scribed(search, state)
    _check_host_arrives(search, state)


def _scribed(search: Search, state: State) -> State:
    from ddbcfg_client.dynamodb.revision.syncing import sync

    _, state = search.alone(state, lambda access: sync(access, None, by="scribe"), "final")
    revision = search.revision(state)
    assert revision is not None
    if revision.digest != digest_of(total_of(_content(state))):
        raise Wrong("the scribe's revision is not the store's")
    return state


def _content(state: State) -> dict[str, bytes]:
    cells = zip(NAMES, state.store[-1], strict=True)
    return {name: cell for name, cell in cells if cell is not None}


def _check_host_arrives(search: Search, state: State) -> None:
    reader = search.scenario.reader
    known = search.known(state)
    if reader is None or known is None:
        return
    found, _ = search.alone(state, lambda access: reader.follow(access, known))
    if not isinstance(found, Followed) or found.known is None:
        raise Wrong(f"a poll finds nothing in the end: {found}")
    if found.known.options != _content(state) or not found.known.proved:
        raise Wrong(f"a host stays with what is not the store ({found.how})")


def _check_host_holds(search: Search, state: State) -> None:
    """With an import that nobody ends a host keeps what it has, which is legal."""
    reader = search.scenario.reader
    known = search.known(state)
    if reader is None or known is None:
        return
    found, _ = search.alone(state, lambda access: reader.follow(access, known))
    assert isinstance(found, Followed)
    if found.how is How.DOUBT:
        raise Wrong("an import that was left half done is published in doubt")
    if found.known is not None:
        cells = tuple(found.known.options.get(name) for name in NAMES)
        if cells not in state.legal:
            raise Wrong(f"an import that was left half done is published: {cells}")
