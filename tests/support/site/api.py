"""The reference of the API: the public names on its pages, which mkdocstrings fills in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from support.daemon import ROOT


@dataclass(frozen=True)
class Page:
    """A page: its title, what it is for, and the modules whose public names it describes."""

    title: str
    about: str
    modules: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The public names, as a program imports them."""
        return [f"{module}.{name}" for module in self.modules for name in public(module)]


PAGES = {
    "client": Page(
        "ddbcfg_client",
        "What an application imports. [The guide](../guide.md) shows it in use.",
        ("ddbcfg_client",),
    ),
    "errors": Page(
        "ddbcfg_client.errors",
        "Every error is a `ConfigError`, has its context in attributes and can be pickled.",
        ("ddbcfg_client.errors",),
    ),
    "testing": Page(
        "ddbcfg_client.testing",
        "For the tests of your application: [Developing and testing](../testing.md).",
        ("ddbcfg_client.testing", "pytest_ddbcfg"),
    ),
    "integrations": Page(
        "ddbcfg_client.integrations",
        "One module for each library: [Integrations](../integrations.md).",
        (
            "ddbcfg_client.integrations.pydantic_settings",
            "ddbcfg_client.integrations.openfeature",
            "ddbcfg_client.integrations.django",
        ),
    ),
}


def public(module: str) -> list[str]:
    """Return the public names of a module, without importing it: it can need a library.

    These are the names in its ``__all__``.  The pytest plugin has none: it offers its fixtures.
    """
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    statements = ast.parse(file.read_text()).body
    for statement in statements:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(statement.value)
            return names
    functions = [each for each in statements if isinstance(each, ast.FunctionDef)]
    return [each.name for each in functions if "pytest.fixture" in _decorators(each)]


def _decorators(function: ast.FunctionDef) -> str:
    return " ".join(map(ast.unparse, function.decorator_list))


def api_page(page: Page) -> Iterator[str]:
    """Yield the lines of a page, with a directive of mkdocstrings for each name."""
    yield f"# {page.title}\n\n{page.about}\n"
    for name in page.names:
        yield f"::: {name}\n"
