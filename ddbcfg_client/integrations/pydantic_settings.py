"""Options as a source of pydantic-settings, and settings objects that are always current.

>>> class Settings(BaseSettings):
...     db: Database  # from the option "db"
...     debug: bool = Field(False, validation_alias=AliasPath("app", "debug"))  # a key of "app"
...
...     @classmethod
...     def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **others):
...         return init_settings, env_settings, DdbcfgSettingsSource(settings_cls, config)
>>> current(Settings).db.host
'db-cluster.com'

``current`` returns the same object until an option that one of its fields comes from has changed.
See docs/integrations.md.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from pydantic import AliasChoices, AliasPath, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource

from ddbcfg_client.errors import ArgumentsRefused, SettingsInvalid
from ddbcfg_client.objects.bound import Bound
from ddbcfg_client.objects.by_pydantic import expected
from ddbcfg_client.objects.misfits import ABSENT, in_plain_containers, kind_of
from ddbcfg_client.paths import path_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from pydantic.fields import FieldInfo

    from ddbcfg_client.config import Config
    from ddbcfg_client.objects.in_process import Current, InProcess
    from ddbcfg_client.readonly import ReadOnlyDict
    from ddbcfg_client.snapshot import Snapshot

__all__ = ["DdbcfgSettingsSource", "current"]

S = TypeVar("S", bound=BaseSettings)


class DdbcfgSettingsSource(InitSettingsSource):
    """Fills the fields of a settings class from options, for ``settings_customise_sources``.

    The name of a field is that of an option, after ``prefix``.  An alias is the option's whole
    name, and ``AliasPath("app", "debug")`` is the key ``debug`` of the option ``app``.  With
    ``option``, the fields are keys of that one option instead, and ``prefix`` goes before their
    names.  What is absent is left to the other sources and to the defaults; options and keys that
    no field names are left out.
    """

    def __init__(
        self,
        settings_cls: type[BaseSettings],
        config: Config,
        *,
        option: str | None = None,
        prefix: str = "",
    ) -> None:
        """Read the options; raise as a read does, but not if an option is absent."""
        wanted = dict(_wanted(settings_cls, prefix))
        options = [*dict.fromkeys(wanted.values())] if option is None else [option]
        read = _read_for(config, options)
        found = read if option is None else read.get(option, {})
        self._described = f"{config!r}, option={option!r}, prefix={prefix!r}"
        # A validator may edit what it gets, as in the other sources.
        values = {
            key: in_plain_containers(found[name]) for key, name in wanted.items() if name in found
        }
        super().__init__(settings_cls, values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._described})"  # not the values, as the base class does


def current(settings: type[S]) -> S:
    """Return the settings object of the current generation, the same one while it is current.

    It is created by the first call in each process, and again by the first call after one of its
    options changed.  If the options have become invalid, the last valid object is returned; the log
    and ``config.status().kept_objects`` say so.

    Raises:
        SettingsInvalid: If the options are invalid and there is no valid object yet.
        ArgumentsRefused: If the class has no DdbcfgSettingsSource, or several with different
            Configs.
    """
    try:
        # In one expression, and without cast(): both would cost as much as the lookup.
        return _handles[settings]()  # type: ignore[no-any-return]
    except KeyError:
        if settings in _handles:
            raise  # by a validator of the class
    handle = _handles.setdefault(settings, _handle_of(settings))
    return handle()  # type: ignore[no-any-return]


# --- current ------------------------------------------------------------------------------------


class _Build:
    """What the sources of one settings object read while it is built."""

    def __init__(self, known: Mapping[str, ReadOnlyDict | None]) -> None:
        self.known = known
        self.configs: list[Config] = []
        self.options: list[str] = []


_build: ContextVar[_Build | None] = ContextVar("ddbcfg_settings_build", default=None)
_handles: dict[type[BaseSettings], _Handle[Any]] = {}


class _Handle(Bound[S]):
    """A bound settings object.  Its options can be absent: an absent one has None as its value."""

    __slots__ = ("_settings",)

    def __init__(self, settings: type[S], config: Config, options: list[str]) -> None:
        self._settings = settings
        super().__init__(config, options, self._built, None, True)

    def _read(self) -> Any:
        def read(snapshot: Snapshot) -> Any:
            return snapshot.decoded, tuple([snapshot.get(option) for option in self._options])

        return self._config._result_of(read)

    def _made_again(self, mine: InProcess) -> tuple[S, Current | None] | None:
        # What a validator reads only at times, for example where a flag is set, counts from then
        # on.  The object is built again, so that all of its options are of one generation.
        while True:
            before = self._options
            made_again = super()._made_again(mine)
            if made_again is None or self._options == before:
                return made_again

    def _built(self, *values: ReadOnlyDict | None) -> S:
        build = _Build(dict(zip(self._options, values, strict=True)))
        try:
            return _validated(self._settings, build)
        finally:
            _check_configs(self._settings, [self._config, *build.configs])
            self._options = (*dict.fromkeys([*self._options, *build.options]),)

    def _name(self) -> str:
        return f"current({self._settings.__qualname__})"


def _handle_of(settings: type[S]) -> _Handle[S]:
    """Return a new handle, after a trial that shows which options the sources read."""
    build = _Build({})
    try:
        _validated(settings, build)
    except SettingsInvalid:
        pass  # the handle's first call reports it
    _check_configs(settings, build.configs)
    return _Handle(settings, build.configs[0], [*dict.fromkeys(build.options)])


def _check_configs(settings: type[BaseSettings], configs: Sequence[object]) -> None:
    different = len({*map(id, configs)})
    if different != 1:
        raise ArgumentsRefused(
            "current",
            f"expects a settings class with a DdbcfgSettingsSource, all of one Config; "
            f"{settings.__qualname__} has {different}",
        )


def _validated(settings: type[S], build: _Build) -> S:
    """Return a settings object; raise SettingsInvalid, which shows no values."""
    before = _build.set(build)
    try:
        return settings()
    except ValidationError as error:
        problems = [*_problems(error)]
    finally:
        _build.reset(before)
    # Here, because pydantic's error, which has the values, would be the context of this one.
    raise SettingsInvalid(settings.__qualname__, problems)


def _problems(error: ValidationError) -> Iterator[tuple[str, str]]:
    for found in error.errors(include_url=False):
        # Not its message, in which a validator can have put the value.
        what = f"must be {expected(found['type'], found.get('ctx', {}))}, and is "
        what += ABSENT if found["type"] == "missing" else kind_of(found["input"])
        first, *steps = found["loc"] or ("the settings",)
        yield path_text(str(first), steps), what


# --- the source ---------------------------------------------------------------------------------


def _read_for(config: Config, options: list[str]) -> Mapping[str, ReadOnlyDict]:
    """Return those of ``options`` that exist, all of one generation."""
    build = _build.get()
    if build is not None:
        build.configs.append(config)
        build.options += options
        if build.known.keys() >= {*options}:  # read already, by the handle
            known = build.known
            return {name: found for name in options if (found := known[name]) is not None}

    def read(snapshot: Snapshot) -> dict[str, ReadOnlyDict]:
        return {name: snapshot[name] for name in options if name in snapshot}

    return config._result_of(read)


def _wanted(settings: type[BaseSettings], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield each key that the class takes, and the name of the option or key that it is read from.

    As in pydantic-settings, the prefix goes with the names of fields, not with aliases.
    """
    by_alias = settings.model_config.get("validate_by_alias", True)
    by_name = settings.model_config.get("validate_by_name") or settings.model_config.get(
        "populate_by_name"
    )
    for field, info in settings.model_fields.items():
        aliases = [*_aliases(info)] if by_alias is not False else []
        if by_name or not aliases:
            yield field, prefix + field
        for alias in aliases:
            yield alias, alias


def _aliases(info: FieldInfo) -> Iterable[str]:
    alias = info.validation_alias if info.validation_alias is not None else info.alias
    if alias is None:
        return
    for choice in alias.choices if isinstance(alias, AliasChoices) else [alias]:
        yield str(choice.path[0]) if isinstance(choice, AliasPath) else choice
