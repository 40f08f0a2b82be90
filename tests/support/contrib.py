"""What the files of contrib/ say, for the tests that check it against the program."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTRIB = ROOT / "contrib"

DOCKERFILE = (CONTRIB / "container/Dockerfile").read_text()
COMPOSE = {
    path.name: yaml.safe_load(path.read_text()) for path in (CONTRIB / "container").glob("*.yaml")
}
MANIFESTS: dict[str, list[dict[str, Any]]] = {
    path.name: list(yaml.safe_load_all(path.read_text()))
    for path in (CONTRIB / "kubernetes").glob("*.yaml")
}


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The specification of each Pod in the manifests, with the name of its file and object."""
    for file, documents in MANIFESTS.items():
        for document in documents:
            if "template" in document.get("spec", {}):
                yield f"{file} {document['kind']}", document["spec"]["template"]["spec"]


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each container in the manifests."""
    for name, pod in pods():
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield f"{name} {container['name']}", container


def health_check() -> list[str]:
    """The command of the image's HEALTHCHECK."""
    [text] = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    found: list[str] = json.loads(text)
    return found


def probes() -> Iterator[list[str]]:
    """The command of each probe, and of the image's HEALTHCHECK."""
    yield health_check()
    for _, container in containers():
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            if kind in container:
                yield container[kind]["exec"]["command"]
