"""One file for each library that ddbcfg fits into; importing ddbcfg_client imports none of them."""
