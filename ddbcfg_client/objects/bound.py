"""``config.bind``: an object that is made from options, once in each process and version."""

from __future__ import annotations

from time import monotonic
from typing import Generic, TypeVar, cast

from ddbcfg_client.errors import (
    ArgumentsRefused,
    BindRecursion,
    ConfigError,
    NumberInexact,
    OptionNotFound,
)
from ddbcfg_client.objects import forks
from ddbcfg_client.objects.in_process import Current, Failure, InProcess, are_same
from ddbcfg_client.readonly import COMPILED
from ddbcfg_client.reporting import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ddbcfg_client.hotpath import Hot
    from ddbcfg_client.hotpath.hot_bound import HotBound
    from ddbcfg_client.objects.reader import Reader
    from ddbcfg_client.readonly import ReadOnlyDict
    from ddbcfg_client.snapshot import Snapshot

    Values = tuple[ReadOnlyDict, ...]
elif COMPILED:
    from ddbcfg_client._compiled import HotBound
else:
    from ddbcfg_client.hotpath.hot_bound import HotBound

Made = TypeVar("Made")


class Bound(HotBound, Generic[Made]):
    """A handle: call it to get the object.  Created by ``config.bind``.

    The object is made by the first call in a process, and made again by the first call after one of
    its options changed.  All threads and greenlets get the same object; calls that come while it is
    being made wait for it.  After a fork, the child makes its own, and never disposes of the
    parent's.
    """

    __slots__ = (
        "__weakref__",
        "_as",
        "_by_process",
        "_config",
        "_dispose",
        "_keep_valid",
        "_make",
        "_options",
    )

    def __init__(
        self,
        config: Reader,
        options: Sequence[str],
        make: Callable[..., Made],
        dispose: Callable[[Made], object] | None,
        keep_valid: bool,
        as_: Sequence[Any] | None = None,
    ) -> None:
        self._config = config
        self._as = as_
        self._options = tuple(options)
        self._make = make
        self._dispose = dispose
        self._keep_valid = keep_valid
        # That of the parent stays here after a fork.  Without this reference, the object's
        # finalizer would run in the child, and could close the parent's connections.
        self._by_process: dict[int, InProcess] = {}
        self._let_go(self._mine())

    if TYPE_CHECKING:

        def __call__(self) -> Made:
            """Return the object."""
            ...

    def close(self) -> None:
        """Dispose of the object, if this process has made it.  The next call makes it again."""
        mine = self._mine()
        with mine.lock:
            if not mine.is_here():
                return  # a greenlet waited for the lock in the parent
            if mine.making:
                raise BindRecursion(self._name())
            old, mine.current, mine.failure = mine.current, None, None
            self._let_go(mine)
        if self._config._troubled is not None:
            self._config._troubles().bound(self, None)
        self._dispose_of(old)

    def __enter__(self) -> Bound[Made]:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a bound object belongs to its process: call bind() in the other one too")

    def __repr__(self) -> str:
        return f"<{self._name()} of {self._config!r}>"

    def _name(self) -> str:
        return f"bind({', '.join(map(repr, self._options))})"

    # --- the slow path ---------------------------------------------------------------------------

    def _slowly(self) -> Made:
        mine = self._mine()
        try:
            decoded, values = self._read()
        except (OptionNotFound, NumberInexact) as error:
            if not self._keep_valid or mine.current is None:
                raise
            self._report(error)
            return cast("Made", mine.current.made)
        known = self._known(mine, decoded, values)
        if known is not None:
            return cast("Made", known.made)
        with mine.lock:
            if mine.making and mine.is_here():  # make(), or a signal handler during it, calls this
                if mine.current is None:
                    raise BindRecursion(self._name())
                return cast("Made", mine.current.made)
            mine.making = True
            try:
                made_again = self._made_again(mine) if mine.is_here() else None
            finally:
                mine.making = False
        if made_again is None:
            return self._slowly()
        made, old = made_again
        self._dispose_of(old)
        return made

    def _made_again(self, mine: InProcess) -> tuple[Made, Current | None] | None:
        """Return the object, and the one that it replaces; only with the lock.

        Return None if this is another process when it is made.
        """
        # Again: while this thread waited for the lock, another one may have made the object.
        decoded, values = self._read()
        known = self._known(mine, decoded, values)
        if known is not None:
            return cast("Made", known.made), None
        old = mine.current
        try:
            made = self._make(*self._arguments(values))
        except Exception as error:
            if not mine.is_here():
                return None
            mine.failure = Failure(values, error if old is None else None, mine.failure)
            if old is None:
                raise
            self._report(error)
            if not self._keep_valid:
                raise
            return cast("Made", old.made), None
        if not mine.is_here():
            mine.current = Current(values, (old, made))  # only so that no finalizer runs here
            return None
        mine.current, mine.failure = Current(values, made), None
        self._hold(mine, decoded, made)
        self._is_current()
        return made, old

    def _arguments(self, values: Values) -> list[Any]:
        """Return the arguments of ``make``; raise OptionInvalid."""
        if self._as is None:
            return list(values)
        from ddbcfg_client.objects.typed import converted, error_of

        arguments = []
        for option, value, target in zip(self._options, values, self._as, strict=True):
            if target is None:
                arguments.append(value)
                continue
            outcome = converted(self._config._memo.version(option, value), target)
            if outcome.misfit is not None:
                raise error_of(self._config, option, target, outcome.misfit)
            arguments.append(outcome.made)
        return arguments

    def _known(
        self, mine: InProcess, decoded: dict[str, ReadOnlyDict], values: Values
    ) -> Current | None:
        """Return what stands for these values; raise the error of a recent failure without one.

        None means that the object has to be made.
        """
        current, failure = mine.current, mine.failure
        if current is not None and are_same(current.values, values):
            self._hold(mine, decoded, current.made)
            self._is_current()  # also if a default is in use again
            return current
        if failure is None or not are_same(failure.values, values):
            return None
        if monotonic() >= failure.retry_at:
            return None
        if current is None and failure.error is not None:
            raise failure.error.with_traceback(None)
        return current

    def _read(self) -> tuple[dict[str, ReadOnlyDict], Values]:
        """Return the decoded options of the current snapshot, and this handle's options of it."""

        def read(snapshot: Snapshot) -> tuple[dict[str, ReadOnlyDict], Values]:
            return snapshot.decoded, tuple([snapshot[option] for option in self._options])

        return cast("tuple[dict[str, ReadOnlyDict], Values]", self._config._result_of(read))

    def _mine(self) -> InProcess:
        number = forks.process()
        mine = self._by_process.get(number)
        return mine or self._by_process.setdefault(number, InProcess(number))

    def _hold(self, mine: InProcess, decoded: dict[str, ReadOnlyDict], made: object) -> None:
        self._held = cast("Hot", self._config), decoded, forks.WORD, mine.number, made

    def _let_go(self, mine: InProcess) -> None:
        self._hold(mine, {}, None)  # no view has this dict

    def _is_current(self) -> None:
        if self._config._troubled is not None and self._config._troubles().bound(self, None):
            log("info", f"{self._config!r}: {self._name()} is current again")

    def _report(self, error: Exception) -> None:
        # Only the class of a foreign error: its text may contain a value.
        why = str(error) if isinstance(error, ConfigError) else f"make raised {_class(error)}"
        text = f"{self._name()} keeps its object: {why}"
        if self._config._troubles().bound(self, text):
            log(
                "warning", f"{self._config!r}: {text}; it retries, at the latest at the next change"
            )

    def _dispose_of(self, old: Current | None) -> None:
        if old is None or self._dispose is None:
            return
        try:
            self._dispose(old.made)
        except Exception as error:  # noqa: BLE001 - the caller has the new object and can continue
            log("warning", f"{self._config!r}: {self._name()}: dispose raised {_class(error)}")


def _class(error: Exception) -> str:
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def bind(
    config: Reader,
    option: str | Sequence[str],
    make: Callable[..., Made],
    dispose: Callable[[Made], object] | None,
    as_: Any,
    keep_valid: bool,
) -> Bound[Made]:
    """Return a handle, as described for ``Config.bind``; raise ArgumentsRefused."""
    options = [option] if isinstance(option, str) else list(option) if _is_list(option) else []
    if not options or not all(isinstance(name, str) for name in options):
        raise ArgumentsRefused("bind", "expects the name of an option, or a list of names")
    if not callable(make):
        raise ArgumentsRefused(
            "bind", f"expects a function that makes the object, not {_kind(make)}"
        )
    if dispose is not None and not callable(dispose):
        raise ArgumentsRefused("bind", f"expects a function as dispose, not {_kind(dispose)}")
    targets = as_
    if as_ is not None:
        targets = [as_] if isinstance(option, str) else as_
        if not _is_list(targets) or len(targets) != len(options):
            raise ArgumentsRefused("bind", "expects a list of as many types as there are options")
    return Bound(config, options, make, dispose, keep_valid, targets)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _kind(value: object) -> str:
    return f"an object of class {type(value).__name__}"
