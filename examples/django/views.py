"""A view that reads an option like a setting."""

from __future__ import annotations

import os

from django.http import HttpRequest, JsonResponse

from ddbcfg_client.integrations.django import settings  # instead of django.conf


def show(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"pid": os.getpid(), "db": settings.DB})
