"""Access to DynamoDB, shared by the config stores, the commands that write, and the daemon.

boto3 is imported only when the first connection is made.  ``client`` makes connections and sets
their timeouts, ``table`` has the requests, ``responses`` validates the responses, ``errors``
converts botocore's errors to ddbcfg's, and ``values`` converts Python values to attribute values.
"""
