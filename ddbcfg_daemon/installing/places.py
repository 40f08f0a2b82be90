"""Where each file for systemd is installed, and what its text says about these places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ddbcfg_daemon.errors import UnitsRefused

DAEMON = "ddbcfg-daemon.service"
WATCH = "ddbcfg-reload-nginx.service.example"

# What the files say, because it is where they are installed by default.
_BINDIR = "/usr/local/bin"
_SYSCONFDIR = "/etc"

# Units of systemd would have to quote or escape these.
_REFUSED = re.compile(r"[\s\"'\\%$;]")

# The unit cannot see these: ProtectHome=yes and PrivateTmp=yes.
_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")


# Where systemd links the units that are enabled, whatever the prefix.
_LINKS = Path("/etc/systemd/system")


@dataclass(frozen=True)
class Places:
    """The folders of one installation.

    ``destdir`` is a folder for a package's content, which stands for ``/``.  None installs on this
    host.
    """

    prefix: Path
    bindir: Path
    sysconfdir: Path
    destdir: Path | None = None

    def __post_init__(self) -> None:
        """Raise UnitsRefused if a unit cannot name one of the folders."""
        for name in ("prefix", "bindir", "sysconfdir"):
            folder = getattr(self, name)
            if not folder.is_absolute():
                raise UnitsRefused(str(folder), "is not an absolute path", f"change --{name}")
            if _REFUSED.search(str(folder)):
                fault = "has a character that is special in a unit"
                raise UnitsRefused(str(folder), fault, f"use another folder for --{name}")

    @property
    def settings(self) -> Path:
        """The folder of the settings, as the daemon sees it."""
        return self.sysconfdir / "ddbcfg"

    def targets(self) -> dict[str, Path]:
        """Return where each carried file is installed, with ``destdir``."""
        units = self.prefix / "lib/systemd/system"
        paths = {
            DAEMON: units / DAEMON,
            "ddbcfg-scribe.service": units / "ddbcfg-scribe.service",
            "ddbcfg.sysusers": self.prefix / "lib/sysusers.d/ddbcfg.conf",
            "daemon.env.example": self.settings / "daemon.env.example",
            "ddbcfg.toml.example": self.settings / "ddbcfg.toml.example",
            # Beside the settings, not among the units: it is copied and changed.
            WATCH: self.settings / WATCH,
        }
        return {name: self.on_disk(path) for name, path in paths.items()}

    def on_disk(self, path: Path) -> Path:
        """Return where ``path`` is now: below ``destdir``, if there is one."""
        return self.destdir / path.relative_to("/") if self.destdir else path

    def text(self, text: str) -> str:
        """Return the text of a carried file with these folders instead of the default ones."""
        return text.replace(_BINDIR, str(self.bindir)).replace(
            f"{_SYSCONFDIR}/ddbcfg", str(self.settings)
        )

    def check_disabled(self) -> None:
        """Raise UnitsRefused if one of the units is enabled on this host.

        Without its file, systemd forgets how to stop it, and "disable --now" reports an error.
        """
        units = [name for name in self.targets() if name.endswith(".service")]
        links = sorted(link for unit in units for link in _LINKS.glob(f"*.wants/{unit}"))
        if links:
            advice = f"run 'systemctl disable --now {' '.join(link.name for link in links)}' first"
            raise UnitsRefused(str(links[0]), "has enabled the unit", advice)

    def check_programs(self) -> None:
        """Raise UnitsRefused if a unit on this host could not start the programs."""
        for program in ("ddbcfg-daemon", "ddbcfg-client"):
            if not (self.bindir / program).exists():
                fault = f"has no {program}"
                raise UnitsRefused(str(self.bindir), fault, "name its folder with --bindir")
        real = self.bindir.resolve()
        if any(real.is_relative_to(folder) for folder in _HIDDEN):
            fault = "is hidden from the unit by ProtectHome= and PrivateTmp="
            advice = "install ddbcfg into a venv elsewhere, such as /opt/ddbcfg"
            raise UnitsRefused(str(self.bindir), fault, advice)
