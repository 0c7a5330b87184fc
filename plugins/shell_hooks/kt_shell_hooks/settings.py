"""The plugin's settings, and the `hooks` table in which programs are named."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kt.errors import nearest

EVENTS = (
    *("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest"),
    *("Notification", "PreCompact", "SubagentStart", "SubagentStop", "Stop", "SessionEnd"),
)
WITHOUT_SUBJECT = ("UserPromptSubmit", "Stop")
"""Events at which a matcher has nothing to be compared with."""
NARROWING = ("args", "asyncRewake", "if", "once", "shell")
"""Keys that say when or how a program runs; without them it would run otherwise than its author meant."""
TIMEOUT = 60.0


@dataclass(slots=True)
class Settings:
    """`hooks` is a table as in settings.json; `files=False` reads no settings.json; `timeout` is in seconds."""

    hooks: dict[str, Any] = field(default_factory=dict)
    files: bool = True
    timeout: float = TIMEOUT


@dataclass(frozen=True, slots=True)
class Hook:
    """One program at an event; `project` says that a project's file names it, `waits` that its answer counts."""

    event: str
    matcher: str
    command: str
    timeout: float
    project: bool = False
    waits: bool = True

    def matches(self, subjects: Iterable[str]) -> bool:
        """Tell whether the matcher fits one of the names; letters and | are whole names, all else is a search."""
        if self.matcher in ("", "*") or self.event in WITHOUT_SUBJECT:
            return True
        if re.fullmatch(r"[\w|]+", self.matcher):
            return not set(self.matcher.split("|")).isdisjoint(subjects)
        return any(re.search(self.matcher, subject) for subject in subjects)


@dataclass(slots=True)
class Parsed:
    """The hooks of a table, and what was left out of it and why."""

    hooks: list[Hook] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def parse(table: object, timeout: float, *, project: bool = False) -> Parsed:
    """Return the hooks of a `hooks` table; what does not fit is left out and told. `timeout` is the default."""
    parsed = Parsed()
    if not isinstance(table, Mapping):
        parsed.left_out.append("hooks is no table")
        return parsed
    for event, groups in table.items():
        if event not in EVENTS:
            parsed.left_out.append(f"{event}: there is no such event here; {nearest(str(event), EVENTS)}")
        elif not isinstance(groups, list):
            parsed.left_out.append(f"{event} is no list")
        else:
            for number, group in enumerate(groups):
                _add_group(parsed, str(event), group, f"{event}.{number}", timeout, project)
    return parsed


def _add_group(parsed: Parsed, event: str, group: Any, where: str, timeout: float, project: bool) -> None:
    entries = group.get("hooks") if isinstance(group, Mapping) else None
    matcher = group.get("matcher") if isinstance(group, Mapping) else None
    if not isinstance(entries, list) or not isinstance(matcher or "", str):
        parsed.left_out.append(f"{where} needs a list `hooks`, and a text as matcher")
        return
    try:
        re.compile(matcher or "")
    except re.error as error:
        if matcher != "*":
            parsed.left_out.append(f"{where}: the matcher {matcher!r} is no regular expression: {error}")
            return
    for number, entry in enumerate(entries):
        if why := _unfit(entry):
            parsed.left_out.append(f"{where}.hooks.{number} {why}")
            continue
        seconds = float(entry.get("timeout") or timeout)
        waits = not entry.get("async", False)
        parsed.hooks.append(Hook(event, matcher or "", entry["command"], seconds, project, waits))


def _unfit(entry: Any) -> str:
    """Return why an entry can't be run as it is meant, "" where it can."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("command", ""), str):
        return "is no hook"
    if entry.get("type", "command") != "command":
        return f"is of type {entry['type']!r}; only programs (command) run here"
    if not entry.get("command"):
        return "has no command"
    if narrowing := [key for key in NARROWING if key in entry]:
        return f"has {narrowing[0]!r}, which is not known here"
    seconds = entry.get("timeout") or 1
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        return "has a timeout that is no number of seconds"
    return ""
