"""The settings of a Django project, for the tests of this process: Django is set up only once."""

from __future__ import annotations

from django.conf import settings


def set_up() -> None:
    """Configure Django, unless another test did so."""
    if not settings.configured:
        settings.configure(POOL={"size": 1}, DB={"host": "settings.py"}, SECRET_KEY="django's")
