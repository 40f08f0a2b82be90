"""``python -m ddbcfg_client`` is ``ddbcfg-client``."""

from ddbcfg_client.commands.main import main

if __name__ == "__main__":
    raise SystemExit(main())
