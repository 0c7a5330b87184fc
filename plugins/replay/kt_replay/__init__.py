"""Replay: run a recorded session again, offline, and show where it differs."""

from typing import TYPE_CHECKING, Any

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry

    from .play import replay as replay
    from .report import Difference as Difference
    from .report import ReplayReport as ReplayReport

_HOME = {"replay": "play", "Difference": "report", "ReplayReport": "report"}


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.command("replay", "kt_replay.command:main", help="run a session again, offline, and show what differs")


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'kt_replay' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"kt_replay.{_HOME[name]}"), name)
