"""Processes of the protocol's own code, driven one request at a time.

A process is run anew from its beginning with the answers that it got so far, until it asks for one
more: so the very code that hosts and writers run decides, and where it is can be part of a state.
Where it is, a node, is the program and these answers; what it asks there is found out once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ddbcfg_client.dynamodb.revision.access import Item, OnWait, Write
from ddbcfg_client.dynamodb.revision.content import Content
from ddbcfg_client.dynamodb.revision.place import (
    REVISION_OPTION,
    Place,
    change_option,
    part_option,
)
from ddbcfg_client.dynamodb.revision.record import Plan
from ddbcfg_client.errors import ConfigError, TableUnreachable, TransactionRefused
from model.world import NAMES, PLACE, Items, Rules, Transaction

Request = tuple[Any, ...]
#: What a process does with its access; whatever it returns or raises is its result.
Program = Callable[["ModelAccess"], Any]
LOST = ("lost",)


class Asked(BaseException):
    """The process has got all answers there are, and asks for one more."""

    def __init__(self, request: Request) -> None:
        self.request = request


class ModelAccess:
    """An access that answers from a list, and stops the process at its end."""

    on_wait: OnWait | None = None

    def __init__(self, name: str, answers: Sequence[Any], items: Items, rules: Rules) -> None:
        self._name = name
        self._answers = iter(answers)
        self._items = items
        self._rules = rules
        self._tokens = 0
        self._seconds = 0.0

    def ask(self, *request: Any) -> Any:
        """Return the next answer; stop the process if there is none yet."""
        for answer in self._answers:
            return answer
        raise Asked(request)

    @property
    def place(self) -> Place:
        return PLACE

    @property
    def region(self) -> str:
        return "there" if self._remote else "here"

    @property
    def _remote(self) -> bool:
        """Whether it is a host in another region, where nothing is ever consistent."""
        return self._rules.remote and self._name == "host"

    # --- what is read ----------------------------------------------------------------------------

    def revision(self, *, consistent: bool) -> Item | None:
        return self._items.item(self.ask("revision", consistent and not self._remote))

    def options(self, *, consistent: bool) -> Content:
        consistent = consistent and not self._remote
        cells = [self.ask("cell", place, consistent) for place in range(len(NAMES))]
        return {n: cell for n, cell in zip(NAMES, cells, strict=True) if cell is not None}

    def changes(self, first: int, last: int) -> Sequence[Item]:
        return self._found(self.ask("changes", change_option(first), change_option(last)))

    def change(self, rev: int) -> Item | None:
        return self._items.item(self.ask("change", change_option(rev)))

    def parts(self, plan: Plan) -> Sequence[Item]:
        first, last = part_option(plan.token, 0), part_option(plan.token, plan.count - 1)
        return self._found(self.ask("parts", first, last))

    def changes_below(self, rev: int, most: int) -> Sequence[Item]:
        return self._found(self.ask("below", change_option(rev), most))

    def part_options(self) -> Sequence[str]:
        return list(self.ask("part options"))

    def together(self, options: Sequence[str]) -> tuple[Item | None, Content]:
        places = [NAMES.index(option) for option in options]
        if not self._rules.together:
            revision = self.revision(consistent=True)
            cells = [self.ask("cell", place, True) for place in places]
        else:
            answer = self.ask("together", tuple(places))
            if answer[0] == "refused":
                raise refused(answer[1])
            revision, cells = self._items.item(answer[1]), answer[2]
        found = {n: cell for n, cell in zip(options, cells, strict=True) if cell is not None}
        return revision, found

    def _found(self, numbers: Sequence[int]) -> list[Item]:
        return [self._items.by_number[number] for number in numbers]

    # --- what is written -------------------------------------------------------------------------

    def commit(self, writes: Sequence[Write], token: str) -> None:
        cells, home, guard = [], [], None
        for write in writes:
            if write.home:
                home.append((write.option, self._items.number(write.item)))
            else:
                cells.append((NAMES.index(write.option), packed_of(write.item)))
            if write.guarded:
                guard = write
        wanted = Transaction(
            token,
            tuple(cells),
            tuple(home),
            guard is not None,
            None if guard is None else self._items.number(guard.seen),
        )
        answer = self.ask("commit", wanted)
        if answer == LOST:
            raise TableUnreachable("config", "TransactWriteItems", "ReadTimeoutError", "lost")
        if answer[0] == "refused":
            raise refused(answer[1])

    def put_part(self, item: Item) -> None:
        self.ask("put", item[PLACE.key_names.option]["S"], self._items.number(item))

    def put_revision_blindly(self, item: Item) -> None:
        """What no writer of the protocol does."""
        token = self.token()
        number = self._items.number(item)
        self.ask("commit", Transaction(token, (), ((REVISION_OPTION, number),), False, None))

    def edit(self, option: str, packed: bytes | None) -> None:
        """What a writer does that does not know the protocol."""
        self.ask("edit", NAMES.index(option), packed)

    def restore(self) -> None:
        """Make the table what it was at first."""
        self.ask("restore")

    # --- clocks and chance -----------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        # Shorter than a transaction takes: as if there were none.
        if seconds >= 2.0 and self._rules.waits and not self._remote:
            self.ask("wait", seconds >= 10.0)

    def monotonic(self) -> float:
        # Whoever looks twice has waited long enough: a writer that is alive can look dead.
        self._seconds += 100.0
        return self._seconds

    def now(self) -> float:
        return 1_800_000_000.0

    def jitter(self, most: float) -> float:
        return 0.0

    def token(self) -> str:
        self._tokens += 1
        return f"{self._name}{self._tokens}"


def refused(reason: str) -> TransactionRefused:
    return TransactionRefused("config", "Transact", "TransactionCanceledException", "", (reason,))


def packed_of(item: Item | None) -> bytes | None:
    from ddbcfg_client.format.values import pack_option

    if item is None:
        return None
    keys = dict(item)
    del keys[PLACE.key_names.store]
    return pack_option(keys.pop(PLACE.key_names.option)["S"], keys)


class Nodes:
    """Where processes can be, and what they ask there."""

    def __init__(self, items: Items, rules: Rules) -> None:
        self._items = items
        self._rules = rules
        self._programs: list[tuple[str, Program, tuple[Any, ...]]] = []
        self._numbers: dict[Any, int] = {}
        self._asks: list[tuple[str, Any] | None] = []

    def __len__(self) -> int:
        return len(self._programs)

    def start(self, key: Any, name: str, program: Program) -> int:
        """The node in which *program* begins; *key* names the program."""
        return self._node((key, ()), name, program, ())

    def after(self, node: int, answer: Any) -> int:
        """The node in which a process is that got *answer*."""
        name, program, answers = self._programs[node]
        return self._node((node, answer), name, program, (*answers, answer))

    def _node(self, key: Any, name: str, program: Program, answers: tuple[Any, ...]) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._programs)
            self._programs.append((name, program, answers))
            self._asks.append(None)
        return number

    def ask(self, node: int) -> tuple[str, Any]:
        """("ask", request), ("done", result) or ("failed", error)."""
        found = self._asks[node]
        if found is None:
            name, program, answers = self._programs[node]
            access = ModelAccess(name, answers, self._items, self._rules)
            try:
                found = ("done", program(access))
            except Asked as asked:
                found = ("ask", asked.request)
            except ConfigError as error:
                found = ("failed", error)
            self._asks[node] = found
        return found
