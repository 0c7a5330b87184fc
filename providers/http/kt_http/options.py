"""From a provider's options (a table of a preset or creature) to where and how it is reached, checked at build."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from kt.errors import ConfigError, nearest

from .addresses import is_loopback
from .exchange import Endpoint
from .retry import RetryPolicy
from .transport import AGENT, Clocks

COMMON = ("base_url", "key_env", "auth", "headers", "clocks", "retry")
"""The options that `endpoint_of` understands."""

DESCRIBING = ("wire", "about", "key_page", "catalogue", "models")
"""What an endpoint's table says of itself, beside the options."""

LOCAL = Clocks(first_byte=600.0, between=300.0)
"""A model on this machine may read its prompt for minutes before it says anything."""

if TYPE_CHECKING:
    from kt import Host

T = TypeVar("T", Clocks, RetryPolicy)


def endpoint_of(
    host: "Host",
    options: Mapping[str, Any],
    auth: Mapping[str, str],
    *,
    headers: Mapping[str, str] | None = None,
    path: str = "",
) -> Endpoint:
    """Return the endpoint that options describe; a `path` at the end of base_url is taken off.

    `auth` are the headers with the key, each a format such as "Bearer {}"; they are left out where the options name no
    `key_env`. Raises ConfigError for a missing key, and for what is wrong with an option.
    """
    url = address(str(options["base_url"])).removesuffix(path)
    key = key_of(host, options.get("key_env"))
    sent = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": AGENT, **(headers or {})}
    if key:
        sent |= {name.lower(): str(form).format(key) for name, form in (table(options, "auth") or auth).items()}
    sent |= {name.lower(): str(value) for name, value in table(options, "headers").items()}
    clocks = LOCAL if is_loopback(urlsplit(url).hostname or "") else Clocks()
    return Endpoint(
        url,
        sent,
        _numbers(options, "clocks", clocks),
        _numbers(options, "retry", RetryPolicy()),
        (key,) if key else (),
    )


def table(options: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the table under `name`, empty where there is none. Raises ConfigError."""
    found = options.get(name)
    if found is not None and not isinstance(found, Mapping):
        raise ConfigError(f"the option {name!r} must be a table, not {found!r}", hint=f"{name}: {{NAME: VALUE}}")
    return found or {}


def address(base: str) -> str:
    """Return a base address without a slash at its end. Raises ConfigError for what is none."""
    try:
        parts = urlsplit(base)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        good = False
    if not good:
        raise ConfigError(f"base_url {base!r} is no address", hint="https://HOST/v1")
    return base.rstrip("/")


def key_of(host: "Host", variables: str | Sequence[str] | None) -> str:
    """Return the key under the first of the variables that has one: in the environment, else where keys are kept.

    Raises ConfigError that names the variable and the command, never a value.
    """
    names = [variables] if isinstance(variables, str) else list(variables or ())
    if not names:
        return ""
    stores = [entry.load() for entry in host.registry.entries("keys")]
    found = ((name, read(name)) for read in (_environment, *(store().get for store in stores)) for name in names)
    name, key = next(((name, key) for name, key in found if key), (names[0], ""))
    hint = f"kt config key set {name}, or export {name}=YOUR_KEY"
    if not key:
        free = ", or use a model that needs none: kt run --local"
        raise ConfigError(f"no key: the environment variable {name} is not set", hint=hint + free)
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"the key in {name} has characters that no key has", hint=hint)
    return key


def _environment(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _numbers(options: Mapping[str, Any], name: str, default: T) -> T:
    """Return the option `name`, a table of numbers, over the default's."""
    given, known = table(options, name), {f.name: getattr(default, f.name) for f in fields(default)}
    for key, value in given.items():
        if key not in known:
            raise ConfigError(f"{name} has no key {key!r}", hint=nearest(str(key), known))
        unset = value is None and known[key] is None
        if not unset and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            raise ConfigError(f"{name}.{key} must be a number, not {value!r}", hint=f"the default is {known[key]}")
    return type(default)(**{**known, **given})
