"""A boto3 session for one client that needs less memory than boto3's own.

This module imports botocore, so it is imported only when the first connection is made.
"""

from __future__ import annotations

import gc
import json
import os
from functools import partial

import boto3
import botocore.session
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import NoCredentialsError
from botocore.loaders import Loader, create_loader

from ddbcfg_client.dynamodb.credentials import kept_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from botocore.config import Config

_READ_ONCE = frozenset(("shared-credentials-file", "config-file", "custom-process"))


def lean_session(region: str | None, profile: str | None = None) -> boto3.Session:
    """Return a new session for ``region`` and ``profile``, or for those in AWS's own settings."""
    core = botocore.session.Session(profile=profile)
    paths = create_loader(core.get_config_variable("data_path")).search_paths
    loader = _Loader(paths, include_default_search_paths=False)
    core.register_component("data_loader", loader)
    return boto3.Session(region_name=region, botocore_session=core)


def assume_role(session: object, role_arn: str, config: Config) -> None:
    """Make the clients of a new ``session`` use the role ``role_arn``.

    Look for the credentials that may assume it; raise botocore's errors.  The role is assumed when
    a client first needs credentials, and again before these expire.  ``config`` is that of the
    client for STS.
    """
    assert isinstance(session, boto3.Session)
    core = session._session
    source = core.get_credentials()
    if source is None:
        raise NoCredentialsError
    make_client = partial(core.create_client, config=config)
    fetcher = AssumeRoleCredentialFetcher(make_client, source, role_arn)
    made = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    vars(core)["_credentials"] = made  # set_credentials() takes only keys that do not expire


class Reread:
    """Makes clients for a session, and reads keys again that botocore reads only once.

    The session itself is not changed, because it is the application's.
    """

    def __init__(self, session: Any) -> None:
        """Use a session, or boto3 itself for the default session."""
        self._maker = session
        self._session = boto3.DEFAULT_SESSION if session is boto3 else session

    def client(self, service: str, **settings: Any) -> Any:
        """Return a client, as the session's own method does."""
        return self._maker.client(service, **_keys_read_again(self._session), **settings)


def _keys_read_again(session: Any) -> dict[str, str]:
    core = getattr(session, "_session", None)
    if not isinstance(session, boto3.Session) or core is None:
        return {}
    kept = kept_by(session)
    # Other kinds of credentials are refreshed, and those from other sources cannot have changed.
    if type(kept) is not Credentials or kept.method not in _READ_ONCE:
        return {}
    found = core.get_component("credential_provider").load_credentials()
    if found is None:
        return {}
    keys = found.get_frozen_credentials()
    found = {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
    return found | ({"aws_session_token": keys.token} if keys.token else {})


# The services whose clients a session makes, by the prefix of their endpoints: DynamoDB, and those
# that credentials can come from.
_SERVICES = ("dynamodb", "oidc", "portal.sso", "signin", "sts")


class _Loader(Loader):
    """Loads botocore's data files and caches them, except the list of all AWS endpoints.

    The list takes 7 MB and is needed only once, when a client is made.  A client keeps its
    session's loader, so a cached list would stay in memory.  It is freed before the rest of the
    client is made: otherwise objects that stay would lie between those that are freed, and several
    MB could not be returned to the system.
    """

    def list_available_services(self, type_name: str) -> list[str]:
        """Return all services, whether they have this type of data or not.

        To learn whether DynamoDB is a service, botocore looks for the data in 400 folders.  That is
        a third of the time that a new client takes.
        """
        return sorted({name for path in self.search_paths for name in _names_in(path)})

    def load_data_with_path(self, name: str) -> Any:
        """Return the data called ``name``, and the path of its file."""
        if name != "endpoints":
            return super().load_data_with_path(name)
        passing = Loader(self.search_paths, include_default_search_paths=False)
        endpoints, path = passing.load_data_with_path(name)
        partitions = [
            partition | {"services": {one: services[one] for one in _SERVICES if one in services}}
            for partition in endpoints["partitions"]
            for services in [partition["services"]]
        ]
        # A copy, because what is kept of the list would hold the memory around it.
        few = json.loads(json.dumps(endpoints | {"partitions": partitions}))
        del endpoints, partitions, passing
        gc.collect()  # also frees the dicts that Python keeps for its next ones
        return few, path


def _names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # ~/.aws/models rarely exists
        return []
