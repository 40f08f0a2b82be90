"""Convert the text of a setting to its value: one function for each kind of value.

Each raises ValueError with a phrase that quotes the text.
"""

from __future__ import annotations

import grp
import json
import math
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from ddbcfg_client.dynamodb.client import endpoint_flaw
from ddbcfg_client.format.layering import MERGES
from ddbcfg_client.format.names import stores_in
from ddbcfg_daemon.settings.http_address import HttpAddress

_Kind = TypeVar("_Kind", bound=Callable[[str], object])

_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})
_REVISION_USES = ("auto", "off")
_LEVELS = ("debug", "info", "warning", "error")
_LOG_FORMATS = ("text", "json")


#: The types of a kind's values in the file of settings; str, if it is not here.
FILE_TYPES: dict[Callable[[str], object], tuple[type, ...]] = {}


def _in_file(*types: type) -> Callable[[_Kind], _Kind]:
    def register(kind: _Kind) -> _Kind:
        FILE_TYPES[kind] = types
        return kind

    return register


def text(text: str) -> str:
    """Return the text as it is."""
    return text


def name(text: str) -> str:
    """Return a name, which must not be empty."""
    if not text:
        raise ValueError(f"{text!r} is not a name")
    return text


def path(text: str) -> Path:
    """Return the path of a file or folder."""
    return Path(text)


@_in_file(bool)
def switch(text: str) -> bool:
    """Return whether the text means yes."""
    if text.lower() not in _ON | _OFF:
        raise ValueError(f"{text!r} is neither yes nor no")
    return text.lower() in _ON


@_in_file(int, float)
def seconds(text: str) -> float:
    """Return a duration in seconds."""
    number = _float(text)
    # At most a year: a longer time is a mistake, and would overflow a timer.
    if not 0 < number <= 366 * 86400:
        raise ValueError(f"{text!r} is not a positive number of seconds")
    return number


@_in_file(int, float)
def percent(text: str) -> float:
    """Return a number from 0 to 100."""
    number = _float(text)
    if not 0 <= number <= 100:
        raise ValueError(f"{text!r} is not a number from 0 to 100")
    return number


@_in_file(int)
def count(text: str) -> int:
    """Return a whole number above 0."""
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= 1_000_000):
        raise ValueError(f"{text!r} is not a whole number above 0")
    return int(text)


@_in_file(int)
def up_to_100(text: str) -> int:
    """Return a whole number from 0 to 100."""
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 100):
        raise ValueError(f"{text!r} is not a whole number from 0 to 100")
    return int(text)


def endpoint(text: str) -> str:
    """Return a URL that a DynamoDB client can use."""
    if flaw := endpoint_flaw(text):
        raise ValueError(flaw)
    return text


def http_address(text: str) -> HttpAddress:
    """Return where to listen for HTTP."""
    return HttpAddress.of(text)


def log_format(text: str) -> str:
    """Return the format of log lines: text or json."""
    if text.lower() not in _LOG_FORMATS:
        raise ValueError(f"{text!r} is neither text nor json")
    return text.lower()


def role(text: str) -> str:
    """Return the ARN of a role."""
    # STS refuses what is shorter than 20 characters.
    if len(text) < 20 or not text.startswith("arn:") or ":role/" not in text:
        raise ValueError(f"{text!r} is not arn:aws:iam::ACCOUNT:role/NAME")
    return text


def mode(text: str) -> int:
    """Return a file mode that readers trust."""
    try:
        number = int(text, 8)
    except ValueError:
        number = -1
    # Readers refuse an object that users other than the owner can write.
    if not 0o400 <= number <= 0o777 or number & 0o133 or not number & 0o400:
        raise ValueError(f"{text!r} is not 0600, 0640, 0644 or the like")
    return number


@_in_file(str, int)
def group(text: str) -> int:
    """Return the numeric id of a group."""
    # The highest number means "do not change" to chown(2).
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**32 - 1:
        return int(text)
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        raise ValueError(f"there is no group {text!r}") from None


def user(text: str) -> pwd.struct_passwd:
    """Return a user of this host."""
    try:
        return pwd.getpwuid(int(text)) if text.isdecimal() else pwd.getpwnam(text)
    except (KeyError, OverflowError, ValueError):  # int() accepts at most 4,300 digits
        raise ValueError(f"there is no user {text!r}") from None


def revision_use(text: str) -> str:
    """Return whether to use a store's revision: auto or off."""
    if text.lower() not in _REVISION_USES:
        raise ValueError(f"{text!r} is neither auto nor off")
    return text.lower()


def names(text: str) -> tuple[str, ...]:
    """Return the names in a list that commas separate."""
    return tuple(stores_in(text))


#: What the text of layers begins with that a file lists; no flag or variable can.
LAYERS_OF_FILE = "\0"


def layers(text: str) -> tuple[Mapping[str, str], ...]:
    """Return the texts of each layer's own settings; the file has them as JSON, a flag as names."""
    if text.startswith(LAYERS_OF_FILE):
        return tuple(json.loads(text.removeprefix(LAYERS_OF_FILE)))
    if text.startswith("["):
        raise ValueError(f"{text!r} has a '[': name the layers without, separated by commas")
    return tuple({"store": name} for name in text.split(",") if name.strip())


def merge(text: str) -> str:
    """Return how layers are merged: options or keys."""
    if text.lower() not in MERGES:
        raise ValueError(f"{text!r} is neither options nor keys")
    return text.lower()


def log_level(text: str) -> str:
    """Return the name of a level in ``logging``."""
    if text.lower() not in _LEVELS:
        raise ValueError(f"{text!r} is not debug, info, warning or error")
    return text.upper()


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
