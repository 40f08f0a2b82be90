"""docs/integrations.md: each section's Python runs, and does what the text says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ddbcfg_client.testing import FakeConfig
from support.libraries import needs

DOCUMENT = Path(__file__).parents[3] / "docs" / "integrations.md"


def run(section: str) -> dict[str, Any]:
    """Run the blocks of Python of a section, and return their names."""
    _, _, rest = DOCUMENT.read_text().partition(f"\n## {section}\n")
    code = re.findall(
        r"^```python\n(.*?)^```$", rest.partition("\n## ")[0], re.DOTALL | re.MULTILINE
    )
    assert code, section
    names: dict[str, Any] = {"__name__": "documented"}
    # Without the future annotations of this module, which would make them strings.
    exec(compile("\n".join(code), DOCUMENT, "exec", dont_inherit=True), names)
    return names


def test_pydantic_settings(ddbcfg: FakeConfig) -> None:
    needs("pydantic_settings")
    ddbcfg.set("db", {"host": "a", "port": 1})
    names = run("pydantic-settings")
    assert names["handle_request"]() == ("a", False)
    ddbcfg.set("app", {"debug": True})
    assert names["handle_request"]() == ("a", True)


def test_openfeature(ddbcfg: FakeConfig) -> None:
    needs("openfeature")
    from openfeature import api

    (flag,) = re.findall(r"^```json\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    try:
        names = run("OpenFeature")
        user = {"id": "u", "plan": "free", "age": 18}
        assert names["checkout"](user) is False
        ddbcfg.set("flag.new-checkout", json.loads(flag))
        assert names["checkout"](user) is True
        assert names["checkout"]({**user, "plan": "paid"}) is False
        assert names["changed"].get(timeout=20) == ["new-checkout"]
    finally:
        api.shutdown()


def test_django(ddbcfg: FakeConfig) -> None:
    needs("django")
    from django.test import override_settings

    from support import django_project

    django_project.set_up()
    ddbcfg.set("db", {"host": "a"})
    names = run("Django")
    with override_settings(DDBCFG=names["DDBCFG"]):
        assert names["database_host"](None) == "a"
        ddbcfg.set("db", {"host": "b"})
        assert names["database_host"](None) == "b"


def test_flask(ddbcfg: FakeConfig) -> None:
    needs("flask")
    ddbcfg.set("db", {"host": "a"})
    client = run("Flask")["app"].test_client()
    assert client.get("/db").json == {"host": "a"}
    ddbcfg.set("db", {"host": "b"})
    assert client.get("/db").json == {"host": "b"}
    assert client.get("/page").text == "b"


def test_dynaconf(ddbcfg: FakeConfig) -> None:
    needs("dynaconf")
    ddbcfg.set("db", {"host": "a"})
    ddbcfg.set("app", {"debug": True})
    names = run("dynaconf")
    assert names["handle_request"]() == ("a", True)
    first = names["settings"]()
    ddbcfg.set("other", {"n": 1})
    assert names["settings"]() is first
    ddbcfg.set("db", {"host": "b"})
    assert names["handle_request"]() == ("b", True)
