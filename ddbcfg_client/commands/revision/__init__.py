"""The commands ``ddbcfg-client revision …``: a store's revisions begin, end, and are put right."""
