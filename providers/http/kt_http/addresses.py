"""What is known of a host before it is asked: whether it is this machine, and which proxy leads to it."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def proxies_of(host: str) -> dict[str, str]:
    """Return the proxies that the environment names for a host, by scheme."""
    from urllib.request import getproxies, proxy_bypass

    return {} if is_loopback(host) or proxy_bypass(host) else getproxies()
