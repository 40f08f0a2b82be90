"""``python -m ddbcfg_daemon`` is ``ddbcfg-daemon``."""

from ddbcfg_daemon.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
