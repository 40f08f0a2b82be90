"""``ddbcfg-client exec``: options as variables, for a program that takes the client's place."""

from __future__ import annotations

import json
import os
from decimal import Decimal

import pytest

from support.client_cli import Publish, answered, failed
from support.daemon import Host

OPTIONS = {
    "db": {"host": "h", "port": Decimal(27017), "tls": True, "none": None},
    "web-server": {"tags": {"b", "a"}, "raw": b"\x00\xff", "odd name ü": "ü\n'"},
    "routes": {"a": {"to": "b"}},
}


def variables(text: str) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in text.split("\0")[:-1])


def test_keys_become_variables(host: Host, publish: Publish) -> None:
    publish(OPTIONS)
    flags = ("--prefix", "APP_", "--json-option", "routes")
    found = variables(answered(host.client("exec", *flags, "--", "env", "-0")))
    ours = {name: text for name, text in found.items() if name.startswith("APP_")}
    assert json.loads(ours.pop("APP_ROUTES")) == OPTIONS["routes"]
    assert ours == {
        "APP_DB_HOST": "h",
        "APP_DB_PORT": "27017",
        "APP_DB_TLS": "true",
        "APP_WEB_SERVER_TAGS": '["a", "b"]',
        "APP_WEB_SERVER_RAW": "AP8=",
        "APP_WEB_SERVER_ODD_NAME__": "ü\n'",
    }
    assert found["PATH"] == os.environ["PATH"]


def test_a_variable_that_is_set_stays(host: Host, publish: Publish) -> None:
    publish(OPTIONS)
    found = variables(answered(host.client("exec", "--", "env", "-0", DB_HOST="mine")))
    assert (found["DB_HOST"], found["DB_PORT"]) == ("mine", "27017")


def test_a_locale_that_lacks_a_character_does_not_matter(host: Host, publish: Publish) -> None:
    publish(OPTIONS)
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    found = variables(answered(host.client("exec", "--", "env", "-0", **plain)))
    assert found["WEB_SERVER_ODD_NAME__"] == "ü\n'"


def test_the_program_is_as_if_a_shell_had_started_it(host: Host, publish: Publish) -> None:
    """Its own exit code, arguments of any kind, and no ignored SIGPIPE."""
    publish(OPTIONS)
    script = 'grep SigIgn /proc/self/status; echo "$@"; exit 9'
    done = host.client("exec", "--", "sh", "-c", script, "sh", "--prefix", "--", "-x")
    assert (done.returncode, done.stderr) == (9, "")
    ignored, arguments = done.stdout.splitlines()
    assert arguments == "--prefix -- -x"
    assert int(ignored.split()[1], 16) & (1 << 12 | 1 << 24) == 0  # SIGPIPE and SIGXFSZ


@pytest.mark.parametrize(
    ("options", "flags", "reason"),
    [
        ({"a": {"b_c": 1}, "a_b": {"c": 2}}, (), "'a_b.c' cannot be the variable A_B_C: 'a.b_c'"),
        ({"ld": {"preload": "x"}}, (), "'ld.preload' cannot be the variable LD_PRELOAD"),
        # It names libraries that OpenSSL loads.
        ({"openssl": {"conf": "x"}}, (), "'openssl.conf' cannot be the variable OPENSSL_CONF"),
        ({"": {"path": "x"}, "path": {}}, ("--json-option", "path"), "the variable PATH: "),
        ({"python": {"path": "x"}}, (), "PYTHON_PATH"),
        ({"1": {"a": 1}}, (), "cannot begin with a digit; use --prefix"),
        ({"a": {"b": "hunter2-9f3c1d\0"}}, (), "its value contains a null character"),
    ],
)
def test_what_cannot_be_a_variable_is_refused_before_the_program_starts(
    host: Host,
    publish: Publish,
    options: dict[str, dict[str, object]],
    flags: tuple[str],
    reason: str,
) -> None:
    publish(options)
    assert reason in failed(host.client("exec", *flags, "--", "echo", "started"), 2)


@pytest.mark.parametrize("prefix", ["1", "a-b", "ü", "="])
def test_a_prefix_that_no_variable_has_is_a_usage_error(
    host: Host, publish: Publish, prefix: str
) -> None:
    publish(OPTIONS)
    done = host.client("exec", f"--prefix={prefix}", "--", "echo", "started")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--prefix" in done.stderr.splitlines()[-1]


def test_failures_of_the_command_have_the_codes_of_a_shell(host: Host, publish: Publish) -> None:
    publish(OPTIONS)
    assert "no-such-thing: no such command" in failed(
        host.client("exec", "--", "no-such-thing"), 127
    )
    assert "Permission denied" in failed(host.client("exec", "--", "/etc/passwd"), 126)
    publish({"a": {"b": "x" * 200_000}})
    assert "too large for variables" in failed(host.client("exec", "--", "true"), 126)


def test_errors_of_reading_have_their_codes(host: Host, publish: Publish) -> None:
    assert "no daemon has published" in failed(host.client("exec", "--", "true"), 3)
    publish(OPTIONS)
    assert "'nope'" in failed(host.client("exec", "--json-option", "nope", "--", "true"), 1)
    done = host.client("exec", "true", "-x")
    assert done.returncode == 2
    assert "put -- before the command" in done.stderr
