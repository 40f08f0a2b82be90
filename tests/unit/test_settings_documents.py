"""What is written of settings is what the table says."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ddbcfg_daemon.settings.daemon_values import ROWS
from ddbcfg_daemon.settings.parsing import parse
from support.settings_documents import EXAMPLE, FILE, TABLES, Document


@pytest.mark.parametrize(
    "document", [TABLES, EXAMPLE, FILE], ids=lambda document: document.path.name
)
def test_the_document_is_made_from_the_table(document: Document) -> None:
    assert document.path.read_text() == document.text(), "run make settings"


def test_each_setting_is_in_the_tables() -> None:
    text = TABLES.path.read_text()
    missing = [row.name for row in ROWS if f"| `{row.flag}" not in text or row.variable not in text]
    assert len(ROWS) > 20
    assert missing == []


def test_the_example_file_has_every_default_and_serves_two_tables(tmp_path: Path) -> None:
    settings, header, stores = FILE.path.read_text().partition("\n[[stores]]\n")
    # Without those that have no default, or that are each store's own.
    lines = (line.removeprefix("#") for line in settings.splitlines() if re.match(r"#\w", line))
    own = ("table =", "store =", "group =")
    common = [line for line in lines if not (line.endswith('""') or line.startswith(own))]
    assert len(common) > 10
    made = []
    for name, content in (("bare", []), ("filled", common)):
        path = tmp_path / name
        path.write_text("\n".join(content) + header + stores)
        made.append(parse(("--config", str(path)), {}))
    bare, filled = made
    assert bare.stores == filled.stores
    assert len({store.table for store in bare.stores}) == 2


def test_help_has_each_setting_with_its_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A line may end at a hyphen.
    monkeypatch.setattr(os, "get_terminal_size", lambda: os.terminal_size((500, 50)))
    with pytest.raises(SystemExit):
        parse(("--help",), {})
    text = " ".join(capsys.readouterr().out.split())
    for row in ROWS:
        words = [row.flag, row.metavar] if row.metavar else [row.flag]
        default = row.default_is or row.default
        words.append(f"{row.help} ({default})" if default and not row.switch else row.help)
        assert " ".join(words) in text


def test_every_setting_says_what_it_is() -> None:
    for row in ROWS:
        assert row.help[-1] != "."
        assert row.more == "" or row.more.endswith("."), row.name
        assert row.switch != bool(row.metavar), row.name
        assert not (row.default and row.default_is), row.name
