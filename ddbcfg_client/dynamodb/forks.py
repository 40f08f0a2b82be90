"""Restoring objects in a forked child.

A child inherits the parent's memory but not its threads, and shares its sockets.  So objects that
own a thread, a lock or a connection register here.  Python calls ``_forked`` in the child
before any other code runs there.
"""

from __future__ import annotations

import os
from itertools import count
from weakref import WeakValueDictionary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Forkable(Protocol):
        """An object that can be restored in a forked child."""

        def after_fork(self) -> None:
            """Replace everything that belongs to the parent; called once, in the child's thread."""


_registered: WeakValueDictionary[int, Forkable] = WeakValueDictionary()
_numbers = count()


def register(this: Forkable) -> None:
    """Call ``this.after_fork()`` in every forked child while ``this`` exists.

    Objects are called in the order of registration, so a restarted thread finds the objects that it
    uses already restored.
    """
    _registered[next(_numbers)] = this


def _forked() -> None:
    for this in list(_registered.values()):
        this.after_fork()


os.register_at_fork(after_in_child=_forked)
