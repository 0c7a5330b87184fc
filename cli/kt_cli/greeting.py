"""What `kt` alone says first: what is there on this machine, and what is set up."""

import os
from typing import TYPE_CHECKING

from . import __version__
from .choices import keys_of, local_model
from .choosing import say

if TYPE_CHECKING:
    from kt import Plugins

    from .settings import RunSettings


def greet(settings: "RunSettings") -> None:
    """Write the greeting and a line each about model, keys, local model, folder and sandbox on stderr."""
    plugins = settings.plugins
    rows = {
        "model": _model(plugins),
        "keys": _keys(plugins),
        "local": local_model(plugins),
        "folder": _folder(settings),
        "sandbox": _sandbox(plugins),
    }
    say(f"Terrarium {__version__} runs agents that are made of plugins: kt --help lists the commands.")
    say("\n".join(f"  {name:<8} {text}" for name, text in rows.items() if text))


def _model(plugins: "Plugins") -> str:
    if given := os.environ.get("KT_MODEL"):
        return f"{given} (KT_MODEL)"
    preset = plugins.registry.get("loader", "presets")().get("default")
    return f"{preset.get('model', '')} (the default)" if preset else "none is chosen yet"


def _keys(plugins: "Plugins") -> str:
    names = [*plugins.registry.names("provider"), *plugins.registry.get("config", "endpoints")()]
    return ", ".join(dict.fromkeys(key for name in names for key in keys_of(plugins, name))) or "none is found"


def _folder(settings: "RunSettings") -> str:
    folder = settings.cwd.resolve()
    said = settings.registry.get("config", "settings")(folder)
    if said.ignored:
        return f"{folder}; not trusted: {said.ignored}"
    return f"{folder}, trusted" if said.project else str(folder)


def _sandbox(plugins: "Plugins") -> str:
    """Return the level and name of the walls, without the reasons why others are not there."""
    entry = plugins.registry.find("doctor", "sandbox")
    return str(entry.load()()[0][2]).partition(";")[0] if entry is not None else "none"
