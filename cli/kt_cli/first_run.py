"""Nothing is configured: say what can be done, and on a terminal let the user choose."""

import os
import sys
from typing import Any

from kt.errors import ConfigError

from .console import asked
from .settings import RunSettings

WAYS = """No model is chosen yet. You can
  1. use a local model: kt run --local ... (fetches Qwen2.5-Coder 1.5B once, 1.1 GB; no key, runs on this machine)
  2. use a provider: kt model list names them; kt login PROVIDER keeps its key (or set its variable, such as
     OPENAI_API_KEY), then kt run --model PROVIDER/MODEL ..., or kt model default PROVIDER/MODEL
     any compatible server: kt run --model openai-compat:http://localhost:11434/v1#MODEL ...
  3. look around without a model: kt run --model scripted "hello" (a scripted demo)
"""


def choose_model(settings: RunSettings) -> Any:
    """Return the model the user chooses on a terminal. Raises ConfigError (78) where nobody can be asked."""
    keys = provider_keys(settings)
    found = [f"{name} ({key} is set)" for name, key in keys.items() if os.environ.get(key)]
    print(WAYS, file=sys.stderr, end="")
    if found:
        print(f"Found: {', '.join(found)}: kt model default {found[0].split()[0]}/MODEL", file=sys.stderr)
    if sys.stdin.isatty() and sys.stderr.isatty():
        answer = asked("Choose 1 (local), 3 (demo), a model name, or nothing to stop: ")
        if answer == "1":
            settings.registry.get("run_option", "local")(settings, True)
            return settings.llm
        if answer == "3":
            return "scripted"
        if answer and answer != "2":
            return answer
    raise ConfigError("no model is chosen", hint="kt run --local, or kt model default PROVIDER/MODEL")


def provider_keys(settings: RunSettings) -> dict[str, str]:
    """Return the environment variable of each provider that needs a key."""
    entries = settings.registry.entries("provider")
    return {e.name: str(e.data["key_env"]) for e in entries if e.data.get("key_env")}
