"""Errors of content: an option cannot be stored, text cannot be parsed, output not be written."""

from __future__ import annotations

from ddbcfg_client.errors.reading import ConfigError


class ValueRefused(ConfigError, ValueError):
    """DynamoDB cannot hold this option exactly; ``where`` is the path to the unsuitable value."""

    def __init__(self, option: str, where: str, reason: str) -> None:
        super().__init__(option, where, reason)
        self.option = option
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        at = f" at {self.where}" if self.where else ""
        return f"option {self.option!r} cannot be stored{at}: {self.reason}"


class VariableRefused(ConfigError, ValueError):
    """An option or key, ``origin``, cannot be the environment variable ``name``."""

    def __init__(self, origin: str, name: str, reason: str) -> None:
        super().__init__(origin, name, reason)
        self.origin = origin
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.origin!r} cannot be the variable {self.name}: {self.reason}"


class SchemaError(ConfigError, ValueError):
    """The file of ``--schema`` does not contain JSON Schemas."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"schema {self.path}: {self.reason}"


class NotationError(ConfigError, ValueError):
    """Text is not in the notation; ``where`` is a file and line, or a path into the document."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class StoreServed(ConfigError):
    """A store cannot be removed while a daemon serves it; ``pid`` is 0 if it is not known."""

    def __init__(self, store: str, pid: int) -> None:
        super().__init__(store, pid)
        self.store = store
        self.pid = pid

    def __str__(self) -> str:
        who = f"pid {self.pid}" if self.pid else "its pid cannot be seen from here"
        return (
            f"store {self.store!r} is served by a daemon on this host ({who}); nothing was "
            "removed: stop that daemon, or take the store out of its settings, first"
        )


class PinFailed(ConfigError):
    """The daemon did not pin or unpin a store, or did not say what can be pinned."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(store, reason)
        self.store = store
        self.reason = reason

    def __str__(self) -> str:
        return f"store {self.store!r}: {self.reason}"


class RemovalRefused(ConfigError):
    """This user may not remove the object ``name`` of a store, which belongs to ``uid``."""

    def __init__(self, store: str, name: str, uid: int) -> None:
        super().__init__(store, name, uid)
        self.store = store
        self.name = name
        self.uid = uid

    def __str__(self) -> str:
        return (
            f"store {self.store!r} cannot be removed: {self.name} belongs to uid {self.uid}; run "
            "this as root or as that user"
        )


class OutputFailed(ConfigError):
    """A command's result could not be written to standard output."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"standard output cannot be written: {self.reason}"


class DaemonNotStarted(ConfigError):
    """The daemon of the fixture ``ddbcfg_daemon`` did not start; ``output`` is its output."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output

    def __str__(self) -> str:
        return f"the daemon for tests did not start:\n{self.output}"
