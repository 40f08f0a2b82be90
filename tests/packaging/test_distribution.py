"""sdist and wheel are whole, and an index can show their README."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from support.distribution import ROOT, build, copy_tree, tracked

REPOSITORY = "https://github.com/example/ddbcfg"
SETUP: dict[str, Any] = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")

pytestmark = pytest.mark.skipif(
    not tracked(), reason="this is no clone: only git knows which files belong to the project"
)


class Distribution:
    """An sdist and the wheel that was built from it."""

    def __init__(self, folder: Path) -> None:
        [self.sdist] = folder.glob("*.tar.gz")
        [self.wheel] = folder.glob("*.whl")
        with tarfile.open(self.sdist) as archive:
            files = (member.name for member in archive if member.isfile())
            self.in_sdist = {name.partition("/")[2] for name in files}
        with zipfile.ZipFile(self.wheel) as archive:
            self.in_wheel = set(archive.namelist())
            [metadata] = (name for name in self.in_wheel if name.endswith(".dist-info/METADATA"))
            self.metadata = archive.read(metadata).decode()


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    folder = tmp_path_factory.mktemp("distribution")
    build(copy_tree(folder / "source"), folder / "built")
    return Distribution(folder / "built")


def test_the_sdist_is_the_whole_repository(distribution: Distribution) -> None:
    """Who has it can run the suite, and build everything else that there is."""
    names = distribution.in_sdist
    made = {name for name in names if name.startswith("ddbcfg.egg-info/")}
    assert names - made - {"PKG-INFO", "setup.cfg"} == set(tracked())


def test_the_wheel_has_both_packages_and_the_compiled_part(distribution: Distribution) -> None:
    packages = {name for name in tracked() if re.match(r"(ddbcfg_\w+|pytest_ddbcfg)/", name)}
    sources = {name for name in packages if name.endswith((".c", ".h"))}
    folders = ("ddbcfg_client/", "ddbcfg_daemon/", "pytest_ddbcfg/")
    installed = {name for name in distribution.in_wheel if name.startswith(folders)}
    compiled = {name for name in installed if name.endswith(".so")}
    assert installed - compiled == packages - sources
    assert [name.partition(".")[0] for name in compiled] == ["ddbcfg_client/_compiled"]


def test_the_wheel_carries_what_a_host_without_a_checkout_needs(distribution: Distribution) -> None:
    shared = {
        name.partition("/data/share/ddbcfg/")[2]
        for name in distribution.in_wheel
        if "/data/share/ddbcfg/" in name
    }
    of_a_host = re.compile(r"systemd/|examples/|contrib/(aws|grafana|kubernetes|prometheus)/")
    assert shared == {name for name in tracked() if of_a_host.match(name)}


def test_an_index_takes_both(distribution: Distribution) -> None:
    files = [str(distribution.sdist), str(distribution.wheel)]
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("PASSED") == 2


def targets(markdown: str) -> list[str]:
    """What the links and images of a page point to."""
    text = re.sub(r"^(```.*?^```|(?: {4}).*?)$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def test_without_a_repository_the_readme_of_a_build_has_no_link_that_leads_nowhere(
    distribution: Distribution,
) -> None:
    readme = distribution.metadata.partition("\n\n")[2]
    assert readme.startswith("# ddbcfg\n")
    assert {target for target in targets(readme) if not target.startswith("https://")} <= {
        f"#{anchor}" for anchor in anchors(readme)
    }
    assert "![" not in readme
    assert "docs/guide.md takes ten minutes" in readme  # the link's text stays
    assert "\nProject-URL:" not in distribution.metadata


def test_with_a_repository_each_link_is_absolute_and_leads_to_a_file() -> None:
    readme: str = SETUP["for_index"]((ROOT / "README.md").read_text(), REPOSITORY, "1.2.3")
    absolute = [target for target in targets(readme) if not target.startswith("#")]
    assert len(absolute) > 20
    for target in absolute:
        found = re.fullmatch(rf"{REPOSITORY}/(blob|raw)/v1\.2\.3/([^#]+)(#.+)?", target)
        assert found, target
        assert found[2] in tracked()
        assert (found[1] == "raw") == found[2].endswith(".svg")
    assert {target for target in targets(readme) if target.startswith("#")} <= {
        f"#{anchor}" for anchor in anchors(readme)
    }
    assert set(SETUP["urls"](REPOSITORY)) == {"Source", "Documentation", "Changelog", "Issues"}
    assert SETUP["urls"]("") == {}


def anchors(markdown: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_a_host_without_a_compiler_gets_a_wheel_without_the_compiled_part(tmp_path: Path) -> None:
    source = copy_tree(tmp_path / "source")
    build(source, tmp_path / "built", {"CC": "/bin/false"}, "--wheel")
    [wheel] = (tmp_path / "built").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".so")]
        assert "ddbcfg_client/hotpath/hot.py" in archive.namelist()


@pytest.mark.parametrize(("build", "optional"), [("", [True]), ("compiled", [False]), ("pure", [])])
def test_a_release_never_lacks_the_compiled_part_by_accident(
    build: str, optional: list[bool]
) -> None:
    """With ``optional``, a failed compilation is only a warning."""
    assert [extension.optional for extension in SETUP["extensions"](build)] == optional


def test_an_unknown_kind_of_build_is_refused() -> None:
    with pytest.raises(SystemExit, match="'fast' is neither compiled nor pure"):
        SETUP["extensions"]("fast")
