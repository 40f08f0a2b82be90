"""Every source of AWS credentials, faked on this machine: one that fails, and comes back.

Each writes the files and names the variables that point botocore to it, as an operator would.
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from support.daemon import SECRET

#: What names credentials: none of the host's own may be found in a test.
VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
_ROLE = "arn:aws:iam::123456789012:role/config"


class Service:
    """An HTTP service on a loopback port.

    ``answers`` maps a path to the text that is answered there; a missing path is a 500, and with
    ``hangs`` nothing is answered at all.
    """

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.status = 200
        self.requests: list[str] = []
        self.hangs = False
        self._released = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                service.answer(self)

            do_GET = do_PUT = do_POST = _answer  # noqa: N815 - the base class's names

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, handler: Any) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path = handler.path.partition("?")[0]
        self.requests.append(path)
        if self.hangs:
            self._released.wait(30)
            return
        text = self.answers.get(path)
        body = (text if text is not None else "out of order").encode()
        handler.send_response(self.status if text is not None else 500)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with suppress(OSError):  # it has gone away
            handler.wfile.write(body)

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class CredentialSource(ABC):
    """Gives out ``key`` after ``mend``; before that, and after ``fail``, it fails."""

    #: What an error has to name, for each way to fail.
    faults: ClassVar[dict[str, str]]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config"
        self.config.write_text("")
        self.service = Service()

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that uses it; an empty one is to be unset."""
        return {
            **dict.fromkeys(VARIABLES, ""),
            "AWS_CONFIG_FILE": str(self.config),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_METADATA_SERVICE_TIMEOUT": "1",
            "HOME": str(self.folder),
            **self.variables(),
        }

    def variables(self) -> dict[str, str]:
        """What points to this source."""
        return {}

    @abstractmethod
    def mend(self, key: str) -> None:
        """Give out this access key from now on."""

    @abstractmethod
    def fail(self, fault: str) -> None:
        """Fail in one of the ways that ``faults`` names."""

    def close(self) -> None:
        self.service.close()


