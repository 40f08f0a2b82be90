"""Each block of code in README.md and docs/ is run by a test, or checked, or listed here."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from support.daemon import ROOT
from support.documents import PATHS, Block, blocks, words

#: Documents whose blocks are all run, or only those of these languages; and the test.
WHOLE = {
    "docs/format.md": "integration/test_format_document.py",
    "docs/guide.md": "servers/examples/test_guide.py",
    "docs/integrations.md": "integration/integrations/test_document.py",
    "docs/local.md": "unit/test_notation.py",
    "docs/objects.md": "unit/objects/test_document.py",
    "docs/start.md": "unit/test_site.py",
}
SOME = {
    ("docs/deployment.md", "hcl"): "packaging/test_terraform.py",
    ("docs/migration.md", "python"): "integration/test_migration_document.py",
    ("docs/testing.md", "python"): "integration/pytest_plugin/test_document.py",
    ("docs/testing.md", "ini"): "integration/pytest_plugin/test_document.py",
    ("docs/testing.md", "toml"): "integration/pytest_plugin/test_document.py",
}
#: Blocks that begin like this.
SIMILAR = {("docs/fleet.md", '{\n  "Version"'): "integration/test_fleet_document.py"}

DRAWING = "a drawing"
OUTPUT = "a sample of what a program prints; times, numbers and names differ"
SYSTEM = "changes the system: needs root and systemd"
PACKAGES = "installs from an index; make wheel-check installs what is built here"
OTHERS = "runs a program that is not part of the project"
PARTS = "parts of a file of another program"

#: Blocks that no test runs, by document and first line, each with the reason.
EXCEPTIONS = {
    "README.md: DynamoDB table          one host": DRAWING,
    "README.md: pip install .             # from this checkout: installs msg": PACKAGES,
    "README.md: sudo python3 -m venv /opt/ddbcfg": SYSTEM,
    "README.md: [Unit]": PARTS,
    "CONTRIBUTING.md: make test ARGS=tests/unit       # creates .venv, installs ev": PACKAGES,
    "docs/command-line.md: STORE        STATE    GENERATION  AGE      OPTIONS  DAEMON": OUTPUT,
    "docs/command-line.md: pip install 'ddbcfg[completion]'": PACKAGES,
    'docs/command-line.md: {"at": "2026-11-29T08:30:00.000+00:00", "namespace": "config': OUTPUT,
    "docs/command-line.md: config/prod": OUTPUT,
    "docs/command-line.md: revision 13  2026-11-29T01:30:00.000+00:00  by arn:aws:iam::": OUTPUT,
    "docs/deployment.md: docker build -f contrib/container/Dockerfile -t ddbcfg-daemo": OTHERS,
    "docs/deployment.md: aws cloudformation deploy --stack-name ddbcfg --template-fil": OTHERS,
    r"docs/fleet.md: printf 'DDBCFG_TABLE=config\nDDBCFG_STORE=prod,test\nAWS_REG": SYSTEM,
    "docs/migration.md: pip install 'ddbcfg[daemon]'        # with boto3; a process": PACKAGES,
    "docs/page.md: scrape_configs:": PARTS,
    'docs/page.md: {"time": "2026-11-29T07:01:50.482+00:00", "level": "info", "': OUTPUT,
    'docs/settings.md: log_level = "info"                           # default': OUTPUT,
    "docs/releasing.md: make wheel-check                            # sdist, wheel f": PACKAGES,
    "docs/settings.md: sudo systemctl reload ddbcfg-daemon         # or SIGHUP": SYSTEM,
    "docs/settings.md: ERROR settings unchanged, because they cannot be used: /etc/": OUTPUT,
    "docs/testing.md: DDBCFG_FILE=settings.toml python -m myapp": OTHERS,
}


@cache
def taken_by_tests() -> set[tuple[str, str]]:
    """Return document and beginning of the blocks that tests take by ``block(…)``."""
    return {
        (call.args[0].value, call.args[1].value)
        for path in (ROOT / "tests").rglob("test_*.py")
        if "support.documents import" in (text := path.read_text())
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "block"
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[1], ast.Constant)
    }


def is_checked(block: Block) -> bool:
    """Return whether all its commands are parsed: by their own parsers, or as targets of make."""
    return bool(block.commands) and not block.language and all(map(words, block.commands))


def is_run(block: Block) -> bool:
    """Return whether a test runs it."""
    if block.document in WHOLE or (block.document, block.language) in SOME:
        return True
    return any(
        block.document == document and block.text.startswith(first)
        for document, first in taken_by_tests() | set(SIMILAR)
    )


def test_each_block_is_run_or_checked_or_listed() -> None:
    missing = [each.name for each in blocks() if not (is_run(each) or is_checked(each))]
    assert sorted(set(missing) - set(EXCEPTIONS)) == [], "run each in a test, or list it above"
    assert sorted(set(EXCEPTIONS) - set(missing)) == [], "listed, but not there or run by now"
    assert len(blocks()) > 100


@pytest.mark.parametrize(
    ("document", "test"),
    [*WHOLE.items(), *((document, test) for (document, _), test in (SOME | SIMILAR).items())],
)
def test_the_test_of_a_document_names_it(document: str, test: str) -> None:
    assert document.rpartition("/")[2] in (ROOT / "tests" / test).read_text()


def test_what_a_test_takes_is_there() -> None:
    texts = [(each.document, each.text) for each in blocks()]
    assert len(taken_by_tests()) > 10
    for document, first in taken_by_tests():
        assert [text for name, text in texts if name == document and text.startswith(first)], first


def test_all_blocks_are_found() -> None:
    for path in PATHS:
        fences = re.findall(r"^ *```", path.read_text(), re.MULTILINE)
        found = [each for each in blocks(str(path.relative_to(ROOT))) if each.language]
        assert len(fences) == 2 * len(found), path
