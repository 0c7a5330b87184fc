"""The start of `kt` alone, and what is done where no model is chosen: a person at a terminal chooses one."""

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from kt.errors import ConfigError

from .choices import DEMO, Choice, begin_with, choices_of, with_keys
from .choosing import answered, number_of, say
from .early import can_talk, show_prompt
from .models import full_name
from .settings import RunSettings
from .suggested import suggestions

if TYPE_CHECKING:
    from kt import Plugins

WAYS = """No model is chosen yet. You can
  1. use a local model: kt run --local ... (fetches Qwen2.5-Coder 1.5B once, 1.1 GB; no key, runs on this machine)
  2. use a provider: kt model list names them; kt login PROVIDER keeps its key (or set its variable, such as
     OPENAI_API_KEY), then kt run --model PROVIDER/MODEL ..., or kt model default PROVIDER/MODEL
     any compatible server: kt run --model openai-compat:http://localhost:11434/v1#MODEL ...
  3. look around without a model: kt run --model scripted "hello" (a scripted demo)
"""


def start(plugins: "Plugins") -> int:
    """Greet the person at the terminal, let them choose a model where there is none, and hold a conversation."""
    from .greeting import greet

    settings = RunSettings(plugins, cwd=None, profile=None, use=[])
    greet(settings)
    settle_model(settings)
    if can_talk(plugins):
        show_prompt()
    from .running import execute

    return execute(settings, {})


def settle_model(settings: RunSettings) -> None:
    """Let a person at a terminal choose the model of a run that has none; it is `llm` of the settings then.

    To be called before an event loop or a surface has the terminal. Raises ConfigError (78) where none is chosen.
    """
    if _can_ask() and not _has_model(settings):
        settings.llm = choose_model(settings)


def choose_model(settings: RunSettings) -> str:
    """Return the model that the person at the terminal chooses; but for the demo it is the default from then on.

    Raises ConfigError (78) where nothing is chosen, or nobody can be asked.
    """
    if not _can_ask():
        print(WAYS, file=sys.stderr, end="")
        for found, key in with_keys(settings.plugins):
            say(f"Found {key}: kt model default {found}")
        raise ConfigError("no model is chosen", hint="kt run --local, or kt model default PROVIDER/MODEL")
    choices = choices_of(settings)
    say("No model is chosen yet. You can use")
    say("\n".join(f"{number:>4}. {each.label:<30} {each.about}" for number, each in enumerate(choices, 1)))
    question = f"Choose 1 to {len(choices)}, or type PROVIDER/MODEL (nothing: stop): "
    model = answered(question, partial(_take, settings, choices))
    if model is None:
        raise ConfigError("no model is chosen", hint="kt, or kt model default PROVIDER/MODEL")
    return model


def _take(settings: RunSettings, choices: list[Choice], answer: str) -> str | None:
    """Return the model of an answer, kept as the default; None for a change of mind. Raises KTError."""
    plugins = settings.plugins
    if answer.isdecimal():
        model = choices[number_of(answer, len(choices))].take()
    elif answer in suggestions(plugins):
        model = begin_with(plugins, answer)
    else:
        model = full_name(plugins, answer)
    if model is not None and model != DEMO:
        file = settings.registry.get("config", "set_model")(model)
        say(f"{model} is the default model now ({file}); kt model default NAME changes it.")
    return model


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _has_model(settings: RunSettings) -> bool:
    """Tell whether a run of these settings has a model; the creature is loaded only where one is named."""
    if settings.llm or os.environ.get("KT_MODEL") or os.environ.get("KT_LOCAL") == "1":
        return True
    if "default" in settings.registry.get("loader", "presets")():
        return True
    project = settings.registry.get("config", "settings")(settings.cwd.resolve()).creature[0]
    if not (settings.resume or settings.creature or settings.overrides or os.environ.get("KT_SET") or project):
        return False
    from .resuming import session_of
    from .running import creature_of

    return session_of(settings) is not None or creature_of(settings).llm is not None
