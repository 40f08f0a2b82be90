"""Errors: one tree, context in attributes, whole after a pickle, sentences that say what to do."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

from ddbcfg_client import errors as client_errors
from ddbcfg_client.errors import (
    ConfigError,
    OptionAttributeError,
    OptionNotFound,
    content,
    objects,
    reading,
    revision,
    table,
)
from ddbcfg_daemon import errors as daemon_errors

CLIENTS = (reading, table, content, objects, revision)

SAMPLES: dict[str, Any] = {
    "Sequence[tuple[str, str]]": [("table", "store")],
    "float": 1.5,
    "float | None": 2.5,
    "int": 7,
    "str": "text",
}


def _all_errors() -> list[type[ConfigError]]:
    return [
        found
        for module in (*CLIENTS, daemon_errors)
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, ConfigError) and found.__module__ == module.__name__
    ]


def _parameters(error: type[ConfigError]) -> list[inspect.Parameter]:
    if error.__init__ is Exception.__init__:
        return []  # a base that adds nothing
    return list(inspect.signature(error).parameters.values())


def _example(error: type[ConfigError]) -> ConfigError:
    values = [SAMPLES.get(str(p.annotation), ["a", "b"]) for p in _parameters(error)]
    return error(*(values or ["text"]))


@pytest.mark.parametrize("error", _all_errors(), ids=lambda error: error.__name__)
def test_every_error_survives_pickling_with_its_context(error: type[ConfigError]) -> None:
    before = _example(error)
    after = pickle.loads(pickle.dumps(before))
    assert type(after) is error
    assert str(after) == str(before)
    assert vars(after) == vars(before)


@pytest.mark.parametrize("error", _all_errors(), ids=lambda error: error.__name__)
def test_every_error_is_a_sentence_with_its_context_in_attributes(error: type[ConfigError]) -> None:
    example = _example(error)
    assert str(example)
    assert "object at 0x" not in str(example)
    assert all(hasattr(example, parameter.name) for parameter in _parameters(error))


def test_a_missing_option_is_the_error_that_each_way_of_reading_promises() -> None:
    assert issubclass(OptionNotFound, KeyError)
    assert issubclass(OptionAttributeError, AttributeError)
    assert issubclass(OptionAttributeError, OptionNotFound)
    assert str(OptionNotFound("db", "prod")) == "store 'prod' has no option 'db'"


def test_every_error_of_the_client_is_found_in_one_place() -> None:
    made = {
        name: found
        for module in CLIENTS
        for name, found in vars(module).items()
        if inspect.isclass(found) and found.__module__ == module.__name__
    }
    assert {name: getattr(client_errors, name) for name in made} == made
    assert set(client_errors.__all__) == made.keys() | {"START"}
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchError'"):
        _ = client_errors.NoSuchError
