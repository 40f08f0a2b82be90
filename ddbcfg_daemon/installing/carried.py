"""The files for systemd that this installation of ddbcfg carries."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from ddbcfg_daemon.errors import UnitsRefused
from ddbcfg_daemon.installing.places import DAEMON

_IN_WHEEL = f"share/ddbcfg/systemd/{DAEMON}"


def carried_folder(package: Path = Path(__file__).parents[1]) -> Path:
    """Return the folder with the files; raise UnitsRefused if there is none.

    In a checkout it is ``systemd/``.  A wheel's is ``share/ddbcfg/systemd/`` in the venv, or
    wherever the installer put it and recorded it.  ``pip install --target`` puts it next to the
    packages and records another path.
    """
    beside = package.parent
    for folder in (beside / "systemd", beside / "share/ddbcfg/systemd", _recorded()):
        if folder is not None and (folder / DAEMON).is_file():
            return folder
    fault = "was installed without the files for systemd"
    raise UnitsRefused(str(package), fault, "install ddbcfg from its wheel or its sdist")


def _recorded() -> Path | None:
    try:
        recorded = files("ddbcfg") or ()
    except PackageNotFoundError:
        return None
    found = (path for path in recorded if str(path).endswith(_IN_WHEEL))
    return next((Path(str(path.locate())).resolve().parent for path in found), None)
