"""The revision protocol: whole changes, cheap polls and a history for a store in DynamoDB.

Its writers keep a revision item beside the store, which says which revision the store is at and
what its digest is; docs/protocol.md describes the protocol.

=============  =====================================================================
``place``      the names of a store's items: its table, its keys, its home
``content``    options as packed bytes, their digest, and the differences of two contents
``item``       the revision item
``record``     what a change changed: change items and their parts
``access``     the seam: what the protocol needs of a table; ``table_access`` is DynamoDB
``following``  the reading side
``writing``    a change of a few options in one transaction
``importing``  a change of many options, in parts; ``repairing`` ends one that was interrupted
``sealing``    revisions of the content that two readings found
``enabling``   the first revision of a store, and the end of them
``syncing``    the scribe: revisions for what other writers changed
``history``    who changed what, the values before, and rollback; ``purging`` deletes them
=============  =====================================================================
"""
