"""What a read returns is shared by the whole process: read in every way, never changed."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from ddbcfg_client.readonly import ReadOnlyDict, ReadOnlyList, ReadOnlySet

OPTION = ReadOnlyDict(host="db", hosts=ReadOnlyList(["a", "b"]), tags=ReadOnlySet({"x"}))

MUTATIONS: dict[str, Callable[[Any], object]] = {
    "dict set": lambda o: o.__setitem__("host", 1),
    "dict del": lambda o: o.__delitem__("host"),
    "dict |=": lambda o: o.__ior__({"host": 1}),
    "dict update": lambda o: o.update(host=1),
    "dict setdefault": lambda o: o.setdefault("new", 1),
    "dict pop": lambda o: o.pop("host"),
    "dict popitem": lambda o: o.popitem(),
    "dict clear": lambda o: o.clear(),
    "list set": lambda o: o["hosts"].__setitem__(0, 1),
    "list del": lambda o: o["hosts"].__delitem__(0),
    "list +=": lambda o: o["hosts"].__iadd__([1]),
    "list *=": lambda o: o["hosts"].__imul__(2),
    "list append": lambda o: o["hosts"].append(1),
    "list extend": lambda o: o["hosts"].extend([1]),
    "list insert": lambda o: o["hosts"].insert(0, 1),
    "list pop": lambda o: o["hosts"].pop(),
    "list remove": lambda o: o["hosts"].remove("a"),
    "list clear": lambda o: o["hosts"].clear(),
    "list sort": lambda o: o["hosts"].sort(),
    "list reverse": lambda o: o["hosts"].reverse(),
    "set add": lambda o: o["tags"].add(1),
    "set discard": lambda o: o["tags"].discard("x"),
    "set remove": lambda o: o["tags"].remove("x"),
    "set pop": lambda o: o["tags"].pop(),
    "set clear": lambda o: o["tags"].clear(),
    "set update": lambda o: o["tags"].update({1}),
    "set |=": lambda o: o["tags"].__ior__({1}),
    "set &=": lambda o: o["tags"].__iand__({1}),
    "set -=": lambda o: o["tags"].__isub__({"x"}),
    "set ^=": lambda o: o["tags"].__ixor__({1}),
    "set difference_update": lambda o: o["tags"].difference_update({"x"}),
    "set intersection_update": lambda o: o["tags"].intersection_update(set()),
    "set symmetric_difference_update": lambda o: o["tags"].symmetric_difference_update({1}),
}


@pytest.mark.parametrize("mutate", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_every_mutation_is_refused_and_changes_nothing(mutate: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="cannot be changed: change a copy"):
        mutate(OPTION)
    assert {"host": "db", "hosts": ["a", "b"], "tags": {"x"}} == OPTION


def test_no_mutating_method_of_the_plain_types_was_forgotten() -> None:
    reading = {"copy", "get", "items", "keys", "values", "fromkeys", "count", "index", "difference"}
    reading |= {"intersection", "isdisjoint", "issubset", "issuperset", "union"}
    reading |= {"symmetric_difference"}
    for plain, shared in ((dict, ReadOnlyDict), (list, ReadOnlyList), (set, ReadOnlySet)):
        public = {name for name in vars(plain) if not name.startswith("_")} - reading
        in_place = {name for name in vars(plain) if name.startswith("__i")} - {
            "__init__",
            "__iter__",
        }
        item = {"__setitem__", "__delitem__"} & set(vars(plain))
        assert public | in_place | item <= set(vars(shared))


def test_it_passes_for_the_plain_types() -> None:
    assert isinstance(OPTION, dict)
    assert isinstance(OPTION["hosts"], list)
    assert isinstance(OPTION["tags"], set)
    assert json.loads(json.dumps({"hosts": OPTION["hosts"]})) == {"hosts": ["a", "b"]}
    assert repr(OPTION) == "{'host': 'db', 'hosts': ['a', 'b'], 'tags': {'x'}}"


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["deepcopy", "pickle"],
)
def test_deep_copies_are_plain_all_the_way_down(copied: Callable[[Any], Any]) -> None:
    plain = copied(OPTION)
    assert plain == OPTION
    assert [type(plain), type(plain["hosts"]), type(plain["tags"])] == [dict, list, set]
    plain["hosts"].append("c")
    assert OPTION["hosts"] == ["a", "b"]


@pytest.mark.parametrize("value", [OPTION, OPTION["hosts"], OPTION["tags"]])
def test_shallow_copies_are_plain(value: Any) -> None:
    plain = type(value).__mro__[1]
    assert type(copy.copy(value)) is plain
    assert type(value.copy()) is plain
    assert type(plain(value)) is plain
