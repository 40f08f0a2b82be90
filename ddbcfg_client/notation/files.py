"""A file of stores in the notation: of ``--local``, and of ``ddbcfg-client`` export and import."""

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
    """Return the store → option → key → value that the file at ``path`` says, in typed JSON.

    Raise :class:`NotationError`, which names the file and the line or the path in it, for a file
    that cannot be read, is no JSON, or does not say stores (``ddbcfg_client.notation``).
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise NotationError(os.fspath(path), error.strerror or str(error)) from error
    return load_bytes(data, os.fspath(path), key_names)


def load_bytes(data: bytes, where: str, key_names: Container[str] = DEFAULT_KEYS) -> Stores:
    """Return the same of a file's content; ``where`` is what errors call it."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        # "from None": the cause holds the whole file, and with it every secret.
        raise NotationError(f"{where}:{line}", "not UTF-8") from None
    return loads_stores(text, where, key_names)


def save_file(path: str, data: bytes) -> None:
    """Put ``data`` into the file, whole or not at all; raise OSError.

    A new file is readable to its owner only, for values can be secrets.  One that is there keeps
    its owner, group and mode; where this user may not give it to them, it is left as it is.
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
    """Give the new file what the one before has; the mode last, for chown takes some of it away."""
    now = os.fstat(fd)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(fd, before.st_uid, before.st_gid)
        except PermissionError as error:
            reason = "it belongs to another user or group, who would lose it; remove it first"
            raise PermissionError(error.errno, reason) from None
    os.fchmod(fd, before.st_mode & 0o777)
