"""The session of an agent that a slash command is given to."""

from pathlib import Path

from kt import Agent
from kt.errors import UsageError

from .names import folder


def own_file(agent: Agent) -> Path:
    """Return the file of the agent's session. Raises UsageError where nothing is kept."""
    if agent.session is None:
        raise UsageError("nothing is kept of this conversation", hint="kt run without --no-session keeps a session")
    return Path(agent.session).resolve()


def name_of(agent: Agent, session: Path) -> str:
    """Return what a person writes for a session: its name, or its path where it is not among the user's."""
    return session.stem if session.parent == folder(agent.host.registry).resolve() else str(session)


def no_turn_runs(agent: Agent) -> None:
    """Raise UsageError while a turn runs."""
    if agent.turn is not None:
        raise UsageError("a turn is running", hint="interrupt it (Ctrl-C), or wait for its end")


def turn_in(word: str) -> int:
    """Return the number of a turn that somebody wrote. Raises UsageError."""
    if not word.isdecimal():
        raise UsageError(f"{word[:20]!r} is no turn", hint="give its number; /rewind lists them")
    return int(word)
