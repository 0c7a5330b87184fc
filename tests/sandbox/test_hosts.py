"""Which hosts are granted: whole names, at a port, and only addresses that are anybody's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt.errors import ConfigError, KTError, Vetoed
from kt_sandbox.hosts import HostList, HostRule, address_of, normal

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("rule", "host", "port", "granted"),
    [
        ("example.com", "example.com", 443, True),
        ("example.com", "example.com", 80, True),
        ("example.com", "example.com", 22, False),
        ("example.com:8443", "example.com", 8443, True),
        ("example.com:8443", "example.com", 443, False),
        ("example.com", "www.example.com", 443, False),
        ("example.com", "example.com.evil.test", 443, False),
        ("example.com", "badexample.com", 443, False),
        ("*.example.com", "www.example.com", 443, True),
        ("*.example.com", "a.b.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("*.example.com", "badexample.com", 443, False),
        ("EXAMPLE.com.", "example.com", 443, True),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
        ("*", "anything.test", 443, True),
        ("*", "anything.test", 25, False),
        ("*:25", "anything.test", 25, True),
        ("127.0.0.1:80", "127.0.0.1", 80, True),
        ("[::1]:80", "::1", 80, True),
    ],
)
def test_a_rule_grants_a_host_at_a_port(rule: str, host: str, port: int, granted: bool) -> None:
    assert (HostList([rule]).allows(host, port) is not None) == granted


@pytest.mark.parametrize(
    "text", ["", "a*b.com", "*.*.com", "**", "example.com:x", "example.com:0", "example.com:70000"]
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        HostRule.parse(text)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://Example.COM./x", ("example.com", 443)),
        ("http://example.com:8080", ("example.com", 8080)),
        ("https://bücher.example/", ("xn--bcher-kva.example", 443)),
        ("http://[::1]/", ("::1", 80)),
    ],
)
def test_the_address_of_a_url(url: str, address: tuple[str, int]) -> None:
    assert address_of(url) == address


@pytest.mark.parametrize(
    "url", ["", "example.com", "ftp://x", "http://", "http://a:b@c/", "http://x:99999/", "http://[x/"]
)
def test_a_url_without_a_clear_address_is_refused(url: str) -> None:
    with pytest.raises(KTError):
        address_of(url)


@given(st.text(max_size=40), st.integers(1, 65535))
def test_one_granted_host_grants_no_other(host: str, port: int) -> None:
    try:
        name = normal(host)
    except KTError:
        return
    if name != "good.test":
        assert HostList(["good.test"]).allows(name, port) is None


async def test_a_mapped_host_is_where_the_rule_says() -> None:
    hosts = HostList(["good.test=127.0.0.1:8080", "other.test=127.0.0.2"])
    assert await hosts.connectable("good.test", 443) == ("127.0.0.1", 8080)
    assert await hosts.connectable("other.test", 443) == ("127.0.0.2", 443)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "::1",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "fec0::1",
        "192.0.0.192",
        "2002:a00:1::",
    ],
)
async def test_an_address_that_is_not_anybodys_needs_a_rule_of_its_own(host: str) -> None:
    with pytest.raises(Vetoed, match="not a public address"):
        await HostList(["*"]).connectable(host, 80)
    name = f"[{host}]" if ":" in host else host
    assert (await HostList([f"{name}:80"]).connectable(host, 80))[1] == 80


async def test_a_list_is_narrowed_to_what_is_wanted() -> None:
    hosts = HostList(["*.example.com", "good.test:8443=127.0.0.1"])
    assert hosts.only(["a.example.com:443"]).allows("b.example.com", 443) is None
    assert hosts.only(["a.example.com:443"]).allows("a.example.com", 443) is not None
    assert hosts.only(["a.example.com:443"]).allows("a.example.com", 80) is None
    assert await hosts.only(["good.test:8443"]).connectable("good.test", 8443) == ("127.0.0.1", 8443)
    assert not hosts.only(["evil.test:443"])
