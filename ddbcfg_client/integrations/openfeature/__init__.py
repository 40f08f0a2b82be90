"""Options as feature flags, through the OpenFeature SDK.

>>> from openfeature import api
>>> api.set_provider_and_wait(DdbcfgProvider(config))
>>> api.get_client().get_boolean_value("new-checkout", False)  # the option "flag.new-checkout"
True

See docs/integrations.md for what an option that is a flag looks like.
"""

from ddbcfg_client.integrations.openfeature.provider import DdbcfgProvider

__all__ = ["DdbcfgProvider"]
