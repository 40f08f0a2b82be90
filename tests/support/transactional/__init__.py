"""A small DynamoDB with transactions, for races: it shows what the service may show.

The emulators do not.  moto undoes a refused transaction by restoring a copy of the whole table, and
with it undoes what others wrote meanwhile; it honours no ClientRequestToken, and has one replica.
dynalite has no transactions.  An emulator that keeps each request behind one lock never shows half
a transaction: a plain Query would not tear on it, and a race on it would prove little.

Only what ddbcfg's client sends is understood; everything else is refused, and so cannot pass by
mistake.
"""
