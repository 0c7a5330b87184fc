"""What the commands know of models: their names, tables, keys and prices."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kt.errors import UnknownName, UsageError, nearest

if TYPE_CHECKING:
    from kt import Plugins


def table_of(plugins: "Plugins", provider: str) -> Mapping[str, Any]:
    """Return what a provider's table says, the user's own over a shipped one; empty for one that is a function."""
    entry = plugins.registry.find("provider", provider)
    shipped = entry.load() if entry is not None and entry.data.get("table") else {}
    return {**shipped, **plugins.registry.get("config", "endpoints")().get(provider, {})}


def variables_of(plugins: "Plugins", provider: str) -> list[str]:
    """Return the variables that a provider's key is looked for in, the first one first."""
    entry = plugins.registry.find("provider", provider)
    named = table_of(plugins, provider).get("key_env") or (entry.data.get("key_env") if entry is not None else None)
    return [named] if isinstance(named, str) else list(named or ())


def key_place(plugins: "Plugins", variable: str) -> str:
    """Return where the key of a variable is: "environment", the name of a key store, or "" for nowhere."""
    if os.environ.get(variable, "").strip():
        return "environment"
    return next((e.name for e in plugins.registry.entries("keys") if e.load()().get(variable)), "")


def key_state(plugins: "Plugins", provider: str) -> str:
    """Say in a few words whether a provider has its key."""
    variables = variables_of(plugins, provider)
    if not variables:
        return "login" if plugins.registry.find("login", provider) else ""
    found = next((f"{name} ({place})" for name in variables if (place := key_place(plugins, name))), "")
    return found or f"no key: kt login {provider}"


def full_name(plugins: "Plugins", name: str) -> str:
    """Return the preset or PROVIDER/MODEL that a name stands for; a bare model's where exactly one provider has it.

    Raises UnknownName with the nearest names, or with the providers that share it.
    """
    presets = plugins.registry.get("loader", "presets")()
    providers = {*plugins.registry.names("provider"), *plugins.registry.get("config", "endpoints")()}
    provider = name.partition("/")[0].partition(":")[0]
    if name in presets or provider in providers:
        return name
    if "/" in name:
        plugins.registry.entry("provider", provider, where=name)
    having = [p for p in sorted(providers) if name in _models_of(plugins, p)]
    if len(having) == 1:
        return f"{having[0]}/{name}"
    if having:
        raise UnknownName(
            f"{len(having)} providers have {name!r}", hint=f"one of {', '.join(f'{p}/{name}' for p in having)}"
        )
    known = {*presets, *providers, *(m for p in providers for m in _models_of(plugins, p))}
    raise UnknownName(f"no model {name!r}", hint=nearest(name, known))


def _models_of(plugins: "Plugins", provider: str) -> list[str]:
    """Return the models that a provider is known to have without asking it: its table's, and the catalogue's."""
    table = table_of(plugins, provider)
    found = [str(m) for m in table.get("models", ())]
    for entry in plugins.registry.entries("catalogue"):
        found += entry.load()(plugins).models(str(table.get("catalogue", provider)))
    return found


def facts_of(plugins: "Plugins", model: str) -> dict[str, str]:
    """Return what a model's name stands for, line by line; what is not known is said to be unknown."""
    presets = plugins.registry.get("loader", "presets")()
    table = dict(presets[model]) if model in presets else {"model": full_name(plugins, model)}
    name = str(table.get("model", ""))
    provider, _, own = name.partition("/")
    at = {**table_of(plugins, provider), **table}
    settings: Any = table.get("settings") or {}
    facts = {
        "model": name,
        "provider": provider,
        "wire": str(at.get("wire", "")),
        "address": str(at.get("base_url", "")),
        "key": key_state(plugins, provider),
        "settings": ", ".join(f"{k} {v}" for k, v in settings.items()),
    }
    for entry in plugins.registry.entries("catalogue"):
        known = entry.load()(plugins).facts(str(at.get("catalogue", provider)), own)
        facts |= {k: v or "unknown" for k, v in known.items()}
    return {k: v for k, v in facts.items() if v}


def address_of(base_url: str) -> str:
    """Return a base address. Raises UsageError for what is none."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--base-url {base_url!r} is no address", hint="https://HOST/v1")
    return base_url
