"""The hot path, as Python and compiled: both return the same (G1, G2)."""

from __future__ import annotations

import inspect
import time
from typing import Any

import pytest

from ddbcfg_client.format.page import GENERATION_WORD

try:
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]
except ImportError:
    _compiled = None
from support.hot_readers import DB, GENERATION, LATER


def test_what_was_decoded_is_answered_without_asking(reader: Any) -> None:
    assert reader.get("db") is DB
    assert reader.get("db", None) is DB
    assert reader["db"] is DB
    assert reader.db is DB
    assert reader.asked == []


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((), {}),
        (("nope",), {}),
        (("nope", 5), {}),
        (("db", 5, ["host"]), {}),
        (("db",), {"keys": ["host"]}),
        ((), {"option": "nope"}),
        ((), {"default": 1, "option": "nope"}),
    ],
)
def test_all_else_is_asked_for_with_the_same_arguments(
    reader: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    assert reader.get(*arguments, **keywords) == "slow"
    ((_, option, default, keys),) = reader.asked
    given = dict(zip(("option", "default", "keys"), arguments, strict=False)) | keywords
    # "none" stands for the default's default, which is the module's own.
    assert (option, keys) == (given.get("option"), given.get("keys"))
    assert default is given.get("default", default)


@pytest.mark.parametrize("option", [5, None, ("a",), [], {}, "nope"])
def test_what_is_no_option_is_asked_for_too(reader: Any, option: Any) -> None:
    assert reader[option] == "slow"
    assert reader.get(option) == "slow"
    assert [asked[:2] for asked in reader.asked] == [("lookup", option), ("get", option)]


def test_an_attribute_that_is_no_option_is_an_attribute_error(reader: Any) -> None:
    with pytest.raises(AttributeError):
        _ = reader.nope
    assert not hasattr(reader, "nope")
    assert reader.asked == [("missing", "nope")] * 2


def test_a_name_that_begins_with_an_underscore_is_no_option(reader: Any) -> None:
    reader.take({"_db": DB, "": DB})
    for name in ("_db", ""):
        assert reader.get(name) is DB
    assert not hasattr(reader, "_db")
    assert reader.asked == [("missing", "_db")]


def test_an_attribute_of_a_subclass_comes_before_an_option_of_its_name(reader: Any) -> None:
    class Open(type(reader)):  # type: ignore[misc]
        own = "the class's"

    early = Open()
    early.pool = "set before it was read"
    options = {"pool": DB, "own": DB, "slot": DB}
    reader.take(options)
    assert (reader.pool, reader.own, reader.slot) == (DB, DB, DB)
    late = Open()
    late.take(options)
    assert (late.pool, late.own) == (DB, "the class's")
    late.pool = "set after it was read"
    late.own = "the object's"
    assert (early.pool, late.pool, late.own) == (
        "set before it was read",
        "set after it was read",
        "the object's",
    )
    del late.pool
    assert late.pool is DB
    assert not hasattr(Open, "pool")

    class Slotted(type(reader)):  # type: ignore[misc]
        __slots__ = ("slot",)

    slotted = Slotted()
    slotted.slot = "the slot's"
    assert slotted.slot == "the slot's"
    with pytest.raises(AttributeError):
        slotted.pool = "nowhere to keep it"


def test_a_property_that_fails_for_want_of_an_attribute_is_looked_for(reader: Any) -> None:
    class Failing(type(reader)):  # type: ignore[misc]
        __slots__ = ()

        @property
        def derived(self) -> Any:
            raise AttributeError("inner")

        @property
        def broken(self) -> Any:
            raise ValueError("inner")

    own = Failing()
    with pytest.raises(AttributeError):
        _ = own.derived
    assert own.asked == [("missing", "derived")]
    with pytest.raises(ValueError, match="inner"):
        _ = own.broken


def test_another_generation_is_asked_for(reader: Any) -> None:
    reader.words[GENERATION_WORD] = GENERATION + 1
    assert (reader.get("db"), reader["db"]) == ("slow", "slow")
    assert not hasattr(reader, "db")
    reader.take({"db": 2}, GENERATION + 1)
    assert (reader.get("db"), reader["db"], reader.db) == (2, 2, 2)


@pytest.mark.parametrize("word", [1 << 63 | GENERATION, 0, 2**64 - 1])
def test_a_retired_page_is_another_generation(reader: Any, word: int) -> None:
    reader.words[GENERATION_WORD] = word
    assert reader.get("db") == "slow"


def test_it_asks_when_its_time_is_up(reader: Any) -> None:
    reader.take({"db": DB}, until=time.monotonic() - 1)
    assert (reader.get("db"), reader["db"]) == ("slow", "slow")
    reader.take({"db": DB})
    assert reader.get("db") is DB


def test_no_generation_is_never_hot(reader: Any) -> None:
    reader.words[GENERATION_WORD] = 2**64 - 1
    reader._view = (reader.words, -1, {"db": DB}, LATER, None)
    assert reader.get("db") == "slow"


def test_names_are_found_by_what_they_say_however_many_there_are(reader: Any) -> None:
    options = {f"option {number}": {"number": number} for number in range(100)}
    reader.take(options)
    for _ in range(3):
        for number in range(100):
            # Another object each time, some at addresses where another name was before.
            assert reader[f"option {number}"] is reader.get(f"option {number}")
            assert reader[f"option {number}"] == {"number": number}
    assert reader.asked == []


def test_what_was_answered_of_one_generation_is_not_of_the_next(reader: Any) -> None:
    assert reader["db"] is reader.get("db") is reader.db is DB
    other = {"host": "other"}
    reader.words[GENERATION_WORD] += 1
    reader.take({"db": other}, GENERATION + 1)
    assert reader["db"] is reader.get("db") is reader.db is other
    reader.words[GENERATION_WORD] += 1
    reader.take({}, GENERATION + 2)
    assert (reader["db"], reader.get("db")) == ("slow", "slow")


def test_a_class_that_is_patched_after_the_first_read_is_patched(reader: Any) -> None:
    assert reader.get("db") is DB
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(reader), "get", lambda self, option: ("patched", option))
        assert reader.get("db") == ("patched", "db")
    assert reader.get("db") is DB


