"""A boto3 session that makes one client, and leaves less of itself in memory than boto3's own.

Imports botocore, so it is imported where the first connection is made.
"""

from __future__ import annotations

import boto3
import botocore.session
from botocore.loaders import Loader, create_loader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def lean_session(region: str | None) -> boto3.Session:
    """Return a new session for ``region``, or for that which AWS's own settings name."""
    core = botocore.session.get_session()
    paths = create_loader(core.get_config_variable("data_path")).search_paths
    loader = _Loader(paths, include_default_search_paths=False)
    core.register_component("data_loader", loader)
    return boto3.Session(region_name=region, botocore_session=core)


class _Loader(Loader):
    """Loads botocore's data files, and keeps all but the list of every endpoint of AWS.

    That is looked at once, while a client is made, and is 7 MB of objects.  A client keeps its
    session's loader, which would keep the list.
    """

    def load_data_with_path(self, name: str) -> Any:
        """Return the data called ``name``, and the path of its file."""
        if name == "endpoints":
            passing = Loader(self.search_paths, include_default_search_paths=False)
            return passing.load_data_with_path(name)
        return super().load_data_with_path(name)
