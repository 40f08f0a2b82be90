"""What the tests of what is kept between polls share."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from ddbcfg_daemon.sources.item_packer import Item

# Values that a careless comparison takes for one another.
LOOKALIKES: list[dict[str, Any]] = [
    {"S": ""},
    {"B": b""},
    {"NULL": True},
    {"L": []},
    {"M": {}},
    {"S": "1"},
    {"N": "1"},
    {"N": "1.0"},
    {"B": b"1"},
    {"BOOL": True},
    {"BOOL": False},
    {"S": "True"},
    {"L": [{"S": "1"}]},
    {"L": [{"N": "1"}]},
    {"L": [{"L": [{"N": "1"}]}]},
    {"M": {"S": {"S": "1"}}},
    {"M": {"S": {"N": "1"}}},
    {"M": {"s": {"N": "1"}}},
    {"M": {"S": {"NULL": True}}},
    {"SS": ["1"]},
    {"NS": ["1"]},
    {"BS": [b"1"]},
    {"SS": ["1", "2"]},
]


options = st.dictionaries(st.sampled_from(["", "a", "b"]), st.sampled_from(LOOKALIKES), max_size=3)


stores = st.dictionaries(st.sampled_from(["", "a", "aa", "b", "größe", "z" * 300]), options)


def item(name: str, **keys: Any) -> Item:
    return {"_store": {"S": "prod"}, "_option": {"S": name}, **copy.deepcopy(keys)}
