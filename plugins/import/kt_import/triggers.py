"""The list `triggers`: timers, schedules, channels and starts."""

import re
from typing import Any

from .names import WRITE
from .section import Section, Target, is_number

CONTEXT = "nothing tells of a changed context; the trigger watch tells of changed files"
TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def take(section: Section, target: Target) -> None:
    """Move the triggers of a creature, and what it is told when it starts."""
    startup = section.inner("startup_trigger")
    if "prompt" in startup:
        entry = _new("startup")
        if startup.move("prompt", entry, want="text"):
            target.add("triggers", entry.data)
    triggers = section.inner("triggers")
    for key in list(triggers.left):
        kind = triggers.get(key).get("type") if isinstance(triggers.get(key), dict) else None
        if kind in ("timer", "scheduler", "schedule") and not _prompt(triggers.get(key)):
            triggers.drop(key, "a trigger needs a prompt, which says what the agent is told")
        elif kind in ("timer", "scheduler", "schedule", "channel"):
            _entry(triggers.inner(key), target)
        else:
            triggers.drop(key, CONTEXT if kind == "context" else WRITE["trigger"])


def _prompt(trigger: Any) -> bool:
    """Tell whether a trigger says what the agent is told."""
    options = trigger.get("options")
    given = (trigger.get("prompt"), options.get("prompt") if isinstance(options, dict) else None)
    return any(isinstance(text, str) for text in given)


def _new(kind: str) -> Target:
    entry = Target(("triggers", kind))
    entry.data["name"] = kind
    return entry


def _entry(trigger: Section, target: Target) -> None:
    kind = trigger.text("type")
    options = trigger.inner("options")
    entry = None
    if kind == "timer":
        entry = _timer(options)
    elif kind in ("scheduler", "schedule"):
        entry = _schedule(options)
    elif kind == "channel":
        entry = _channel(options)
    if entry is None:
        _gone(trigger, options, kind)
        return
    trigger.used("type", f"triggers: {entry.data['name']}")
    if re.fullmatch(r"[A-Za-z0-9_.-]+", trigger.text("name")):
        trigger.move("name", entry, ("id",))
    trigger.drop("name", "an id is letters, digits and _ . -")
    if not trigger.move("prompt", entry, want="text"):
        options.move("prompt", entry, want="text")
    for key in ("module", "class"):
        trigger.drop(key, WRITE["trigger"])
    target.add("triggers", entry.data)


def _timer(options: Section) -> Target | None:
    every = options.get("interval")
    if not is_number(every) or every <= 0:
        return None
    entry = _new("timer")
    options.move("interval", entry, ("every",))
    options.move("immediate", entry, want="flag")
    return entry


def _schedule(options: Section) -> Target | None:
    """Return the timer or cron trigger of `every_minutes`, `daily_at` or `hourly_at`."""
    minutes, hourly = options.get("every_minutes"), options.get("hourly_at")
    if is_number(minutes) and minutes > 0:
        entry = _new("timer")
        options.move("every_minutes", entry, ("every",), value=minutes * 60, why="seconds")
    elif time := TIME.fullmatch(options.text("daily_at")):
        entry = _cron(options, "daily_at", f"{int(time[2])} {int(time[1])} * * *")
    elif isinstance(hourly, int) and is_number(hourly) and 0 <= hourly < 60:
        entry = _cron(options, "hourly_at", f"{hourly} * * * *")
    else:
        return None
    for key in ("every_minutes", "daily_at", "hourly_at"):
        options.drop(key, "a trigger has one schedule; write another trigger")
    return entry


def _cron(options: Section, key: str, schedule: Any) -> Target:
    entry = _new("cron")
    options.move(key, entry, ("schedule",), value=schedule)
    return entry


def _channel(options: Section) -> Target | None:
    entry = _new("channel")
    for key, to in (("channel", "channel"), ("channel_name", "channel"), ("filter_sender", "sender")):
        options.move(key, entry, (to,), want="text")
    return entry if "channel" in entry.data else None


def _gone(trigger: Section, options: Section, kind: str) -> None:
    why = f"the trigger {kind} lacks its settings: see docs/triggers.md"
    for section in (trigger, options):
        for key in list(section.left):
            section.drop(key, why)
