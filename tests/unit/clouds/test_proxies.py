"""The proxy of the environment, in every form that curl and the SDKs take."""

from __future__ import annotations

from base64 import b64encode
from traceback import format_exception

import pytest

from tradewind.clouds.proxies import proxy_for, read_proxy
from tradewind.errors import ConfigurationError


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("http://proxy.example:3128", "proxy.example", 3128),
        ("proxy.example:3128", "proxy.example", 3128),
        ("//proxy.example:3128/", "proxy.example", 3128),
        ("http://proxy.example", "proxy.example", 80),
        ("proxy.example", "proxy.example", 80),
        ("http://[fd00::1]:3128", "fd00::1", 3128),
        ("[fd00::1]:3128", "fd00::1", 3128),
    ],
)
def test_where_it_is(address: str, host: str, port: int) -> None:
    """A scheme and a port may be missing."""
    assert read_proxy(address).host == host
    assert read_proxy(address).port == port
    assert not read_proxy(address).headers


@pytest.mark.parametrize(
    ("given", "pair"),
    [
        ("user:secret", "user:secret"),
        ("us%40er:s%2Fe%3Acr%40t", "us@er:s/e:cr@t"),
        ("user:a@b:c", "user:a@b:c"),
        ("user", "user:"),
        ("user:", "user:"),
    ],
)
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_who_asks(scheme: str, given: str, pair: str) -> None:
    """Name and password are told to the proxy, decoded, and are no part of its name."""
    proxy = read_proxy(f"{scheme}{given}@proxy.example:3128")

    assert (proxy.host, proxy.port) == ("proxy.example", 3128)
    assert proxy.headers == {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


@pytest.mark.parametrize(
    "address",
    [
        "https://user:secret@proxy.example:3128",
        "socks5://user:secret@proxy.example",
        "http://user:secret@proxy.example:port",
        "http://user:secret@",
        "http://user:/secret@proxy.example:3128",
        "http://user:12/secret@proxy.example:3128",
        "http://user:12#secret@proxy.example:3128",
        "http://user:12?secret@proxy.example:3128",
        "http://user:secret@[proxy.example",
        "http://user:99secret/@proxy.example",
    ],
)
def test_what_is_no_proxy_is_not_repeated(address: str) -> None:
    """An error says how to write it, and nothing of what was written, since that may hold a password."""
    with pytest.raises(ConfigurationError, match="percent-encoded") as caught:
        read_proxy(address)

    assert "secret" not in "".join(format_exception(caught.value))


def test_a_proxy_shows_no_password() -> None:
    """Neither in a log nor in a traceback's values."""
    secret = b64encode(b"user:secret").decode()

    assert secret not in repr(read_proxy("http://user:secret@proxy.example:3128"))


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
def test_the_environment(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Either spelling counts, and what is excepted is asked directly."""
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for("far.example") is None
    monkeypatch.setenv(variable, "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "near.example")

    found = proxy_for("far.example")

    assert found is not None
    assert found.host == "proxy.example"
    assert proxy_for("near.example") is None
