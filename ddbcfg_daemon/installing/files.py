"""Install and remove the files.  Settings are never written and never removed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ddbcfg_daemon.errors import UnitsRefused

_AS_ROOT = "run the command as root, or see what it would do with --dry-run"


def changes(contents: Mapping[Path, bytes]) -> dict[Path, str]:
    """Return what installing would do with each path: ``install``, ``replace`` or ``keep``."""
    return {path: _change(path, content) for path, content in contents.items()}


def _change(path: Path, content: bytes) -> str:
    try:
        # A link would lead out of what is removed again.
        return "keep" if not path.is_symlink() and path.read_bytes() == content else "replace"
    except FileNotFoundError:
        return "install"
    except OSError as error:
        raise _refused(path, error) from None


def install(contents: Mapping[Path, bytes]) -> None:
    """Write each file, whole or not at all; raise UnitsRefused before the first one if it can."""
    for path in contents:
        _check_writable(path)
    for path, content in contents.items():
        try:
            _make_folders(path.parent)
            _write(path, content)
        except OSError as error:
            raise _refused(path, error) from None


def remove(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Remove the files, and ``folder`` if it is empty then; return what was removed."""
    existing = [path for path in paths if path.is_symlink() or path.exists()]
    for path in existing:
        _check_writable(path)
    for path in existing:
        try:
            path.unlink()
        except OSError as error:
            raise _refused(path, error) from None
    try:
        folder.rmdir()
    except OSError:  # it has settings, or it never existed
        pass
    return existing


def _check_writable(path: Path) -> None:
    folder = next(folder for folder in path.parents if folder.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UnitsRefused(str(path), f"cannot be changed: {folder} is not writable", _AS_ROOT)


def _make_folders(folder: Path) -> None:
    """Create the folders with mode 0755: with root's umask, the daemon could not enter them."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        parent.chmod(0o755)


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(content)
        new.chmod(0o644)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> UnitsRefused:
    return UnitsRefused(str(path), f"cannot be changed: {error.strerror}", _AS_ROOT)
