"""The commands ``ddbcfg-client revision …``: begin, end and repair a store's revisions."""
