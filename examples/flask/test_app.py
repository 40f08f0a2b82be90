"""Tests of the application: no daemon runs, and pytest.ini names the file with the options."""

from __future__ import annotations

from app import app

from ddbcfg_client.testing import Override


def test_the_file_is_read() -> None:
    assert app.test_client().get("/").get_json()["db"]["host"] == "db-cluster.com"


def test_a_failover(ddbcfg_override: Override) -> None:
    with ddbcfg_override(db={"host": "replica", "port": 27018}):
        assert app.test_client().get("/").get_json()["db"] == {"host": "replica", "port": 27018}
