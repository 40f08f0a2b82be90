"""``get(option, as_=...)``: what the compiled hot path remembers is what the slow path returned."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest

from ddbcfg_client.format.page import GENERATION_WORD
from support.hot_readers import DB, GENERATION, _compiled, reader_of


class Made:
    def __init__(self, option: Any) -> None:
        self.option = option


def is_compiled(reader: Any) -> bool:
    return type(reader).__mro__[1].__module__ == "ddbcfg_client._compiled"


@pytest.fixture
def compiled() -> Any:
    if _compiled is None:
        pytest.skip("it is not built here")
    return reader_of(_compiled)()


def test_each_way_to_say_it_arrives_as_it_was_said(reader: Any) -> None:
    found = [
        reader.get("db", as_=Made),
        reader.get("db", as_=Made, keep_valid=True),
        reader.get("db", keep_valid=True, as_=Made),
        reader.get("db", keep_valid=False, as_=Made),
        reader.get(option="db", as_=Made),
        reader.get("db", None, as_=Made),
    ]
    assert all(made.option == "db" for made in found)
    # Only the first form and keep_valid are remembered, each for itself.
    expected = [("as", "db", Made, keep) for keep in (False, True, True, False, False, False)]
    if is_compiled(reader):
        del expected[2:4]
    assert reader.asked == expected


def test_without_a_type_it_is_a_read_like_any_other(reader: Any) -> None:
    assert reader.get("db", as_=None) in (DB, "slow")


def test_what_was_made_is_remembered_for_the_view(compiled: Any) -> None:
    made = compiled.get("db", as_=Made)
    assert compiled.get("db", as_=Made) is made
    assert compiled.get("db", as_=str) == "db"
    assert compiled.get("cache", as_=Made) is not made
    assert len(compiled.asked) == 3
    compiled.words[GENERATION_WORD] = GENERATION + 1
    assert compiled.get("db", as_=Made) is not made
    compiled.take({"db": DB}, GENERATION + 1)
    compiled.get("db", as_=Made)
    assert len(compiled.asked) == 5


def test_what_was_made_while_the_view_changed_is_not_remembered(compiled: Any) -> None:
    def make(option: str) -> object:
        compiled.take({"db": DB}, GENERATION)
        return object()

    assert compiled.get("db", as_=make) is not compiled.get("db", as_=make)


def test_an_error_is_not_remembered(compiled: Any) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="invalid literal"):
            compiled.get("db", as_=int)
    assert len(compiled.asked) == 2


def test_a_name_of_a_subclass_of_str_is_not_remembered(compiled: Any) -> None:
    class Name(str):
        __slots__ = ()

    name = Name("db")
    assert compiled.get(name, as_=Made) is not compiled.get(name, as_=Made)


@pytest.mark.parametrize("keep", [1, 0, None, "yes"])
def test_keep_valid_is_a_bool_or_is_not_remembered(compiled: Any, keep: Any) -> None:
    first = compiled.get("db", as_=Made, keep_valid=keep)
    assert compiled.get("db", as_=Made, keep_valid=keep) is not first


def test_many_names_and_types_are_each_their_own(compiled: Any) -> None:
    names = [f"option {number}" for number in range(40)]
    targets = [lambda option, n=number: (option, n) for number in range(40)]
    for _ in range(3):
        for name in names:
            for number, target in enumerate(targets):
                assert compiled.get(name, as_=target) == (name, number)


def test_nothing_is_kept_beyond_the_view(compiled: Any) -> None:
    made = compiled.get("db", as_=Made)
    target = lambda option: option  # noqa: E731 - an object of its own
    compiled.get("db", as_=target)
    gone = weakref.ref(made), weakref.ref(target)
    del made, target
    compiled.asked.clear()
    compiled.take({"db": DB})
    assert [ref() for ref in gone] == [None, None]


def test_references_are_counted_right(compiled: Any) -> None:
    made = compiled.get("db", as_=Made)
    before = sys.getrefcount(made), sys.getrefcount(Made)
    for _ in range(1000):
        compiled.get("db", as_=Made)
        compiled.get("db", as_=Made, keep_valid=False)
    assert (sys.getrefcount(made), sys.getrefcount(Made)) == before


def test_an_object_that_reads_while_it_is_freed_does_no_harm(compiled: Any) -> None:
    class Late:
        def __init__(self, option: Any) -> None:
            self.option = option

        def __del__(self) -> None:
            seen.append(compiled.get("db", as_=Made).option)
            compiled.take({"db": DB})

    seen: list[Any] = []
    for number in range(60):  # some evict others
        compiled.get(f"option {number}", as_=Late)
    compiled.take({"db": DB})
    gc.collect()
    assert seen.count("db") == 60


def test_a_cycle_through_what_was_made_is_collected(compiled: Any) -> None:
    own = type(compiled)()
    own.get("db", as_=lambda option, own=own: own)
    gone = weakref.ref(own)
    own.asked.clear()
    del own
    gc.collect()
    assert gone() is None
