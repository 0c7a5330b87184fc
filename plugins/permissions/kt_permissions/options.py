"""What `kt run --permissions MODE` and `--allow-unsandboxed` set."""

from typing import Protocol

from kt.errors import UsageError

from .guard import MODES


class RunSettings(Protocol):
    def configure(self, plugin: str, **settings: object) -> None: ...


def mode(settings: RunSettings, value: str) -> None:
    """Set the mode. Raises UsageError for an unknown one."""
    if value not in MODES:
        raise UsageError(f"--permissions {value} is none of {', '.join(MODES)}")
    settings.configure("permissions", mode=value)


def allow_unsandboxed(settings: RunSettings, value: bool) -> None:
    """Let exec tools run without a question."""
    settings.configure("permissions", allow_unsandboxed=value)
