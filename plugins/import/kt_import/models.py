"""The model: `llm`, `model`, `provider`, their variations and settings become one key `llm`."""

import re

from .names import PROVIDERS
from .section import Section, Target, is_number

EFFORT = ("reasoning", "reasoning_effort", "effort", "thinking")
SETTINGS = {"temperature": "number", "max_tokens": "number", "reasoning_effort": "text", "service_tier": "text"}
OPTIONS = {"api_key_env": "key_env"}
RETRY = {"base_delay": "base", "base": "base", "max_delay": "cap", "max": "cap"}
KEYS = (
    *("llm", "llm_profile", "model", "provider", "base_url", "auth_mode", "variation", "variation_selections"),
    *SETTINGS, *OPTIONS, "extra_body", "retry_policy",
)  # fmt: skip


def take(section: Section, target: Target) -> None:
    """Move what a table says about the model; of two that say it the first that is taken counts."""
    for key in ("llm", "llm_profile"):
        if text := section.text(key):
            _identifier(section, key, text, target)
        else:
            section.move(key, target, ("llm", "model"), want="text")
    _model(section, target)
    section.move("base_url", target, ("llm", "base_url"), want="text")
    for key, to in OPTIONS.items():
        section.move(key, target, ("llm", to), want="text")
    section.drop("auth_mode", "log in with `kt login PROVIDER`; the provider codex is ChatGPT's")
    for key, want in SETTINGS.items():
        to = "effort" if key == "reasoning_effort" else key
        section.move(key, target, ("llm", "settings", to), want="number" if want == "number" else "text")
    _variations(section, target)
    body = section.inner("extra_body")
    for name in list(body.left):
        body.move(name, target, ("llm", "settings", str(name)))
    _retry(section.inner("retry_policy"), target)


def finish(target: Target) -> None:
    """Make `llm` a text where it says nothing but the model, and the user's default model where it says none."""
    table = target.data.get("llm")
    if isinstance(table, dict):
        if "model" not in table:
            table = target.data["llm"] = {"model": "default", **table}
        table = target.data["llm"] = {"model": table.pop("model"), **table}
        if list(table) == ["model"]:
            target.data["llm"] = table["model"]


def mapped(text: str) -> tuple[str, str]:
    """Return a model's identifier without variation and with our provider, and what to say about it."""
    if "${" in text:
        return text, ""
    name, _, variation = text.partition("@")
    provider, slash, model = name.partition("/")
    if not slash:
        return name, f"a preset that must be there: kt model add {name} PROVIDER/MODEL" if _plain(name) else ""
    if ours := PROVIDERS.get(provider):
        return f"{ours}/{model}", f"the provider {provider} is {ours} here, with a key of its own"
    return name, "its variation is said by settings" if variation else ""


def _plain(name: str) -> bool:
    return bool(re.fullmatch(r"[\w.-]+", name)) and name != "default"


def _identifier(section: Section, key: str, text: str, target: Target) -> None:
    name, why = mapped(text)
    variations = "" if "${" in text else text.partition("@")[2]
    for group, option in re.findall(r"([\w-]+)=([\w.-]+)", variations):
        if group in EFFORT and target.put(("llm", "settings", "effort"), option):
            why += f"{'; ' if why else ''}{group}={option} is llm.settings.effort"
        else:
            why += f"{'; ' if why else ''}the variation {group}={option} has no counterpart: say settings"
    section.move(key, target, ("llm", "model"), value=name, want="text", why=why)


def _model(section: Section, target: Target) -> None:
    """Move `model` and `provider`, which are one name here."""
    provider = section.text("provider")
    if provider and section.text("model"):
        name, why = mapped(f"{provider}/{section.text('model')}")
        if section.move("model", target, ("llm", "model"), value=name, want="text", why=why):
            section.used("provider", f"llm.model: {name}")
            return
    section.move("model", target, ("llm", "model"), want="text")
    section.drop("provider", "it counts beside `model` only, and not beside `llm`")


def _variations(section: Section, target: Target) -> None:
    section.drop("variation", "say what it changes in llm: {settings: {...}}")
    chosen = section.inner("variation_selections")
    for key in list(chosen.left):
        if key in EFFORT:
            chosen.move(key, target, ("llm", "settings", "effort"), want="text")
        else:
            chosen.drop(key, "say what it changes in llm: {settings: {...}}")


def _retry(policy: Section, target: Target) -> None:
    """Move the retry policy; its first try is none of the retries, and one of our attempts."""
    tries = policy.get("max_retries")
    if is_number(tries) and tries >= 0:
        policy.move("max_retries", target, ("llm", "retry", "attempts"), value=int(tries) + 1)
    for key, to in RETRY.items():
        if is_number(policy.get(key)) and policy.get(key) > 0:
            policy.move(key, target, ("llm", "retry", to))
    for key in ("jitter", "classes", "max_retries", *RETRY):
        policy.drop(key, "the transport has its own: docs/models.md")
