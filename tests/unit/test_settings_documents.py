"""What is written of settings is what the table says."""

from __future__ import annotations

import os

import pytest

from ddbcfg_daemon.settings.parsing import parse
from ddbcfg_daemon.settings.values import ROWS
from support.settings_documents import EXAMPLE, README, Document


@pytest.mark.parametrize("document", [README, EXAMPLE], ids=lambda document: document.path.name)
def test_the_document_is_made_from_the_table(document: Document) -> None:
    assert document.path.read_text() == document.text(), "run make settings"


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