def expiry(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


#: The response of STS to who may assume a role.
ASSUMED = (
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>assumed</AccessKeyId>"
    "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
    f"<Expiration>{expiry(3600)}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)


def static(key: str, profile: str = "default") -> str:
    return f"[{profile}]\naws_access_key_id = {key}\naws_secret_access_key = secret\n"


class SharedFile(CredentialSource):
    """AWS_SHARED_CREDENTIALS_FILE, which somebody rotates."""

    faults: ClassVar = {"missing": "AWS_ACCESS_KEY_ID", "refused": "UnrecognizedClientException"}

    def mend(self, key: str) -> None:
        new = self.folder / "new"
        new.write_text(static(key))
        new.replace(self.folder / "credentials")

    def fail(self, fault: str) -> None:
        if fault == "refused":
            self.mend("old")
        else:
            (self.folder / "credentials").unlink(missing_ok=True)


@contextmanager
def shared_keys(folder: Path) -> Iterator[SharedFile]:
    """Yield valid keys in a new *folder*; the service beside them stands for STS."""
    folder.mkdir()
    made = SharedFile(folder)
    made.mend("own")
    try:
        yield made
    finally:
        made.close()


class Profile(CredentialSource):
    """A profile of AWS_CONFIG_FILE with keys in it."""

    faults: ClassVar = {"missing": "check AWS_PROFILE", "refused": "UnrecognizedClientException"}

    def variables(self) -> dict[str, str]:
        return {"AWS_PROFILE": "config"}

    def mend(self, key: str) -> None:
        self.config.write_text(static(key, "profile config"))

    def fail(self, fault: str) -> None:
        if fault == "refused":
            self.mend("old")
        else:
            self.config.write_text("")


class Process(CredentialSource):
    """A ``credential_process``."""

    faults: ClassVar = {
        "fails": "no token in the vault",
        "garbage": "credential_process prints",
        "missing": "credential_process prints",
        "refused": "UnrecognizedClientException",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._helper = folder / "helper"
        self.config.write_text(f"[profile config]\ncredential_process = {self._helper}\n")

    def variables(self) -> dict[str, str]:
        return {"AWS_PROFILE": "config"}

    def _write(self, script: str) -> None:
        new = self.folder / "new"
        new.write_text(f"#!/bin/sh\n{script}\n")
        new.chmod(0o755)
        new.replace(self._helper)

    def mend(self, key: str) -> None:
        text = json.dumps({"Version": 1, "AccessKeyId": key, "SecretAccessKey": "secret"})
        self._write(f"echo '{text}'")

    def fail(self, fault: str) -> None:
        if fault == "fails":
            self._write("echo 'no token in the vault' >&2; exit 3")
        elif fault == "garbage":
            self._write(f"printf '{SECRET}\\377'")
        elif fault == "refused":
            self.mend("old")
        else:
            self._helper.unlink(missing_ok=True)


class SingleSignOn(CredentialSource):
    """A profile of SSO, whose token is in ~/.aws/sso/cache."""

    faults: ClassVar = {"not logged in": "aws sso login", "down": "sso", "refused": "Unrecognized"}
    _START = "https://example.awsapps.com/start"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config.write_text(
            f"[profile config]\nsso_start_url = {self._START}\nsso_region = eu-west-1\n"
            "sso_account_id = 123456789012\nsso_role_name = config\n"
        )
        cache = folder / ".aws/sso/cache"
        cache.mkdir(parents=True)
        self._token = cache / f"{sha1(self._START.encode()).hexdigest()}.json"

    def variables(self) -> dict[str, str]:
        return {"AWS_PROFILE": "config", "AWS_ENDPOINT_URL_SSO": self.service.url}

    def _log_in(self) -> None:
        self._token.write_text(json.dumps({"accessToken": "token", "expiresAt": expiry(3600)}))

    def mend(self, key: str) -> None:
        self._log_in()
        in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
        keys = {
            "accessKeyId": key,
            "secretAccessKey": "secret",
            "sessionToken": "token",
            "expiration": round(in_an_hour * 1000),
        }
        self.service.answers["/federation/credentials"] = json.dumps({"roleCredentials": keys})

    def fail(self, fault: str) -> None:
        if fault == "not logged in":
            self._token.unlink(missing_ok=True)
        elif fault == "down":
            self._log_in()
            self.service.answers.clear()
        else:
            self.mend("old")


class WebIdentity(CredentialSource):
    """A token in a file, exchanged at STS: a pod's service account."""

    faults: ClassVar = {
        "no token": "AWS_WEB_IDENTITY_TOKEN_FILE",
        "undecodable token": "AWS_WEB_IDENTITY_TOKEN_FILE",
        "denied": "the role's trust policy",
        "down": "assume-role-with-web-identity",
        "refused": "UnrecognizedClientException",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._token = folder / "token"

    def variables(self) -> dict[str, str]:
        return {
            "AWS_ROLE_ARN": _ROLE,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(self._token),
            "AWS_ENDPOINT_URL_STS": self.service.url,
        }

    def mend(self, key: str) -> None:
        self._token.write_text("token")
        self.service.status = 200
        self.service.answers["/"] = (
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
            f"<SessionToken>token</SessionToken><Expiration>{expiry(3600)}</Expiration>"
            "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )

    def fail(self, fault: str) -> None:
        self.mend("old")
        if fault == "no token":
            self._token.unlink()
        elif fault == "undecodable token":
            self._token.write_bytes(SECRET.encode() + b"\xff\xfe")
        elif fault == "denied":
            self.service.status = 403
            self.service.answers["/"] = (
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not "
                "authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error>"
                "</ErrorResponse>"
            )
        elif fault == "down":
            self.service.answers.clear()


class Container(CredentialSource):
    """The endpoint of an ECS task or an EKS pod."""

    faults: ClassVar = {"down": "container", "garbage": "container", "refused": "Unrecognized"}

    def variables(self) -> dict[str, str]:
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.service.url}/creds"}

    def mend(self, key: str) -> None:
        keys = {"AccessKeyId": key, "SecretAccessKey": "secret", "Token": "token"}
        self.service.answers["/creds"] = json.dumps({**keys, "Expiration": expiry(3600)})

    def fail(self, fault: str) -> None:
        self.mend("old")
        if fault == "down":
            self.service.answers.clear()
        elif fault == "garbage":
            self.service.answers["/creds"] = f"{SECRET}, but no JSON"


class Instance(CredentialSource):
    """The metadata service of an EC2 instance."""

    faults: ClassVar = {
        "down": "the role of the instance",
        "hangs": "the role of the instance",
        "no role": "the role of the instance",
        "refused": "UnrecognizedClientException",
    }
    _ROLES = "/latest/meta-data/iam/security-credentials/"

    def variables(self) -> dict[str, str]:
        return {
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.service.url,
        }

    def mend(self, key: str) -> None:
        self.service.hangs = False
        keys = {"AccessKeyId": key, "SecretAccessKey": "secret", "Token": "token"}
        self.service.answers = {
            "/latest/api/token": "token",
            self._ROLES: "config",
            f"{self._ROLES}config": json.dumps({**keys, "Expiration": expiry(6 * 3600)}),
        }

    def fail(self, fault: str) -> None:
        self.mend("old")
        if fault == "down":
            self.service.answers.clear()
        elif fault == "hangs":
            self.service.hangs = True
        elif fault == "no role":
            del self.service.answers[self._ROLES]


SOURCES = (SharedFile, Profile, Process, SingleSignOn, WebIdentity, Container, Instance)
