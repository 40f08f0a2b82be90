"""A change of many options, for the tests of imports and their repair."""

from __future__ import annotations

from typing import Any

from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.known import Known
from ddbcfg_client.dynamodb.revision.writing import Change
from support.revisions import RevisedStore, packed

START = {f"o{number}": packed("o", n=number) for number in range(6)}


OPTIONS: dict[str, bytes | None] = {
    **{f"o{number}": packed("o", text=f"imported {number}") for number in range(1, 5)},
    "o5": None,
    "new": packed("o", text="imported"),
}


IMPORT = Change(OPTIONS, "importer", "a new release")


def put(revised: RevisedStore, option: str, **attributes: Any) -> None:
    keys = {"_store": {"S": "prod"}, "_option": {"S": option}}
    revised.client.put_item(TableName=revised.place.table, Item={**attributes, **keys})


def known_of(revised: RevisedStore) -> Known:
    found = follow(revised.access(), None)
    assert found.known is not None
    return found.known
