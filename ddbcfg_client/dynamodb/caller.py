"""The writer's name: what a revision has in ``by``.

It is the ARN that AWS's STS returns for the credentials of the client, or user@host.  STS is used
only if DynamoDB is AWS's own or an endpoint of STS is configured: AWS does not know credentials of
an emulator.  The lookup runs in its own thread, because no timeout limits name resolution.
"""

from __future__ import annotations

import os
import socket
from threading import Thread
from urllib.parse import urlsplit

from ddbcfg_client.dynamodb.credentials import kept_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds for the whole lookup; a change does not wait longer for the name of its writer.
LONGEST = 2.0
_TIMEOUT = 1.0
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_CONFIGURED = ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL")

# The name for the access key that was looked up last; credentials are renewed at times.
_known: dict[str, str] = {}


def caller_of(client: Any) -> str:
    """Return the name of the caller whose credentials ``client`` uses; never raise an error.

    The result of the lookup, also that it failed, is kept until the access key changes.
    """
    credentials = kept_by(client)
    if credentials is None or not _is_aws(client):
        return user_at_host()
    try:
        keys = credentials.get_frozen_credentials()
    except Exception:  # noqa: BLE001 - any source of credentials can fail in its own way
        return user_at_host()
    name = _known.get(keys.access_key)
    if name is None:
        name = _looked_up(client.meta.region_name, keys) or user_at_host()
        _known.clear()
        _known[keys.access_key] = name
    return name


def user_at_host() -> str:
    """Return this process's user and host."""
    from getpass import getuser

    try:
        user = getuser()
    except (KeyError, OSError, ImportError):  # depends on the version; a uid without an entry
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _is_aws(client: Any) -> bool:
    if any(os.environ.get(name) for name in _CONFIGURED):
        return True
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return host.endswith(_AWS)


def _looked_up(region: str, keys: Any) -> str:
    found: list[str] = []

    def look() -> None:
        try:
            found.append(_asked(region, keys))
        except Exception:  # noqa: BLE001 - without permission, network or STS there is another name
            return

    thread = Thread(target=look, name="ddbcfg-caller", daemon=True)
    thread.start()
    thread.join(LONGEST)
    return found[0] if found else ""


def _asked(region: str, keys: Any) -> str:
    from botocore.config import Config

    from ddbcfg_client.dynamodb.client import close_client
    from ddbcfg_client.dynamodb.session import lean_session

    config = Config(
        connect_timeout=_TIMEOUT, read_timeout=_TIMEOUT, retries={"total_max_attempts": 1}
    )
    client = lean_session(region).client(
        "sts",
        config=config,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
    )
    try:
        return str(client.get_caller_identity()["Arn"])
    finally:
        close_client(client)
