"""What a Config over a file serves, and what it knows about the file."""

from __future__ import annotations

from ddbcfg_client.attachment import Attachment
from ddbcfg_client.format import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.errors import FileUnavailable
    from ddbcfg_client.file_config.looking import Signature
    from ddbcfg_client.in_memory.generation import Generation
    from ddbcfg_client.snapshot import Snapshot


class FileAttachment(Attachment):
    """The result of the last look at a file.  Immutable: each look makes a new one.

    ``signature`` and ``digest`` are those of the file's last state that was read, valid or not.
    ``sure`` says whether the signature is enough to notice a change.  ``looks`` counts looks,
    ``failures`` those in a row that failed, and ``unsettled`` those in a row that found the file
    being written.  ``options`` are those of the file's last valid state, packed.
    """

    __slots__ = (
        "digest",
        "failures",
        "generation",
        "looks",
        "options",
        "signature",
        "success_unix",
        "sure",
        "unsettled",
    )

    def __init__(
        self,
        generation: Generation | None = None,
        snapshot: Snapshot | None = None,
        *,
        success: int = NEVER,
        success_unix: int = NEVER,
        trouble: FileUnavailable | None = None,
        signature: Signature | None = None,
        digest: bytes = b"",
        sure: bool = False,
        looks: int = 0,
        failures: int = 0,
        unsettled: int = 0,
        options: dict[str, bytes] | None = None,
    ) -> None:
        super().__init__(None, snapshot, success, trouble)
        self.generation = generation
        self.success_unix = success_unix
        self.signature = signature
        self.digest = digest
        self.sure = sure
        self.looks = looks
        self.failures = failures
        self.unsettled = unsettled
        self.options = options

    def but(self, **changes: object) -> FileAttachment:
        """Return a copy with ``changes``."""
        fields = {name: getattr(self, name) for name in _FIELDS}
        return FileAttachment(**{**fields, **changes})


_FIELDS = ("snapshot", "success", "trouble", *FileAttachment.__slots__)
