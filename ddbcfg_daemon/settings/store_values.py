"""The table of settings, first part: those of a store.

A new setting needs a field here, and the code that uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from pwd import struct_passwd

from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS, KeyNames
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.settings import kinds
from ddbcfg_daemon.settings.row import rows_of, setting

_WHAT = "what to publish"
_POLL = "how to poll"
_READERS = "who may read"
_GUARDS = "what may be published"
_COPY = "the copies on disk"

#: Which users must be able to write to a folder.
PLACE = (
    "The daemon's user must be able to write to the folder. Apart from root, no other user may be "
    "able to write to it or to a folder above it. Under systemd, add it to ReadWritePaths= "
    '("systemctl edit ddbcfg-daemon").'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """The settings of one store: where and how it is read, and who may read the snapshots.

    ``origins`` says where each setting comes from: a flag, a variable, a line of the file, or
    "default".  It does not count when settings are compared.
    """

    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    table: str = setting(
        _WHAT, kinds.text, "the DynamoDB table", metavar="TABLE", required=True, unset=""
    )
    store: str = setting(
        _WHAT,
        kinds.text,
        "the stores to publish, separated by commas",
        more="The flag can be repeated. Each store has its own memory, and one that cannot be "
        "served does not affect the others.",
        metavar="STORE",
        listed=True,
        required=True,
        unset="",
    )
    namespace: str = setting(
        _WHAT,
        kinds.text,
        "the first part of the names in shared memory",
        more="Set it, also for the applications, if two regions have tables of the same name.",
        metavar="NAME",
        default_is="the table's name",
        unset="",
    )
    layers: tuple[LayerSettings, ...] = setting(
        _WHAT,
        kinds.layers,
        "the stores to merge into the published one, the first one wins",
        more="Separated by commas. Names can have variables, as in host-{hostname}: "
        "docs/layers.md.",
        metavar="LAYERS",
        listed=True,
        default_is="none: the store itself is published",
        unset=(),
    )
    merge: str = setting(
        _WHAT,
        kinds.merge,
        "how to merge layers: options or keys",
        more="With options, an option comes whole from the first layer that has it; with keys, "
        "each key does.",
        metavar="HOW",
        default="options",
    )
    interval: float = setting(
        _POLL,
        kinds.seconds,
        "seconds between two polls",
        more="Polls come at a fixed rhythm that begins at random, each up to 0.5 s late, so that "
        "the polls of many hosts are spread over the interval.",
        metavar="SECONDS",
        default="60",
    )
    poll_timeout: float = setting(
        _POLL,
        kinds.seconds,
        "seconds that one poll may take",
        more="That includes name resolution, credentials, connecting and all pages, but not the "
        "2 s between two readings of a store in doubt.",
        metavar="SECONDS",
        default="60",
    )
    use_revision: str = setting(
        _POLL,
        kinds.revision_use,
        "follow the revision of a store that has one: auto or off",
        more="A poll then reads half a read unit if nothing changed, whatever the store's size: "
        "docs/fleet.md.",
        metavar="WHEN",
        default="auto",
    )
    full_interval: float = setting(
        _POLL,
        kinds.seconds,
        "seconds between two full readings of a store with a revision",
        more="They find what writers without revisions changed. Up to 10 % longer or shorter. In a "
        "store without a revision, the daemon looks for one as often.",
        metavar="SECONDS",
        default="3600",
    )
    consistent_read: bool = setting(
        _POLL,
        kinds.switch,
        "use strongly consistent reads at every poll, for twice the read units",
        default="no",
        switch=True,
    )
    store_key: str = setting(
        _POLL,
        kinds.name,
        "the table's hash key, a string",
        metavar="NAME",
        default=DEFAULT_KEYS.store,
    )
    option_key: str = setting(
        _POLL,
        kinds.name,
        "the table's range key, a string",
        metavar="NAME",
        default=DEFAULT_KEYS.option,
    )
    region: str | None = setting(
        _POLL,
        kinds.text,
        "the AWS region",
        metavar="REGION",
        default_is="from AWS_DEFAULT_REGION, AWS_REGION or AWS's files",
    )
    profile: str | None = setting(
        _POLL,
        kinds.text,
        "the AWS profile that has the credentials",
        more="Also the region, unless that is set elsewhere.",
        metavar="PROFILE",
        default_is="from AWS_PROFILE",
    )
    role_arn: str | None = setting(
        _POLL,
        kinds.role,
        "the role to assume with these credentials",
        metavar="ARN",
        default_is="none",
    )
    endpoint_url: str | None = setting(
        _POLL,
        kinds.endpoint,
        "another DynamoDB endpoint",
        more="For a VPC endpoint or an emulator.",
        metavar="URL",
        default_is="AWS's own",
    )
    mode: int = setting(
        _READERS,
        kinds.mode,
        "the mode of the published objects, in octal",
        more="The umask does not change it.",
        metavar="MODE",
        default="0640",
    )
    group: int = setting(
        _READERS,
        kinds.group,
        "the group that may read",
        more="The daemon's user must be a member of it.",
        metavar="GROUP",
        default_is="the daemon's own",
        unset=-1,
    )
    owner: struct_passwd | None = setting(
        _READERS,
        kinds.user,
        "the user who owns what root publishes",
        more="Only root can set it. The service of that user can then continue with the objects.",
        metavar="USER",
        default_is="the daemon's user; ddbcfg for root with --once",
        by_hand=True,
    )
    max_shrink: float = setting(
        _GUARDS,
        kinds.percent,
        "percent of its options that a store may lose in one poll",
        more="Stores of fewer than 10 options are not checked.",
        metavar="PERCENT",
        default="50",
    )
    guard_polls: int = setting(
        _GUARDS,
        kinds.count,
        "scheduled polls in a row after which a greater loss is published",
        metavar="N",
        default="3",
    )
    allow_empty: bool = setting(
        _GUARDS,
        kinds.switch,
        "publish an emptied store at once",
        more="Without it, an emptied store is published only if an operator accepts it.",
        default="no",
        switch=True,
    )
    schema: str | None = setting(
        _GUARDS,
        kinds.text,
        "publish only what the JSON Schemas in this file allow",
        more="The file has a schema for each option's name. Needs the extra ddbcfg[schema].",
        metavar="FILE",
    )
    state_dir: Path | None = setting(
        _COPY,
        kinds.path,
        "keep the last-known-good copies in this folder",
        more=PLACE,
        metavar="DIR",
        default_is="the unit's StateDirectory; without one, no copies are kept",
        fallback="STATE_DIRECTORY",
    )
    keep_generations: int = setting(
        _COPY,
        kinds.up_to_100,
        "the number of generations to keep beside the copy",
        more='"ddbcfg-client pin" can serve one of them again: docs/pinning.md. Those of one store '
        "take at most 256 MiB. 0 keeps none.",
        metavar="N",
        default="20",
    )

    @property
    def key_names(self) -> KeyNames:
        """The names of the table's two keys."""
        return KeyNames(self.store_key, self.option_key)

    @property
    def names(self) -> Names:
        """The names of the store's objects in shared memory."""
        return Names(self.namespace or self.table, self.store)

    @property
    def parts(self) -> tuple[StoreSettings, ...]:
        """The stores that are read: those of the layers, or the store itself."""
        return tuple(layer.settings for layer in self.layers) or (self,)


@dataclass(frozen=True, slots=True)
class LayerSettings:
    """One layer of a store: ``settings`` are those of the store in a table that it is read from.

    ``name`` is its store's name, with the table or region if two layers have the same.  ``own`` are
    the names of the settings that the layer does not have from the merged store.
    """

    name: str
    settings: StoreSettings
    required: bool = False
    own: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """What identifies its store in a table: a layer from elsewhere has another one."""
        its = self.settings
        # A role or profile can belong to another account, which has other tables.
        account = (its.role_arn, its.profile)
        where = repr((its.table, its.store, its.region, its.endpoint_url, its.key_names, account))
        return sha256(where.encode()).hexdigest()[:16]  # an endpoint can have a password

    def copy_names(self, store: StoreSettings) -> Names:
        """Return the names for the layer's copy on disk."""
        names = store.names
        return Names(names.namespace, f"{names.store}\x1flayer {self.mark}")


STORE_ROWS = tuple(rows_of(StoreSettings))
