"""A connection to DynamoDB, with timeouts that suit periodic polls.

Importing this module does not import boto3; the first connection does.
"""

from __future__ import annotations

import os
from contextlib import suppress
from urllib.parse import urlsplit

from ddbcfg_client.dynamodb.errors import explained
from ddbcfg_client.errors import MissingExtra, TableError
from ddbcfg_client.printable import without_passwords
from ddbcfg_client.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from botocore.config import Config
    from mypy_boto3_dynamodb import DynamoDBClient

    class MakesClients(Protocol):
        """A ``boto3.Session``, or the module boto3 itself, for the default session."""

        @property
        def client(self) -> Any:
            """The function that makes clients."""


# botocore's defaults are a minute for each connect and each read, and a retry mode that depends on
# its version.  DynamoDB responds within milliseconds, with a page of 1 MB in well under a second.
CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 5.0
# The first attempt may hit a stale connection, the second a transient fault.  More retries would
# only delay the report of an outage to the caller, which polls again later and has old values.
ATTEMPTS = 3
# Standard mode waits at most 2**n seconds before a retry, and 5 more if the response requests it.
_LONGEST_PAUSES = sum(2.0**n + 5.0 for n in range(ATTEMPTS - 1))
# The maximum duration in seconds of one call that reads (each page of a Query is a call).  It does
# not include name resolution, further addresses of the same name, fetching credentials, or a
# response whose bytes arrive one by one, each just before the timeout.
WORST_CASE_SECONDS = ATTEMPTS * (CONNECT_TIMEOUT + READ_TIMEOUT) + _LONGEST_PAUSES


def connect_dynamodb(
    *,
    region: str | None = None,
    endpoint_url: str | None = None,
    profile: str | None = None,
    role_arn: str | None = None,
    session: MakesClients | None = None,
) -> DynamoDBClient:
    """Return a new low-level client with credentials and region from the usual AWS sources.

    With ``session``, the client and its region are the session's; otherwise it has a new session,
    of ``profile``, which assumes the role ``role_arn`` when it first needs credentials.  Nothing is
    sent to DynamoDB yet.  Raise ``MissingExtra`` without boto3, and ``TableError`` if no
    region is set, if the profile does not exist, or if the endpoint is not a URL.
    """
    return _client(session, region, endpoint_url, profile, role_arn)


def check_settings(
    *, region: str | None = None, endpoint_url: str | None = None, profile: str | None = None
) -> tuple[str, str]:
    """Validate region, profile and endpoint; return the region and the endpoint that are used.

    This only reads AWS's files.  It does not look for credentials, which can take long.  Raise the
    errors of ``connect_dynamodb``.
    """
    keys = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "none")
    client = _client(None, region, endpoint_url, profile, **keys)
    close_client(client)
    return client.meta.region_name, client.meta.endpoint_url


def _client(
    session: MakesClients | None,
    region: str | None,
    endpoint_url: str | None,
    profile: str | None = None,
    role_arn: str | None = None,
    **keys: str,
) -> DynamoDBClient:
    boto3_module()
    from botocore.exceptions import NoRegionError

    from ddbcfg_client.dynamodb.credentials import source_of
    from ddbcfg_client.dynamodb.session import assume_role, lean_session

    if endpoint_url and (flaw := endpoint_flaw(endpoint_url)):
        raise _no_endpoint(flaw)
    with explained("", "connecting to DynamoDB"):
        # A new session: the default one is shared with the application and not thread-safe.
        maker: MakesClients = session or lean_session(region or _region_set(), profile)
        if role_arn:
            assume_role(maker, role_arn, client_config())
        try:
            client: DynamoDBClient = maker.client(
                "dynamodb", endpoint_url=endpoint_url, config=client_config(), **keys
            )
        except ValueError as error:
            if source_of(error) is not None:
                raise
            raise _no_endpoint(without_passwords(str(error))) from None
        if not client.meta.region_name:  # AWS_DEFAULT_REGION is set, to nothing
            raise NoRegionError
    if flaw := endpoint_flaw(client.meta.endpoint_url):
        close_client(client)
        raise _no_endpoint(flaw)
    return client


def close_client(client: Any) -> None:
    """Close the client and its idle connections.

    botocore only forgets its pools of connections, and the last response can refer to one: then its
    sockets would stay open until the garbage collector runs.
    """
    # Private, so what a later botocore has instead is left to the garbage collector.
    with suppress(AttributeError):
        client._endpoint.http_session._manager.pools.dispose_func = _close_pool
    client.close()


def _close_pool(pool: Any) -> None:
    pool.close()


def endpoint_flaw(url: str) -> str:
    """Return what is wrong with the URL of an endpoint; empty if it is valid."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"{_shown(url)!r} has no number for a port"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return f"{_shown(url)!r} is not http://HOST:PORT or https://HOST"
    return ""


def _shown(url: str) -> str:
    """Return the URL without user and password, even if it is invalid and has no ``//``."""
    before, at, host = url.rpartition("@")
    scheme = before.partition("//")[0] + "//" if "//" in before else ""
    return f"{scheme}***@{host}" if at else url


def _no_endpoint(flaw: str) -> TableError:
    reason = f"{flaw}; check --endpoint-url and AWS_ENDPOINT_URL"
    return TableError("", "connecting to DynamoDB", "endpoint", reason)


def _region_set() -> str | None:
    """Return the region that the environment sets, or None.

    boto3 only reads AWS_DEFAULT_REGION.  AWS's other tools, ECS and Lambda use AWS_REGION.
    """
    return os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or None


def boto3_module() -> Any:
    """Return the module boto3; raise ``MissingExtra`` if it is not installed."""
    try:
        import boto3
    except ImportError:
        raise MissingExtra("access to DynamoDB", "daemon") from None
    return boto3


def client_config() -> Config:
    """Return the botocore configuration of ddbcfg's clients."""
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # A NAT gateway silently drops connections that are idle between polls.
        tcp_keepalive=True,
        user_agent_extra=f"ddbcfg/{VERSION}",
    )
