"""What the guards refuse, and ``ddbcfg-client check`` finds before anything is pushed."""
