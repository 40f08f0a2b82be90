"""The daemon of ddbcfg: polls DynamoDB and publishes each version into shared memory.

To follow the path of an option, read: source -> refresher -> publisher -> image, page.  Imports run
one way: the daemon imports ddbcfg_client, never the other way round.
"""
