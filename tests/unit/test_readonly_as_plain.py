"""Shared values do all that plain ones do, but change."""

from __future__ import annotations

import collections
import collections.abc
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from support.shared_values import IMPLEMENTATIONS, PLAIN, option_of, types_over


@pytest.fixture(params=IMPLEMENTATIONS)
def types(request: pytest.FixtureRequest) -> Any:
    return types_over(request.param)


@pytest.fixture
def option(types: Any) -> Any:
    return option_of(types)


DICTS = """
d | {"z": 1}; {"z": 1} | d; d | d; d == {}; d != {}; {} == d; d == 5; d != 5; d == d; d != d
d.get("nope"); d.get("nope", 1); d["nope"]; d[("a", "b")]; d[[]]; [] in d; d.get(); d | 5; 5 | d
list(d); list(reversed(d)); d.keys() & {"host"}; d.items() >= {("host", "db")}; len(d.values())
"host" in d.keys(); d.keys() | {"z"}; dict(d); {**d}; bool(d); not d; hash(d); d < d; d + d; d[0]
OrderedDict(d) == d; d == OrderedDict(d); OrderedDict(d) | d; d | OrderedDict(z=1)
Counter(host=1) == d; d == Counter(host=1); d | Counter(z=1); UserDict(d) == d
ChainMap(d)["host"]; isinstance(d, (dict, Mapping, MutableMapping)); isinstance(d, Hashable)
d.keys().mapping == d; str(d); f"{d}"; sorted(d); max(d); {**d, "host": 1}; dict(d, host=1)
list(zip(d, d.values())); next(iter(d)); [*map(d.get, d)]; d == UserDict(d); d.copy()
"""
LISTS = """
x + [1]; [1] + x; x + x; x * 2; 2 * x; x * "a"; x + (1,); (1,) + x; x + 1; x[0]; x[-1]; x[-3]; x[2]
x["a"]; x[None]; x[1:]; x[::-1]; x[5:]; x[True]; x.index("b"); x.index("nope"); x.index("a", 1)
x.index("b", 0, 2); x.count("a"); x.count(); x == ["a", "b"]; ["a", "b"] == x; x != []
x == ("a", "b"); x < ["b"]; x <= x; ["b"] > x; x > []; x >= ["a", "b"]; x < 1; x == 1; x != 1
hash(x); list(reversed(x)); sorted(x); "a" in x; [] in x; len(x); repr(x); str(x); [*x]
tuple(x); set(x); ",".join(x); dict.fromkeys(x); [y for y in x]; max(x); bool(x); not x; x and 1
isinstance(x, (list, MutableSequence)); isinstance(x, tuple)
isinstance(x, Hashable); a_b(*x); "%s" % x; "%s %s" % (x, x); x.copy(); x[0:1] + x; zip(x, x) and 1
"""
SETS = """
s | {1}; {1} | s; s & s; s & {1}; s - {"x"}; {"x"} - s; s ^ {1}; {1} ^ s; s <= {"x"}; s < {"x", 1}
s == {"x"}; {"x"} == s; s != {"x"}; s == 5; s | frozenset([1]); frozenset([1]) | s
s == frozenset("x"); 1 | s; s | None; s.union(); s.difference(); s.intersection()
s | [1]; [1] | s; s & 1; s - 1; s ^ 1; s.union([1], "y"); s.intersection("xy"); s.difference("x")
s.symmetric_difference("y"); s.isdisjoint("y"); s.issubset("xy"); s.issuperset("x"); "x" in s
[] in s; len(s); sorted(s); hash(s); repr(s); bool(s); {*s}; set(s); frozenset(s)
isinstance(s, (set, MutableSet)); isinstance(s, Hashable); s.copy(); {s}
s + s; s[0]; max(s); s in [{"x"}]; {1, *s}; type(s | s) is set
"""


def cases(text: str) -> list[str]:
    return [case.strip() for line in text.strip().splitlines() for case in line.split(";")]


def outcome(expression: str, **values: Any) -> Any:
    names = {**vars(collections), **vars(collections.abc), "a_b": lambda a, b: (a, b)}
    try:
        result = eval(expression, names | values)
    except Exception as error:  # noqa: BLE001 - the other has to raise the same
        return type(error), error.args if isinstance(error, KeyError) else None
    return type(result), list(result) if isinstance(result, collections.abc.KeysView) else result


@pytest.mark.parametrize("expression", cases(DICTS))
def test_a_dict_does_what_a_dict_does(option: Any, expression: str) -> None:
    assert outcome(expression, d=option) == outcome(expression, d=dict(PLAIN))


@pytest.mark.parametrize("expression", cases(LISTS))
def test_a_list_does_what_a_list_does(types: Any, expression: str) -> None:
    shared = types.ReadOnlyList(["a", "b"])
    assert outcome(expression, x=shared) == outcome(expression, x=["a", "b"])


@pytest.mark.parametrize("expression", cases(SETS))
def test_a_set_does_what_a_set_does(types: Any, expression: str) -> None:
    assert outcome(expression, s=types.ReadOnlySet("x")) == outcome(expression, s={"x"})


def test_they_are_made_as_the_plain_types_are(types: Any) -> None:
    pairs = [("a", 1), ("b", 2)]
    for made in (
        types.ReadOnlyDict(pairs),
        types.ReadOnlyDict(pair for pair in pairs),
        types.ReadOnlyDict({"a": 1}, b=2),
        types.ReadOnlyDict(types.ReadOnlyDict(pairs)),
    ):
        assert made == {"a": 1, "b": 2} == dict(made)
        assert dict.__len__(made) == 2  # what C code finds
    assert types.ReadOnlyDict() == {}
    assert types.ReadOnlyList() == []
    assert types.ReadOnlyList(iter("ab")) == ["a", "b"]
    assert list.__len__(types.ReadOnlyList(iter("ab"))) == 2
    for wrong in (5, "ab", [1]):
        with pytest.raises((TypeError, ValueError)):
            types.ReadOnlyDict(wrong)
    with pytest.raises(TypeError):
        types.ReadOnlyList(5)
    with pytest.raises(TypeError):
        types.ReadOnlyDict.fromkeys("ab")
    source = {"a": 1}
    made = types.ReadOnlyDict(source)
    source["a"] = 2
    assert made == {"a": 1}


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["deepcopy", "pickle"],
)
def test_deep_copies_are_plain_all_the_way_down(option: Any, copied: Callable[[Any], Any]) -> None:
    plain = copied(option)
    assert plain == option
    assert [type(plain), type(plain["hosts"]), type(plain["tags"])] == [dict, list, set]
    plain["hosts"].append("c")
    assert option["hosts"] == ["a", "b"]


def test_shallow_copies_are_plain(option: Any) -> None:
    for value, plain in ((option, dict), (option["hosts"], list), (option["tags"], set)):
        assert type(copy.copy(value)) is plain
        assert type(value.copy()) is plain
        assert type(plain(value)) is plain
