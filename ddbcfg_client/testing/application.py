"""The options of a program under test, wherever and whenever the program connected.

A program can connect while it is imported, in its first test, or in each test.  So there is one
object for the whole process, which each test begins without options.  What a test changes is also
laid over the file of ``DDBCFG_FILE``, for a program that connected to it before the test.
"""

from __future__ import annotations

from contextlib import contextmanager

from ddbcfg_client import connecting
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import OptionNotFound
from ddbcfg_client.file_config.config import FileConfig, live_configs, overlaid
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.testing.fake_config import FakeConfig, merged_layers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Literal

    from ddbcfg_client.attachment import Attachment
    from ddbcfg_client.config import Config

    #: Packed options by name; None for one that is absent.
    Layer = dict[str, bytes | None]


class ApplicationConfig(FakeConfig):
    """The options of the running test, in layers: what is set goes into the topmost one."""

    __slots__ = ("_base", "_followers", "_layers")

    def __init__(self) -> None:
        super().__init__()
        self._base: dict[str, bytes] = {}
        self._layers: list[Layer] = []
        self._followers: dict[tuple[object, ...], _Follower] = {}

    def begin(self, base: Mapping[str, bytes]) -> None:
        """Begin a test, with the options in ``base``."""
        self.failure = None
        self.age = 0.0
        self._base = dict(base)
        self._layers = [{}]
        self._lay()

    def end(self) -> None:
        """End the test: only the options of its beginning are left."""
        self.failure = None
        self._layers = []
        self._lay()

    def set(self, option: str, keys: Mapping[str, Any]) -> None:
        """Set the whole option until the test or its innermost override ends."""
        self._put({option: pack_option(option, attributes_of(option, keys))})

    def set_layers(
        self,
        layers: Sequence[Mapping[str, Mapping[str, Any]]],
        *,
        merge: Literal["options", "keys"] = "options",
    ) -> None:
        """Replace the options that the test began with by what ``layers`` make, until it ends."""
        self._need_a_test()
        self._base = merged_layers(layers, merge)
        self._lay()

    def delete(self, option: str) -> None:
        """Remove ``option`` until the test or its innermost override ends; raise OptionNotFound."""
        if option not in self._generation.options():
            raise OptionNotFound(option, self.store)
        self._put({option: None})

    def _put(self, changes: Layer) -> None:
        self._need_a_test()
        self._layers[-1].update(changes)
        self._lay()

    def _need_a_test(self) -> None:
        if not self._layers:
            raise RuntimeError("the test that the fixture ddbcfg was made for has ended")

    def add(self, layer: Layer) -> None:
        """Lay ``layer`` over all others."""
        self._layers.append(layer)
        self._lay()

    def remove(self, layer: Layer) -> None:
        """Remove ``layer``; do nothing if the test has ended."""
        self._layers = [other for other in self._layers if other is not layer]
        self._lay()

    def _lay(self) -> None:
        overlay: Layer = {}
        for layer in self._layers:
            overlay |= layer
        self._publish(overlaid(self._base, overlay))
        for follower in self._followers.values():
            follower.follow()
        for config in live_configs():
            config.lay_over(overlay)

    def options(self) -> dict[str, bytes]:
        """Return the packed options."""
        return self._generation.options()

    def as_asked(
        self,
        max_age: float | None,
        numbers: str,
        defaults: Mapping[str, Mapping[str, Any]] | None,
    ) -> Config:
        """Return what ``connect`` returns in a test: this object, or one that reads otherwise."""
        if max_age is None and numbers == "decimal" and defaults is None:
            return self
        made = _Follower(self, max_age=max_age, numbers=numbers, defaults=defaults)
        return self._followers.setdefault((max_age, numbers, repr(defaults)), made)


class _Follower(FakeConfig):
    """The same options for a program that connects with other ``numbers``, for example."""

    __slots__ = ("_leader",)

    def __init__(self, leader: ApplicationConfig, **reading: Any) -> None:
        super().__init__(**reading)
        self._leader = leader
        self.follow()

    def follow(self) -> None:
        self._publish(self._leader.options())

    def _attached(self) -> Attachment:
        self.failure, self.age = self._leader.failure, self._leader.age
        return super()._attached()


class Override:
    """The fixture ``ddbcfg_override``: options until the test, or a ``with`` block in it, ends.

    >>> def test_replica(ddbcfg_override):
    ...     with ddbcfg_override(db={"host": "replica"}):
    ...         assert ddbcfg_client.connect().db["host"] == "replica"
    """

    __slots__ = ("_config",)

    def __init__(self, config: FakeConfig) -> None:
        assert isinstance(config, ApplicationConfig)
        self._config = config

    def __call__(
        self,
        options: Mapping[str, Mapping[str, Any] | None] | None = None,
        /,
        **more: Mapping[str, Any] | None,
    ) -> Overridden:
        """Set whole options; None removes one.  Names that are no identifiers go into a dict.

        Raise ValueRefused if DynamoDB would refuse an option.
        """
        layer = {
            option: None if keys is None else pack_option(option, attributes_of(option, keys))
            for option, keys in {**(options or {}), **more}.items()
        }
        self._config.add(layer)
        return Overridden(self._config, layer)


class Overridden:
    """Options that are set; the end of the ``with`` block restores what was there before."""

    __slots__ = ("_config", "_layer")

    def __init__(self, config: ApplicationConfig, layer: Layer) -> None:
        self._config = config
        self._layer = layer

    def __enter__(self) -> FakeConfig:
        return self._config

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._config.remove(self._layer)


_config: list[ApplicationConfig] = []  # one for the process


@contextmanager
def options_of_a_test() -> Iterator[FakeConfig]:
    """Yield the Config that ``connect()`` returns until the end of the block."""
    if not _config:
        _config.append(ApplicationConfig())
    config = _config[0]
    config.begin(_options_of_the_file())
    before, connecting.instead = connecting.instead, config.as_asked
    try:
        yield config
    finally:
        connecting.instead = before
        config.end()


def _options_of_the_file() -> dict[str, bytes]:
    """Return the options that a program would read from ``DDBCFG_FILE``; none without a file."""
    if not connecting.file_named():
        return {}
    config = connecting.connect()
    assert isinstance(config, FileConfig)
    return config.snapshot().packed()
