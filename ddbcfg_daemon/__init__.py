"""The daemon of ddbcfg: polls DynamoDB and publishes each version into shared memory.

To follow the path of an option, read: sources/revision.py, sources/store.py, refresher.py,
publishing/publisher.py and ddbcfg_client/format/builder.py.  Imports run one way: the daemon
imports ddbcfg_client, never the other way round.
"""
