"""``config.get(option, as_=...)``: converted once for each version of the option."""

from __future__ import annotations

from ddbcfg_client.arguments import RAISE
from ddbcfg_client.errors import ArgumentsRefused, NumberInexact, OptionInvalid, OptionNotFound
from ddbcfg_client.objects.converters import converter_to, key_of
from ddbcfg_client.objects.misfits import Misfit, name_of
from ddbcfg_client.reporting import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ddbcfg_client.memo import Version
    from ddbcfg_client.objects.reader import Reader

_AT_MOST = 64  # objects of one version; more if a program makes a new function for each read


class Outcome:
    """The object, or why there is none."""

    __slots__ = ("made", "misfit")

    def __init__(self, made: Any, misfit: Misfit | None = None) -> None:
        self.made = made
        self.misfit = misfit


def get_as(
    config: Reader, option: Any, default: Any, keys: object, target: Any, keep_valid: bool
) -> Any:
    """Return an option converted to ``target``, as described for ``Config.get``."""
    if option is None or keys is not None:
        reason = "converts one whole option: as_ goes with the name of one, and not with keys"
        raise ArgumentsRefused("get", reason)
    try:
        version: Version = config._result_of(lambda snapshot: snapshot.version(option))
    except (OptionNotFound, NumberInexact) as error:
        if default is not RAISE and isinstance(error, OptionNotFound):
            return default
        kept = _last_valid(config, option, target, str(error)) if keep_valid else None
        if kept is None:
            raise
        return kept.made
    outcome = converted(version, target)
    if outcome.misfit is None:
        if keep_valid:
            _remember(config, option, target, outcome)
        return outcome.made
    invalid = error_of(config, option, target, outcome.misfit)
    kept = _last_valid(config, option, target, str(invalid)) if keep_valid else None
    if kept is None:
        raise invalid
    return kept.made


def converted(version: Version, target: Any) -> Outcome:
    """Return what this version of an option is as ``target``: for all threads the same."""
    made = version.made
    if made is None:
        made = {}
        # No call is between these two lines, so all threads get the same dict.
        if version.made is None:
            version.made = made
        made = version.made
    key = key_of(target)
    outcome: Outcome | None = made.get(key)
    if outcome is None:
        try:
            outcome = Outcome(converter_to(target)(version.value))
        except Misfit as misfit:
            # Without its traceback, whose frames have the value.
            outcome = Outcome(None, misfit.with_traceback(None))
        if len(made) >= _AT_MOST:
            made.clear()
        outcome = made.setdefault(key, outcome)
    return outcome


def error_of(config: Reader, option: str, target: Any, misfit: Misfit) -> OptionInvalid:
    """Return the error for an option that does not fit ``target``."""
    return OptionInvalid(
        config.store,
        str.__str__(option),
        name_of(target),
        misfit.path(option),
        misfit.expected,
        misfit.found,
    )


def _remember(config: Reader, option: str, target: Any, outcome: Outcome) -> None:
    key = key_of(target)
    troubles = config._troubles()
    if troubles.last_valid(option, key) is not outcome:
        troubles.remember(option, key, outcome)
    if troubles.typed(option, key, None):
        log("info", f"{config!r}: option {option!r} fits {name_of(target)} again")


def _last_valid(config: Reader, option: str, target: Any, why: str) -> Outcome | None:
    """Return the last valid object, and report why it is kept; None if there is none."""
    key = key_of(target)
    troubles = config._troubles()
    kept: Outcome | None = troubles.last_valid(option, key)
    if kept is not None and troubles.typed(option, key, why):
        log("warning", f"{config!r}: the last valid {name_of(target)} is kept: {why}")
    return kept
