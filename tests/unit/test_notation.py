"""What the typed JSON notation reads, refuses and prints; grouped by hazard."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal
from pathlib import Path

import pytest

from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.errors import ConfigError, NotationError
from ddbcfg_client.notation.reader import loads, loads_stores
from ddbcfg_client.notation.writer import dumps
from support.children import run_python

ROOT = Path(__file__).resolve().parents[2]

LARGEST = "9" * 38 + "0" * 88


class TestExactNumbers:
    """A number comes and goes with every digit (G6)."""

    @pytest.mark.parametrize(
        "literal",
        [
            "0",
            "27017",
            "27010",
            "-1",
            "0.1",
            "12345678901234567890123456789012345678",
            "0.12345678901234567890123456789012345678",
            "0." + "0" * 129 + "1",
            "-0." + "0" * 129 + "1",
            LARGEST,
            "-" + LARGEST,
        ],
    )
    def test_every_digit_survives(self, literal: str) -> None:
        number = loads(literal, "f")
        assert type(number) is Decimal
        assert f"{number:f}" == literal
        assert dumps(number, typed=True) == literal

    @pytest.mark.parametrize(
        "literal",
        ["1e126", "1E-131", "1.5E-131", "1" * 39, "1." + "0" * 37 + "1", "1e9999999999999999999"],
    )
    def test_a_number_that_dynamodb_cannot_hold_is_refused(self, literal: str) -> None:
        with pytest.raises(NotationError, match=r"^f: a\[0\]: DynamoDB's numbers have at most 38"):
            loads(f'{{"a": [{literal}]}}', "f")

    @pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
    def test_what_is_no_number_is_refused(self, literal: str) -> None:
        with pytest.raises(NotationError, match=r"^f: DynamoDB's numbers have at most 38 digits"):
            loads(literal, "f")

    def test_zeros_at_the_end_do_not_count_as_digits(self) -> None:
        assert loads("1" + "0" * 60, "f") == Decimal("1E+60")

    @pytest.mark.parametrize("literal", ["-0", "0.000", "0E-300", "0E+300"])
    def test_zero_is_plain_zero_as_in_dynamodb(self, literal: str) -> None:
        assert str(loads(literal, "f")) == "0"

    def test_an_error_does_not_tell_the_value(self) -> None:
        secret = "4" * 39
        with pytest.raises(NotationError) as caught:
            loads(secret, "f")
        assert secret not in repr(caught.value)


class TestEveryType:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ('"é ☃ 🐍"', "é ☃ 🐍"),
            ('""', ""),
            ("true", True),
            ("false", False),
            ("null", None),
            ('{"$binary": ""}', b""),
            ('{"$binary": "AP8="}', b"\x00\xff"),
            ('{"$set": ["a", "b"]}', {"a", "b"}),
            ('{"$set": [1, 2.5]}', {Decimal(1), Decimal("2.5")}),
            ('{"$set": [{"$binary": "AA=="}, {"$binary": "AQ=="}]}', {b"\x00", b"\x01"}),
            ('[1, "a", [null], {"b": true}]', [Decimal(1), "a", [None], {"b": True}]),
            ("[]", []),
            ("{}", {}),
        ],
    )
    def test_reads_and_writes(self, text: str, value: object) -> None:
        assert loads(text, "f") == value
        assert dumps(value, typed=True) == text

    def test_true_is_no_number_and_one_is_no_truth(self) -> None:
        assert loads("[true, 1]", "f") == [True, 1]
        assert [type(item) for item in loads("[true, 1]", "f")] == [bool, Decimal]  # type: ignore[attr-defined]
        assert dumps([True, 1, Decimal(0), False], typed=True) == "[true, 1, 0, false]"


class TestAmbiguity:
    """No map can be taken for a set or for binary, and no notation for a map."""

    @pytest.mark.parametrize(
        "value",
        [
            {"$set": ["a"]},
            {"$binary": "AP8="},
            {"$map": {}},
            {"$map": {"$map": {"$": None}}},
            {"$": 1, "a": {"b": 2}},
            {"a": {"$ref": "x"}},
        ],
    )
    def test_a_map_that_looks_like_notation_comes_back(self, value: object) -> None:
        assert loads(dumps(value, typed=True), "f") == value

    def test_the_keys_of_an_escaped_map_are_literal_and_its_values_are_not(self) -> None:
        assert loads('{"$map": {"$set": {"$set": [1]}}}', "f") == {"$set": {Decimal(1)}}

    def test_a_dollar_elsewhere_needs_no_escape(self) -> None:
        assert dumps({"a$": "$b"}, typed=True) == '{"a$": "$b"}'

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ('{"x": {"$sett": [1]}}', "f: x: unknown notation '$sett'"),
            ('{"x": {"a": 1, "$b": 2}}', "f: x: unknown notation '$b'"),
            ('{"x": {"a": 1, "$set": [2]}}', "f: x: '$set' must be the only key"),
            ('{"$map": {}, "$map": {}}', "f: '$map' must be the only key"),
            ('{"$map": []}', "f: '$map' must hold an object"),
            ('{"$set": {}}', "f: '$set' must hold an array that is not empty"),
            ('{"$set": []}', "f: '$set' must hold an array that is not empty"),
            ('{"$set": [1, "a"]}', "f: a set holds only strings, only numbers or only binary"),
            ('{"$set": [true]}', "f: a set holds only"),
            ('{"$set": [[1]]}', "f: a set holds only"),
            ('{"$set": [{"$set": [1]}]}', "f: a set holds only"),
            ('{"$set": ["a", "a"]}', "f: a set holds no member twice"),
            ('{"$set": [1, 1.0]}', "f: a set holds no member twice"),
            ('{"$binary": 1}', "f: '$binary' must hold base64 text"),
            ('{"$binary": "A"}', "f: '$binary' must hold base64 text"),
            ('{"$binary": "AA A="}', "f: '$binary' must hold base64 text"),
            ('{"$binary": "AAA=AAAA"}', "f: '$binary' must hold base64 text"),
            ('{"$binary": "é"}', "f: '$binary' must hold base64 text"),
        ],
    )
    def test_notation_that_does_not_say_a_value_is_refused(self, text: str, reason: str) -> None:
        with pytest.raises(NotationError) as caught:
            loads(text, "f")
        assert str(caught.value).startswith(reason)


class TestHostileText:
    @pytest.mark.parametrize(
        ("text", "start"),
        [
            ("", "f:1: not JSON: Expecting value (column 1)"),
            ('{\n  "a": 1,\n  "b": tru\n}', "f:3: not JSON: Expecting value (column 8)"),
            ("[1] 2", "f:1: not JSON: Extra data (column 5)"),
            ("\ufeff{}", "f:1: not JSON: "),
            ('"\x00"', "f:1: not JSON: "),
            ("[.5]", "f:1: not JSON: "),
            ("[0x10]", "f:1: not JSON: "),
        ],
    )
    def test_bad_syntax_is_named_by_line_and_column(self, text: str, start: str) -> None:
        with pytest.raises(NotationError) as caught:
            loads(text, "f")
        assert str(caught.value).startswith(start)

    def test_a_syntax_error_does_not_carry_the_document(self) -> None:
        with pytest.raises(NotationError) as caught:
            loads('{"password": "hunter2" oops}', "f")
        assert "hunter2" not in repr(caught.value)
        assert caught.value.__suppress_context__

    @pytest.mark.parametrize("brackets", ["[]", ('{"a":', "}")])
    def test_32_levels_are_read_and_33_are_not(self, brackets: tuple[str, str]) -> None:
        start, end = brackets
        inmost = '{"$set": [1]}'  # no level: it is a leaf
        assert loads(start * 32 + inmost + end * 32, "f")
        with pytest.raises(NotationError, match="nested deeper than DynamoDB's 32 levels"):
            loads(start * 33 + inmost + end * 33, "f")

    @pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
    def test_endless_nesting_is_an_error_of_ours(self, text: str) -> None:
        with pytest.raises(NotationError, match="^f: nested deeper than DynamoDB's 32 levels"):
            loads(text, "f")

    @pytest.mark.parametrize(
        ("text", "path"), [(r'{"a": ["\ud800"]}', "f: a[0]"), (r'{"\udfff": 1}', r"f: '\udfff'")]
    )
    def test_a_lone_surrogate_is_refused(self, text: str, path: str) -> None:
        with pytest.raises(NotationError, match="lone surrogate") as caught:
            loads(text, "f")
        assert caught.value.where == path
        str(caught.value).encode()  # the error itself can be printed

    def test_a_surrogate_pair_is_one_character(self) -> None:
        assert loads(r'"\ud83d\udc0d"', "f") == "🐍"

    @pytest.mark.parametrize("text", ['{"x": {"a": 1, "a": 1}}', '{"x": {"$map": {"a":1,"a":2}}}'])
    def test_a_key_that_is_there_twice_is_refused(self, text: str) -> None:
        with pytest.raises(NotationError) as caught:
            loads(text, "f")
        assert str(caught.value) == "f: x.a: is there twice"

    def test_a_million_digits_are_refused_at_once(self) -> None:
        with pytest.raises(NotationError, match="at most 38 digits"):
            loads("7" * 1_000_000, "f")


class TestStores:
    def test_reads_stores_options_and_keys(self) -> None:
        text = '{"prod": {"db": {"host": "h", "port": 1}, "none": {}}, "test": {}}'
        stores = loads_stores(text, "f")
        assert stores == {"prod": {"db": {"host": "h", "port": 1}, "none": {}}, "test": {}}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[]", "f: must be an object whose names are stores"),
            ('{"prod": 1}', "f: prod: must be an object whose names are options"),
            ('{"prod": {"db": "h"}}', "f: prod.db: must be an object whose names are keys"),
            ('{"prod": {"db": {"$set": ["a"]}}}', "f: prod.db: must be an object"),
            ('{"": {}}', "f: there is an empty name among its stores"),
            ('{"prod": {"": {}}}', "f: prod: there is an empty name among its options"),
            ('{"prod": {"db": {"": 1}}}', "f: prod.db: there is an empty name among its keys"),
            ('{"prod": {"db": {"_store": 1}}}', "f: prod.db._store: is a key of the table"),
            ('{"prod": {"db": {"_option": 1}}}', "f: prod.db._option: is a key of the table"),
            ('{"prod": {"a.b": {"c d": 1e999}}}', "f: prod.'a.b'.'c d': DynamoDB's numbers"),
            ('{"prod": {"external-port": {"x": [{"$y": 1}]}}}', "f: prod.external-port.x[0]: unk"),
        ],
    )
    def test_the_error_names_the_place(self, text: str, message: str) -> None:
        with pytest.raises(NotationError) as caught:
            loads_stores(text, "f")
        assert str(caught.value).startswith(message)

    def test_the_tables_keys_can_have_other_names(self) -> None:
        text = '{"prod": {"db": {"_store": 1}}}'
        assert loads_stores(text, "f", KeyNames("s", "o"))
        with pytest.raises(NotationError):
            loads_stores('{"prod": {"db": {"o": 1}}}', "f", KeyNames("s", "o"))

    def test_names_that_start_with_a_dollar_are_escaped_like_any_map(self) -> None:
        stores = {"$prod": {"$set": {"$key": "v"}}}
        assert loads_stores(dumps(stores, typed=True), "f") == stores

    def test_each_value_may_use_all_of_dynamodbs_levels(self) -> None:
        value = "[" * 32 + "]" * 32
        assert loads_stores(f'{{"prod": {{"db": {{"deep": {value}}}}}}}', "f")
        with pytest.raises(NotationError, match="nested deeper"):
            loads_stores(f'{{"prod": {{"db": {{"deep": [{value}]}}}}}}', "f")


class TestPrinting:
    """Plain JSON, for people and scripts."""

    def test_the_example_of_the_readme(self) -> None:
        option = {"host": "db-cluster.com", "port": Decimal("27017")}
        assert dumps(option, typed=False) == '{"host": "db-cluster.com", "port": 27017}'

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (Decimal("1E+2"), "100"),
            (10**30, "1" + "0" * 30),
            ({Decimal(10), Decimal(9)}, "[9, 10]"),
            (frozenset({"b", "a"}), '["a", "b"]'),
            (b"\x00\xff", '"AP8="'),
            ({"$set": {b"b", b"a"}}, '{"$set": ["YQ==", "Yg=="]}'),
            ("☃\n\u2028", '"☃\\n\u2028"'),
            ({"b": 1, "a": 2}, '{"b": 1, "a": 2}'),
        ],
    )
    def test_values(self, value: object, text: str) -> None:
        assert dumps(value, typed=False) == text
        json.loads(text)

    def test_indent_breaks_lines_as_json_does(self) -> None:
        value = {"a": [1, [], {}, {"b": [2]}], "c": {}}
        assert dumps(value, typed=True, indent=2) == json.dumps(value, indent=2)
        assert dumps(value, typed=False) == json.dumps(value)

    def test_indent_keeps_the_notation(self) -> None:
        value = {"$a": {"x", "y"}, "b": b"z"}
        text = dumps(value, typed=True, indent=4)
        assert loads(text, "f") == value
        assert text.splitlines()[:3] == ['{"$map": {', '    "$a": {"$set": [', '        "x",']

    def test_subclasses_count_as_what_they_are(self) -> None:
        class Text(str):
            __slots__ = ()

        class Mapping(dict[str, object]):
            pass

        class Items(list[object]):
            pass

        class Members(set[str]):
            pass

        value = Mapping({"a": Items([Members({Text("b")})])})
        assert dumps(value, typed=True) == '{"a": [{"$set": ["b"]}]}'

    @pytest.mark.parametrize("value", [0.5, (1,), object(), bytearray(b"a"), {1: "a"}, [{None: 1}]])
    def test_a_type_that_dynamodb_does_not_have_is_refused(self, value: object) -> None:
        with pytest.raises(TypeError):
            dumps(value, typed=True)

    @pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
    def test_what_is_no_number_is_not_written(self, number: str) -> None:
        with pytest.raises(ValueError, match="not a finite number"):
            dumps({"a": Decimal(number)}, typed=False)


class TestCallers:
    def test_the_error_is_a_config_error_that_pickles(self) -> None:
        with pytest.raises(ConfigError) as caught:
            loads("[", "dir/f.json")
        again = pickle.loads(pickle.dumps(caught.value))
        assert (type(again), str(again)) == (NotationError, str(caught.value))

    def test_importing_it_imports_nothing_heavy(self) -> None:
        code = (
            "import sys; import ddbcfg_client.errors; before = set(sys.modules); "
            "import ddbcfg_client.notation.writer; print(*sorted(set(sys.modules) - before))"
        )
        done = run_python("-c", code, cwd=ROOT, check=True)
        assert done.stdout.split() == ["ddbcfg_client.notation", "ddbcfg_client.notation.writer"]


class TestDocumentation:
    """What docs/local.md and the example file say is what the reader takes."""

    def test_the_examples_of_the_page_parse(self) -> None:
        page = (ROOT / "docs/local.md").read_text(encoding="utf-8")
        blocks = [part.split("```")[0] for part in page.split("```json\n")[1:]]
        assert blocks
        for block in blocks:
            assert loads_stores(block, "docs/local.md")

    def test_the_values_in_the_table_of_the_page_are_read_as_it_says(self) -> None:
        page = (ROOT / "docs/local.md").read_text(encoding="utf-8")
        rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")]
        shown = [(cells[1].strip(" `"), cells[2].strip(" `")) for cells in rows[1:]]
        assert len(shown) >= 9
        for text, python in shown:
            value = loads(text, "docs/local.md")
            assert value == eval(python, {"Decimal": Decimal})
            assert loads(dumps(value, typed=True), "docs/local.md") == value

    def test_the_example_is_the_table_of_the_old_documentation(self) -> None:
        text = (ROOT / "examples/config.json").read_text(encoding="utf-8")
        stores = loads_stores(text, "examples/config.json")
        assert list(stores) == ["prod", "test"]
        assert stores["prod"]["db"] == {"host": "db-cluster.com", "port": Decimal("27017")}
        for options in stores.values():
            assert {"db", "external-port", "secret-key"} <= options.keys()
