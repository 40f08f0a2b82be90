"""The files of contrib/ agree with the program, and with each other.

``make contrib-check`` validates them with the linters of their own tools.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ddbcfg_daemon.settings.daemon_values import ROWS
from support.contrib import COMPOSE, CONTRIB, DOCKERFILE, ROOT, containers, pods

# The image's user and group; they must be the same everywhere.
[UID] = set(re.findall(r"--uid (\d+)", DOCKERFILE))
# Variables that ddbcfg reads and that are no settings of the daemon.
OF_CLIENTS = {"DDBCFG_OWNER"}


def test_the_image_copies_what_there_is_and_leaves_out_no_package() -> None:
    copied = [
        path
        for paths in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for path in paths.split()
    ]
    assert all((ROOT / path).exists() for path in copied)
    packages = {f"{path.parent.name}/" for path in ROOT.glob("*ddbcfg*/__init__.py")}
    assert packages <= set(copied)
    ignored = (ROOT / "contrib/container/Dockerfile.dockerignore").read_text().splitlines()
    assert {f"!{path.rstrip('/')}" for path in copied} <= set(ignored)


def test_the_image_copies_every_file_that_a_wheel_carries() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    carried = project["tool"]["setuptools"]["data-files"].values()
    copied = tuple(re.findall(r"^COPY (\S+/) \S+/$", DOCKERFILE, re.MULTILINE))
    assert [path for paths in carried for path in paths if not path.startswith(copied)] == []


def test_every_file_is_in_the_documentation() -> None:
    page = (ROOT / "docs/deployment.md").read_text()
    files = {path.name for path in CONTRIB.rglob("*") if path.is_file()}
    files -= {"requirements.txt", "Dockerfile.dockerignore"}
    assert {name for name in files if f"{name}`" not in page} == set()


def services() -> Iterator[tuple[str, dict[str, Any]]]:
    for file, document in COMPOSE.items():
        for name, service in document["services"].items():
            yield f"{file} {name}", service


def variables() -> Iterator[tuple[str, str]]:
    """Each variable of a container, with the container's name."""
    for name, service in services():
        yield from ((name, variable) for variable in service.get("environment", {}))
    for name, container in containers():
        yield from ((name, variable["name"]) for variable in container.get("env", ()))


def test_every_variable_is_one_that_ddbcfg_reads() -> None:
    known = {row.variable for row in ROWS} | OF_CLIENTS | {"AWS_REGION"}
    assert [(where, name) for where, name in variables() if name not in known] == []


def test_every_number_of_the_daemons_user_is_that_of_the_image() -> None:
    texts = [DOCKERFILE, *(path.read_text() for path in (ROOT / "contrib").rglob("*.yaml"))]
    numbers = {number for text in texts for number in re.findall(r"\b1000\d\b", text)}
    assert numbers == {UID}


def is_application(service: Mapping[str, Any]) -> bool:
    return "your-application" in service["image"]


@pytest.mark.parametrize("file", sorted(COMPOSE))
def test_in_compose_all_share_one_shm_and_the_application_may_read(file: str) -> None:
    document = COMPOSE[file]
    shared = set()
    for service in document["services"].values():
        volumes = {volume["target"]: volume["source"] for volume in service.get("volumes", ())}
        shared.add(volumes.get("/dev/shm") or service["ipc"].removeprefix("service:"))
        if is_application(service):
            assert service["group_add"] == [UID]
            assert service["environment"]["DDBCFG_OWNER"] == UID
            assert service["depends_on"]["ddbcfg"] == {"condition": "service_healthy"}
    shared.discard("shareable")  # what the others name is this service
    [name] = shared
    options = document["volumes"].get(name, {}).get("driver_opts", {}).get("o", "")
    size = document["services"].get(name, {}).get("shm_size") or re.findall("size=([^,]+)", options)
    assert size in ("64m", ["64m"])


@pytest.mark.parametrize("pod", [pod for _, pod in pods()], ids=[name for name, _ in pods()])
def test_in_a_pod_all_share_one_shm_and_the_application_may_read(pod: dict[str, Any]) -> None:
    sources = {volume["name"]: volume for volume in pod["volumes"]}
    everybody = (*pod["initContainers"], *pod["containers"])
    for container in everybody:
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        assert sources[mounts["/dev/shm"]["name"]]
        environment = {variable["name"]: variable["value"] for variable in container.get("env", ())}
        if "runAsUser" not in container.get("securityContext", {}):
            assert mounts["/dev/shm"]["readOnly"]
            assert environment["DDBCFG_OWNER"] == UID
            assert pod["securityContext"]["supplementalGroups"] == [int(UID)]
        elif container["securityContext"]["runAsUser"] != 0:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert "memory" in container["resources"]["limits"]
    assert {container["image"] for container in everybody} <= {"ddbcfg-daemon", "your-application"}
