"""Access to DynamoDB, which the config stores, the commands that write, and the daemon share.

The only place with boto3, which is imported when a connection is made and not before.  ``table``
has the requests, ``answers`` judges what comes back, ``explain`` tells botocore's errors as
ddbcfg's, ``connecting`` pins the time limits, ``values`` turns Python values into attribute values.
"""
