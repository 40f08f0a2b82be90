"""The provider: evaluations, which need no thread, and the watch for events, which needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.provider import AbstractProvider, Metadata

from ddbcfg_client.errors import ConfigError, OptionNotFound, SnapshotUnavailable
from ddbcfg_client.integrations.openfeature.flags import Flag, failed
from ddbcfg_client.integrations.openfeature.watch import Watch
from ddbcfg_client.objects import forks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeAlias

    from openfeature.evaluation_context import EvaluationContext
    from openfeature.event import ProviderEvent, ProviderEventDetails
    from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
    from openfeature.provider import FeatureProvider

    from ddbcfg_client.config import Config
    from ddbcfg_client.integrations.openfeature.targeting import Targeting

    OnEmit: TypeAlias = Callable[[FeatureProvider, ProviderEvent, ProviderEventDetails], None]


class DdbcfgProvider(AbstractProvider):
    """Serves the options of a Config whose names begin with ``prefix`` as flags.

    It needs no thread to evaluate a flag: each evaluation is current, in every process.  Events
    need one in each process.  It is started by ``initialize``, and after a fork by the first
    evaluation in the child, or by ``watch``.
    """

    def __init__(
        self,
        config: Config,
        *,
        prefix: str = "flag.",
        targeting: Targeting | None = None,
        events: bool = True,
        stale_after: float | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            config: Where the flags are.
            prefix: What the names of options that are flags begin with; a flag's key follows it.
            targeting: A function that replaces the rules: it gets what a flag has as ``targeting``
                and the evaluation context, and returns the name of a variant, or None for the
                default.
            events: Whether there are events without a call of ``watch``, from a thread in each
                process.
            stale_after: The age of the options in seconds from which the provider is STALE; three
                intervals of the daemon, and at least 30 seconds, if None.
        """
        super().__init__()
        self._config = config
        self._prefix = prefix
        self._targeting = targeting
        self._events = events
        self._flags: dict[str, Flag] = {}  # by flag key
        self._watch = Watch(self, config, prefix, stale_after)
        self._is_shut_down = False
        self._word = forks.WORD
        self._process = forks.process()

    def get_metadata(self) -> Metadata:
        """Return the provider's name."""
        return Metadata("ddbcfg")

    def attach(self, on_emit: OnEmit) -> None:
        """Take the function that gets the events; the SDK calls this before ``initialize``."""
        self._is_shut_down = False
        super().attach(on_emit)

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Check that flags can be read, and start to watch for changes.

        Raises:
            ProviderNotReadyError: If no option can be read.  A READY event follows when that is
                possible, if there are events.
        """
        trouble = self._watch.begin()
        if self._events:
            self.watch()
        # The SDK does not wait for this before it calls shutdown().  Without a lock, which a fork
        # could catch: whichever of the two comes later stops the watch.
        if self._is_shut_down:
            self._watch.stop()
        if trouble is not None:
            raise ProviderNotReadyError(trouble)

    def watch(self) -> None:
        """Emit events in this process, from a thread.

        A forked worker in which no flag is evaluated at first calls this, for example in the hook
        ``post_fork`` of gunicorn.
        """
        self._process = forks.process()
        self._watch.start()

    def shutdown(self) -> None:
        """Emit no more events."""
        self._is_shut_down = True
        self._watch.stop()

    # --- evaluation; the asynchronous methods of the base class call these ------------------------

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Return the flag as a bool; an integer is not accepted."""
        return self._resolve("boolean", flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """Return the flag as a string."""
        return self._resolve("string", flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """Return the flag as an int; a bool is not accepted."""
        return self._resolve("integer", flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """Return the flag, any number, as a float."""
        return self._resolve("float", flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Return the flag as a read-only dict or list, with int and float as numbers."""
        return self._resolve("object", flag_key, default_value, evaluation_context)

    def _resolve(
        self, kind: str, key: str, default: Any, context: EvaluationContext | None
    ) -> FlagResolutionDetails[Any]:
        word = self._word
        if (forks.process() if word is None else word[0]) != self._process:
            self._forked()
        flag = self._flags.get(key)
        try:
            option = self._config[self._prefix + key if flag is None else flag.name]
        except OptionNotFound as error:
            self._flags.pop(key, None)
            return failed(ErrorCode.FLAG_NOT_FOUND, str(error), default)
        except SnapshotUnavailable as error:
            return failed(ErrorCode.PROVIDER_NOT_READY, str(error), default)
        except ConfigError as error:
            return failed(ErrorCode.GENERAL, str(error), default)
        if flag is None or flag.option is not option:
            flag = self._flags[key] = Flag(self._prefix + key, option, self._targeting)
        return flag.resolve(kind, default, context)

    def _forked(self) -> None:
        """Continue in the child of a fork, which has none of its parent's threads."""
        self._process = forks.process()
        if self._events:
            self._watch.go_on()
