"""moto without work that no test looks at: half of the time of the tests that use it most."""

from __future__ import annotations

import copy
import threading
from types import SimpleNamespace
from typing import Any

import pytest


def hurry() -> None:
    """Make moto in this process faster, for as long as the process lives."""
    _remember_no_models()
    _list_the_services_once()
    _serialize_one_member_of_a_value()
    _copy_a_table_once_for_a_transaction()


def _remember_no_models() -> None:
    """For its dashboard, moto keeps a copy of each item for each write and each read."""
    from moto.core.model_instances import model_data
    from moto.server import DomainDispatcherApplication

    plain = DomainDispatcherApplication.__call__

    def call(self: Any, environ: Any, start_response: Any) -> Any:
        response = plain(self, environ, start_response)
        for model in model_data["dynamodb"].values():
            getattr(model, "instances_tracked", []).clear()
        return response

    _patch.setattr(DomainDispatcherApplication, "__call__", call)


def _list_the_services_once() -> None:
    """For each request, moto looks which of its folders are services."""
    from moto import backends

    services = tuple(backends.list_of_moto_modules())
    _patch.setattr(backends, "list_of_moto_modules", lambda: services)


def _serialize_one_member_of_a_value() -> None:
    """A value such as ``{"S": "text"}`` has one of ten members; moto looks for each of them."""
    from moto.core.serialize import ResponseSerializer

    plain = ResponseSerializer._serialize_type_structure

    def serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name != "AttributeValue" or type(value) is not dict or len(value) != 1:
            plain(self, serialized, value, shape, key)
            return
        ((name, content),) = value.items()
        if content is None or (member := shape.members.get(name)) is None:
            plain(self, serialized, value, shape, key)
            return
        made = self.MAP_TYPE()
        member.parent = shape
        self._serialize(made, content, member, name)
        self._default_serialize(serialized, made, shape, key)

    _patch.setattr(ResponseSerializer, "_serialize_type_structure", serialize)


def _copy_a_table_once_for_a_transaction() -> None:
    """Before a transaction, moto copies the table as often as the transaction has actions."""
    from moto.dynamodb import models

    plain = models.DynamoDBBackend.transact_write_items
    copying = threading.local()

    def transact(self: Any, actions: Any) -> None:
        copying.made = {}  # the tables do not change until all copies are made
        try:
            plain(self, actions)
        finally:
            copying.made = None

    def deepcopy(original: Any, *memo: Any) -> Any:
        made = getattr(copying, "made", None)
        if made is None or not isinstance(original, models.Table):
            return copy.deepcopy(original, *memo)
        if id(original) not in made:
            made[id(original)] = copy.deepcopy(original)
        return made[id(original)]

    _patch.setattr(models.DynamoDBBackend, "transact_write_items", transact)
    _patch.setattr(models, "copy", SimpleNamespace(deepcopy=deepcopy))


_patch = pytest.MonkeyPatch()
