"""Which hosts a tool may reach: names compared whole, at a port, and addresses that are anybody's."""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address, ip_network
from urllib.parse import urlsplit

from kt.errors import ConfigError, KTError, Vetoed

PORTS = {"http": 80, "https": 443}
NOBODYS = [ip_network(n) for n in ("192.0.0.0/24", "fec0::/10", "64:ff9b:1::/48")]
"""Networks that Python 3.11 takes for public (RFC 6890, RFC 3879, RFC 8215)."""
EMBEDDING = [ip_network(n) for n in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")]
"""Networks whose last four bytes are an IPv4 address (RFC 4291, RFC 2765, RFC 6052)."""


@dataclass(frozen=True, slots=True)
class HostRule:
    """One granted host: `name` ("*.example.com", "*"), `port` (None: 80 and 443), `address` to connect to instead.

    `local` says that the user named an address itself, or localhost.
    """

    name: str
    port: int | None = None
    address: tuple[str, int | None] | None = None
    local: bool = False

    @classmethod
    def parse(cls, text: str) -> "HostRule":
        """Read "name[:port][=address[:port]]". Raises ConfigError."""
        pattern, _, target = text.partition("=")
        name, port = _split(pattern.strip(), text)
        address = _split(target.strip(), text) if target else None
        wild = name[2:] if name.startswith("*.") else "" if name == "*" else name
        if not name or "*" in wild:
            raise ConfigError(f"{text!r} is no host", hint="example.com, *.example.com:8443, or *")
        return cls(name if "*" in name else normal(name), port, address, name == "localhost" or _is_address(name))

    def matches(self, host: str, port: int) -> bool:
        if port not in (PORTS.values() if self.port is None else (self.port,)):
            return False
        if self.name.startswith("*."):
            return host.endswith(normal(self.name[1:]))
        return self.name == "*" or self.name == host


def _split(text: str, whole: str) -> tuple[str, int | None]:
    """Return (host, port) of "host", "host:port" or "[v6]:port"."""
    if text.count(":") > 1 and not text.startswith("["):
        return text, None
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return text.strip("[]"), None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError(f"{whole!r} has no port number after the colon", hint="example.com:443")
    return host.strip("[]"), int(port)


def normal(host: str) -> str:
    """Return a host as it is compared: lower case, IDNA, without the dot at the end."""
    dot, host = host.startswith("."), host.strip(".").lower()
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError as error:
            raise KTError(f"{host!r} is no host name") from error
    return f".{host}" if dot else host


def address_of(url: str) -> tuple[str, int]:
    """Return the normalised (host, port) of a URL. Raises KTError for one that has none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError as error:
        raise KTError(f"{url!r} is no address: {error}") from error
    if not host or port is None or parts.username is not None:
        raise KTError(f"{url!r} is no http or https address without a user name in it")
    return normal(host), port


class HostList:
    """The hosts that are granted to one call."""

    def __init__(self, rules: Iterable[str]) -> None:
        self.rules = [HostRule.parse(r) for r in rules]

    def __bool__(self) -> bool:
        return bool(self.rules)

    def only(self, wanted: Iterable[str]) -> "HostList":
        """Return the list of just the wanted "host:port" that this one grants."""
        out = HostList(())
        for host, _, port in (item.rpartition(":") for item in wanted):
            if (rule := self.allows(host, int(port))) is not None:
                out.rules.append(replace(rule, name=host, port=int(port)))
        return out

    def allows(self, host: str, port: int) -> HostRule | None:
        """Return the first rule that grants a normalised host at a port."""
        return next((r for r in self.rules if r.matches(host, port)), None)

    async def connectable(self, host: str, port: int) -> tuple[str, int]:
        """Resolve a host once and return the (address, port) to connect to.

        Raises Vetoed for a host that is not granted, and for an address that is not anybody's (loopback, private,
        link-local) unless a rule names that very address or says where the host is; KTError where it has no address.
        """
        rule = self.allows(host, port)
        if rule is None:
            raise Vetoed(f"{host}:{port} is not among the hosts that are granted")
        if rule.address is not None:
            return rule.address[0], rule.address[1] or port
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise KTError(f"{host!r} has no address: {error.strerror or error}") from error
        address = str(found[0][4][0])
        if not _anybodys(address) and not rule.local:
            raise Vetoed(f"{host} is at {address}, which is not a public address", hint=f"grant {host}={address}")
        return address, port


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _anybodys(address: str) -> bool:
    """Tell whether an address is public, also where another one is written inside it (mapped, 6to4, NAT64 ...)."""
    ip = ip_address(address.partition("%")[0])
    if not ip.is_global or ip.is_multicast or any(ip.version == n.version and ip in n for n in NOBODYS):
        return False
    if isinstance(ip, IPv4Address):
        return True
    inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if any(ip in network for network in EMBEDDING):
        inner.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return all(_anybodys(str(v4)) for v4 in inner if v4 is not None)
