"""Where a store and its revision are in a table: the names of its items."""

from __future__ import annotations

from dataclasses import dataclass

from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS, KeyNames
from ddbcfg_client.dynamodb.limits import MAX_STORE_BYTES
from ddbcfg_client.errors import NameRefused

HOME_PREFIX = "_ddbcfg/"
REVISION_OPTION = "revision"
#: Above every revision: the key of a change item has twelve digits.
NO_REVISION = 10**12
_LONGEST_STORE = MAX_STORE_BYTES - len(HOME_PREFIX)
#: The names of attributes in the items of the protocol; no key of the table may have one of them.
RESERVED = frozenset(
    (
        "format",
        "epoch",
        "rev",
        "digest",
        "count",
        "by",
        "at",
        "region",
        "base",
        "log",
        "pending",
        "fleet",
        "ttl",
        "keep",
        "why",
        "token",
        "changed",
        "names",
        "z",
        "parts",
        "gap",
        "b",
        "more",
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """A store of a table.

    The items of the protocol have another hash key, ``home``, so that no reader of the store sees
    them.
    """

    table: str
    store: str
    key_names: KeyNames = DEFAULT_KEYS

    @property
    def home(self) -> str:
        """The hash key of the revision item, the change items and their parts."""
        return HOME_PREFIX + self.store

    @property
    def can_have_revisions(self) -> bool:
        """Whether a store of this name can have revisions; if not, no writer looks for one."""
        try:
            self.check()
        except NameRefused:
            return False
        return True

    def check_writer(self) -> None:
        """Raise ``NameRefused`` if items of another store's revisions would be in the store."""
        if self.store.startswith(HOME_PREFIX):
            raise NameRefused("store", self.store, f"must not begin with {HOME_PREFIX!r}")

    def check(self) -> None:
        """Raise ``NameRefused`` if a store of this name cannot have revisions."""
        self.check_writer()
        length = len(self.store.encode())
        if length > _LONGEST_STORE:
            reason = f"is {length} bytes long; a store with revisions has {_LONGEST_STORE} at most"
            raise NameRefused("store", self.store, reason)
        for key in self.key_names:
            if key in RESERVED:
                raise NameRefused("key", key, "is the name of an attribute of the revision item")


def change_option(revision: int) -> str:
    """Return the option key of a revision's change item; the keys sort like the revisions."""
    return f"change/{revision:012d}"


def revision_of(option: str) -> int:
    """Return the revision of a change item; ValueError for any other option key."""
    kind, _, number = option.partition("/")
    if kind != "change" or len(number) != 12 or not (number.isascii() and number.isdigit()):
        raise ValueError("not the key of a change item")
    return int(number)


def part_option(token: str, number: int) -> str:
    """Return the option key of a part of the record that ``token`` names."""
    return f"part/{token}/{number:06d}"


#: Between these are the option keys of all parts.
FIRST_PART, AFTER_PARTS = "part/", "part0"
