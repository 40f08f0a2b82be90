"""``connect(numbers=, defaults=)`` over shared memory, generation after generation (G2, G6)."""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest

import ddbcfg_client
from ddbcfg_client.errors import NumbersRefused
from ddbcfg_daemon.publishing.publisher import Publisher
from support.reading import changed
from support.shm import reading


def test_native_numbers_stay_native_and_unchanged_options_the_same(publisher: Publisher) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", numbers="native")
    exact = ddbcfg_client.connect(publisher.names.namespace, "prod")
    before = config.get("db")
    assert type(before["port"]) is int
    assert type(exact.get("db")["port"]) is Decimal
    publisher.publish(changed(new={"ratio": Decimal("0.5")}))
    assert config.get("db") is before
    assert type(config.new["ratio"]) is float
    again = pickle.loads(pickle.dumps(config))
    assert type(again.get("db")["port"]) is int


def test_a_default_gives_way_at_the_very_next_read(publisher: Publisher) -> None:
    defaults = {"cache": {"seconds": 30}, "db": {"host": "unused"}}
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", defaults=defaults)
    for _ in range(40):  # well into the hot path
        assert config.get("cache") is config["cache"] == {"seconds": 30}
    assert len(config) == 5
    publisher.publish(changed(cache={"seconds": 5}))
    assert config.get("cache") == {"seconds": 5}
    assert len(config) == 5
    publisher.publish(reading({}))
    assert config.get("cache") == {"seconds": 30}
    assert dict(config.snapshot()) == defaults
    config.close()
    assert config.cache == {"seconds": 30}


def test_another_kind_of_numbers_is_refused_whether_or_not_there_is_a_store() -> None:
    with pytest.raises(NumbersRefused):
        ddbcfg_client.connect("no-such", "prod", numbers="x")  # type: ignore[arg-type]
