"""Support for botocore's credentials: recognizing their errors, and their locks after a fork.

botocore fetches credentials during the first call that needs them.  Its own exceptions, those of
the credentials' service (STS, SSO) and those of Python then look like errors of the call itself,
and the advice for these would be wrong.  The traceback shows where an exception was raised.
"""

from __future__ import annotations

from threading import Lock

from ddbcfg_client.errors import CredentialsRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

_MOST_CHAINED = 10  # roles, each assumed with the credentials of the next
_MODULES = frozenset(("botocore.credentials", "botocore.tokens"))

_DEFAULT = "check that this source of credentials works, or name another one"
# The advice for each source, by botocore's name of it.
_ADVICE = {
    "assume-role": "check role_arn, source_profile and the role's trust policy",
    "assume-role-with-web-identity": (
        "check AWS_ROLE_ARN, the file that AWS_WEB_IDENTITY_TOKEN_FILE names, and the role's trust "
        "policy"
    ),
    "container-role": "check AWS_CONTAINER_CREDENTIALS_* and the role of the task or pod",
    "custom-process": "check what credential_process prints when this user runs it",
    "iam-role": "check the instance's role and its metadata service",
    "sso": "log in again (aws sso login), and check the profile's sso_* settings",
    "shared-credentials-file": "check AWS_SHARED_CREDENTIALS_FILE",
    "config-file": "check AWS_CONFIG_FILE",
}


def source_of(error: BaseException) -> str | None:
    """Return the source of credentials that raised ``error``; None if it is another error.

    The name is botocore's: ``sso``, ``custom-process``, ``assume-role`` ...
    """
    found: str | None = None
    traceback: TracebackType | None = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__") in _MODULES:
            holder = frame.f_locals.get("self")
            # The attribute of a provider, or of credentials that are fetched on first use.
            name = getattr(holder, "METHOD", None) or getattr(holder, "method", None)
            found = name if isinstance(name, str) else found or "credentials"
        traceback = traceback.tb_next
    return found


def is_of_signing(error: BaseException | None) -> bool:
    """Return whether ``error`` was raised while a request was signed."""
    traceback = error.__traceback__ if error else None
    while traceback is not None:
        frame = traceback.tb_frame
        module = frame.f_globals.get("__name__")
        if module == "botocore.auth" or frame.f_code.co_name == "putheader":
            return True
        traceback = traceback.tb_next
    return False


def unlock_credentials(holder: object) -> None:
    """Replace the locks of a session's or client's credentials in a child that was just forked.

    A thread of the parent may have held a lock to refresh them.  No thread of the child would
    release it, so all requests would wait forever.  ``None`` stands for the default session.
    """
    import sys

    if holder is None:
        holder = getattr(sys.modules.get("boto3"), "DEFAULT_SESSION", None)
    credentials = kept_by(holder)
    for _ in range(_MOST_CHAINED):
        if getattr(credentials, "_refresh_lock", None) is not None:
            credentials._refresh_lock = Lock()
        # The credentials with which a role is assumed can be refreshed too.
        fetcher = getattr(getattr(credentials, "_refresh_using", None), "__self__", None)
        credentials = getattr(fetcher, "_source_credentials", None)


def kept_by(holder: object) -> Any:
    """Return the credentials that a client or a session already has; do not look for any."""
    for names in (("_request_signer", "_credentials"), ("_session", "_credentials")):
        found = holder
        for name in names:
            found = vars(found).get(name) if hasattr(found, "__dict__") else None
        if found is not None:
            return found
    return None


def of_source(source: str, code: str, said: str, table: str, operation: str) -> CredentialsRefused:
    """Return the error for a ``source`` without credentials, with the reason and advice."""
    advice = _ADVICE.get(source, _DEFAULT)
    reason = f"no credentials from {source}: {said}; {advice}"
    return CredentialsRefused(table, operation, code, reason)
