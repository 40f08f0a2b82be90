"""Writing one store: the one implementation of ``DynamoDBConfigStore`` and of the commands.

A store with revisions is written in whole changes, each of which is a revision (docs/protocol.md).
One without is written item by item.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ddbcfg_client.dynamodb.caller import caller_of
from ddbcfg_client.dynamodb.items import check_size
from ddbcfg_client.dynamodb.revision.comparing import SameOptions, Unchanged
from ddbcfg_client.dynamodb.revision.content import attributes_of_packed
from ddbcfg_client.dynamodb.revision.importing import write
from ddbcfg_client.dynamodb.revision.table_access import TableAccess
from ddbcfg_client.dynamodb.revision.writing import Change, Written, read_together
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import ChangeConflict, ConditionNeedsRevision, OptionNotFound
from ddbcfg_client.format.values import pack_option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from ddbcfg_client.dynamodb.revision.access import OnWait
    from ddbcfg_client.dynamodb.revision.comparing import ReadAt
    from ddbcfg_client.dynamodb.revision.place import Place
    from ddbcfg_client.dynamodb.table import Table

    Attributes = Mapping[str, AttributeValueTypeDef]
    #: A revision, or options as they were read: a snapshot, or what ``config.get()`` returns.
    Seen = int | Unchanged | Mapping[str, Mapping[str, object]]

_MERGES = 5  # attempts to merge keys into an option that others are changing


@dataclass(frozen=True, slots=True)
class Done:
    """What a change did.

    ``revision`` is the one that has it, None if the store has no revisions.  ``changed`` has the
    options that it changed.  ``before`` has the names of the keys that they had, if it is known.
    """

    revision: int | None
    changed: tuple[str, ...]
    before: Mapping[str, Collection[str]] = field(default_factory=dict)


class StoreWriter:
    """Writes options of one store.  Each method sends requests.

    ``by`` names the writer in the revisions; by default it is the caller of the table's client.
    ``on_wait`` is called once if a change waits for an import that is under way; by default nothing
    is reported.  ``written`` is the number of options that were written without a revision, for
    messages.
    """

    def __init__(
        self,
        table: Table,
        store: str,
        *,
        by: str = "",
        access: TableAccess | None = None,
        on_wait: OnWait | None = None,
    ) -> None:
        self._table = table
        self._store = store
        self._by: str | Callable[[], str] = by or (lambda: caller_of(table.client))
        self._access = access or TableAccess(table, store)
        if on_wait is not None:
            self._access.on_wait = on_wait
        self.written = 0

    def write(
        self,
        options: Mapping[str, Attributes | None],
        *,
        why: str = "",
        if_absent: bool = False,
        if_unchanged: Seen | None = None,
        previous: bool = False,
        read: ReadAt | None = None,
    ) -> Done:
        """Set these options, and delete those that are None.

        With ``if_absent`` nothing is changed if one of the options exists.  With ``if_unchanged``
        it is refused if one of the options is not what it was then.  With ``previous``, also return
        the keys that options had; without revisions this is not known after a lost response.  With
        ``read``, it is also refused if what else it was made from has changed.

        Raise the errors of ``ddbcfg_client.dynamodb.revision.importing.write``, and
        ``ConditionNeedsRevision`` for ``if_unchanged`` without revisions.
        """
        self.written = 0
        change = Change(
            {
                name: None if keys is None else pack_option(name, keys)
                for name, keys in options.items()
            },
            self._by,
            why,
            unchanged=_unchanged(if_unchanged),
            if_absent=if_absent,
            read=read,
        )
        written = write(self._access, change)
        if written is not None:
            return _done(written)
        if if_unchanged is not None:
            raise _no_revisions(self._access.place)
        return self._write_plainly(options, if_absent=if_absent, previous=previous)

    def merge(
        self,
        option: str,
        attributes: Attributes,
        removed: Collection[str] = (),
        *,
        why: str = "",
        if_unchanged: int | None = None,
    ) -> Done:
        """Change or add these keys of an option, remove others, and keep the rest.

        Raise ``OptionNotFound`` if there is no such option, ``ValueRefused`` if it becomes too
        large, and the errors of ``write``.
        """
        place = self._access.place
        for attempt in range(_MERGES):
            seen, options = read_together(self._access, [option])
            if seen is None:
                break
            if option not in options:
                raise OptionNotFound(option, self._store)
            before = attributes_of_packed(options[option])
            after = {key: value for key, value in before.items() if key not in removed}
            after |= attributes
            check_size(self._store, option, after, place.key_names)
            # The revision is older than the reading, so it covers the time in between, too.
            unchanged = _unchanged(if_unchanged) or SameOptions({option: options[option]})
            change = Change({option: pack_option(option, after)}, self._by, why, unchanged)
            try:
                written = write(self._access, change)
            except ChangeConflict:
                if if_unchanged is not None or attempt == _MERGES - 1:
                    raise
                continue
            if written is None:
                break
            return Done(written.rev, _names(written), {option: before.keys()})
        if if_unchanged is not None:
            raise _no_revisions(place)
        was = self._table.update(self._store, option, attributes, removed)
        if was is None:
            raise OptionNotFound(option, self._store)
        return Done(None, (option,), {option: place.key_names.others_in(was).keys()})

    def _write_plainly(
        self, options: Mapping[str, Attributes | None], *, if_absent: bool, previous: bool
    ) -> Done:
        changed: list[str] = []
        before: dict[str, Collection[str]] = {}
        # Deletions last, so that no option is missing in between that exists before or after.
        for option, keys in sorted(options.items(), key=lambda pair: pair[1] is None):
            if keys is None:
                done = self._table.delete(self._store, option)
            elif previous and not if_absent:
                was = self._table.replace(self._store, option, keys)
                before[option] = self._access.place.key_names.others_in(was).keys()
                done = True
            else:
                done = self._table.put(self._store, option, keys, if_absent=if_absent)
            self.written += 1
            if done:
                changed.append(option)
        return Done(None, tuple(changed), before)


def _unchanged(seen: Seen | None) -> Unchanged | SameOptions | None:
    if seen is None or isinstance(seen, Unchanged):
        return seen
    if isinstance(seen, int):
        return Unchanged(seen)
    return SameOptions(
        {name: pack_option(name, attributes_of(name, keys)) for name, keys in seen.items()}
    )


def _done(written: Written) -> Done:
    before = {
        entry.name: attributes_of_packed(entry.before).keys()
        for entry in written.entries
        if entry.before is not None
    }
    return Done(written.rev, _names(written), before)


def _names(written: Written) -> tuple[str, ...]:
    return tuple(entry.name for entry in written.entries)


def _no_revisions(place: Place) -> ConditionNeedsRevision:
    reason = "the store has no revisions, so nothing says what changed meanwhile; nothing written"
    return ConditionNeedsRevision(place.table, place.store, reason)
