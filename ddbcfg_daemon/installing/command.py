"""The command lines of ``install-units`` and ``uninstall-units``."""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

from ddbcfg_client.commands.parser import Parser
from ddbcfg_client.printable import printable
from ddbcfg_daemon.errors import UnitsRefused
from ddbcfg_daemon.exits import exit_code
from ddbcfg_daemon.installing.carried import carried_folder
from ddbcfg_daemon.installing.files import changes, install, remove
from ddbcfg_daemon.installing.places import Places

_INSTALL = """\
Install the systemd units, a sysusers.d file and examples of the settings, and say what to do next.
The units start the programs of this installation.  Nothing is enabled or started.  The command can
be repeated: settings are never written, and a file that is already right is not changed.
"""
_UNINSTALL = """\
Remove what install-units installed.  The settings stay.  Disable the units first: "systemctl
disable --now ddbcfg-daemon ddbcfg-scribe".
"""


def install_units(arguments: Sequence[str]) -> int:
    """Run ``ddbcfg-daemon install-units`` and return the exit code."""
    return _run("install-units", arguments, _install)


def uninstall_units(arguments: Sequence[str]) -> int:
    """Run ``ddbcfg-daemon uninstall-units`` and return the exit code."""
    return _run("uninstall-units", arguments, _uninstall)


COMMANDS = {"install-units": install_units, "uninstall-units": uninstall_units}
_DESCRIPTIONS = {"install-units": _INSTALL, "uninstall-units": _UNINSTALL}


def _run(name: str, arguments: Sequence[str], act: Callable[[Places, bool], None]) -> int:
    flags = parser_of(name).parse(arguments)
    try:
        destdir = flags.destdir.absolute() if flags.destdir else None
        act(Places(flags.prefix, flags.bindir, flags.sysconfdir, destdir), flags.dry_run)
    except UnitsRefused as error:
        print(printable(f"ddbcfg-daemon {name}: {error}"), file=sys.stderr)
        return exit_code(error)
    return 0


def parser_of(name: str) -> Parser:
    """Return the parser of one of these commands, from which the documents are made, too."""
    parser = Parser(prog=f"ddbcfg-daemon {name}", description=_DESCRIPTIONS[name])

    def folder(flag: str, default: Path | None, text: str) -> None:
        parser.add_argument(flag, metavar="DIR", type=_path, default=default, help=text)

    parser.add_argument("--dry-run", action="store_true", help="only show what would be done")
    folder("--prefix", Path("/usr/local"), "the units are in DIR/lib (/usr/local)")
    folder("--bindir", _programs(), "where the programs are (where this one is)")
    folder("--sysconfdir", Path("/etc"), "the settings are in DIR/ddbcfg (/etc)")
    folder("--destdir", None, "work below DIR instead of /, to make a package")
    return parser


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("an empty path")
    return Path(text)


def _programs() -> Path:
    """Return the folder of the program that runs, not of what it links to (pipx)."""
    program = Path(sys.argv[0])
    if program.name == "ddbcfg-daemon" and os.path.exists(
        program
    ):  # False, too, if a folder is closed to this user
        return program.absolute().parent
    return Path(sysconfig.get_path("scripts"))


def _install(places: Places, dry_run: bool) -> None:
    if places.destdir is None:
        places.check_programs()
    carried = carried_folder()
    contents = {
        path: places.text((carried / name).read_text(encoding="utf-8")).encode()
        for name, path in places.targets().items()
    }
    planned = changes(contents)
    if not dry_run:
        install({path: contents[path] for path, change in planned.items() if change != "keep"})
    said = {"install": "installed", "replace": "replaced", "keep": "unchanged:"}
    for path, change in planned.items():
        print(f"would {change} {path}" if dry_run else f"{said[change]} {path}")
    if places.destdir is None:
        print(_next_steps(places))


def _next_steps(places: Places) -> str:
    settings = [places.settings / "ddbcfg.toml", places.settings / "daemon.env"]
    example = settings[0]
    # An upgrade: it has been set up before.
    if any(path.exists() for path in settings):
        return "Next: systemctl daemon-reload; systemctl restart ddbcfg-daemon"
    return (
        "Next: systemd-sysusers\n"
        f"      install -m 644 {example}.example {example}, and edit it\n"
        f"      (or {settings[1]}.example to {settings[1]}, mode 0600)\n"
        f"      sudo -u ddbcfg {places.bindir}/ddbcfg-daemon --check\n"
        "      systemctl daemon-reload; systemctl enable --now ddbcfg-daemon\n"
        "ddbcfg-scribe is installed but not enabled: one host is enough (docs/fleet.md)."
    )


def _uninstall(places: Places, dry_run: bool) -> None:
    if places.destdir is None:
        places.check_disabled()
    targets = places.targets().values()
    if dry_run:
        for path in targets:
            if path.is_symlink() or path.exists():
                print(f"would remove {path}")
    else:
        for path in remove(targets, places.on_disk(places.settings)):
            print(f"removed {path}")
    if places.destdir is None:
        print(
            "Next: systemctl stop 'ddbcfg-daemon*' 'ddbcfg-scribe*'; systemctl daemon-reload\n"
            f"Not removed: {places.settings}/ddbcfg.toml, {places.settings}/daemon.env, "
            "/var/lib/ddbcfg, the user and group ddbcfg,\n"
            "      and /dev/shm/*ddbcfg.*, from which applications may still read"
        )
