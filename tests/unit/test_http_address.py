"""``--http``: where to listen, and that other hosts reach it only if the operator says so (G9)."""

from __future__ import annotations

import pytest

from ddbcfg_daemon.settings.http_address import HttpAddress
from ddbcfg_daemon.settings.parsing import parse

NAMED = ("--table", "config", "--store", "prod")


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("127.0.0.1:9112", HttpAddress("127.0.0.1", 9112), "http://127.0.0.1:9112/"),
        ("localhost:9112", HttpAddress("127.0.0.1", 9112), "http://127.0.0.1:9112/"),
        ("[::1]:9112", HttpAddress("::1", 9112), "http://[::1]:9112/"),
        ("[0:0::1]:0", HttpAddress("::1", 0), "http://[::1]:0/"),
        ("unix:/run/h.sock", HttpAddress(path="/run/h.sock"), "unix:/run/h.sock"),
    ],
)
def test_an_address_of_this_host_only(text: str, address: HttpAddress, url: str) -> None:
    found = HttpAddress.of(text)
    assert (found, found.url, found.public) == (address, url, False)
    assert HttpAddress.of(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9112",
        ":9112",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:65536",
        "127.0.0.1:123456",
        "127.0.0.1:-1",
        "127.0.0.1:²",
        "::1:9112",
        "[127.0.0.1]:9112",
        "[::1:9112",
        "config.example.com:9112",
        "http://127.0.0.1:9112",
        "unix:",
        "unix:run/h.sock",
        "unix:/run/",
        "unix:/run/\0.sock",
        "unix:/" + "x" * 101,
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|has no IP|above 65535|longer|NUL"):
        HttpAddress.of(text)


@pytest.mark.parametrize("text", ["0.0.0.0:9112", "[::]:9112", "192.0.2.1:9112", "[2001:db8::1]:1"])
def test_an_address_that_other_hosts_reach_needs_consent(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse((*NAMED, "--http", text), {})
    assert caught.value.code == 2
    assert f"other hosts can reach {text}: set --http-public" in capsys.readouterr().err
    assert parse((*NAMED, "--http", text, "--http-public"), {}).http == HttpAddress.of(text)
