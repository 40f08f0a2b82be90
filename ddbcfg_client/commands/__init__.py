"""The commands of ``ddbcfg-client``: ``registry`` lists them, ``main`` runs one."""
