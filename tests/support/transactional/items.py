"""The items of a table, with transactions and late replicas.

As the service documents them: a transaction is decided at once, for all its items, and then applied
item by item.  Meanwhile a read of one item, or each item of a Query, has what was committed there,
so a Query may have half of the transaction, also a consistent one.  Only TransactGetItems does not:
it is refused, and so is every write of an item that a transaction is at work on.  A token is
honoured once.

An eventually consistent read has, for each item, what was there up to ``lag`` seconds ago.  That is
worse than the service, where all items of a page come from one replica.
"""

from __future__ import annotations

import random
import time
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

from support.transactional.conditions import holds
from support.transactional.errors import Refused, cancelled

Key = tuple[str, str]
Item = Mapping[str, Any]
MAX_ACTIONS = 100


class Items:
    """One table; each method is one request, from any thread.

    ``between`` is called before each item of a transaction is applied.
    """

    def __init__(
        self,
        keys: tuple[str, str],
        *,
        lag: float = 0.0,
        between: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        self.keys = keys
        self._lag = lag
        self._between = between
        self._clock = clock
        self._chance = chance or random.Random()
        self._lock = Lock()
        # Of each item what it was and since when, the oldest first.
        self._versions: dict[Key, list[tuple[float, Item | None]]] = {}
        self._options: defaultdict[str, list[bytes]] = defaultdict(list)
        self._busy: set[Key] = set()
        self._tokens: dict[str, tuple[object, bool]] = {}  # the request, and whether it is done

    def key(self, item: Item) -> Key:
        """The key of an item."""
        try:
            return item[self.keys[0]]["S"], item[self.keys[1]]["S"]
        except KeyError:
            raise Refused("ValidationException", "One of the required keys is missing") from None

    # --- reading ---------------------------------------------------------------------------------

    def get(self, key: Key, *, consistent: bool) -> Item | None:
        """One item."""
        with self._lock:
            return self._read(key, consistent=consistent)

    def query(
        self,
        store: str,
        first: str | None,
        last: str,
        *,
        consistent: bool,
        forward: bool = True,
        after: str | None = None,
    ) -> Iterator[Item]:
        """The items of a hash key in order, each as it is when it is its turn."""
        with self._lock:
            options = self._options[store][:]
        if first is not None:
            options = options[
                bisect_left(options, first.encode()) : bisect_right(options, last.encode())
            ]
        if not forward:
            options = options[::-1]
        if after is not None:
            options = options[options.index(after.encode()) + 1 :]
        for option in options:
            item = self.get((store, option.decode()), consistent=consistent)
            if item is not None:
                yield item

    def together(self, keys: Sequence[Key]) -> list[Item | None]:
        """Items as of one point in time."""
        with self._lock:
            self._check(keys, lambda at: True)
            return [self._read(key, consistent=True) for key in keys]

    def _read(self, key: Key, *, consistent: bool) -> Item | None:
        versions = self._versions.get(key, [(0.0, None)])
        if consistent:
            return versions[-1][1]
        then = self._clock() - self._chance.uniform(0.0, self._lag)
        return next((item for since, item in reversed(versions) if since <= then), None)

    # --- writing ---------------------------------------------------------------------------------

    def write(self, action: Mapping[str, Any]) -> None:
        """Put or delete one item, if its condition holds."""
        key = self.key(action["Item"] if "Item" in action else action["Key"])
        with self._lock:
            if key in self._busy:
                text = "Transaction is ongoing for the item"
                raise Refused("TransactionConflictException", text)
            if not holds(action, self._read(key, consistent=True)):
                text = "The conditional request failed"
                raise Refused("ConditionalCheckFailedException", text)
            self._apply(key, action.get("Item"))

    def transact(self, actions: Sequence[Mapping[str, Any]], token: str) -> None:
        """Do all of the actions or none, once for each token."""
        keys = [self.key(action.get("Item") or action["Key"]) for action in actions]
        if len(set(keys)) < len(keys) or not 0 < len(keys) <= MAX_ACTIONS:
            raise Refused("ValidationException", "too many actions, or two on one item")
        with self._lock:
            if self._known(token, actions):
                return
            now = [self._read(key, consistent=True) for key in keys]
            self._check(keys, lambda at: holds(actions[at], now[at]))
            self._busy.update(keys)
            self._tokens[token] = (actions, False)
        order = list(zip(keys, actions, strict=True))
        self._chance.shuffle(order)
        for key, action in order:
            self._between()
            with self._lock:
                self._apply(key, action.get("Item"))
        with self._lock:
            self._busy.difference_update(keys)
            self._tokens[token] = (actions, True)

    def _known(self, token: str, actions: object) -> bool:
        if token not in self._tokens:
            return False
        earlier, done = self._tokens[token]
        if earlier != actions:
            raise Refused("IdempotentParameterMismatchException", "another request has this token")
        if not done:
            raise Refused("TransactionInProgressException", "the request is being worked on")
        return True

    def _check(self, keys: Sequence[Key], holds_at: Callable[[int], bool]) -> None:
        reasons = [
            "TransactionConflict"
            if key in self._busy
            else "None"
            if holds_at(at)
            else "ConditionalCheckFailed"
            for at, key in enumerate(keys)
        ]
        if set(reasons) != {"None"}:
            raise cancelled(reasons)

    def _apply(self, key: Key, item: Item | None) -> None:
        now = self._clock()
        if key not in self._versions:
            insort(self._options[key[0]], key[1].encode())
        versions = self._versions.setdefault(key, [(0.0, None)])
        # Of those that no replica has any more, only the newest is needed.
        while len(versions) > 1 and versions[1][0] < now - self._lag:
            del versions[0]
        versions.append((now, item))
