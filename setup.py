"""What a build decides by itself: the compiled part, the links of the README, the project's URLs.

``DDBCFG_BUILD`` is ``compiled`` (fail without a C compiler), ``pure`` (one wheel for all Pythons),
or not set (compile if it is possible).  ``DDBCFG_REPOSITORY`` is the URL of the repository on
GitHub.  A package index has no files beside the README, so without a repository its links become
plain text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from setuptools import Extension, setup

ROOT = Path(__file__).parent
_RELATIVE = r"(?!https?://|#)[^)\s]+"


def for_index(text: str, repository: str, version: str) -> str:
    """Return the README with absolute links and images, or without any."""
    page, image = f"{repository}/blob/v{version}/", f"{repository}/raw/v{version}/"
    text = re.sub(
        rf"^!\[([^]]*)\]\(({_RELATIVE})\)\n\n?",
        rf"![\1]({image}\2)\n\n" if repository else "",
        text,
        flags=re.MULTILINE,
    )
    return re.sub(
        rf"(?<!!)\[([^]]+)\]\(({_RELATIVE})\)", rf"[\1]({page}\2)" if repository else r"\1", text
    )


def urls(repository: str) -> dict[str, str]:
    """Return the URLs of the project, if it has a repository."""
    if not repository:
        return {}
    blob = f"{repository}/blob/main"
    return {
        "Source": repository,
        "Documentation": f"{blob}/README.md",
        "Changelog": f"{blob}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }


def extensions(build: str) -> list[Extension]:
    """Return the hot path and the shared values in C.

    Without them, hot*.py and guarded.py are used.
    """
    if build not in ("", "compiled", "pure"):
        raise SystemExit(f"DDBCFG_BUILD: {build!r} is neither compiled nor pure")
    if build == "pure":
        return []
    return [
        Extension(
            "ddbcfg_client._compiled",
            sources=[
                "ddbcfg_client/hotpath/_hot.c",
                "ddbcfg_client/hotpath/_bound.c",
                "ddbcfg_client/hotpath/_pinned.c",
                "ddbcfg_client/readonly/_guarded.c",
                "ddbcfg_client/format/_unpack.c",
                "ddbcfg_client/shm/_segment.c",
            ],
            depends=sorted(map(str, Path("ddbcfg_client/hotpath").glob("*.h"))),
            optional=not build,
        )
    ]


def main() -> None:
    """Add to what pyproject.toml says."""
    repository = os.environ.get("DDBCFG_REPOSITORY", "").rstrip("/")
    [version] = re.findall(
        r'^VERSION = "(.+)"$', (ROOT / "ddbcfg_client/version.py").read_text(), re.MULTILINE
    )
    setup(
        ext_modules=extensions(os.environ.get("DDBCFG_BUILD", "")),
        long_description=for_index((ROOT / "README.md").read_text(), repository, version),
        long_description_content_type="text/markdown",
        project_urls=urls(repository),
    )


if __name__ == "__main__":
    main()
