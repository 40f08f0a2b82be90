"""What must be made anew in a forked child, is.

A child inherits the parent's memory, but none of its threads, and shares its sockets.  So objects
that own a thread, a lock that a thread may have held, or a connection, register here.  Python
calls :func:`_forked` in the child before anything else runs there.
"""

from __future__ import annotations

import os
from itertools import count
from weakref import WeakValueDictionary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Forkable(Protocol):
        """What can be made whole again in a child."""

        def after_fork(self) -> None:
            """Drop what belongs to the parent; called once, in the child, which has one thread."""


_registered: WeakValueDictionary[int, Forkable] = WeakValueDictionary()
_numbers = count()


def register(this: Forkable) -> None:
    """Have ``this.after_fork()`` called in every forked child for as long as ``this`` lives.

    What registered earlier is called earlier, so a thread finds what it uses already made anew.
    """
    _registered[next(_numbers)] = this


def _forked() -> None:
    for this in list(_registered.values()):
        this.after_fork()


os.register_at_fork(after_in_child=_forked)
