"""Libraries that write JSON take native numbers; the default needs what the docs say."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import fastapi.encoders
import fastapi.responses
import flask
import msgspec
import pydantic_core
import pytest

from ddbcfg_client.testing import FakeConfig

OPTIONS: dict[str, Any] = {
    "db": {"port": 5432, "ratio": Decimal("0.25"), "hosts": [{"n": 1}], "on": True, "none": None}
}
TEXT = {"port": 5432, "ratio": 0.25, "hosts": [{"n": 1}], "on": True, "none": None}


@pytest.fixture(params=["one option", "all options"])
def native(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    config = FakeConfig(OPTIONS, numbers="native")
    return (config["db"], TEXT) if request.param == "one option" else (config.get(), {"db": TEXT})


def test_json(native: tuple[Any, Any]) -> None:
    value, expected = native
    assert json.loads(json.dumps(value)) == expected


def test_flask(native: tuple[Any, Any]) -> None:
    value, expected = native
    app = flask.Flask(__name__)
    app.add_url_rule("/", "whole", lambda: value)
    app.add_url_rule("/jsonify", "jsonified", lambda: flask.jsonify(value))
    client = app.test_client()
    assert client.get("/").json == client.get("/jsonify").json == expected


def test_fastapi(native: tuple[Any, Any]) -> None:
    value, expected = native
    encoded = fastapi.encoders.jsonable_encoder(value)
    assert json.loads(bytes(fastapi.responses.JSONResponse(encoded).body)) == expected


def test_msgspec(native: tuple[Any, Any]) -> None:
    value, expected = native
    assert msgspec.json.decode(msgspec.json.encode(value)) == expected


def test_pydantic(native: tuple[Any, Any]) -> None:
    value, expected = native
    assert json.loads(pydantic_core.to_json(value)) == expected


def test_what_the_default_needs() -> None:
    option = FakeConfig(OPTIONS)["db"]
    with pytest.raises(TypeError, match="Decimal is not JSON serializable"):
        json.dumps(option)
    assert json.loads(json.dumps(option, default=str)) == TEXT | {
        "port": "5432",
        "ratio": "0.25",
        "hosts": [{"n": "1"}],
    }
    assert json.loads(json.dumps(option, default=float)) == TEXT
    assert msgspec.json.decode(msgspec.json.encode(option))["port"] == "5432"
    exact = msgspec.json.Encoder(decimal_format="number")
    assert msgspec.json.decode(exact.encode(option)) == TEXT
    assert list(range(int(FakeConfig({"a": {"n": 2}})["a"]["n"]))) == [0, 1]
