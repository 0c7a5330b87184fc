"""Which session a run goes on with, and what its agent is built of."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt import Creature
from kt.errors import ConfigError, UsageError
from kt_chat.inert import inert

from .console import asked

if TYPE_CHECKING:
    from kt import Plugins

    from .settings import RunSettings

SHOWN = 15


def session_of(settings: "RunSettings") -> str | Path | None:
    """Return the session that the settings go on with: that of `kt resume`, or of --session without a creature."""
    if settings.resume is not None:
        return settings.resume
    given = settings.options.get("session")
    if isinstance(given, str) and settings.creature is None and Path(given).expanduser().is_file():
        return Path(given).expanduser()
    return None


def recorded(settings: "RunSettings", session: str | Path) -> tuple[Creature, dict[str, Any]]:
    """Return the creature and the options of a session's agent, the command line's over what was recorded."""
    given: dict[str, Any] = {k: v for k, v in settings.options.items() if k != "session"}
    if settings.chosen_cwd is not None:
        given["pwd"] = settings.cwd
    if settings.chosen_profile is not None:
        given["profile"] = settings.profile
    if settings.uses:
        given["plugins"] = settings.uses
    if chosen := settings.llm or os.environ.get("KT_MODEL"):
        given["llm"] = chosen
    path, creature, options = settings.registry.get("loader", "recorded")(settings.plugins, session, given)
    # A session that was made without a profile may be a stranger's: it runs inside the user's guards all the same.
    options["profile"] = options.get("profile") or settings.profile
    return creature, {**options, "session": str(path)}


def pick(plugins: "Plugins") -> Path:
    """Let the person at the terminal choose one of the newest sessions. Raises UsageError without a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("which session?", hint="kt resume NAME, or kt resume --last")
    rows = list(plugins.registry.get("loader", "session_rows")(plugins.registry, SHOWN))
    if not rows:
        raise UsageError("there is no session yet", hint="kt run keeps one")
    for number, (_, line) in enumerate(rows, 1):
        print(f"{number:>3}  {inert(line)}", file=sys.stderr)
    word = asked("Which one? [1] ") or "1"
    if not (word.isdigit() and 0 < int(word) <= len(rows)):
        raise UsageError(f"{word[:20]!r} is none of 1 to {len(rows)}")
    path: Path = rows[int(word) - 1][0]
    return path


def need_sessions(plugins: "Plugins") -> None:
    """Raise ConfigError with the install line where nothing keeps sessions."""
    if plugins.registry.find("loader", "recorded") is None:
        raise ConfigError("sessions come with kt-sessions", hint="pip install kt-sessions")
