"""From what the caller calls a model to a provider: an object, a preset, "provider/model", or a table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, UnknownName, nearest

if TYPE_CHECKING:
    from ._host import Host
    from ._messages import Json
    from ._provider import Provider

CHOOSE = "kt model default PROVIDER/MODEL, kt run --local, or llm= in Python"


def provider_of(host: "Host", llm: Any) -> "tuple[Provider, str, Mapping[str, Json]]":
    """Return (provider, model name, settings). Raises ConfigError and UnknownName, with the nearest names.

    A registered provider is called as `target(model, options, host)`; the options are the table's keys other than
    provider, model and settings.
    """
    if hasattr(llm, "stream"):
        return llm, str(getattr(llm, "model", type(llm).__name__)), {}
    if not isinstance(llm, str | Mapping) or not llm:
        raise ConfigError("no model is chosen" if llm is None else f"{llm!r} is no model", hint=CHOOSE)
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
    made = host.registry.get("provider", provider)(model, table, host)
    return made, f"{provider}/{model}" if model else provider, settings


def _table(host: "Host", name: str) -> dict[str, Any]:
    """Return the table of a preset (kind `loader`, from kt-config), of "provider/model" or "provider:model"."""
    loader = host.registry.find("loader", "presets")
    presets: Mapping[str, Any] = loader.load()() if loader is not None else {}
    if name in presets:
        return dict(presets[name])
    for mark in ("/", ":"):
        provider, found, model = name.partition(mark)
        if host.registry.find("provider", provider) and (found or mark != "/"):
            return {"provider": provider, "model": model}
    if name == "default":
        raise ConfigError("no default model is set", hint=CHOOSE)
    raise UnknownName(f"no model {name!r}", hint=nearest(name, [*presets, *host.registry.names("provider")]))
