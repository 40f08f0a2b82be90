"""A list of stores means the same in each flag and each variable."""

from __future__ import annotations

import argparse

import pytest

from ddbcfg_client.commands.target import stores_named
from ddbcfg_client.connecting import all_names_of, names_of
from ddbcfg_client.errors import NameRefused, SeveralStoresNamed
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.parsing import parse

LISTS = [
    ("prod", ["prod"]),
    ("prod,two", ["prod", "two"]),
    (" prod , two ,", ["prod", "two"]),
    (",,two,prod,,two", ["two", "prod"]),
    ("a b.c/d", ["a b.c/d"]),
    ("grüezi,日本", ["grüezi", "日本"]),
]


def written(*flags: str) -> argparse.Namespace:
    return argparse.Namespace(store=list(flags) or None)


def published(settings: DaemonSettings) -> list[str]:
    return [store.store for store in settings.stores]


@pytest.mark.parametrize(("text", "stores"), LISTS)
def test_every_flag_and_variable_splits_it_alike(
    monkeypatch: pytest.MonkeyPatch, text: str, stores: list[str]
) -> None:
    table = ("--table", "t")
    monkeypatch.delenv("DDBCFG_NAMESPACE", raising=False)
    monkeypatch.delenv("DDBCFG_STORE", raising=False)
    assert published(parse((*table, "--store", text), {})) == stores
    assert published(parse(table, {"DDBCFG_STORE": text})) == stores
    assert stores_named(written(text)) == stores
    monkeypatch.setenv("DDBCFG_STORE", text)
    assert stores_named(written()) == stores
    assert [names.store for names in all_names_of("t", [], None, Trust())[0]] == stores


def test_a_flag_that_is_repeated_adds_to_the_list() -> None:
    flags = ("--table", "t", "--store", "a,b", "--store", "c,a")
    assert published(parse(flags, {})) == ["a", "b", "c"]
    assert stores_named(written("a,b", "c,a")) == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_a_flag_that_lists_nothing_is_not_one_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("DDBCFG_STORE", raising=False)
    with pytest.raises(NameRefused):
        stores_named(written(text))
    with pytest.raises(SystemExit):
        parse(("--table", "t", "--store", text), {"DDBCFG_STORE": "prod"})
    assert stores_named(written()) == []


def test_where_one_store_is_read_a_list_of_several_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DDBCFG_STORE", "prod,two")
    with pytest.raises(SeveralStoresNamed) as caught:
        names_of("t", [], "n", Trust())
    assert caught.value.stores == ["prod", "two"]
    assert "several stores are named, 'prod', 'two'" in str(caught.value)
    assert names_of("t", ["two"], "n", Trust()).store == "two"  # a flag wins


def test_a_name_with_a_comma_is_one_where_no_list_is_meant() -> None:
    assert names_of("t", ["a,b"], "n", Trust()).store == "a,b"


def test_a_list_with_a_name_that_is_not_utf8_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DDBCFG_STORE", "prod,\udcff")
    with pytest.raises(NameRefused) as caught:
        all_names_of("t", [], "n", Trust())
    assert caught.value.args == ("store", "\udcff", "is not UTF-8")
