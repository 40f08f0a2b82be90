"""Files of stores in the notation, for ``--local`` and ``ddbcfg-client`` export and import."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS
from ddbcfg_client.errors import NotationError
from ddbcfg_client.notation.reader import loads_stores

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    #: store → option → key → value
    Stores = dict[str, dict[str, dict[str, object]]]


def load_file(path: str | os.PathLike[str], key_names: Container[str] = DEFAULT_KEYS) -> Stores:
    """Return the store → option → key → value in the file at ``path``, which is typed JSON.

    Raise ``NotationError`` if the file cannot be read, is not JSON, or does not contain stores
    (see ``ddbcfg_client.notation``).  The error has the file and the line or the path in it.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise NotationError(os.fspath(path), error.strerror or str(error)) from error
    return load_bytes(data, os.fspath(path), key_names)


def load_bytes(data: bytes, where: str, key_names: Container[str] = DEFAULT_KEYS) -> Stores:
    """Return the same for a file's content; error messages call it ``where``."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        # "from None": the cause contains the whole file with all its secrets.
        raise NotationError(f"{where}:{line}", "not UTF-8") from None
    return loads_stores(text, where, key_names)


def save_file(path: str, data: bytes) -> None:
    """Write ``data`` to the file atomically; raise OSError.

    A new file is readable only by its owner, because values can be secrets.  An existing file keeps
    its owner, group and mode; if this user may not set these, the file is not changed.
    """
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):  # a device, a pipe
        Path(target).write_bytes(data)
        return
    from tempfile import NamedTemporaryFile

    folder, name = os.path.split(target)
    temporary = NamedTemporaryFile(dir=folder, prefix=f".{name}.", delete=False)  # noqa: SIM115
    try:
        with temporary:
            temporary.write(data)
            with suppress(FileNotFoundError):
                _hand_over(temporary.fileno(), os.stat(target))
        os.replace(temporary.name, target)
    except BaseException:
        os.unlink(temporary.name)
        raise


def _hand_over(fd: int, before: os.stat_result) -> None:
    """Copy owner, group and mode to the new file; the mode last, because chown clears some bits."""
    now = os.fstat(fd)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(fd, before.st_uid, before.st_gid)
        except PermissionError as error:
            reason = "it belongs to another user or group, who would lose it; remove it first"
            raise PermissionError(error.errno, reason) from None
    os.fchmod(fd, before.st_mode & 0o777)
