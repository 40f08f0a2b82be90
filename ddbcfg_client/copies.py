"""What a copy of a Config, and one that comes out of a pickle, is made of.

Shared memory belongs to the process that attached to it, so a copy attaches by itself.  A subclass
stays that class and keeps its own attributes.
"""

from __future__ import annotations

from types import MemberDescriptorType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    Made = TypeVar("Made")


def rebuilt(kind: type[Made], base: Any, *arguments: Any) -> Made:
    """Return an object of *kind*, made with the *arguments* of its base class *base*.

    The subclass's own ``__init__``, which may want other arguments, is not called.
    """
    config = kind.__new__(kind)
    base.__init__(config, *arguments)
    return config


def own_attributes(config: object, base: type) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What subclasses of *base* keep in *config*, as ``pickle`` and ``copy`` put it back.

    Read from the slots themselves: an attribute that is not set would be looked for in the store.
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
