"""The commands of ``ddbcfg-client``, each loaded only when it is asked for.  See ``cli``."""
