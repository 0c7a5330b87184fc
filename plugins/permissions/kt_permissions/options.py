"""What `kt run --permissions MODE` and `--allow-unsandboxed` set."""

from typing import Protocol

from kt.errors import UsageError

from .settings import MODES


class RunSettings(Protocol):
    def configure(self, plugin: str, **settings: object) -> None: ...


def mode(settings: RunSettings, value: str) -> None:
    """Set the mode. Raises UsageError for an unknown one."""
    if value not in MODES:
        raise UsageError(f"--permissions {value} is none of {', '.join(MODES)}")
    settings.configure("permissions", mode=value)


def allow_unsandboxed(settings: RunSettings, value: bool) -> None:
    """Let tools run programs where there are no walls, and without a question."""
    settings.configure("permissions", allow_unsandboxed=value)
    if value:
        settings.configure("sandbox", require="none")
