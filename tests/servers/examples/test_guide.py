"""docs/guide.md: its commands run and print what the page says; its programs are the examples'."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from support.daemon import ROOT, environment_of
from support.examples import (
    ASK,
    CHANGE,
    CHANGE_POOL,
    EXAMPLES,
    READ,
    free_port,
    get,
    listens,
    make,
    with_programs,
)
from support.serving import Server
from support.waiting import wait_until

GUIDE = (ROOT / "docs/guide.md").read_text()
SECTIONS = GUIDE.split("\n## ")
WITH_AN_EXAMPLE = [section for section in SECTIONS if "make example-" in section]
FLASK = "flask --app examples/flask/app run --port 8001"
MARK = "--- exit 0"


def blocks(language: str, text: str = GUIDE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[tuple[str, str]]:
    """Return each command at a prompt, and what the page says that it prints."""
    console = "".join(blocks("console", text))
    return re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", console, re.MULTILINE)


def test_its_programs_are_parts_of_the_examples() -> None:
    shown = blocks("(?:python|ini)")
    assert len(shown) >= 7
    for block in shown:
        name, _, code = block.removeprefix("# ").partition("\n")
        assert code in (ROOT / name).read_text(), name


def test_its_links_lead_to_files() -> None:
    for link in re.findall(r"\]\(([^)#]+)", GUIDE):
        assert (ROOT / "docs" / link).exists(), link


def test_other_tests_run_the_commands_to_try_with_an_example() -> None:
    tried = {command for section in WITH_AN_EXAMPLE for command, _ in commands(section)}
    assert tried == {READ, CHANGE, CHANGE_POOL, ASK}
    targets = {f"make example-{path.parent.name}\n" for path in EXAMPLES.glob("*/start.sh")}
    assert set(blocks("sh")) <= targets | {"make run\n", FLASK + "\n"}
    assert all(target.strip() in GUIDE for target in targets)


def test_the_other_commands_work_from_top_to_bottom(
    tmp_path: Path, need: Callable[[str], None]
) -> None:
    for module in ("flask", "moto"):
        need(module)
    environment = with_programs({"DDBCFG_NAMESPACE": f"guide-{uuid4().hex[:12]}"})
    python = tmp_path / "session"
    python.write_text("\n".join(blocks("pycon")))
    steps = [
        step for section in SECTIONS if section not in WITH_AN_EXAMPLE for step in commands(section)
    ]
    # The session in Python comes after the first section.
    steps.insert(len(commands(SECTIONS[1])), (f"python -m doctest {python}", ""))
    assert len(steps) > 8
    with Server(make("run"), tmp_path, environment, cwd=ROOT) as run:
        wait_until(lambda: "generation 1" in run.log or not run.is_running())
        [port] = set(re.findall(r"http://127\.0\.0\.1:(\d+)", run.log))
        script = ["set -e"]
        for command, _ in steps:
            script += [command.replace("PORT", port), f"echo '{MARK}'"]
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=ROOT,
            env=environment_of(environment | {"PYTHONDONTWRITEBYTECODE": "1"}),
            capture_output=True,
            text=True,
            check=False,
        )
        # The page says to end "make run" before an example is started.
        too_early = subprocess.run(
            make("example-flask"),
            cwd=ROOT,
            env=environment_of(environment),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        run.interrupt()
    assert "another daemon serves config/prod here: end it first" in too_early.stderr
    printed = done.stdout.split(f"{MARK}\n")
    assert len(printed) == len(steps) + 1, done.stdout + done.stderr
    for (command, expected), output in zip(steps, printed, strict=False):
        assert expected in ("", output), command


def test_the_application_follows_a_file(tmp_path: Path, need: Callable[[str], None]) -> None:
    need("flask")
    file = Path(shutil.copy(EXAMPLES / "config.json", tmp_path))
    port = free_port()
    environment = with_programs(
        {"DDBCFG_FILE": str(file), "DDBCFG_STORE": "test", "PYTHONDONTWRITEBYTECODE": "1"}
    )
    command = FLASK.replace("8001", str(port)).split()
    with Server(command, tmp_path, environment, cwd=ROOT) as server:
        wait_until(lambda: listens(port, server))
        assert get(port)["db"] == {"host": "localhost", "port": 27017}
        options = json.loads(file.read_text())
        options["test"]["db"]["host"] = "edited"
        file.write_text(json.dumps(options))
        wait_until(lambda: get(port)["db"]["host"] == "edited")
