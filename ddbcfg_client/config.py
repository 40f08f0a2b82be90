"""The reader: a store's options at about the cost of a dict lookup."""

from __future__ import annotations

from ddbcfg_client.arguments import RAISE, key_names, seconds_of
from ddbcfg_client.attachment import nothing
from ddbcfg_client.errors import OptionAttributeError, OptionNotFound, SnapshotUnavailable
from ddbcfg_client.page_follower import NO_DAEMON, PageFollower
from ddbcfg_client.readonly import ReadOnlyDict, only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, TypeVar, overload

    from ddbcfg_client.objects.bound import Bound
    from ddbcfg_client.objects.troubles import Troubles
    from ddbcfg_client.shm.status import Status
    from ddbcfg_client.snapshot import Snapshot
    from ddbcfg_client.waking.waiter import Waiter
    from ddbcfg_client.waking.waiting import Changes

    As = TypeVar("As")
    Made = TypeVar("Made")


class Config(PageFollower):
    """The options of one store, as this host's daemon last published them.

    Created by ``ddbcfg_client.connect``.  It is safe to share between threads and greenlets,
    and to use after a fork.  The values that a read returns are read-only, because the whole
    process shares them.
    """

    __slots__ = ()

    # --- reading; get() and [] are in Hot, which calls these methods for what it does not have ----

    def _missing(self, option: str) -> ReadOnlyDict:
        # A missing attribute of this class must not start a lookup, which needs these attributes.
        # An option whose name starts with "_" is available through get() and [].
        if option.startswith("_"):
            raise AttributeError(option)
        try:
            return self._lookup(option)
        except OptionNotFound:
            raise OptionAttributeError(option, self._names.store) from None

    def _get(
        self,
        option: str | None = None,
        default: Any = RAISE,
        keys: Iterable[str] | None = None,
        *,
        as_: Any = None,
        keep_valid: bool = False,
    ) -> Any:
        if as_ is not None:
            from ddbcfg_client.objects.typed import get_as

            return get_as(self, option, default, keys, as_, keep_valid)
        wanted = None if keys is None else key_names(keys)
        if option is None:
            everything = self._result_of(lambda snapshot: snapshot.everything())
            if wanted is None:
                return everything
            return ReadOnlyDict((name, only(everything[name], wanted)) for name in everything)
        try:
            found = self._lookup(option)
        except OptionNotFound:
            if default is RAISE:
                raise
            return default
        return found if wanted is None else only(found, wanted)

    def __contains__(self, option: object) -> bool:
        return self._result_of(lambda snapshot: option in snapshot)

    def __len__(self) -> int:
        return len(self._checked())

    def __iter__(self) -> Iterator[str]:
        return self._result_of(iter)

    def snapshot(self) -> Snapshot:
        """Return the current snapshot: a read-only mapping that never changes while it is held."""
        return self._checked()

    # --- objects made from options ----------------------------------------------------------------

    if TYPE_CHECKING:

        @overload
        def bind(
            self,
            option: str,
            make: Callable[[ReadOnlyDict], Made],
            dispose: Callable[[Made], object] | None = None,
            *,
            as_: None = None,
            keep_valid: bool = False,
        ) -> Bound[Made]: ...

        @overload
        def bind(
            self,
            option: str,
            make: Callable[[As], Made],
            dispose: Callable[[Made], object] | None = None,
            *,
            as_: Callable[..., As],
            keep_valid: bool = False,
        ) -> Bound[Made]: ...

        @overload
        def bind(
            self,
            option: list[str] | tuple[str, ...],
            make: Callable[..., Made],
            dispose: Callable[[Made], object] | None = None,
            *,
            as_: Sequence[Any] | None = None,
            keep_valid: bool = False,
        ) -> Bound[Made]: ...

    def bind(
        self,
        option: str | Sequence[str],
        make: Callable[..., Any],
        dispose: Callable[[Any], object] | None = None,
        *,
        as_: Any = None,
        keep_valid: bool = False,
    ) -> Bound[Any]:
        """Return a handle whose call returns the object that ``make`` makes from an option.

        It is made by the first call in this process, and again by the first call after that option
        changed or the process forked; otherwise a call returns the same object.  See
        docs/objects.md.

        Args:
            option: The option's name, or a list of names: ``make`` gets one argument for each.
            make: A function that makes the object, such as a connection pool.
            dispose: A function that is called with the old object when the new one is in place.
            as_: The type that the option is converted to before ``make`` gets it, as in ``get``; a
                list of types for a list of options, with None for one that is not converted.
            keep_valid: Whether a failed ``make`` is only reported, in the log and in the status, if
                there is an older object.  Otherwise one call raises its error, and the next ones
                return the older object.

        Raises:
            ArgumentsRefused: If the arguments are not of these kinds.
        """
        from ddbcfg_client.objects.bound import bind

        return bind(self, option, make, dispose, as_, keep_valid)

    def _troubles(self) -> Troubles:
        """Return the problems of the objects of this reader."""
        troubled = self._troubled
        if troubled is None:
            from ddbcfg_client.objects.troubles import Troubles

            troubled = Troubles()
            # No call is between these two lines, so all threads get the same object.
            if self._troubled is None:
                self._troubled = troubled
            troubled = self._troubled
        return troubled

    # --- describing it ----------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """The current generation."""
        return self._current().generation

    @property
    def digest(self) -> str:
        """A hash of the current content in hex, the same on every host with the same content."""
        return self._current().digest

    @property
    def age(self) -> float | None:
        """Seconds since the last successful poll that left the served generation current.

        None if that is not known.
        """
        return self._attached().age()

    @property
    def store(self) -> str:
        """The store's name."""
        return self._names.store

    @property
    def namespace(self) -> str:
        """The namespace: the table's name, unless the daemon was started with ``--namespace``."""
        return self._names.namespace

    def status(self) -> Status:
        """Return the full status of this store on this host; reading does not need it."""
        from ddbcfg_client.shm.status import status_of

        attachment = self._attached_if_any()
        page = attachment.page
        if page is None:
            raise SnapshotUnavailable(self._names.page, NO_DAEMON)
        status = status_of(
            page, attachment.snapshot, attachment.age(), attachment.trouble, self._deaf
        )
        return status if self._troubled is None else self._troubled.added_to(status)

    def reload(self, timeout: float = 5.0, *, accept: bool = False, full: bool = False) -> None:
        """Ask the daemon to poll now, and return when the poll is done; raise ReloadFailed.

        With ``accept``, content that the daemon's guards refuse is published too.  With ``full``,
        the daemon reads the whole store, not only its revision.  Only root and the daemon's user
        may do either, one at a time.
        """
        from ddbcfg_client.shm.reload import reload

        patience = seconds_of("timeout", timeout)
        reload(self._names, self._trust, self._page, patience, accept=accept, full=full)

    def wait(self, timeout: float | None = None) -> bool:
        """Return True as soon as there is a newer generation than this object loaded last.

        Return False after ``timeout`` seconds.  It also waits for the first snapshot, and while the
        daemon is away.  It does not apply ``max_age``: the next read does.
        """
        from ddbcfg_client.waking.waiting import wait

        return wait(self, timeout)

    def changes(self, *, initial: bool = False) -> Changes:
        """Return an iterator over later changes, for ``for`` and for ``async for``.

        With ``initial``, the first one is the present state: all its options as added.
        """
        from ddbcfg_client.waking.waiting import Changes

        return Changes(self, initial=initial)

    def _waiter(self) -> Waiter:
        from ddbcfg_client.waking.page import PageWaiter

        return PageWaiter(self)

    def close(self) -> None:
        """Release the shared memory.  The next read attaches again."""
        self._closed_at = self._position()
        self._instance = None
        self._view = nothing()

    def __enter__(self) -> Config:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        # A process that unpickles a Config (multiprocessing's spawn) attaches by itself.
        from ddbcfg_client.copies import rebuilt
        from ddbcfg_client.objects.reading import defaults_of, numbers_of

        own = self._names, self._trust, self._max_age, numbers_of(self._memo)
        arguments = type(self), Config, *own, defaults_of(self._memo)
        return rebuilt, arguments, self.__getstate__()

    def __getstate__(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        from ddbcfg_client.copies import own_attributes

        return own_attributes(self, Config)

    def __repr__(self) -> str:
        return f"<ddbcfg Config {self._names.namespace}/{self._names.store}>"
