"""``ddbcfg-daemon install-units`` on a host that has no checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ddbcfg_daemon.cli import main
from ddbcfg_daemon.errors import UnitsRefused
from ddbcfg_daemon.installing.carried import carried_folder
from ddbcfg_daemon.installing.places import Places
from support.children import run_python

ROOT = Path(__file__).resolve().parents[2]
REFUSED = 77
UNIT = "usr/local/lib/systemd/system/ddbcfg-daemon.service"


def files_in(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A venv's programs, of which the daemon's is running."""
    folder = tmp_path / "venv/bin"
    folder.mkdir(parents=True)
    for name in ("ddbcfg-daemon", "ddbcfg-client"):
        (folder / name).touch()
    monkeypatch.setattr(sys, "argv", [str(folder / "ddbcfg-daemon")])
    return folder / "ddbcfg-daemon"


@pytest.fixture
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units can see all folders: those of the tests are in /tmp."""
    monkeypatch.setattr("ddbcfg_daemon.installing.places._HIDDEN", ())


def here(tmp_path: Path) -> list[str]:
    """Flags that install on this host, but in folders of the test."""
    return [f"--prefix={tmp_path}/usr/local", f"--sysconfdir={tmp_path}/etc"]


def test_the_units_start_the_programs_of_the_venv_that_the_command_is_from(
    tmp_path: Path, program: Path
) -> None:
    root = tmp_path / "root"
    assert main(["install-units", f"--destdir={root}"]) == 0
    files = files_in(root)
    assert f"\nExecStart={program}\n" in files[UNIT]
    client = program.with_name("ddbcfg-client")
    scribe = files[UNIT.replace("daemon.service", "scribe.service")]
    assert f"\nExecStart={client} revision watch\n" in scribe
    assert not any("/usr/local/bin" in text for text in files.values())


def test_a_program_that_is_a_link_stays_one_in_the_unit(
    tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pipx makes them: an upgrade replaces what they point to."""
    link = tmp_path / "bin/ddbcfg-daemon"
    link.parent.mkdir()
    link.symlink_to(program)
    monkeypatch.setattr(sys, "argv", [str(link)])
    assert main(["install-units", f"--destdir={tmp_path}/root"]) == 0
    assert f"\nExecStart={link}\n" in files_in(tmp_path / "root")[UNIT]


@pytest.mark.usefixtures("program", "visible")
def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_in(tmp_path)
    assert main(["install-units", "--dry-run", *here(tmp_path)]) == 0
    assert f"would install {tmp_path}/{UNIT}\n" in capsys.readouterr().out
    assert files_in(tmp_path) == before
    assert main(["install-units", *here(tmp_path)]) == 0
    installed = files_in(tmp_path)
    capsys.readouterr()
    assert main(["uninstall-units", "--dry-run", *here(tmp_path)]) == 0
    assert f"would remove {tmp_path}/{UNIT}\n" in capsys.readouterr().out
    assert files_in(tmp_path) == installed