def test_what_a_subclass_or_an_object_has_of_its_own_comes_first(reader: Any) -> None:
    class Overriding(type(reader)):  # type: ignore[misc]
        __slots__ = ()

        def get(self, *arguments: Any) -> Any:
            return ("overridden", super().get(*arguments))

    class Open(type(reader)):  # type: ignore[misc]
        pass

    own = Overriding()
    assert [own.get("db"), own.get("db")] == [("overridden", DB)] * 2
    own = Open()
    assert own.get("db") is own.get("db") is DB
    own.get = lambda option: ("its own", option)
    assert own.get("db") == ("its own", "db")


def test_get_is_a_method_like_any_other(reader: Any) -> None:
    get = reader.get
    assert get("db") is reader.get("db")
    assert reader.get == get
    assert get.__self__ is reader
    assert get.__name__ == "get"
    assert get.__doc__.strip()


def test_get_is_a_method_for_tools_too(reader: Any) -> None:
    assert inspect.isroutine(reader.get)
    parameters = list(inspect.signature(reader.get).parameters)
    assert parameters == ["option", "default", "keys", "as_", "keep_valid"]
    assert type(reader).__name__ in repr(reader.get)
    assert {reader.get: 1}[reader.get] == 1
    other = type(reader)()
    assert reader.get != other.get
    assert reader.get != "get"


def test_methods_that_are_kept_and_nested_are_each_their_own(reader: Any) -> None:
    others = [type(reader)() for _ in range(5)]
    kept = [other.get for other in others]
    for number, other in enumerate(others):
        other.take({"db": number})
    assert [get("db") for get in kept] == [0, 1, 2, 3, 4]
    assert [get.__self__ for get in kept] == others
    others[0].take({1: 4})
    others[1].take({"db": "x"})
    assert reader.get(others[1].get("db")) == "slow"
    assert reader.asked[-1][:2] == ("get", "x")
    assert [get.__self__ for get in kept] == others
