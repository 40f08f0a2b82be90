"""``ddbcfg-daemon install-units`` and ``uninstall-units``: the files for systemd, on this host."""
