"""A simulation of many hosts and one partition of DynamoDB, in discrete events.

What a host does is the daemon's own code where time and chance decide: its schedule of polls, its
pauses after failures, the delay by the number of hosts, and botocore's backoff and retry quota.
What a poll costs is measured.  Latency, the lag of replicas and the partition are assumed: see
``LATENCY``, ``LAG`` and ``Partition``.
"""
