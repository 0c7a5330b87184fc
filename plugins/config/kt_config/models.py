"""From what a model is called to its provider: a preset, "provider/model", or a table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError, UnknownName, nearest

from .settings import endpoints, presets

if TYPE_CHECKING:
    from kt import Host, Provider

CHOOSE = "kt model default PROVIDER/MODEL, kt run --local, or llm= in Python"


def load(host: "Host", llm: str | Mapping[str, Any]) -> "tuple[Provider, str, Mapping[str, Any]]":
    """Return (provider, model name, settings). Raises ConfigError and UnknownName, with the nearest names.

    A registered provider is called as `target(model, options, host)`; the options are the table's keys other than
    provider, model, settings and fallback (the models that are asked where this one is down).
    """
    table: dict[str, Any] = dict(llm) if isinstance(llm, Mapping) else {"model": llm}
    settings: dict[str, Any] = {}
    seen: tuple[str, ...] = ()
    while "provider" not in table and "base_url" not in table:
        name = str(table.pop("model", ""))
        if not name or name in seen:
            raise ConfigError(
                f"the model names no provider ({' -> '.join((*seen, name)) or 'it is empty'})", hint=CHOOSE
            )
        seen += (name,)
        settings = {**table.pop("settings", {}), **settings}
        table = {**_table(host, name), **table}
    settings = {**table.pop("settings", {}), **settings}
    provider, model = str(table.pop("provider", "openai-compat")), str(table.pop("model", ""))
    name = f"{provider}/{model}" if model else provider
    if others := table.pop("fallback", ()):
        first = {**table, "provider": provider, "model": model, "settings": settings}
        made: Provider = host.registry.get("provider", "fallback")("", {"models": [first, *others]}, host)
        return made, name, {}
    return _made(host, provider, model, table), name, settings


def _made(host: "Host", provider: str, model: str, table: dict[str, Any]) -> "Provider":
    """Return the provider: a function makes it, or a table says where it is, the user's own over a shipped one."""
    own = endpoints().get(provider)
    shipped = host.registry.find("provider", provider)
    target: Any = {} if own is not None and shipped is None else host.registry.get("provider", provider)
    if callable(target):
        made: Provider = target(model, {**(own or {}), **table}, host)
    else:
        made = host.registry.get("provider", "endpoint")(model, {**target, **(own or {}), **table}, host)
    return made


def _table(host: "Host", name: str) -> dict[str, Any]:
    """Return the table of a preset, of "provider/model" or "provider:model"."""
    known = presets()
    if name in known:
        return dict(known[name])
    for mark in ("/", ":"):
        provider, found, model = name.partition(mark)
        if (host.registry.find("provider", provider) or provider in endpoints()) and (found or mark != "/"):
            return {"provider": provider, "model": model}
    if name == "default":
        raise ConfigError("no default model is set", hint=CHOOSE)
    raise UnknownName(
        f"no model {name!r}", hint=nearest(name, [*known, *endpoints(), *host.registry.names("provider")])
    )
