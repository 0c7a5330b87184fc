"""The ways to a model that a first start offers: what was found on this machine, and what it takes to get more."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kt.errors import KTError

from .choosing import answered, picked, say
from .models import key_place, table_of, variables_of
from .servers import models_at
from .suggested import SUGGESTED_LOGIN, suggestions

if TYPE_CHECKING:
    from kt import Plugins

    from .settings import RunSettings

PROBE_SECONDS = 0.3
SERVER_SECONDS = 5.0
MAX_MODELS = 20
HERE = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")
DEMO = "scripted"


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to a model: `take` asks for what it needs and returns the model's name, None for a change of mind."""

    label: str
    about: str
    take: Callable[[], str | None]


def choices_of(settings: "RunSettings") -> list[Choice]:
    """Return what can be chosen: providers with a key, servers that answer, then the ways to other models."""
    return [*_with_keys(settings.plugins), *_answering(settings.plugins), *_more(settings)]


def keys_of(plugins: "Plugins", provider: str) -> Iterator[str]:
    """Yield the variables of a provider that have a key, each with where it is: "VARIABLE (environment)"."""
    for variable in variables_of(plugins, provider):
        if place := key_place(plugins, variable):
            yield f"{variable} ({place})"


def begin_with(plugins: "Plugins", provider: str) -> str | None:
    """Return the model to begin with of a provider; without a key, that is asked for first."""
    return (
        f"{provider}/{suggestions(plugins)[provider]}" if any(keys_of(plugins, provider)) else _keep(plugins, provider)
    )


def with_keys(plugins: "Plugins") -> Iterator[tuple[str, str]]:
    """Yield (model to begin with, where its key is) of each provider that has one."""
    for provider, model in suggestions(plugins).items():
        if found := next(keys_of(plugins, provider), ""):
            yield f"{provider}/{model}", found


def _with_keys(plugins: "Plugins") -> Iterator[Choice]:
    for model, key in with_keys(plugins):
        yield Choice(model, key, partial(begin_with, plugins, model.partition("/")[0]))


def _answering(plugins: "Plugins") -> Iterator[Choice]:
    """Yield a choice for each server on this machine that wants no key and answers at once."""
    names = [*plugins.registry.names("provider"), *plugins.registry.get("config", "endpoints")()]
    addresses = {str(table_of(plugins, n).get("base_url", "")): n for n in names if not variables_of(plugins, n)}
    for address, name in addresses.items():
        if not address.startswith(HERE):
            continue
        try:
            models = models_at(address, seconds=PROBE_SECONDS)
        except KTError:
            continue  # no such server runs here, which is the usual case
        if models:
            more = ", ..." if len(models) > 3 else ""
            take = partial(_model_of, f"{name}/", models)
            yield Choice(name, f"answers at {address}: {', '.join(models[:3])}{more}", take)


def _more(settings: "RunSettings") -> Iterator[Choice]:
    registry, plugins = settings.registry, settings.plugins
    if any(True for _ in registry.entries("keys")):
        about = "Anthropic, OpenAI, Google ...: asks for its key and keeps it where only you can read it"
        yield Choice("a provider", about, partial(_log_in, plugins))
    for entry in registry.entries("login"):
        provider = registry.find("provider", entry.name)
        about = "" if provider is None else provider.help.partition(":")[0]
        yield Choice(f"log in: {entry.name}", about, partial(_by_login, plugins, entry.name))
    if registry.find("run_option", "local"):
        yield Choice(
            "the local model", f"no key; {local_model(plugins) or 'on this machine'}", partial(_local, settings)
        )
    if registry.find("provider", "openai-compat"):
        yield Choice("a compatible server", "by its address", _server)
    if registry.find("provider", DEMO):
        yield Choice("the scripted demo", "a look around without a model; stays no default", lambda: DEMO)


def local_model(plugins: "Plugins") -> str:
    """Return the local model's name, size and whether it is here, "" where there is none."""
    entry = plugins.registry.find("model_list", "local")
    rows = entry.load()() if entry is not None else []
    return " ".join(str(rows[0]).split()) if rows else ""


def _log_in(plugins: "Plugins") -> str | None:
    wanting = [provider for provider in suggestions(plugins) if not any(keys_of(plugins, provider))]
    provider = picked(wanting, "Which provider? (nothing: stop) ")
    return None if provider is None else _keep(plugins, provider)


def _keep(plugins: "Plugins", provider: str) -> str | None:
    """Ask for a provider's key without showing it, and keep it; return the model to begin with."""
    from .commands.config import read_key, store_of

    variable = variables_of(plugins, provider)[0]
    if page := table_of(plugins, provider).get("key_page"):
        say(f"A key is made at {page}")
    store = store_of(plugins)
    try:
        store.put(variable, read_key(f"Key of {provider} ({variable}, it is not shown)"))
    except EOFError:
        return None
    say(f"{provider} has its key ({store.file})")
    return f"{provider}/{suggestions(plugins)[provider]}"


def _by_login(plugins: "Plugins", name: str) -> str | None:
    with redirect_stdout(sys.stderr):
        code = plugins.registry.get("login", name)([])
    if code:
        return None
    usual = SUGGESTED_LOGIN.get(name, "MODEL")
    return answered(
        f"Which model? Which there are depends on your plan; for example {usual}: ", lambda a: f"{name}/{a}"
    )


def _local(settings: "RunSettings") -> str:
    settings.registry.get("run_option", "local")(settings, True)
    return str(settings.llm)


def _server() -> str | None:
    return answered("Its address, such as http://localhost:11434/v1: ", _at)


def _at(address: str) -> str | None:
    """Return a model of the server at an address, also where its last part, /v1, was left away."""
    base = address.rstrip("/")
    try:
        models = models_at(base, seconds=SERVER_SECONDS)
    except KTError:
        if base.endswith("/v1"):
            raise
        base += "/v1"
        models = models_at(base, seconds=SERVER_SECONDS)
    return _model_of(f"openai-compat:{base}#", models)


def _model_of(start: str, models: Sequence[str]) -> str | None:
    """Return `start` and the one model there is, or that the person picks."""
    if len(models) == 1:
        return start + models[0]
    model = picked(models[:MAX_MODELS], "Which model? (nothing: stop) ") if models else None
    return None if model is None else start + model
