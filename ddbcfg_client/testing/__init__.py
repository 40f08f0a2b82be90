"""For the tests of programs that use ddbcfg."""

from ddbcfg_client.testing.fake_config import FakeConfig

__all__ = ["FakeConfig"]
