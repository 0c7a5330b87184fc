"""Where secrets are known from: the names of environment variables, and the places where keys are kept."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kt import Registry

# fmt: off
SECRET = {
    "KEY", "KEYS", "APIKEY", "TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD", "PASS",
    "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "AUTH", "COOKIE", "COOKIES", "DSN", "PRIVATE", "JWT", "PAT", "BEARER",
}
PLAIN = {"SOCK", "SOCKET", "FILE", "PATH", "DIR", "NAME", "ENV", "TYPE", "LIMIT", "LENGTH", "LAYOUT"}
# fmt: on
"""A name that ends so says where a secret is, or what about it; it is none itself."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LOGIN = re.compile(r"://[^/\s:@]*:([^@\s/]+)@")


def is_secret(name: str) -> bool:
    """Tell whether an environment variable is called like a secret."""
    words = [word.upper() for word in _WORD.findall(name)]
    return bool(words) and not SECRET.isdisjoint(words) and words[-1] not in PLAIN


def in_environment(variables: Mapping[str, str], named: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield (value, name) of the variables that are `named` or called like secrets, and of passwords in addresses."""
    for name, value in variables.items():
        if name in named or is_secret(name):
            yield value, name
        yield from ((password, name) for password in _LOGIN.findall(value))


def in_stores(registry: "Registry", read: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (value, variable) of the places where keys are kept that are not in `read` yet, and add them there.

    What a place raises comes out: it can give its keys to nobody then.
    """
    for entry in registry.entries("keys"):
        if entry.name not in read:
            store = entry.load()()
            found = [(store.get(name), name) for name in store.names()]
            read.add(entry.name)
            yield from found
