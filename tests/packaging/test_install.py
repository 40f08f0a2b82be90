"""``make install`` and the systemd files that it puts in place."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from ddbcfg_client.commands.registry import load
from support.children import run_python

ROOT = Path(__file__).resolve().parents[2]

UNIT = "usr/lib/systemd/system/ddbcfg-daemon.service"
SCRIBE = "usr/lib/systemd/system/ddbcfg-scribe.service"
SYSUSERS = "usr/lib/sysusers.d/ddbcfg.conf"
EXAMPLE = "etc/ddbcfg/daemon.env.example"
FILE_EXAMPLE = "etc/ddbcfg/ddbcfg.toml.example"
WATCH_EXAMPLE = "etc/ddbcfg/ddbcfg-reload-nginx.service.example"

# Flags for one run by hand, which a service has no use for.
NOT_FOR_A_SERVICE = {"--help", "--version", "--once", "--check", "--local", "--owner"}


def make(*arguments: str) -> str:
    # A make around the tests must not hand its flags and variables down.
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    done = subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_install_puts_the_files_in_place(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert files_in(tmp_path) == {UNIT, SCRIBE, SYSUSERS, EXAMPLE, FILE_EXAMPLE, WATCH_EXAMPLE}
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in files_in(tmp_path)} == {0o644}


@pytest.mark.parametrize(
    ("variables", "program"),
    [
        ([], "/usr/local/bin/ddbcfg-daemon"),
        (["PREFIX=/usr"], "/usr/bin/ddbcfg-daemon"),
        (["BINDIR=/opt/ddbcfg/bin"], "/opt/ddbcfg/bin/ddbcfg-daemon"),
    ],
)
def test_the_unit_starts_the_program_that_was_installed(
    tmp_path: Path, variables: list[str], program: str
) -> None:
    make("install", f"DESTDIR={tmp_path}", *variables)
    [unit] = tmp_path.rglob("ddbcfg-daemon.service")
    assert f"\nExecStart={program}\n" in unit.read_text()
    [unit] = tmp_path.rglob("ddbcfg-scribe.service")
    client = program.replace("ddbcfg-daemon", "ddbcfg-client")
    assert f"\nExecStart={client} revision watch\n" in unit.read_text()
    [unit] = tmp_path.rglob("ddbcfg-reload-nginx.service.example")
    assert f"\nExecStart={client} watch " in unit.read_text()


def test_the_unit_and_the_example_name_the_configured_sysconfdir(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr", "SYSCONFDIR=/srv/etc")
    unit = (tmp_path / UNIT).read_text()
    assert "\nEnvironmentFile=-/srv/etc/ddbcfg/daemon.env\n" in unit
    assert "\nEnvironment=CONFIGURATION_DIRECTORY=/srv/etc/ddbcfg\n" in unit
    assert "\nEnvironmentFile=/srv/etc/ddbcfg/scribe.env\n" in (tmp_path / SCRIBE).read_text()
    example = (tmp_path / "srv" / EXAMPLE).read_text()
    assert "/srv/etc/ddbcfg/daemon.env" in example
    assert " /etc/" not in example


def test_uninstall_leaves_nothing(tmp_path: Path) -> None:
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert files_in(tmp_path) == set()
    assert not (tmp_path / "etc/ddbcfg").exists()
    make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/usr")  # again: nothing to do, no error


def test_uninstall_on_this_host_says_how_to_end_the_service(tmp_path: Path) -> None:
    said = make("uninstall", f"PREFIX={tmp_path}", f"SYSCONFDIR={tmp_path}")
    assert "systemctl stop 'ddbcfg-daemon*' 'ddbcfg-scribe*'; systemctl daemon-reload\n" in said
    assert f"{tmp_path}/ddbcfg/daemon.env" in said


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_has_nothing_to_say_about_the_units() -> None:
    make("verify-unit")


@pytest.mark.parametrize(("unit", "most"), [("daemon", 16), ("scribe", 13)])
def test_what_the_sandbox_leaves_open_is_as_little_as_it_can_be(unit: str, most: int) -> None:
    if "--offline" not in _systemd_analyze("--help"):
        pytest.skip("systemd-analyze is missing or older than 250")
    path = ROOT / f"systemd/ddbcfg-{unit}.service"
    _systemd_analyze("security", "--offline=true", f"--threshold={most}", str(path))


def test_the_system_calls_that_are_allowed_include_all_that_give_files_away() -> None:
    """Segments are given to their group by descriptor, sockets by path."""
    if "set_mempolicy" not in _systemd_analyze("syscall-filter", "@resources"):
        pytest.skip("systemd-analyze is missing or too old")
    unit = (ROOT / "systemd/ddbcfg-daemon.service").read_text()
    allowed: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.+)$", unit, re.MULTILINE):
        calls = {call for name in line.lstrip("~").split() for call in _system_calls(name)}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    assert allowed & _system_calls("@privileged") == _system_calls("@chown")
    assert not allowed & _system_calls("@resources")
    assert {"inotify_init1", "memfd_create", "getrandom", "prlimit64"} <= allowed


def _system_calls(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    lines = map(str.strip, _systemd_analyze("syscall-filter", name).splitlines()[1:])
    names = [line for line in lines if line and not line.startswith("#")]
    return {call for inner in names for call in _system_calls(inner)}


def _systemd_analyze(*arguments: str) -> str:
    """What it says; nothing where there is none."""
    if not shutil.which("systemd-analyze"):
        return ""
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_the_socket_that_the_documents_name_is_in_a_folder_that_the_unit_makes() -> None:
    [socket] = set(re.findall(r"unix:(/\S+?\.sock)", (ROOT / "docs/page.md").read_text()))
    unit = (ROOT / "systemd/ddbcfg-daemon.service").read_text()
    [folder] = re.findall(r"^RuntimeDirectory=(.+)$", unit, re.MULTILINE)
    assert Path(socket).parent == Path("/run", folder)


def test_the_daemon_gets_a_user_with_a_group_of_its_own() -> None:
    lines = (ROOT / "systemd/ddbcfg.sysusers").read_text().splitlines()
    [entry] = [line.split() for line in lines if not line.startswith("#")]
    assert entry[:3] == ["u", "ddbcfg", "-"]  # "u" makes the group, too
    unit = (ROOT / "systemd/ddbcfg-daemon.service").read_text()
    assert "\nUser=ddbcfg\nGroup=ddbcfg\n" in unit


def test_shared_memory_outlives_the_daemon() -> None:
    """G4: systemd removes nothing when the daemon stops."""
    unit = (ROOT / "systemd/ddbcfg-daemon.service").read_text()
    assert "\nRemoveIPC=no\n" in unit
    assert "\nDynamicUser=" not in unit


def test_the_example_has_every_variable_of_the_daemon() -> None:
    usage = run_python("-m", "ddbcfg_daemon", "--help", cwd=ROOT, check=True).stdout
    flags = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", usage, re.MULTILINE)) - NOT_FOR_A_SERVICE
    example = (ROOT / "systemd/daemon.env.example").read_text()
    variables = set(re.findall(r"^#?(DDBCFG_[A-Z_]+)=", example, re.MULTILINE))
    assert variables == {f"DDBCFG_{flag[2:].replace('-', '_').upper()}" for flag in flags}


def test_the_example_of_a_unit_that_watches_is_a_command_line_that_there_is() -> None:
    text = (ROOT / "systemd/ddbcfg-reload-nginx.service.example").read_text()
    start = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    program, command, *arguments = shlex.split(start.removeprefix("ExecStart="))
    assert (program, command) == ("/usr/local/bin/ddbcfg-client", "watch")
    args = load(command).parser().parse(arguments)
    assert (args.exec, args.initial, args.wait) == ("systemctl reload nginx", True, 300)
    # Both: a second table with a store of this name would make it a usage error.
    assert (args.table, args.store) == ("config", ["prod"])
