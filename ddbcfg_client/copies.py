"""Copying and unpickling a Config.

Shared memory belongs to the process that attached to it, so a copy attaches by itself.  The copy
has the same class as the original, and a subclass's own attributes.
"""

from __future__ import annotations

from types import MemberDescriptorType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    Made = TypeVar("Made")


def rebuilt(kind: type[Made], base: Any, *arguments: Any) -> Made:
    """Return an object of class ``kind``, initialized by its base class ``base``.

    The subclass's own ``__init__`` is not called, because it may take other arguments.
    """
    config = kind.__new__(kind)
    base.__init__(config, *arguments)
    return config


def own_attributes(config: object, base: type) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return the attributes that subclasses of ``base`` have set, as a state for ``pickle``.

    They are read from the slots directly, because ``getattr`` would look for an unset attribute in
    the store.
    """
    slots = {}
    for kind in type(config).__mro__:
        if kind is base:
            break
        for name, member in vars(kind).items():
            if isinstance(member, MemberDescriptorType):
                try:
                    slots[name] = member.__get__(config)
                except AttributeError:
                    pass  # not set
    return getattr(config, "__dict__", None), slots
