"""The ways to read an option that are compared, one file each.

Each file has ``ways``, a context manager that sets up what the reads need and yields them.  Every
way reads in the cheapest form that it has, and returns DB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.children import Child
from benchmarks.services import Missing

BASELINE = "plain_dict"  # measured in any case: it is what all others are compared with
IN_EVERY_PROCESS = (BASELINE, "ddbcfg")
ELSEWHERE = (
    "environment",
    "refresher_thread",
    "time_based_store",
    "ttl_cache",
    "powertools",
    "json_file",
    "lmdb_file",
    "sqlite_file",
    "disk_cache",
    "redis_socket",
    "memcached_socket",
    "openfeature_sdk",
    "http_sidecar",
    "dynamodb",
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to read DB: an expression, and the names in it that are its own."""

    name: str
    expression: str
    names: Mapping[str, object]

    def read(self) -> object:
        """What the expression returns."""
        return eval(self.expression, dict(self.names))


class Setting:
    """What ways need around them: a folder, a published store, an emulator, started when asked."""

    def __init__(self, namespace: str, folder: Path, stack: ExitStack) -> None:
        self.namespace = namespace
        self.folder = folder
        self._stack = stack

    @cached_property
    def emulator_url(self) -> str:
        """Where moto's DynamoDB listens; Missing without moto."""
        try:
            import moto.server  # noqa: F401 - to know whether the emulator can run
        except ImportError as error:
            raise Missing(f"no Python package {error.name}") from None
        url: str = self._stack.enter_context(Child("emulator")).ready
        return url


Ways = Callable[[Setting], AbstractContextManager[list[Way]]]


@contextmanager
def set_up(
    modules: tuple[str, ...], namespace: str, only: tuple[str, ...]
) -> Iterator[tuple[list[Way], dict[str, str]]]:
    """The ways of these modules, and for each module that cannot be measured here, why.

    With *only*, just the baseline and the modules that have one of these texts in their names.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ddbcfg-bench-")))
        setting = Setting(namespace, folder, stack)
        ready: list[Way] = []
        skipped = {}
        for module in modules:
            if only and not any(text in module for text in (BASELINE, *only)):
                continue
            try:
                ways: Ways = import_module(f"{__name__}.{module}").ways
                made = stack.enter_context(ways(setting))
            except ImportError as error:
                skipped[module] = f"no Python package {error.name}"
            except Missing as missing:
                skipped[module] = str(missing)
            else:
                ready += made
        yield ready, skipped
