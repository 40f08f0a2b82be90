"""The parameters provider of aws-lambda-powertools, which keeps what it read for a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.alternatives import Setting, Way
from benchmarks.emulator import PARAMETERS

_MAX_AGE = 3600  # seconds: longer than any run


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """A hit of its cache; it was read from the emulator once."""
    from aws_lambda_powertools.utilities.parameters import DynamoDBProvider

    provider = DynamoDBProvider(table_name=PARAMETERS, endpoint_url=setting.emulator_url)
    names = {"provider": provider, "max_age": _MAX_AGE}
    yield [Way("aws-lambda-powertools, a hit", 'provider.get("db", max_age=max_age)', names)]