@pytest.mark.usefixtures("program", "visible")
def test_it_says_what_to_do_next_the_first_time_and_after_an_upgrade(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], program: Path
) -> None:
    assert main(["install-units", *here(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"installed {tmp_path}/{UNIT}\n" in said
    assert "Next: systemd-sysusers\n" in said
    assert f"sudo -u ddbcfg {program} --check\n" in said
    (tmp_path / "etc/ddbcfg/ddbcfg.toml").write_text('table = "mine"\n')
    assert main(["install-units", *here(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"unchanged: {tmp_path}/{UNIT}\n" in said
    assert "Next: systemctl daemon-reload; systemctl restart ddbcfg-daemon\n" in said


@pytest.mark.usefixtures("program")
def test_a_second_time_it_replaces_only_what_is_different(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    install = ["install-units", f"--destdir={root}"]
    assert main(install) == 0
    files = files_in(root)
    unit = root / UNIT
    unit.write_text("an older release's\n")
    times = {path: path.stat().st_mtime_ns for path in root.rglob("*.example")}
    capsys.readouterr()
    assert main(install) == 0
    assert files_in(root) == files
    assert {path: path.stat().st_mtime_ns for path in times} == times
    said = capsys.readouterr().out
    assert said.count("unchanged: ") == 5
    assert f"replaced {unit}\n" in said


@pytest.mark.usefixtures("program")
def test_settings_are_neither_overwritten_nor_removed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    folder = root / "etc/ddbcfg"
    folder.mkdir(parents=True)
    mine = {"ddbcfg.toml": 'table = "mine"\n', "daemon.env": "DDBCFG_TABLE=mine\n"}
    for name, text in mine.items():
        (folder / name).write_text(text)
    assert main(["install-units", f"--destdir={root}"]) == 0
    assert main(["uninstall-units", f"--destdir={root}"]) == 0
    assert {path.name: path.read_text() for path in folder.iterdir()} == mine


@pytest.mark.usefixtures("program", "visible")
def test_enabled_units_are_not_removed_and_the_command_to_disable_them_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its file, systemd disables a unit but forgets how to stop it."""
    monkeypatch.setattr("ddbcfg_daemon.installing.places._LINKS", tmp_path / "links")
    link = tmp_path / "links/multi-user.target.wants/ddbcfg-daemon.service"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / UNIT)
    assert main(["install-units", *here(tmp_path)]) == 0
    before = files_in(tmp_path)
    assert main(["uninstall-units", *here(tmp_path)]) == REFUSED
    assert capsys.readouterr().err == (
        f"ddbcfg-daemon uninstall-units: {link} has enabled the unit; "
        "run 'systemctl disable --now ddbcfg-daemon.service' first\n"
    )
    assert files_in(tmp_path) == before
    link.unlink()
    assert main(["uninstall-units", *here(tmp_path)]) == 0
    assert not (tmp_path / UNIT).exists()


@pytest.mark.usefixtures("program")
def test_the_daemon_can_read_what_root_installs_with_a_strict_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        assert main(["install-units", f"--destdir={tmp_path}/root"]) == 0
    finally:
        os.umask(old)
    modes = {path: path.stat().st_mode & 0o777 for path in (tmp_path / "root").rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o755}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o644}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.usefixtures("visible")
@pytest.mark.parametrize("command", ["install-units", "uninstall-units"])
def test_without_rights_it_says_so_and_changes_nothing(
    tmp_path: Path, command: str, program: Path
) -> None:
    if command == "uninstall-units":
        assert main(["install-units", *here(tmp_path)]) == 0
    before = files_in(tmp_path)
    for folder in (tmp_path, *tmp_path.parents[:-2]):  # pytest's are of root only
        folder.chmod(0o755)
    done = run_python("-c", _AS_NOBODY, str(program), command, *here(tmp_path), cwd=ROOT)
    assert done.returncode == REFUSED, done.stderr
    assert "is not writable; run the command as root" in done.stderr
    assert done.stderr.count("\n") == 1
    assert files_in(tmp_path) == before


_AS_NOBODY = """
import os, sys
from ddbcfg_daemon.cli import main
from ddbcfg_daemon.installing import command, places
places._HIDDEN = ()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.argv[0] = sys.argv.pop(1)
sys.exit(main())
"""


@pytest.mark.usefixtures("program", "visible")
def test_a_file_system_that_refuses_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lib").write_text("a file, not a folder")
    flags = [f"--prefix={tmp_path}", f"--sysconfdir={tmp_path}/etc"]
    assert main(["install-units", *flags]) == REFUSED
    assert f"{tmp_path}/lib/systemd/system/ddbcfg-daemon.service cannot be changed: " in (
        capsys.readouterr().err
    )
    assert (tmp_path / "lib").is_file()


@pytest.mark.parametrize("folder", ["/tmp/venv/bin", "/home/me/venv/bin", "/root/venv/bin"])
def test_programs_that_the_unit_cannot_see_are_refused(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit has ProtectHome= and PrivateTmp=, so it would fail with 203/EXEC."""
    monkeypatch.setattr(Path, "exists", lambda path: True)
    places = Places(Path("/usr/local"), Path(folder), Path("/etc"))
    with pytest.raises(UnitsRefused, match="hidden from the unit") as caught:
        places.check_programs()
    assert caught.value.path == folder


def test_a_folder_without_the_programs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["install-units", f"--bindir={tmp_path}", *here(tmp_path)]) == REFUSED
    assert f"{tmp_path} has no ddbcfg-daemon; name its folder with --bindir\n" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("folder", ["relative/bin", "/opt/my programs", "/opt/50%", "/opt/$x"])
def test_a_path_that_a_unit_cannot_name_is_refused(folder: str) -> None:
    with pytest.raises(UnitsRefused) as caught:
        Places(Path("/usr"), Path(folder), Path("/etc"))
    assert caught.value.path == folder


def test_an_installation_without_the_files_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ddbcfg_daemon.installing.carried.files", lambda name: None)
    with pytest.raises(UnitsRefused, match="from its wheel or its sdist"):
        carried_folder(tmp_path / "ddbcfg_daemon")
    # pip install --target puts the files beside the packages.
    there = tmp_path / "share/ddbcfg/systemd"
    there.mkdir(parents=True)
    (there / "ddbcfg-daemon.service").touch()
    assert carried_folder(tmp_path / "ddbcfg_daemon") == there


def test_another_word_is_still_a_usage_error() -> None:
    done = run_python("-m", "ddbcfg_daemon", "instal-units", cwd=ROOT)
    assert done.returncode == 2
    assert "unrecognized arguments: instal-units" in done.stderr
