"""Plugins and what is one here: budgets, the end of a run, compaction."""

from typing import Any, TypeGuard

from .models import mapped
from .names import GUARDS, PLUGINS, PLUGINS_GONE, WRITE
from .section import Section, Target, To, is_number

AXES = {"turn": "max_turns", "walltime": "max_seconds", "tool_call": "max_calls"}
TERMINATION = {"max_turns": "max_turns", "max_tokens": "max_tokens", "max_duration": "max_seconds"}
OURS = {"budget": "budget", **PLUGINS}
ENTRY = ("name", "type", "module", "class", "priority", "enabled", "description")
COMPACT_GONE = {
    "keep_recent_turns": "plugins.compaction.target says how much stays",
    "cooldown": "compaction begins when plugins.compaction.at is reached, and not twice at once",
    "enabled": "a creature can't disable it; `kt run -p no:compaction`, or the profile, does",
}


def take(section: Section, target: Target) -> None:
    """Move the plugins of a creature, and what sets one of ours."""
    plugins = section.inner("plugins")
    for key in list(plugins.left):
        entry = plugins.get(key)
        if isinstance(entry, str):
            _named(plugins, key, entry, target)
        elif isinstance(entry, dict) and str(entry.get("name")) in (*OURS, *GUARDS):
            _entry(plugins.inner(key), target)
        elif isinstance(entry, dict):
            name = str(entry.get("name"))
            plugins.drop(key, PLUGINS_GONE.get(name, f"{name}: {WRITE['plugin']}"))
        else:
            plugins.drop(key, "a plugin is a name or a table")
    names = section.inner("default_plugins")
    for key in list(names.left):
        if isinstance(names.get(key), str):
            _named(names, key, names.text(key), target)
        else:
            names.drop(key, "a plugin is a name")
    _termination(section.inner("termination"), target)
    _compact(section.inner("compact"), target)


def _named(section: Section, key: str | int, name: str, target: Target) -> str:
    """Take a plugin's name; return what it is called here, "" if it has no counterpart."""
    if ours := GUARDS.get(name):
        section.add(key, target, "guards", ours, "its settings are the user's: docs/safety.md")
        return ours
    if name in PLUGINS_GONE:
        section.drop(key, PLUGINS_GONE[name])
        return ""
    ours = OURS.get(name, "")
    if not ours:
        section.drop(key, WRITE["plugin"])
        return ""
    # The plugin may be there with settings, which the name alone does not change.
    known = target.data.setdefault("plugins", {}).setdefault(ours, {})
    section.move(key, target, ("plugins", ours), value=known, want="text", why="" if ours == name else name)
    return ours


def _entry(entry: Section, target: Target) -> None:
    options = entry.inner("options")
    ours = _named(entry, "name", entry.text("name"), target)
    if ours == "budget":
        _budget(options, target)
    if isinstance(entry.get("type"), str):
        entry.used("type", f"plugins: the name {ours} says all")
    for section, keys in (entry, ENTRY), (options, list(options.left)):
        for key in keys:
            section.drop(key, f"see the settings of {ours}")


def _budget(options: Section, target: Target) -> None:
    """Move the bounds of the axes. The soft one is where the model is told; ours is one part for all bounds."""
    for axis, name in AXES.items():
        for key in (axis, f"{axis}_budget"):
            pair: Any = options.get(key)
            if isinstance(pair, list) and len(pair) == 2:
                pair = dict(zip((0, 1), pair, strict=True))
            hard = pair.get("hard", pair.get(1)) if isinstance(pair, dict) else pair
            if not _whole(hard, name):
                continue
            if not isinstance(options.get(key), dict | list):
                bound(options, key, target, name, "of the agent's whole life")
                continue
            inner = options.inner(key)
            bound(inner, "hard" if "hard" in inner else 1, target, name, "of the agent's whole life")
            _soft(inner, hard, target)


def _soft(inner: Section, hard: float, target: Target) -> None:
    key: str | int = "soft" if "soft" in inner else 0
    soft = inner.get(key)
    if is_number(soft) and 0 < soft < hard:
        part = round(soft / hard, 3)
        inner.move(key, target, ("plugins", "budget", "warn_at"), value=part, why=f"{soft:g} of {hard:g}, as a part")
    inner.drop(key, "plugins.budget.warn_at says when the model is told")
    inner.drop("crash", "a bound that is reached ends the turn")


def bound(section: Section, key: str | int, target: Target, name: str, why: str) -> None:
    """Move a bound of the agent's whole life to the budget; of two the smaller one counts."""
    value = section.get(key)
    if not _whole(value, name):
        section.drop(key, "what is no positive number bounds nothing")
        return
    bounds = target.data.setdefault("plugins", {}).setdefault("budget", {}).setdefault("session", {})
    if bounds.get(name, value) < value:
        section.used(key, f"plugins.budget.session.{name} is smaller: {bounds[name]}")
        return
    bounds.pop(name, None)
    section.move(key, target, ("plugins", "budget", "session", name), why=why)


def _termination(section: Section, target: Target) -> None:
    for key, name in TERMINATION.items():
        if key in section:
            bound(section, key, target, name, "of the agent's whole life")
    if is_number(section.get("idle_timeout")) and section.get("idle_timeout") > 0:
        section.move("idle_timeout", target, ("plugins", "budget", "idle_seconds"))
    section.drop("idle_timeout", "no positive number bounds nothing")
    words = section.inner("keywords")
    for index in list(words.left):
        word = words.text(index).strip()
        if not word:
            words.drop(index, "a stop word is a text")
            continue
        listed = target.data.setdefault("plugins", {}).setdefault("budget", {}).setdefault("stop_words", [])
        listed += [] if word in listed else [word]
        words.used(index, f"plugins.budget.stop_words: {word}")


def _compact(section: Section, target: Target) -> None:
    to: To = ("plugins", "compaction")
    if section.get("enabled") is True and target.put((*to,), target.data.get("plugins", {}).get("compaction", {})):
        section.used("enabled", "plugins.compaction")
    tokens = section.get("max_tokens")
    if _whole(tokens, "tokens"):
        section.move("max_tokens", target, (*to, "context_tokens"))
    section.drop("max_tokens", "it is no number of tokens")
    at, goal = section.get("threshold", 0.7), section.get("target", 0.3)
    if all(map(is_number, (at, goal))) and 0 < goal < at <= 1:
        section.move("threshold", target, (*to, "at"))
        section.move("target", target, (*to, "target"))
        if at > 0.95:
            target.put((*to, "hard"), at)
    for key in ("threshold", "target"):
        section.drop(key, "0 < target < threshold <= 1 does not hold")
    model, why = mapped(section.text("compact_model"))
    section.move("compact_model", target, (*to, "model"), value=model, want="text", why=why)
    for gone, why in COMPACT_GONE.items():
        section.drop(gone, why)


def _whole(value: object, name: str) -> TypeGuard[float]:
    """Tell whether a value can be a bound: above 0, and whole where it counts things."""
    return is_number(value) and value > 0 and (name == "max_seconds" or value == int(value))
