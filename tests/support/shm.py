"""Stores of a test's own in the real /dev/shm, and values to publish in them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.values import pack_option
from ddbcfg_daemon.sources.base import Reading

SHM = Path("/dev/shm")


def attributes(option: Mapping[str, Any]) -> dict[str, Any]:
    """Python values as boto3 sends them."""
    return {key: TypeSerializer().serialize(value) for key, value in option.items()}


def reading(options: Mapping[str, Mapping[str, Any]]) -> Reading:
    """What a source would have read for these options."""
    packed = {name: pack_option(name, attributes(option)) for name, option in options.items()}
    return Reading(packed, time.time_ns())


def objects_of(names: Names) -> list[Path]:
    """Every file in /dev/shm that belongs to the store."""
    mine = (names.page[1:], f"sem.{names.page[1:]}")
    return sorted(
        path
        for path in SHM.iterdir()
        if path.name in mine or path.name.startswith(tuple(f"{name}." for name in mine))
    )


def unique_namespace() -> str:
    """A namespace that no other test has."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace whose objects are gone after the test."""
    namespace = unique_namespace()
    yield namespace
    for path in SHM.iterdir():
        if f"ddbcfg.{namespace}." in path.name:
            # In this order: Linux follows no symbolic link of a stranger's in such a folder.
            if not path.is_symlink() and path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)


@pytest.fixture
def names(namespace: str) -> Names:
    """The names of one store of the test's own."""
    return Names(namespace, "prod")
