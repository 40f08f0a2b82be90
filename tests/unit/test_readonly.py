"""What a read returns is shared by the whole process: nobody changes it for the others."""

from __future__ import annotations

import copy
import ctypes
import gc
import heapq
import json
import pickle
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from support.shared_values import IMPLEMENTATIONS, PLAIN, option_of, types_over


@pytest.fixture(params=IMPLEMENTATIONS)
def types(request: pytest.FixtureRequest) -> Any:
    return types_over(request.param)


@pytest.fixture
def option(types: Any) -> Any:
    return option_of(types)


# --- refused --------------------------------------------------------------------------------------

MUTATIONS: dict[str, Callable[[Any], object]] = {
    "dict set": lambda o: o.__setitem__("host", 1),
    "dict del": lambda o: o.__delitem__("host"),
    "dict |=": lambda o: o.__ior__({"host": 1}),
    "dict update": lambda o: o.update(host=1),
    "dict setdefault": lambda o: o.setdefault("new", 1),
    "dict pop": lambda o: o.pop("host"),
    "dict popitem": lambda o: o.popitem(),
    "dict clear": lambda o: o.clear(),
    "dict init": lambda o: o.__init__(host=1),
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
    "list init": lambda o: o["hosts"].__init__(["c"]),
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
def test_every_mutation_is_refused_and_changes_nothing(
    option: Any, mutate: Callable[[Any], object]
) -> None:
    with pytest.raises(TypeError, match=r"this (dict|list|set) is .* cannot be changed: change a"):
        mutate(option)
    assert option == PLAIN


def test_no_method_of_the_plain_types_was_forgotten(types: Any) -> None:
    """A method that is the plain type's would read, or change, what C code can change."""
    harmless = {"__new__", "__getattribute__", "__sizeof__", "__class_getitem__", "__doc__"}
    harmless |= {"fromkeys"}  # makes an empty one, and then is refused
    harmless |= {"__lt__", "__le__", "__gt__", "__ge__"}  # of dicts there is no order
    for plain, shared in ((dict, types.ReadOnlyDict), (list, types.ReadOnlyList)):
        of_object_or_ours = {
            name for kind in shared.__mro__ if kind not in (plain, object) for name in vars(kind)
        }
        assert set(vars(plain)) - of_object_or_ours <= harmless
    mutating = set(vars(set)) - set(vars(frozenset)) - harmless - {"__init__"}
    assert mutating <= set(vars(types.ReadOnlySet))


# --- past the methods ----------------------------------------------------------------------------


class Bag:
    """An object whose attributes are an option's keys."""


def as_attributes(option: Any) -> None:
    bag = Bag()
    bag.__dict__ = option
    bag.host = "changed"
    bag.more = 1
    del bag.tags


def c_function(name: str, count: int, result: Any = ctypes.c_int) -> Callable[..., Any]:
    function = getattr(ctypes.pythonapi, name)
    function.argtypes = [ctypes.py_object] * count
    function.restype = result
    return function  # type: ignore[no-any-return]


WRITES: dict[str, Callable[[Any], object]] = {
    "eval": lambda o: eval("host", o),
    "eval with a function": lambda o: eval("(lambda: host)()", o),
    "exec": lambda o: exec("global more; more = 1", o),
    "__dict__": as_attributes,
    "dict set": lambda o: dict.__setitem__(o, "more", 1),
    "dict del": lambda o: dict.__delitem__(o, "host"),
    "dict |=": lambda o: dict.__ior__(o, {"host": 1}),
    "dict update": lambda o: dict.update(o, host=1),
    "dict setdefault": lambda o: dict.setdefault(o, "more", 1),
    "dict pop": lambda o: dict.pop(o, "host"),
    "dict popitem": dict.popitem,
    "dict clear": dict.clear,
    "dict init": lambda o: dict.__init__(o, host=1),
    "PyDict_SetItem": lambda o: c_function("PyDict_SetItem", 3)(o, "host", 1),
    "PyDict_Clear": c_function("PyDict_Clear", 1, None),
    "heappush": lambda o: heapq.heappush(o["hosts"], "0"),
    "heappop": lambda o: heapq.heappop(o["hosts"]),
    "heapreplace": lambda o: heapq.heapreplace(o["hosts"], "z"),
    "heapify": lambda o: heapq.heapify(o["hosts"]),
    "list set": lambda o: list.__setitem__(o["hosts"], 0, 1),
    "list del": lambda o: list.__delitem__(o["hosts"], 0),
    "list +=": lambda o: list.__iadd__(o["hosts"], [1]),
    "list append": lambda o: list.append(o["hosts"], 1),
    "list extend": lambda o: list.extend(o["hosts"], [1]),
    "list insert": lambda o: list.insert(o["hosts"], 0, 1),
    "list pop": lambda o: list.pop(o["hosts"]),
    "list remove": lambda o: list.remove(o["hosts"], "a"),
    "list clear": lambda o: list.clear(o["hosts"]),
    "list sort": lambda o: list.sort(o["hosts"], reverse=True),
    "list reverse": lambda o: list.reverse(o["hosts"]),
    "list init": lambda o: list.__init__(o["hosts"], ["c"]),
    "PyList_Append": lambda o: c_function("PyList_Append", 2)(o["hosts"], 1),
    "PyList_Sort": lambda o: c_function("PyList_Sort", 1)(o["hosts"]),
}

REFUSED_WRITES: dict[str, Callable[[Any], object]] = {
    "exec": lambda o: exec("more = 1", o),
    "set add": lambda o: set.add(o["tags"], 1),
    "set update": lambda o: set.update(o["tags"], [1]),
    "set clear": lambda o: set.clear(o["tags"]),
    "set init": lambda o: set.__init__(o["tags"], [1]),
    "PySet_Add": lambda o: c_function("PySet_Add", 2)(o["tags"], 1),
    "PySet_Clear": lambda o: c_function("PySet_Clear", 1)(o["tags"]),
}


def assert_whole(option: Any) -> None:
    """Every way of reading finds what was there."""
    assert option == PLAIN == option
    assert (option["host"], option.get("host"), option.get("more")) == ("db", "db", None)
    assert (len(option), "host" in option, "more" in option) == (3, True, False)
    assert list(option) == list(reversed(list(reversed(option)))) == ["host", "hosts", "tags"]
    assert [*option.keys()] == [key for key, _ in option.items()] == [*option]
    assert [*option.values()] == [*PLAIN.values()]
    assert dict(option) == {**option} == dict(**option) == option | {} == {} | option == PLAIN
    assert dict([], **option) == {key: option[key] for key in option} == PLAIN
    for again in (option.copy(), copy.copy(option), copy.deepcopy(option)):
        assert again == PLAIN
    assert pickle.loads(pickle.dumps(option)) == PLAIN
    assert repr(option) == str(PLAIN)
    hosts = option["hosts"]
    assert f"{hosts}" == "['a', 'b']"
    assert (hosts[0], hosts[-1], hosts[:1], hosts[::-1]) == ("a", "b", ["a"], ["b", "a"])
    assert len(hosts) == 2
    assert [*hosts] == list(hosts) == hosts == ["a", "b"] == hosts * 1
    assert hosts + [1] == ["a", "b", 1] != [1] + hosts == [1, "a", "b"]  # noqa: RUF005
    assert list(reversed(hosts)) == ["b", "a"] == sorted(hosts, reverse=True)
    assert ("a" in hosts, hosts.index("b"), hosts.count("a"), 1 in hosts) == (True, 1, 1, False)
    for again in (hosts.copy(), copy.copy(hosts), copy.deepcopy(hosts), list(hosts)):
        assert again == ["a", "b"]
    assert pickle.loads(pickle.dumps(hosts)) == ["a", "b"]
    emptied = dict.__len__(option) == 0  # see test_what_is_not_protected
    for indent in () if emptied else (None, 1):  # written by C, and before 3.13 by Python
        text = json.dumps(option, indent=indent, default=sorted)
        assert json.loads(text) == {"host": "db", "hosts": ["a", "b"], "tags": ["x"]}
    assert "%(host)s" % option == "db"  # noqa: UP031
    assert "{host}".format_map(option) == "db"
    match option:
        case {"host": str(host), "hosts": [first, *_], **rest}:
            assert (host, first, rest) == ("db", "a", {"tags": {"x"}})
        case _:
            pytest.fail("it matches no pattern that a dict matches")
    assert option["tags"] == {"x"} == set(option["tags"])


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_what_c_code_changes_without_asking_is_not_what_anybody_reads(
    option: Any, write: Callable[[Any], object]
) -> None:
    write(option)
    assert_whole(option)


@pytest.mark.parametrize("write", REFUSED_WRITES.values(), ids=REFUSED_WRITES.keys())
def test_what_c_code_asks_for_is_refused(option: Any, write: Callable[[Any], object]) -> None:
    with pytest.raises((TypeError, SystemError)):
        write(option)
    assert_whole(option)


def test_an_option_can_be_evaluated_in_and_be_an_objects_attributes(option: Any) -> None:
    assert eval("host.upper() + hosts[0]", option) == "DBa"
    assert eval("[host for _ in range(2)] + [len(hosts)]", option) == ["db", "db", 2]
    bag = Bag()
    bag.__dict__ = option
    bag.more = 1  # type: ignore[attr-defined]
    assert (bag.host, bag.more) == ("db", 1)  # type: ignore[attr-defined]
    assert SimpleNamespace(**option).host == "db"


def test_what_is_not_protected(option: Any) -> None:
    """The truth about it: C code reads the copy that C code can change, and gc finds everything."""
    dict.__setitem__(option, "host", "changed")
    list.append(option["hosts"], "c")
    assert dict.__getitem__(option, "host") == "changed"
    assert list.__len__(option["hosts"]) == 3
    one, other = Bag(), Bag()
    one.__dict__ = other.__dict__ = option
    one.more = 1  # type: ignore[attr-defined]
    assert other.more == 1  # type: ignore[attr-defined]
    assert_whole(option)
    dict.clear(option)
    assert json.dumps(option, default=sorted) == "{}"  # its C code asks for the copy's length
    assert_whole(option)
    (content,) = (found for found in gc.get_referents(option) if type(found) is dict)
    content["host"] = "changed"
    assert option["host"] == "changed"


def test_comparing_hands_nobody_the_content(option: Any) -> None:
    class Curious:
        def __eq__(self, other: object) -> bool:
            self.seen = other
            return True

        __hash__ = None  # type: ignore[assignment]

    curious = Curious()
    for value in (option, option["hosts"]):
        assert value == curious
        assert curious.seen is value


def test_nothing_leaks_and_cycles_are_collected(types: Any) -> None:
    class Held:
        pass

    def use() -> list[Any]:
        held = Held()
        value = types.ReadOnlyDict(a=types.ReadOnlyList([held]), b=held)
        held.value = value  # type: ignore[attr-defined]  # a cycle
        with pytest.raises(TypeError):
            value.__init__()
        value.get("a"), value["b"], list(value), value == {}, repr(value), value.copy(), value | {}
        value["a"][0], value["a"][:], list(value["a"]), value["a"] == [], value["a"] + [1]
        return [value["a"][0]]

    use()
    gc.collect()
    before = sum(type(found) is Held for found in gc.get_objects())
    for _ in range(100):
        use()
    gc.collect()
    assert sum(type(found) is Held for found in gc.get_objects()) == before


def test_a_value_that_c_code_stored_in_itself_is_collected(types: Any) -> None:
    def count() -> int:
        gc.collect()
        of = (types.ReadOnlyDict, types.ReadOnlyList)
        return sum(type(found) in of for found in gc.get_objects())

    before = count()
    for _ in range(5):
        option, hosts = types.ReadOnlyDict(host="db"), types.ReadOnlyList(["a"])
        dict.__setitem__(option, "itself", option)
        list.append(hosts, hosts)
    del option, hosts
    assert count() == before


def test_deep_nesting_is_let_go_of(types: Any) -> None:
    value: Any = "innermost"
    for _ in range(100_000):
        value = types.ReadOnlyList([types.ReadOnlyDict(inner=value)])
    del value
    gc.collect()


def test_threads_that_change_the_copy_disturb_no_reader(option: Any) -> None:
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            dict.__setitem__(option, f"more{number % 100}", number)
            list.append(option["hosts"], number)
            if number % 100 == 0:
                dict.clear(option)
                list.clear(option["hosts"])

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(3000):
            assert option == PLAIN
            assert list(option["hosts"]) == ["a", "b"]
            assert dict(option) == PLAIN
    finally:
        stop.set()
        thread.join()
